//! What is written of events: the records of a case are decoded, and encoded again.
//!
//! That what is written says the same rows is the business of `tests/encoded`.

mod canal;
mod connect;
mod maxwell;

use rowkind_formats::{Decoder, Encoder, Encoding, Envelopes, Event, Format, Placeholder, Record, RowKind, Updates};

use crate::bytes;

const DEBEZIUM: Encoding = debezium(false);
const DEBEZIUM_WITH_SCHEMA: Encoding = debezium(true);
const UPSERTS: Encoding = Encoding::UpsertJson { schema: false };

const fn debezium(schema: bool) -> Encoding {
    Encoding::DebeziumJson { schema, envelopes: Envelopes { updates: Updates::Update, tombstones: true } }
}

fn decoder(format: Format) -> Decoder {
    Decoder::new(format, Placeholder::default(), Vec::new())
}

/// Decodes the records, encodes their events, and compares what is written, a record a line; an error is a comment.
#[track_caller]
fn check(format: Format, records: &str, encoding: Encoding, expected: &str) {
    let found = written(format, records, encoding);
    let expected: Vec<_> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "of {records}");
}

/// What is written of the records.
fn written(format: Format, records: &str, encoding: Encoding) -> String {
    let (mut decoder, mut encoder) = (decoder(format), Encoder::new(encoding));
    let written = |(offset, line): (i64, &str)| {
        let record = record(line, offset);
        written_of(&mut encoder, &decoder.decode(&record).unwrap())
    };
    (0..).zip(records.trim().lines()).map(written).collect()
}

/// A record in the notation of the cases.
fn record(line: &str, offset: i64) -> Record<'_> {
    let (key, payload) = line.trim().split_once(" => ").expect("a record is `key => payload`");
    Record { topic: "t", partition: 0, offset, key: bytes(key), payload: bytes(payload) }
}

fn written_of(encoder: &mut Encoder, event: &Event<'_>) -> String {
    let text = |bytes: Option<&[u8]>| bytes.map_or("null".into(), String::from_utf8_lossy).into_owned();
    match encoder.encode(event) {
        Ok(records) => {
            let lines = records.map(|record| text(record.key) + " => " + &text(record.payload) + "\n");
            lines.collect()
        }
        Err(error) => format!("# error: {error}\n"),
    }
}

/// A record of Debezium's with a schema of these columns.
fn with_schema(columns: &str, op: &str, images: &str) -> String {
    format!(
        r#"{{"id":1}} => {{"schema":{{"type":"struct","fields":[{{"type":"struct","field":"after","fields":[{columns}]}}]}},"payload":{{"op":"{op}","source":{{"schema":"public","table":"t"}},{images}}}}}"#
    )
}

/// Debezium writes it so, and an update of Canal's or Maxwell's under two keys has to be told to both of them.
#[test]
fn a_change_of_the_key_is_a_row_that_goes_and_one_that_comes() {
    let update = r#"null => {"type":"UPDATE","database":"shop","table":"t","pkNames":["id"],"data":[{"id":"2","v":"a"}],"old":[{"id":"1"}]}"#;
    check(
        Format::CanalJson,
        update,
        DEBEZIUM,
        r#"
        {"id":"1"} => {"before":{"id":"1","v":"a"},"after":null,"source":{"connector":"mysql","db":"shop","table":"t"},"transaction":null,"op":"d","ts_ms":null}
        {"id":"1"} => null
        {"id":"2"} => {"before":null,"after":{"id":"2","v":"a"},"source":{"connector":"mysql","db":"shop","table":"t"},"transaction":null,"op":"c","ts_ms":null}
        "#,
    );
    check(Format::CanalJson, update, UPSERTS, "{\"id\":\"1\"} => null\n{\"id\":\"2\"} => {\"id\":\"2\",\"v\":\"a\"}");
    check(
        Format::CanalJson,
        update,
        Encoding::MaxwellJson,
        r#"{"database":"shop","table":"t","pk.id":"2"} => {"database":"shop","table":"t","type":"update","primary_key_columns":["id"],"data":{"id":"2","v":"a"},"old":{"id":"1"}}"#,
    );
}

