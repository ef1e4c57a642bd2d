//! Canal's messages and values.

use rowkind_formats::{ColumnType, Decoder, Encoder, Encoding, Format, Placeholder, Stated};

use super::{check, record, with_schema, written, written_of};

#[test]
fn messages_of_neighbours() {
    check(
        Format::CanalJson,
        r#"
        null => {"type":"INSERT","es":1763700000123,"gtid":"a-b:1","database":"shop","table":"t","pkNames":["id"],"mysqlType":{"id":"int unsigned","v":"varchar(60)","e":"enum('a','b')","b":"binary(2)","t":"time(3)"},"data":[{"id":"1","v":"x","e":"2","b":"ÿ","t":"-838:59:59"},{"id":"2","v":null,"e":"0","b":null,"t":null}]}
        null => {"type":"UPDATE","database":"shop","table":"t","pkNames":["id"],"data":[{"id":"1","v":"b","w":null},{"id":"2","v":"b","w":"w"}],"old":[{"v":null},{}]}
        null => {"type":"UPDATE","database":"shop","table":"t","pkNames":null,"data":[{"id":"1"}]}
        null => {"type":"DELETE","database":"shop","table":"t","pkNames":["id"],"data":[{"id":"1"}]}
        null => {"type":"TRUNCATE","isDdl":true,"database":"shop","table":"a`b"}
        "#,
        Encoding::CanalJson,
        r#"
        null => {"data":[{"id":"1","v":"x","e":"b","b":"ÿ\u0000","t":"-838:59:59"},{"id":"2","v":null,"e":"","b":null,"t":null}],"database":"shop","es":1763700000123,"gtid":"a-b:1","id":0,"isDdl":false,"mysqlType":{"id":"int unsigned","v":"varchar(60)","e":"text","b":"blob","t":"time(6)"},"old":null,"pkNames":["id"],"sql":"","sqlType":{"id":4,"v":12,"e":2005,"b":2004,"t":92},"table":"t","ts":1763700000123,"type":"INSERT"}
        null => {"data":[{"id":"1","v":"b","w":null},{"id":"2","v":"b","w":"w"}],"database":"shop","es":null,"gtid":"","id":0,"isDdl":false,"mysqlType":null,"old":[{"v":null},{}],"pkNames":["id"],"sql":"","sqlType":null,"table":"t","ts":null,"type":"UPDATE"}
        null => {"data":[{"id":"1"}],"database":"shop","es":null,"gtid":"","id":0,"isDdl":false,"mysqlType":null,"old":null,"pkNames":null,"sql":"","sqlType":null,"table":"t","ts":null,"type":"UPDATE"}
        null => {"data":[{"id":"1"}],"database":"shop","es":null,"gtid":"","id":0,"isDdl":false,"mysqlType":null,"old":null,"pkNames":["id"],"sql":"","sqlType":null,"table":"t","ts":null,"type":"DELETE"}
        null => {"data":null,"database":"shop","es":null,"gtid":"","id":0,"isDdl":true,"mysqlType":null,"old":null,"pkNames":null,"sql":"TRUNCATE TABLE `shop`.`a``b`","sqlType":null,"table":"a`b","ts":null,"type":"TRUNCATE"}
        "#,
    );
}

