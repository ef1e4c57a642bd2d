//! Debezium's envelopes and upserts, with schemas and without.

use rowkind_formats::{Encoded, Encoder, Encoding, Envelopes, Format, Record, Updates, changelog};

use super::{DEBEZIUM, DEBEZIUM_WITH_SCHEMA, UPSERTS, check, record, with_schema, written};

#[test]
fn envelopes_of_every_op() {
    check(
        Format::DebeziumJson,
        r#"
        {"id":1} => {"op":"r","source":{"name":"shop","ts_ms":7,"db":"shop","schema":"public","table":"t","lsn":9,"xmin":null},"after":{"id":1,"v":"a"}}
        {"id":1} => {"op":"u","source":{"schema":"public","table":"t"},"transaction":{"id":"571:5","total_order":1,"data_collection_order":2},"before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"}}
        {"id":1} => {"op":"u","source":{"table":"t"},"after":{"id":1,"v":"c"}}
        {"id":1} => {"op":"d","source":{"table":"t"},"before":{"id":1,"v":"c"}}
        {"id":1} => null
        null => {"op":"c","source":{"table":"t"},"after":{"v":1.50}}
        null => {"op":"d","source":{"table":"t"},"before":{"v":1.50}}
        null => {"op":"t","source":{"schema":"public","table":"t"}}
        "#,
        DEBEZIUM,
        r#"
        {"id":1} => {"before":null,"after":{"id":1,"v":"a"},"source":{"name":"shop","ts_ms":7,"db":"shop","schema":"public","table":"t","lsn":9,"xmin":null},"transaction":null,"op":"r","ts_ms":7}
        {"id":1} => {"before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"},"source":{"schema":"public","table":"t"},"transaction":{"id":"571:5","total_order":1,"data_collection_order":2},"op":"u","ts_ms":null}
        {"id":1} => {"before":null,"after":{"id":1,"v":"c"},"source":{"table":"t"},"transaction":null,"op":"u","ts_ms":null}
        {"id":1} => {"before":{"id":1,"v":"c"},"after":null,"source":{"table":"t"},"transaction":null,"op":"d","ts_ms":null}
        {"id":1} => null
        null => {"before":null,"after":{"v":1.50},"source":{"table":"t"},"transaction":null,"op":"c","ts_ms":null}
        null => {"before":{"v":1.50},"after":null,"source":{"table":"t"},"transaction":null,"op":"d","ts_ms":null}
        null => {"before":null,"after":null,"source":{"schema":"public","table":"t"},"transaction":null,"op":"t","ts_ms":null}
        "#,
    );
}

#[test]
fn flinks_envelopes_are_d_and_c_alone() {
    let envelopes = Envelopes { updates: Updates::CreateDelete, tombstones: false };
    check(
        Format::DebeziumJson,
        r#"
        {"id":1} => {"op":"r","after":{"id":1,"v":"a"}}
        {"id":1} => {"op":"u","before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"}}
        {"id":1} => {"op":"u","after":{"id":1,"v":"c"}}
        {"id":1} => {"op":"d","before":{"id":1,"v":"c"}}
        null => {"op":"t","source":{"table":"t"}}
        "#,
        Encoding::DebeziumJson { schema: false, envelopes },
        r#"
        {"id":1} => {"before":null,"after":{"id":1,"v":"a"},"source":{"table":"t"},"transaction":null,"op":"c","ts_ms":null}
        {"id":1} => {"before":{"id":1,"v":"a"},"after":null,"source":{"table":"t"},"transaction":null,"op":"d","ts_ms":null}
        {"id":1} => {"before":null,"after":{"id":1,"v":"b"},"source":{"table":"t"},"transaction":null,"op":"c","ts_ms":null}
        {"id":1} => {"before":null,"after":{"id":1,"v":"c"},"source":{"table":"t"},"transaction":null,"op":"c","ts_ms":null}
        {"id":1} => {"before":{"id":1,"v":"c"},"after":null,"source":{"table":"t"},"transaction":null,"op":"d","ts_ms":null}
        # error: `op`: expected rows (among `c` and `d` there is no word for a truncate), found a truncate
        "#,
    );
}