#[test]
fn a_before_image_of_fewer_columns_is_more_than_old_can_say() {
    let record = r#"{"id":1} => {"op":"u","source":{"table":"t"},"before":{"id":1},"after":{"id":1,"v":"b"}}"#;
    let missing = "expected its value before the update, since that of the row after it is known, found nothing";
    check(Format::DebeziumJson, record, Encoding::CanalJson, &format!("# error: `old.0.v`: {missing}"));
    check(Format::DebeziumJson, record, Encoding::MaxwellJson, &format!("# error: `old.v`: {missing}"));
}

#[test]
fn a_lone_tombstone_is_a_delete_of_its_key() {
    let records = r#"
        {"id":1} => {"op":"c","source":{"schema":"public","table":"o"},"after":{"id":1}}
        {"id":2} => null
    "#;
    let last = |encoding| written(Format::DebeziumJson, records, encoding).lines().last().unwrap().to_owned();
    assert_eq!(last(DEBEZIUM), r#"{"id":2} => null"#);
    assert_eq!(last(UPSERTS), r#"{"id":2} => null"#);
    assert_eq!(
        last(Encoding::CanalJson),
        r#"null => {"data":[{"id":"2"}],"database":"public","es":null,"gtid":"","id":0,"isDdl":false,"mysqlType":null,"old":null,"pkNames":["id"],"sql":"","sqlType":null,"table":"o","ts":null,"type":"DELETE"}"#
    );
    assert_eq!(
        last(Encoding::MaxwellJson),
        r#"{"database":"public","table":"o","pk.id":2} => {"database":"public","table":"o","type":"delete","primary_key_columns":["id"],"data":{"id":2}}"#
    );
    let of_no_table = r#"{"id":1} => null"#;
    let refused = "# error: `table`: expected the table's name, found nothing";
    check(Format::DebeziumJson, of_no_table, DEBEZIUM, of_no_table);
    check(Format::DebeziumJson, of_no_table, Encoding::CanalJson, refused);
    check(Format::DebeziumJson, of_no_table, Encoding::MaxwellJson, refused);
}

/// As by a filter that the row no longer passes.
#[test]
fn a_row_before_an_update_alone_is_a_delete() {
    let record = record(r#"{"id":1} => {"op":"u","source":{"table":"t"},"before":{"id":1},"after":{"id":1}}"#, 0);
    let Event::Change(mut change) = decoder(Format::DebeziumJson).decode(&record).unwrap() else { panic!("a change") };
    change.rows.retain(|row| row.kind == RowKind::UpdateBefore);
    let event = Event::Change(change);
    let by = |encoding| written_of(&mut Encoder::new(encoding), &event);
    assert!(by(Encoding::CanalJson).contains(r#""type":"DELETE""#));
    assert!(by(Encoding::MaxwellJson).contains(r#""type":"delete""#));
    assert_eq!(by(UPSERTS), "{\"id\":1} => null\n");
    let debezium = by(DEBEZIUM);
    assert!(debezium.contains(r#""op":"d""#) && debezium.ends_with("\n{\"id\":1} => null\n"), "{debezium}");
}

/// The second row of a message cannot be said, so nothing is; the next event starts anew.
#[test]
fn an_event_gives_all_its_records_or_none() {
    let message = |date: &str| {
        format!(
            r#"null => {{"type":"INSERT","database":"shop","table":"t","pkNames":["id"],"mysqlType":{{"id":"int","d":"date"}},"data":[{{"id":"1","d":null}},{{"id":"2","d":{date}}}]}}"#
        )
    };
    check(
        Format::CanalJson,
        &format!("{}\n{}", message(r#""0000-00-00""#), message("null")),
        UPSERTS,
        r#"
        # error: `payload.d`: expected a date that exists, found a text that is none
        {"id":1} => {"id":1,"d":null}
        {"id":2} => {"id":2,"d":null}
        "#,
    );
}

#[test]
fn what_is_not_about_rows_is_not_written() {
    for encoding in [DEBEZIUM, DEBEZIUM_WITH_SCHEMA, UPSERTS, Encoding::CanalJson, Encoding::MaxwellJson] {
        check(Format::DebeziumJson, "null => {\"ts_ms\":5}\nnull => null", encoding, "");
    }
}
