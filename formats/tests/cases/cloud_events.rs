//! Envelopes that Debezium's `CloudEventsConverter` wrote, in JSON with JSON data.

use rowkind_formats::{Event, Format, Record};

use crate::{check, recordings};

#[test]
fn data_without_its_schema() {
    check(
        r#"
        {"id":1} => {"id":"name:shop;lsn:29274832;txId:565","source":"/debezium/postgresql/shop","specversion":"1.0","type":"io.debezium.connector.postgresql.DataChangeEvent","time":"2020-01-13T13:55:39.738Z","datacontenttype":"application/json","iodebeziumop":"r","iodebeziumdb":"shop","iodebeziumschema":"public","iodebeziumtable":"t","data":{"before":null,"after":{"id":1,"v":"a"}}}
        {"id":1} => {"specversion":"1.0","iodebeziumop":"u","iodebeziumschema":"public","iodebeziumtable":"t","data":{"before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"}}}
        {"id":1} => {"specversion":"1.0","iodebeziumop":"d","iodebeziumschema":"public","iodebeziumtable":"t","data":{"before":{"id":1,"v":"b"},"after":null}}
        {"id":1} => null
        "#,
        r#"
        +I public.t {"id":1,"v":"a"}
        -U public.t {"id":1,"v":"a"}
        +U public.t {"id":1,"v":"b"}
        -D public.t {"id":1,"v":"b"}
        # Tombstone
        "#,
    );
}

#[test]
fn data_with_its_schema() {
    let payload = r#"{"specversion":"1.0","iodebeziumop":"c","iodebeziumdb":"shop","iodebeziumtable":"t",
        "iodebeziumschema":null,"iodebeziumtsms":"1763700000123","iodebeziumfile":"bin.3","iodebeziumpos":"154",
        "iodebeziumrow":"0","data":{"schema":{"type":"struct","fields":[
        {"type":"struct","field":"before","fields":[{"type":"int32","field":"d","name":"io.debezium.time.Date"}]},
        {"type":"struct","field":"after","fields":[{"type":"int32","field":"d","name":"io.debezium.time.Date"}]}]},
        "payload":{"before":null,"after":{"d":0}}}}"#;
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    let mut decoder = recordings::decoder(Format::DebeziumJson);
    assert_eq!(recordings::outcome(&mut decoder, &record), "+I shop.t {\"d\":\"1970-01-01\"}\n");
    let Event::Change(change) = decoder.decode(&record).unwrap() else { panic!("a row") };
    assert_eq!(change.origin.changed_at().as_deref(), Some("2025-11-21 04:40:00.123+00"));
    assert_eq!(change.origin.position().as_deref(), Some("bin.3:154:0"));
}

#[test]
fn what_is_not_json_or_names_no_table_is_refused() {
    check(
        r#"
        {"id":1} => {"specversion":"1.0","iodebeziumop":"c","iodebeziumtable":"t","data":"AAAAAAE="}
        {"id":1} => {"specversion":"1.0","iodebeziumop":"c","iodebeziumtable":"t","data":null}
        {"id":1} => {"specversion":"1.0","iodebeziumop":"c","data":{"before":null,"after":{"id":1}}}
        {"id":1} => {"specversion":"1.0","iodebeziumop":"c","iodebeziumtable":7,"data":{"before":null,"after":{"id":1}}}
        {"id":1} => {"specversion":"1.0","iodebeziumop":"c","iodebeziumtable":"t","data":{"id":1}}
        "#,
        "
        # error: `payload.data`: expected an object (`data.serializer.type=json`), found a string
        # error: `payload.data`: expected an object (`data.serializer.type=json`), found null
        # error: `iodebeziumtable`: expected the table's name, found nothing
        # error: `iodebeziumtable`: expected the table's name, found nothing
        # error: `after`: expected the row after the change, found nothing
        ",
    );
}
