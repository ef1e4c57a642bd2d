//! A record that cannot be applied: everything before it is in the target, nothing behind it, and it is named.

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Record, created, file_of};

pub(crate) fn item(id: i64, v: &str) -> Record {
    created("items", json!({"id": id, "v": v}))
}

pub(crate) fn with_items() -> Database {
    let database = Database::new();
    database.execute("create table items (id int primary key, v text check (length(v) <= 5))");
    database
}

const IN_ORDER: &str = "select count(*), min(id), max(id) from items";

#[test]
fn broken_json_in_a_topic_stops_and_can_be_skipped() {
    let (broker, database) = (Broker::start(), with_items());
    let topic = broker.topic("shop.public.items", 2);
    broker.write(&topic, 0, &[]);
    let mut records: Vec<Record> = (0..100).map(|id| item(id, "ok")).collect();
    records[40] = Record::raw(r#"{"op":"c","after":{"id":40,"v":"se"#).keyed(json!({"id": 40}));
    broker.write(&topic, 1, &records);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);

    let place = format!("topic {topic}, partition 1, offset 40: `payload`: expected JSON, found broken JSON at byte ");
    let stopped = pipeline.run().with_code(3).says(&format!("rowkind: stopped at {place}"));
    assert!(!stopped.log.contains("\"se"), "no value of the record is shown: {}", stopped.log);
    assert_eq!(database.rows(IN_ORDER), "(40,0,39)");
    assert_eq!(database.number("select next_offset from rowkind.offsets where partition = 1"), 40);

    // it stays there until somebody decides otherwise
    pipeline.run().with_code(3).says(&place);
    assert_eq!(database.rows(IN_ORDER), "(40,0,39)");

    pipeline.set("rejects.policy", "skip").run().with_code(0).says(&format!("skipped {place}")).says("rejects=1");
    assert_eq!(database.rows(IN_ORDER), "(99,0,99)");
}

#[test]
fn a_value_that_postgres_refuses_is_found_in_a_large_batch() {
    let database = with_items();
    let records: Vec<Record> = (0..3_000).map(|id| item(id, if id == 1_234 { "too long" } else { "ok" })).collect();
    let file = file_of("shop.public.items", 0, &records);
    let pipeline = Pipeline::from_file(file.path(), &database);

    let place = "topic shop.public.items, partition 0, offset 1234: Postgres: new row for relation";
    pipeline.run().with_code(3).says(&format!("rowkind: stopped at {place}"));
    assert_eq!(database.rows(IN_ORDER), "(1234,0,1233)");

    pipeline.set("rejects.policy", "skip").run().with_code(0).says(&format!("skipped {place}")).says("rejects=1");
    assert_eq!(database.rows(IN_ORDER), "(2999,0,2999)");
}

#[test]
fn several_in_one_batch_are_each_skipped() {
    let database = with_items();
    let mut records: Vec<Record> = (0..500).map(|id| item(id, "ok")).collect();
    records[0] = item(0, "too long");
    records[7] = Record::raw("[1]");
    records[250] = item(250, "too long");
    records[499] = created("items", json!({"id": "x", "v": "ok"}));
    let file = file_of("shop.public.items", 0, &records);
    let ended = Pipeline::from_file(file.path(), &database).set("rejects.policy", "skip").run().with_code(0);
    for offset in [0, 7, 250, 499] {
        let place = format!("skipped topic shop.public.items, partition 0, offset {offset}: ");
        assert_eq!(ended.log.matches(&place).count(), 1, "{}", ended.log);
    }
    assert!(ended.log.contains("records=500") && ended.log.contains("rejects=4"), "{}", ended.log);
    assert_eq!(database.rows(IN_ORDER), "(496,1,498)");
}

/// Postgres does not say in which column it could not read a text; the record is looked through for it.
#[test]
fn the_column_of_a_text_that_postgres_does_not_read_is_named() {
    let database = Database::new();
    database.execute("create type mood as enum ('ok'); create table items (id int primary key, a uuid, m mood)");
    let row =
        |id: i64, m: &str| created("items", json!({"id": id, "a": "b68a35a7-17ad-35b3-af2a-ae46edb4545a", "m": m}));
    let file = file_of("shop.public.items", 0, &[row(1, "ok"), row(2, "secret"), row(3, "ok")]);
    let pipeline = Pipeline::from_file(file.path(), &database);
    let stopped = pipeline.run().with_code(3).says("offset 1: column `m`: Postgres: invalid input value for enum mood");
    assert!(!stopped.log.contains("secret"), "{}", stopped.log);
    assert_eq!(database.rows("select id from items"), "(1)");
    // the tables are not known yet where it is the first record
    let again = pipeline.run().with_code(3).says("offset 1: column `m`: Postgres: invalid input value for enum mood");
    again.says("`rejects.policy` says whether such records are put aside");
}

