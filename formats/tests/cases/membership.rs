//! Which transaction a record belongs to.

use rowkind_formats::{Decoder, Format, Membership, Record, Told};

/// The records' memberships, one a line.
#[track_caller]
fn check(format: Format, payloads: &[&str], expected: &str) {
    let decoder = Decoder::new(format, &Told::default());
    let found = payloads.iter().map(|payload| {
        let payload = (*payload != "null").then_some(payload.as_bytes());
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload };
        decoder.membership(&record).map_or_else(|error| format!("! {error}"), |membership| text(&membership))
    });
    let trimmed: Vec<_> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(found.collect::<Vec<_>>(), trimmed);
}

fn text(membership: &Membership<'_>) -> String {
    match membership {
        Membership::None => "none".to_owned(),
        Membership::Untold => "untold".to_owned(),
        Membership::Begin(id) => format!("{id} begins"),
        Membership::End { transaction, collections } => {
            let counts = collections.iter().map(|of| format!(" {}={}", of.name, of.n_events));
            format!("{transaction} ends{}", counts.collect::<String>())
        }
        Membership::Event { transaction, table, order, total_order, is_truncate } => {
            let name = table.namespace().map_or(String::new(), |namespace| format!("{namespace}."));
            let word = if *is_truncate { " truncate" } else { "" };
            format!("{transaction} {name}{} {order}/{total_order}{word}", table.name)
        }
        Membership::Row { transaction, is_last } => {
            format!("{transaction} row{}", if *is_last { ", the last" } else { "" })
        }
    }
}

#[test]
fn postgres_counts_by_the_transaction_alone() {
    check(
        Format::DebeziumJson,
        &[
            r#"{"status":"BEGIN","id":"571:100","event_count":null,"data_collections":null,"ts_ms":1}"#,
            r#"{"op":"c","after":{"id":1},"source":{"db":"d","schema":"public","table":"orders"},
                "transaction":{"id":"571:104","total_order":1,"data_collection_order":1}}"#,
            r#"{"op":"t","source":{"db":"d","schema":"public","table":"items"},
                "transaction":{"id":"571:105","total_order":2,"data_collection_order":1}}"#,
            r#"{"status":"END","id":"571:109","event_count":2,"data_collections":[
                {"data_collection":"public.orders","event_count":1},{"data_collection":"public.items","event_count":1}]}"#,
            "null",
        ],
        "571 begins
         571 public.orders 1/1
         571 public.items 1/2 truncate
         571 ends public.orders=1 public.items=1
         none",
    );
}

#[test]
fn other_ids_stay_as_they_are() {
    for id in ["5714a636-e549-11f1-97e4-02fc00000001:6079", "0-3306-6229", "file=bin.000004,pos=154", "5.6.641"] {
        let begin = format!(r#"{{"schema":null,"payload":{{"status":"BEGIN","id":"{id}"}}}}"#);
        check(Format::DebeziumJson, &[&begin], &format!("{id} begins"));
    }
}

#[test]
fn what_is_of_no_transaction() {
    check(
        Format::DebeziumJson,
        &[
            r#"{"op":"r","after":{"id":1},"source":{"table":"t"},"transaction":null}"#,
            r#"{"op":"m","source":{"table":""},"message":{"prefix":"p"},"transaction":{"id":"1:2","total_order":1,"data_collection_order":1}}"#,
            r#"{"op":"t","source":{"db":"d","table":"t"},"transaction":null}"#,
            r#"{"ts_ms":1}"#,
            r#"{"source":{"db":"d"},"databaseName":"d","ddl":"create table t ()"}"#,
            r#"{"schema":{},"payload":null}"#,
            r#"{"id":"x","type":"COMPLETED","aggregate_type":"Incremental Snapshot","additional_data":{}}"#,
        ],
        "none\nnone\nnone\nnone\nnone\nnone\nnone",
    );
}

#[test]
fn what_should_be_told() {
    check(
        Format::DebeziumJson,
        &[
            r#"{"op":"u","after":{"id":1},"source":{"table":"t"}}"#,
            r#"{"specversion":"1.0","iodebeziumop":"c","iodebeziumtable":"t","data":{"after":{"id":1}}}"#,
            r#"{"op":"c","transaction":{"id":"1:2"}}"#,
            r#"{"op":"c","transaction":{"#,
        ],
        "untold
         untold
         ! `transaction.data_collection_order`: expected which one it is of the transaction's events of this table, found nothing
         ! `payload`: expected JSON, found broken JSON at byte 25",
    );
}

#[test]
fn maxwell_says_which_row_is_the_last() {
    check(
        Format::MaxwellJson,
        &[
            r#"{"database":"d","table":"t","type":"insert","ts":1,"xid":309,"xoffset":0,"data":{"id":1}}"#,
            r#"{"database":"d","table":"t","type":"update","ts":1,"xid":309,"commit":true,"data":{"id":1},"old":{}}"#,
            r#"{"database":"d","table":"t","type":"bootstrap-insert","ts":1,"data":{"id":1}}"#,
            r#"{"database":"d","type":"database-create","ts":1}"#,
            r#"{"database":"d","table":"t","type":"insert","ts":1,"data":{"id":1}}"#,
        ],
        "309 row\n309 row, the last\nnone\nnone\nuntold",
    );
}

#[test]
fn formats_that_do_not_tell() {
    for format in [Format::Auto, Format::CanalJson, Format::FlattenedJson, Format::OggJson] {
        let expected = "! `payload`: expected a format that tells of transactions (debezium-json, debezium-avro, maxwell-json), found another one";
        check(format, &["{}"], expected);
    }
}
