//! Rows of `ExtractNewRecordState`: every delete and tombstone mode, the fields it adds, tables by their names.

use rowkind_formats::{Decoder, Event, Format, Record, Stated, Told};

use crate::{check_by, recordings};

fn flattened() -> Decoder {
    recordings::decoder(Format::FlattenedJson)
}

#[track_caller]
fn check(records: &str, expected: &str) {
    check_by(&mut flattened(), records, expected);
}

#[test]
fn an_upsert_that_does_not_say_its_op_is_an_update_without_before() {
    check(r#"{"id":1} => {"id":1,"v":"a"}"#, r#"+U t {"id":1,"v":"a"}"#);
}

#[test]
fn ops_are_row_kinds() {
    check(
        r#"
        {"id":1} => {"id":1,"__op":"c"}
        {"id":1} => {"id":1,"__op":"r"}
        {"id":1} => {"id":1,"__op":"u"}
        {"id":1} => {"id":1,"__op":"d"}
        {"id":1} => {"id":1,"__op":null}
        {"id":1} => {"id":1,"__op":"t"}
        {"id":1} => {"id":1,"__op":1}
        "#,
        r#"
        +I t {"id":1}
        +I t {"id":1}
        +U t {"id":1}
        -D t {"id":1}
        +U t {"id":1}
        # error: `payload.__op`: expected one of the ops c, r, u, d, t, m, found another
        # error: `payload.__op`: expected a string, found a number
        "#,
    );
}

/// Modes drop (deletes are not sent), tombstone and delete-to-tombstone.
#[test]
fn a_null_deletes_by_key_in_all_its_forms() {
    check(
        r#"
        {"id":1} => {"id":1,"v":"a"}
        {"id":1} => null
        {"id":2} =>  null
        {"id":3} => {"schema":{"type":"struct","fields":[{"type":"int32","field":"id"}],"optional":true,"name":"p.s.t.Value"},"payload":null}
        {"id":4} => {"schema":null,"payload":null}
        "#,
        r#"
        +U t {"id":1,"v":"a"}
        -D t {"id":1}
        -D t {"id":2}
        -D t {"id":3}
        -D t {"id":4}
        "#,
    );
}

#[test]
fn rewrite() {
    check(
        r#"
        {"id":1} => {"id":1,"v":"a","__deleted":"false"}
        {"id":1} => {"id":1,"v":null,"__deleted":"true"}
        {"id":2} => {"id":2,"v":"b","__deleted":false,"__op":"c"}
        {"id":2} => {"id":2,"v":"b","__deleted":true}
        {"id":2} => {"id":2,"v":"b","__deleted":"yes"}
        "#,
        r#"
        +U t {"id":1,"v":"a"}
        -D t {"id":1,"v":null}
        +I t {"id":2,"v":"b"}
        -D t {"id":2,"v":"b"}
        # error: `payload.__deleted`: expected "true" or "false", found a string
        "#,
    );
}

#[test]
fn rewrite_with_tombstone() {
    check(
        r#"
        {"id":1} => {"id":1,"v":"a","__deleted":"true","__op":"d"}
        {"id":1} => null
        {"id":1} => {"id":1,"v":"b","__deleted":"false","__op":"c"}
        {"id":1} => null
        "#,
        r#"
        -D t {"id":1,"v":"a"}
        # Tombstone
        +I t {"id":1,"v":"b"}
        -D t {"id":1}
        "#,
    );
}

#[test]
fn added_fields_are_no_columns() {
    check(
        r#"
        null => {"id":1,"__op":"c","__lsn":7,"__source_ts_ms":1,"__transaction_id":"7:9","__ts_ms":2,"__before_id":0}
        null => {"id":1,"__v":3,"__op":"c","__renamed":7}
        null => {"__v":3,"_op":"x"}
        "#,
        r#"
        +I t {"id":1}
        +I t {"id":1,"__v":3}
        +U t {"__v":3,"_op":"x"}
        "#,
    );
}

#[test]
fn added_fields_are_in_no_schema() {
    let payload = r#"{"schema":{"type":"struct","name":"p.public.orders.Value","fields":[
        {"type":"int32","field":"id"},{"type":"int32","field":"due","name":"io.debezium.time.Date"},
        {"type":"string","field":"__deleted"},{"type":"int64","field":"__source_lsn"},{"type":"int64","field":"__at"}]},
        "payload":{"id":1,"due":0,"__deleted":"false","__source_lsn":23803720,"__at":1}}"#;
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    let Event::Change(change) = flattened().decode(&record).unwrap() else { panic!("a row") };
    let names: Vec<_> = change.schema.as_ref().unwrap().fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["id", "due"]);
    assert_eq!(change.origin.position().as_deref(), Some("0/16B3748"));
    assert_eq!(change.origin.op, None);
    assert_eq!(recordings::outcome(&mut flattened(), &record), "+U public.orders {\"id\":1,\"due\":\"1970-01-01\"}\n");
}