/// The word and text of a value whose Connect schema is `ty`, which lacks its brace; or the error.
fn value_of(ty: &str, value: &str) -> String {
    let columns = format!(r#"{{"type":"int32","field":"id"}},{ty},"field":"x"}}"#);
    let record = with_schema(&columns, "c", &format!(r#""after":{{"id":1,"x":{value}}}"#));
    let found = written(Format::DebeziumJson, &record, Encoding::CanalJson);
    let between = |start: &str, end: &str| found.split_once(start)?.1.split_once(end).map(|(text, _)| text.to_owned());
    let text = between(r#"{"data":[{"id":"1","x":"#, "}]");
    match (between(r#""mysqlType":{"id":"int","x":""#, r#""}"#), text) {
        (Some(ty), Some(value)) => format!("{ty} {value}"),
        _ => found.trim_end().to_owned(),
    }
}

#[test]
fn numbers() {
    for (ty, value, expected) in [
        (r#"{"type":"boolean""#, "true", r#"bit(1) "1""#),
        (r#"{"type":"int16""#, "-5", r#"smallint "-5""#),
        (r#"{"type":"int64""#, "null", "bigint null"),
        (r#"{"type":"double""#, "1.0E10", r#"double "1.0E10""#),
        (
            r#"{"type":"float""#,
            r#""NaN""#,
            "# error: `data.0.x`: expected a floating-point number that is one, found text",
        ),
        (
            r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}"#,
            r#""J0I=""#,
            r#"decimal(10,2) "100.50""#,
        ),
        // decimal.format=NUMERIC
        (
            r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"0"}"#,
            "15E2",
            r#"decimal(65,0) "1500""#,
        ),
        (
            r#"{"type":"struct","name":"io.debezium.data.VariableScaleDecimal""#,
            r#"{"scale":1,"value":"Dw=="}"#,
            r#"text "1.5""#,
        ),
        (
            r#"{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"10"}"#,
            r#""AQI=""#,
            r#"bit(10) "513""#,
        ),
    ] {
        assert_eq!(value_of(ty, value), expected, "{value} as {ty}");
    }
}

#[test]
fn dates_of_four_digits_and_moments_in_utc() {
    for (ty, value, expected) in [
        (r#"{"type":"int32","name":"io.debezium.time.Date""#, "19782", r#"date "2024-02-29""#),
        (
            r#"{"type":"int32","name":"io.debezium.time.Date""#,
            "2146033979",
            "# error: `data.0.x`: expected a date that MySQL has, from 0000-00-00 to 9999-12-31, found text",
        ),
        (
            r#"{"type":"int64","name":"io.debezium.time.MicroTimestamp""#,
            "-63517824000000000",
            "# error: `data.0.x`: expected a date and time that MySQL has, of the years 0000 to 9999, found text",
        ),
        (
            r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp""#,
            r#""2024-02-29T14:00:00.5+02:00""#,
            r#"timestamp(6) "2024-02-29 12:00:00.5""#,
        ),
        (r#"{"type":"string","name":"io.debezium.time.ZonedTime""#, r#""14:00:00Z""#, r#"text "14:00:00+00""#),
    ] {
        assert_eq!(value_of(ty, value), expected, "{value} as {ty}");
    }
}

#[test]
fn binary_is_a_byte_a_character() {
    for (ty, value, expected) in [
        (r#"{"type":"bytes""#, r#""AP8=""#, "blob \"\\u0000ÿ\""),
        (r#"{"type":"string","name":"io.debezium.data.Json""#, r#""{}""#, r#"json "{}""#),
        (r#"{"type":"array","name":"io.debezium.data.DoubleVector""#, "[1.0,2]", r#"json "[1.0,2]""#),
        (
            r#"{"type":"struct","name":"io.debezium.data.geometry.Point""#,
            r#"{"x":1,"y":2}"#,
            "# error: `data.0.x`: expected a geometry with well-known binary, found a geometry",
        ),
        (
            r#"{"type":"struct","name":"io.debezium.data.geometry.Geometry""#,
            r#"{"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":4326}"#,
            r#"geometry "æ\u0010\u0000\u0000\u0001\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000ø?\u0000\u0000\u0000\u0000\u0000\u0000\u0004À""#,
        ),
    ] {
        assert_eq!(value_of(ty, value), expected, "{value} as {ty}");
    }
}

#[test]
fn without_types_all_is_text_and_nothing_binary() {
    let line = r#"{"id":1} => {"op":"c","source":{"table":"t"},"after":{"id":1,"b":true,"j":{"a":[1.50]},"s":"AP8="}}"#;
    let found = written(Format::DebeziumJson, line, Encoding::CanalJson);
    assert!(found.contains(r#""data":[{"id":"1","b":"true","j":"{\"a\":[1.50]}","s":"AP8="}]"#), "{found}");
    let stated = Stated { table: "t".to_owned(), column: "s".to_owned(), ty: ColumnType::Bytes };
    let mut decoder = Decoder::new(Format::DebeziumJson, Placeholder::default(), vec![stated]);
    let found = written_of(&mut Encoder::new(Encoding::CanalJson), &decoder.decode(&record(line, 0)).unwrap());
    let refused = "# error: `data.0.s`: expected text, since the event does not state its types, found binary\n";
    assert_eq!(found, refused);
}
