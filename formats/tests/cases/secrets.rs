//! An error never holds a value of the record.

use rowkind_formats::{Decoder, Record};

use crate::{decode_typed, recordings};

const SECRET: &str = "hunter2";

#[test]
fn values_without_a_schema() {
    for payload in [
        r#""hunter2""#,
        "hunter2",
        r#"{"after":{"id":"hunter2"#,
        r#"{"after":"hunter2","op":"c"}"#,
        r#"{"before":"hunter2","op":"d"}"#,
        r#"{"after":{"id":"hunter2\ud800"},"op":"c"}"#,
        r#"{"after":{"id":"hunter2"},"op":"hunter2"}"#,
        r#"{"after":{"id":"hunter2"},"op":["hunter2"]}"#,
        r#"{"after":{"id":1},"source":"hunter2","op":"c"}"#,
        r#"{"after":{"id":1},"source":{"table":["hunter2"]},"op":"c"}"#,
        r#"{"schema":"hunter2","payload":{"after":{"id":1},"op":"c"}}"#,
        r#"{"id":"hunter2"}"#,
    ] {
        check_error(Some(br#"{"id":1}"#), payload);
    }
}

#[test]
fn keys() {
    for key in ["hunter2", r#""hunter2""#, r#"{"id":"hunter2"#, r#"{"id":"hunter2\ud800"}"#] {
        check_error(Some(key.as_bytes()), r#"{"after":{"id":1},"op":"c"}"#);
    }
}

#[test]
fn values_of_every_type() {
    for ty in [
        r#"{"type":"boolean"}"#,
        r#"{"type":"int32"}"#,
        r#"{"type":"double"}"#,
        r#"{"type":"bytes"}"#,
        r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}"#,
        r#"{"type":"struct","name":"io.debezium.data.VariableScaleDecimal"}"#,
        r#"{"type":"int32","name":"io.debezium.time.Date"}"#,
        r#"{"type":"int64","name":"io.debezium.time.MicroTime"}"#,
        r#"{"type":"int64","name":"io.debezium.time.Timestamp"}"#,
        r#"{"type":"string","name":"io.debezium.time.IsoDate"}"#,
        r#"{"type":"string","name":"io.debezium.time.IsoTime"}"#,
        r#"{"type":"string","name":"io.debezium.time.IsoTimestamp"}"#,
        r#"{"type":"string","name":"io.debezium.time.ZonedTime"}"#,
        r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp"}"#,
        r#"{"type":"string","name":"io.debezium.time.Interval"}"#,
        r#"{"type":"bytes","name":"io.debezium.data.Bits"}"#,
        r#"{"type":"struct","name":"io.debezium.data.geometry.Point"}"#,
        r#"{"type":"array","items":{"type":"int32"}}"#,
        r#"{"type":"struct","name":"io.debezium.data.geometry.Geometry"}"#,
    ] {
        for value in [r#""hunter2 is no value""#, r#"["hunter2"]"#, r#"{"x":"hunter2","scale":"hunter2","value":"!"}"#]
        {
            let found = decode_typed(ty, value);
            assert!(found.starts_with("# error: `after.x") && !found.contains(SECRET), "{value} as {ty}: {found}");
        }
    }
}

#[track_caller]
fn check_error(key: Option<&[u8]>, payload: &str) {
    let record = Record { topic: "t", partition: 0, offset: 0, key, payload: Some(payload.as_bytes()) };
    let found = recordings::outcome(&mut Decoder::default(), &record);
    assert!(found.starts_with("# error: ") && !found.contains(SECRET), "{payload}: {found}");
}