#[test]
fn what_the_origin_knows_is_in_the_source_block() {
    let source = |format, record: &str| {
        let found = written(format, record, DEBEZIUM);
        let source = found.split_once(r#""source":"#).and_then(|(_, rest)| rest.split_once(r#","transaction""#));
        source.unwrap_or_default().0.to_owned()
    };
    assert_eq!(
        source(
            Format::FlattenedJson,
            r#"{"id":1} => {"id":1,"__op":"c","__db":"shop","__table":"o","__lsn":9,"__source_ts_ms":7,"__name":"x"}"#
        ),
        r#"{"name":"x","ts_ms":7,"lsn":9,"db":"shop","table":"o"}"#
    );
    assert_eq!(
        source(
            Format::MaxwellJson,
            r#"null => {"database":"shop","table":"o","type":"insert","ts":7,"xid":8,"position":"bin.1:154","data":{"id":1}}"#
        ),
        r#"{"connector":"mysql","ts_ms":7000,"txId":8,"file":"bin.1","pos":154,"db":"shop","table":"o"}"#
    );
    assert_eq!(
        source(
            Format::CanalJson,
            r#"null => {"database":"shop","table":"o","type":"INSERT","es":7,"gtid":"a-b:1","data":[{"id":"1"}]}"#
        ),
        r#"{"connector":"mysql","ts_ms":7,"gtid":"a-b:1","db":"shop","table":"o"}"#
    );
}

#[test]
fn the_schema_that_goes_along() {
    let of_column = r#""parameters":{"scale":"2","connect.decimal.precision":"10","__debezium.source.column.type":"NUMERIC","__debezium.source.column.length":"10","__debezium.source.column.name":"Näme"}"#;
    let columns = format!(
        r#"{{"type":"int32","field":"id"}},{{"type":"bytes","field":"N_me","name":"org.apache.kafka.connect.data.Decimal",{of_column}}}"#
    );
    let record = with_schema(&columns, "c", r#""after":{"id":1,"N_me":"J0I="}"#);
    let row = |is_optional: bool, field: &str| {
        format!(
            r#"{{"type":"struct","fields":[{{"type":"int32","optional":true,"field":"id"}},{{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,{of_column},"field":"N_me"}}],"optional":{is_optional},"name":"rowkind.public.t.Value"{field}}}"#
        )
    };
    let (before, after) = (row(true, r#","field":"before""#), row(true, r#","field":"after""#));
    let envelope = format!(
        r#"{{"type":"struct","fields":[{before},{after},{{"type":"struct","fields":[{{"type":"string","optional":true,"field":"schema"}},{{"type":"string","optional":true,"field":"table"}}],"optional":false,"field":"source"}},{{"type":"struct","fields":[{{"type":"string","optional":false,"field":"id"}},{{"type":"int64","optional":false,"field":"total_order"}},{{"type":"int64","optional":false,"field":"data_collection_order"}}],"optional":true,"name":"event.block","version":1,"field":"transaction"}},{{"type":"string","optional":false,"field":"op"}},{{"type":"int64","optional":true,"field":"ts_ms"}}],"optional":false,"name":"rowkind.public.t.Envelope","version":2}}"#
    );
    let payload = r#"{"before":null,"after":{"id":1,"N_me":"J0I="},"source":{"schema":"public","table":"t"},"transaction":null,"op":"c","ts_ms":null}"#;
    let key = r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false,"name":"rowkind.public.t.Key"},"payload":{"id":1}}"#;
    let expected = format!(r#"{key} => {{"schema":{envelope},"payload":{payload}}}"#);
    check(Format::DebeziumJson, &record, DEBEZIUM_WITH_SCHEMA, &expected);
    let expected = format!(r#"{key} => {{"schema":{},"payload":{{"id":1,"N_me":"J0I="}}}}"#, row(false, ""));
    check(Format::DebeziumJson, &record, Encoding::UpsertJson { schema: true }, &expected);
    check(Format::DebeziumJson, &record, UPSERTS, r#"{"id":1} => {"id":1,"Näme":"J0I="}"#);
}

#[test]
fn a_schema_that_nobody_knows_is_refused() {
    let refused = "# error: `schema`: expected the types of the event's columns, since its schema is to be written along, found nothing";
    for record in [r#"{"id":1} => {"op":"c","after":{"id":1}}"#, r#"{"id":1} => null"#] {
        check(Format::DebeziumJson, record, DEBEZIUM_WITH_SCHEMA, refused);
        check(Format::DebeziumJson, record, Encoding::UpsertJson { schema: true }, refused);
    }
}

#[test]
fn what_was_not_sent_is_left_out_or_a_placeholder() {
    let text = "__debezium_unavailable_value";
    let base64 = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
    let numbers =
        "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]";
    let columns = r#"{"type":"int32","field":"id"},{"type":"string","field":"v"},{"type":"bytes","field":"b"},{"type":"array","items":{"type":"int32"},"field":"a"},{"type":"int32","field":"i"}"#;
    let found =
        |op: &str, images: &str, encoding| written(Format::DebeziumJson, &with_schema(columns, op, images), encoding);
    let not_sent = format!(r#""after":{{"id":1,"v":"{text}","b":"{base64}","a":{numbers},"i":1}}"#);
    assert_eq!(found("u", &not_sent, UPSERTS), "{\"id\":1} => {\"id\":1,\"i\":1}\n");
    let update = found("u", &not_sent, DEBEZIUM_WITH_SCHEMA);
    let expected = format!(r#""after":{{"id":1,"i":1,"v":"{text}","b":"{base64}","a":{numbers}}}"#);
    assert!(update.contains(&expected), "{update}");
    // a column that is only missing after an update was not sent either
    let update = found("u", r#""after":{"id":1,"v":"a","b":"","i":1}"#, DEBEZIUM_WITH_SCHEMA);
    assert!(update.contains(&format!(r#""after":{{"id":1,"v":"a","b":"","i":1,"a":{numbers}}}"#)), "{update}");
    let refused = "# error: `after.i`: expected its value, since a column of its type has no placeholder for one that was not sent, found nothing\n";
    assert_eq!(found("u", r#""after":{"id":1,"v":"a","b":"","a":[]}"#, DEBEZIUM_WITH_SCHEMA), refused);
    // of a deleted row only the key counts
    let delete = found("d", r#""before":{"id":1}"#, DEBEZIUM_WITH_SCHEMA);
    assert!(delete.contains(r#""before":{"id":1},"after":null"#), "{delete}");
}

#[test]
fn a_value_that_would_pass_for_one_not_sent_is_refused() {
    let refused = "expected a value, found one that stands for a value that was not sent";
    let record = r#"{"database":"shop","table":"t","pk.id":1} => {"database":"shop","table":"t","type":"insert","data":{"id":1,"v":"__debezium_unavailable_value"}}"#;
    check(Format::MaxwellJson, record, DEBEZIUM, &format!("# error: `after.v`: {refused}"));
    check(Format::MaxwellJson, record, UPSERTS, &format!("# error: `payload.v`: {refused}"));
}

#[test]
fn upserts_need_a_key_and_columns_of_their_own() {
    check(
        Format::DebeziumJson,
        r#"
        null => {"op":"c","source":{"table":"t"},"after":{"id":1}}
        null => {"op":"t","source":{"table":"t"}}
        {"id":1} => {"op":"c","after":{"id":1,"__lsn":5}}
        {"id":1} => {"op":"c","after":{"schema":null,"payload":1}}
        {"id":1} => {"op":"c","after":{"id":"1","status":"END","event_count":1,"data_collections":[]}}
        {"id":1} => {"op":"c","after":{"id":"1","source":"web","ts_ms":1,"payload":2,"__own":3}}
        "#,
        UPSERTS,
        r#"
        # error: `key`: expected a primary key, which upserts go by, found nothing
        # error: `op`: expected rows (upserts cannot say that a table was truncated), found a truncate
        # error: `payload.__lsn`: expected the name of a column, found one that is given to what is added to rows
        # error: `payload`: expected a row, found one with the columns of a message that is none
        # error: `payload`: expected a row, found one with the columns of a message that is none
        {"id":"1"} => {"id":"1","source":"web","ts_ms":1,"payload":2,"__own":3}
        "#,
    );
}

/// The text of a schema is kept for its table as long as it is that of the events.
#[test]
fn another_schema_is_written_anew() {
    let mut encoder = Encoder::new(DEBEZIUM_WITH_SCHEMA);
    let (mut of_source, mut of_written) = (super::decoder(Format::DebeziumJson), super::decoder(Format::DebeziumJson));
    for (ty, value) in [("int32", "5"), ("string", r#""5""#), ("int32", "6")] {
        let columns = format!(r#"{{"type":"int32","field":"id"}},{{"type":"{ty}","field":"v"}}"#);
        let line = with_schema(&columns, "c", &format!(r#""after":{{"id":1,"v":{value}}}"#));
        let event = of_source.decode(&record(&line, 0)).unwrap();
        let Encoded { key, payload } = encoder.encode(&event).unwrap().next().unwrap();
        let record = Record { topic: "t", partition: 0, offset: 0, key, payload };
        let text = changelog::text(&of_written.decode(&record).unwrap());
        assert_eq!(text, format!("+I public.t {{\"id\":1,\"v\":{value}}}\n"));
    }
}

#[test]
fn a_key_that_may_be_null_says_so() {
    let columns = r#"{"type":"int32","field":"id"}"#;
    let record = with_schema(columns, "c", r#""after":{"id":null}"#).replace(r#"{"id":1} =>"#, r#"{"id":null} =>"#);
    let found = written(Format::DebeziumJson, &record, DEBEZIUM_WITH_SCHEMA);
    assert!(
        found.starts_with(r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":true,"field":"id"}]"#)
    );
}