/// The good change of a key counts even when a later bad one of the same batch would have replaced it.
#[test]
fn what_a_bad_change_would_have_replaced_is_applied() {
    let database = with_items();
    let bad = created("items", json!({"id": 1, "v": ["no", "text\u{0}"]}));
    let file = file_of("shop.public.items", 0, &[item(1, "good"), bad, item(2, "good")]);
    let pipeline = Pipeline::from_file(file.path(), &database);
    pipeline.run().with_code(3).says("partition 0, offset 1: `after.v`: ");
    assert_eq!(database.rows("select * from items order by 1"), "(1,good)");
    pipeline.set("rejects.policy", "skip").run().with_code(0);
    assert_eq!(database.rows("select * from items order by 1"), "(1,good)\n(2,good)");
}

/// A bare integer for a time says nothing of its unit: the column and the setting that would are named.
#[test]
fn what_nobody_states_is_refused() {
    let database = Database::new();
    database.execute("create table items (id int primary key, at timestamp(3))");
    let file = file_of("shop.public.items", 0, &[created("items", json!({"id": 1, "at": 1_709_287_200_123_i64}))]);
    let pipeline = Pipeline::from_file(file.path(), &database);
    pipeline
        .run()
        .with_code(3)
        .says("`after.at`: the unit of a number for a time is stated nowhere: set `source.time_precision`");
    pipeline.set("source.time_precision", "adaptive").run().with_code(0);
    assert_eq!(database.rows("select at from items"), "(\"2024-03-01 10:00:00.123\")");
}

/// What is larger, deeper or wider than can be held is one reject more, and nothing stops at it.
#[test]
fn records_that_hold_too_much_are_skipped() {
    let database = Database::new();
    database.execute("create table items (id int primary key, v text, j jsonb)");
    let nested = |n_levels: usize| "[".repeat(n_levels) + &"]".repeat(n_levels);
    let with_json = |id: i64, j: &str| {
        let source = r#"{"schema":"public","table":"items"}"#;
        Record::raw(&format!(r#"{{"op":"c","source":{source},"after":{{"id":{id},"j":{j}}}}}"#))
            .keyed(json!({"id": id}))
    };
    let records = [
        with_json(0, &nested(1_000)),
        created("items", json!({"id": 1, "v": "x".repeat(50 << 20)})),
        with_json(2, &nested(100_000)),
        with_json(3, &json!(nested(100_000)).to_string()),
        of_columns(2_000),
        of_columns(100_000),
        created("items", json!({"id": 6, "v": "y".repeat(30 << 20)})),
    ];
    let file = file_of("shop.public.items", 0, &records);
    let ended = Pipeline::from_file(file.path(), &database).set("rejects.policy", "skip").run().with_code(0);
    for (offset, reason) in [
        (1, "`payload`: expected at most 33554432 bytes, found more"),
        (2, "`after.j`: expected at most 1000 levels, found more"),
        (3, "`after.j`: expected at most 1000 levels, found more"),
        (4, "Postgres: tables can have at most 1600 columns (SQLSTATE 54011)"),
        (5, "`schema`: expected at most 10000 columns, found more"),
    ] {
        let reject = format!("skipped topic shop.public.items, partition 0, offset {offset}: {reason}");
        assert!(ended.log.contains(&reject), "{reject}: {}", ended.log);
    }
    assert!(ended.log.contains("rejects=5"), "{}", ended.log);
    assert_eq!(database.rows("select id, length(v) from items order by 1"), "(0,)\n(6,31457280)");

    // a line of more than such a record has is not read into memory
    let stopped = Pipeline::from_file(file.path(), &database).set("source.max_record_bytes", "4MB").run().with_code(1);
    stopped.says("line 2: expected at most 26214400 bytes, found more");
}

/// A row of a table of its own, with its schema.
fn of_columns(n_columns: usize) -> Record {
    let names = (0..n_columns).map(|n| format!("c{n}"));
    let fields: Vec<_> = names.map(|name| json!({"type": "int32", "optional": true, "field": name})).collect();
    let image = json!({"type": "struct", "optional": true, "field": "after", "fields": fields});
    let source = json!({"schema": "public", "table": "wide"});
    let payload = json!({"op": "c", "source": source, "after": {"c0": 1}});
    let key = json!({"schema": {"type": "struct", "fields": [{"type": "int32", "field": "c0"}]}, "payload": {"c0": 1}});
    Record::raw(&json!({"schema": {"type": "struct", "fields": [image]}, "payload": payload}).to_string()).keyed(key)
}

/// librdkafka is told to fetch less at once than such a record has; it comes nonetheless.
#[test]
fn a_large_record_of_a_topic() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table items (id int primary key, v text)");
    let topic = broker.topic("shop.public.items", 1);
    let large = |id: i64, n_kb: usize| created("items", json!({"id": id, "v": "x".repeat(n_kb << 10)}));
    broker.write(&topic, 0, &[large(0, 0), large(1, 800), large(2, 3_000), large(3, 0)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.max_record_bytes", "2MB")
        .set("rejects.policy", "skip");
    pipeline.run().with_code(0).says("offset 2: `payload`: expected at most 2097152 bytes, found more");
    assert_eq!(database.rows("select id, length(v) from items order by 1"), "(0,0)\n(1,819200)\n(3,0)");
}