#[test]
fn the_table_is_told_by_added_fields_then_the_schema_then_the_topic() {
    let table = |topic: &str, payload: &str| {
        let record = Record { topic, partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        recordings::outcome(&mut flattened(), &record)
    };
    let schema = r#"{"type":"struct","name":"p.public.Order_Items.Value","fields":[{"type":"int32","field":"id"}]}"#;
    let wrapped = |row: &str| format!(r#"{{"schema":{schema},"payload":{row}}}"#);
    assert_eq!(table("p.inventory.orders", r#"{"id":1}"#), "+U inventory.orders {\"id\":1}\n");
    assert_eq!(table("a.b.inventory.orders", r#"{"id":1}"#), "+U inventory.orders {\"id\":1}\n");
    assert_eq!(table("orders", r#"{"id":1}"#), "+U orders {\"id\":1}\n");
    assert_eq!(table("routed", &wrapped(r#"{"id":1}"#)), "+U public.Order_Items {\"id\":1}\n");
    assert_eq!(table("p.s.t", r#"{"id":1,"__table":"a.b"}"#), "+U s.\"a.b\" {\"id\":1}\n");
    assert_eq!(table("p.s.t", r#"{"id":1,"__source_table":"T","__source_schema":"S"}"#), "+U S.T {\"id\":1}\n");
    assert_eq!(table("routed", r#"{"id":1,"__db":"shop","__table":"orders"}"#), "+U shop.orders {\"id\":1}\n");
    assert_eq!(
        table("p.s.t", r#"{"id":1,"__table":5}"#),
        "# error: `payload.__table`: expected a string, found a number\n"
    );
}

#[test]
fn a_tombstone_is_of_the_table_that_its_names_tell() {
    // no record of the topic was seen: the key's schema, else the topic
    check(
        r#"{"schema":{"type":"struct","name":"p.s.orders.Key","fields":[{"type":"int32","field":"id"}]},"payload":{"id":1}} => null"#,
        r#"-D s.orders {"id":1}"#,
    );
    check(r#"{"id":1} => null"#, r#"-D t {"id":1}"#);
    // two tables in one topic, told apart by their schemas' names alone
    let row = |table: &str| {
        format!(
            r#"{{"id":1}} => {{"schema":{{"type":"struct","name":"p.s.{table}.Value","fields":[{{"type":"int32","field":"id"}}]}},"payload":{{"id":1}}}}"#
        )
    };
    let gone = |table: &str| row(table).replace(r#""payload":{"id":1}"#, r#""payload":null"#);
    check(
        &format!("{}\n{}\n{}\n{}\n{{\"id\":1}} => null", row("a"), gone("b"), row("b"), gone("a")),
        r#"
        +U s.a {"id":1}
        -D s.b {"id":1}
        +U s.b {"id":1}
        -D s.a {"id":1}
        # error: `payload`: expected a row that names its table, since the topic holds several tables, found nothing
        "#,
    );
}

#[test]
fn what_the_transform_passes_is_no_row() {
    check(
        r#"
        {"serverName":"shop"} => {"ts_ms":1}
        {"id":"1"} => {"status":"BEGIN","id":"1","event_count":null,"data_collections":null,"ts_ms":1}
        {"databaseName":"d"} => {"source":{},"ts_ms":1,"databaseName":"d","schemaName":null,"ddl":"drop table t","tableChanges":[]}
        {"prefix":"p"} => {"op":"m","ts_ms":1,"source":{"table":""},"message":{"prefix":"p","content":""}}
        {"id":"6"} => {"id":"6","aggregate_type":"x","type":"y","additional_data":{},"timestamp":1}
        "#,
        "
        # Heartbeat
        # Transaction
        # SchemaChange
        # Message
        # Notification
        ",
    );
}

#[test]
fn rows_that_only_look_like_messages() {
    check(
        r#"
        {"id":1} => {"ts_ms":1}
        {"id":1} => {"id":1,"status":"END","event_count":1,"data_collections":"x","more":1}
        {"id":1} => {"id":1,"source":"web","op":"d"}
        {"id":1} => {"schema":"public","payload":"x"}
        "#,
        r#"
        +U t {"ts_ms":1}
        +U t {"id":1,"status":"END","event_count":1,"data_collections":"x","more":1}
        +U t {"id":1,"source":"web","op":"d"}
        +U t {"schema":"public","payload":"x"}
        "#,
    );
}

#[test]
fn what_is_no_row_is_refused() {
    check(
        r#"
        {"id":1} => {"before":null,"after":{"id":1},"source":{"table":"t"},"op":"c"}
        {"id":1} => [1]
        {"id":1} => {"id":1
        {"id":1} => {}
        {"id":1} => {"__op":"c"}
        {"id":1} => {"schema":{"type":"int32"},"payload":{"id":1}}
        {"id":1} => {"schema":{"type":"struct","fields":[{"type":"int32","field":"id"}]},"payload":{"id":"secret"}}
        "#,
        "
        # error: `payload`: expected a flattened row (an envelope is of the format debezium-json or debezium-avro), found an object
        # error: `payload`: expected an object of columns, found an array
        # error: `payload`: expected JSON, found broken JSON at byte 7
        # error: `payload`: expected the row's columns, found nothing
        # error: `payload`: expected the row's columns, found nothing
        # error: `schema`: expected a struct of columns, found a primitive type
        # error: `payload.id`: expected an integer, found a string
        ",
    );
}

#[test]
fn placeholders_and_stated_types_are_as_in_envelopes() {
    let columns = Stated::at_path("shop.t.d", &"date".parse().unwrap());
    let mut decoder = Decoder::new(Format::FlattenedJson, &Told { columns, ..Told::default() });
    check_by(
        &mut decoder,
        r#"{"id":1} => {"id":1,"d":0,"big":"__debezium_unavailable_value","__db":"shop"}"#,
        r#"
        +U shop.t {"id":1,"d":"1970-01-01"}
        # not sent: big
        "#,
    );
}

/// `MongoDB`'s `ExtractNewDocumentState`: the key has the `_id` as `id`, and a delete of mode rewrite has no column.
#[test]
fn documents_go_by_their_id() {
    check(
        r#"
        {"id":"596e275826f08b2730779e1f"} => {"_id":"596e275826f08b2730779e1f","state":"open","lines":[{"sku":"a"}],"__deleted":false,"__op":"c","__collection":"orders"}
        {"id":"596e275826f08b2730779e1f"} => {"_id":"596e275826f08b2730779e1f","state":"paid","__deleted":false,"__collection":"orders"}
        {"id":"596e275826f08b2730779e1f"} => {"__deleted":true,"__collection":"orders"}
        {"id":"596e275826f08b2730779e1f"} => null
        {"id":"7"} => null
        {"id":7} => {"_id":7,"__deleted":true,"__collection":"orders"}
        "#,
        r#"
        +I orders {"_id":"596e275826f08b2730779e1f","state":"open","lines":[{"sku":"a"}]}
        +U orders {"_id":"596e275826f08b2730779e1f","state":"paid"}
        -D orders {"_id":"596e275826f08b2730779e1f"}
        # Tombstone
        -D orders {"_id":"7"}
        -D orders {"_id":7}
        "#,
    );
    // a column of that name beside the key is a column
    check(r#"{"id":1} => {"id":1,"_id":2}"#, r#"+U t {"id":1,"_id":2}"#);
    let key = r#"{"schema":{"type":"struct","fields":[{"type":"int32","field":"id"}]},"payload":{"id":1}}"#;
    let payload = r#"{"schema":{"type":"struct","name":"p.shop.orders","fields":[{"type":"int32","field":"_id"}]},"payload":{"_id":1}}"#;
    let (key, payload) = (Some(key.as_bytes()), Some(payload.as_bytes()));
    let record = Record { topic: "p.shop.orders", partition: 0, offset: 0, key, payload };
    let Event::Change(change) = flattened().decode(&record).unwrap() else { panic!("a row") };
    let key = change.key.unwrap();
    assert_eq!(key.schema.unwrap().fields.first().unwrap().name, "_id");
    assert_eq!(key.columns.first().unwrap().name, "_id");
}
