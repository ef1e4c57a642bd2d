//! What single changes do to a table, and that a batch does what its rows would do one by one.

use serde_json::{Value, json};

use crate::harness::{
    Broker, Database, Ended, Pipeline, Record, created, deleted, file_of, tombstone, truncated, updated,
};

/// Applies records to `public.t`, all in one batch or each in one of its own.
fn apply(database: &Database, records: &[Record], max_rows: usize) -> Ended {
    let file = file_of("shop.public.t", 0, records);
    let pipeline = Pipeline::from_file(file.path(), database).set("batch.max_rows", &max_rows.to_string());
    pipeline.run()
}

/// Asserts what a table holds after the records, however they are cut into batches.
#[track_caller]
fn check(table: &str, records: &[Record], expected: &str) {
    for max_rows in [1, 2, 3, 1_000] {
        let database = Database::new();
        database.execute(table);
        apply(&database, records, max_rows).with_code(0);
        assert_eq!(database.rows("select * from t order by 1"), expected, "batches of {max_rows}");
        assert_eq!(database.number("select next_offset from rowkind.offsets"), i64::try_from(records.len()).unwrap());
    }
}

const TABLE: &str = "create table t (id int primary key, v text, w text)";

fn row(id: i64, v: &str) -> Value {
    json!({"id": id, "v": v, "w": "-"})
}

#[test]
fn inserts_updates_and_deletes() {
    check(
        TABLE,
        &[
            created("t", row(1, "a")),
            created("t", row(2, "a")),
            created("t", row(3, "a")),
            updated("t", row(1, "a"), row(1, "b")),
            deleted("t", row(2, "a")),
            updated("t", Value::Null, row(3, "c")),
            deleted("t", row(1, "b")),
            created("t", row(1, "again")),
        ],
        "(1,again,-)\n(3,c,-)",
    );
}

#[test]
fn a_delete_without_its_row_goes_by_the_key() {
    check(
        TABLE,
        &[created("t", row(1, "a")), created("t", row(2, "a")), deleted("t", Value::Null).keyed(json!({"id": 1}))],
        "(2,a,-)",
    );
}

#[test]
fn a_lone_tombstone_deletes_and_one_behind_its_delete_does_nothing() {
    check(
        TABLE,
        &[
            created("t", row(1, "a")),
            created("t", row(2, "a")),
            created("t", row(3, "a")),
            tombstone(json!({"id": 1})),
            deleted("t", row(2, "a")),
            tombstone(json!({"id": 2})),
        ],
        "(3,a,-)",
    );
}

#[test]
fn a_change_of_the_key_moves_the_row() {
    check(
        TABLE,
        &[
            created("t", row(1, "a")),
            created("t", row(2, "b")),
            // as one update, which some connectors and transforms write
            updated("t", row(1, "a"), row(7, "a")),
            // as a delete, its tombstone and an insert, which Debezium writes
            deleted("t", row(2, "b")),
            tombstone(json!({"id": 2})),
            created("t", row(1, "b")),
        ],
        "(1,b,-)\n(7,a,-)",
    );
}

#[test]
fn a_column_that_was_not_sent_stays() {
    let unavailable = "__debezium_unavailable_value";
    check(
        TABLE,
        &[
            created("t", json!({"id": 1, "v": "a", "w": "large"})),
            updated("t", Value::Null, json!({"id": 1, "v": "b", "w": unavailable})),
            created("t", json!({"id": 2, "v": "x", "w": "also large"})),
            updated("t", Value::Null, json!({"id": 2, "v": unavailable, "w": unavailable})),
            updated("t", Value::Null, json!({"id": 1, "v": unavailable, "w": "other"})),
        ],
        "(1,b,other)\n(2,x,\"also large\")",
    );
}

#[test]
fn a_column_that_a_later_record_does_not_have_stays() {
    check(
        TABLE,
        &[
            created("t", json!({"id": 1, "v": "a", "w": "in the snapshot"})),
            updated("t", Value::Null, json!({"id": 1, "v": "b"})),
        ],
        "(1,b,\"in the snapshot\")",
    );
}

#[test]
fn what_was_never_sent_is_no_null() {
    let database = Database::new();
    database.execute(TABLE);
    let record = updated("t", Value::Null, json!({"id": 1, "v": "b", "w": "__debezium_unavailable_value"}));
    apply(&database, &[created("t", row(2, "a")), record], 1_000)
        .with_code(3)
        .says("topic shop.public.t, partition 0, offset 1: a row is not in the target, and its record did not send all columns");
    assert_eq!(database.rows("select id from t"), "(2)");
}

#[test]
fn a_unique_value_moves_between_rows() {
    check(
        "create table t (id int primary key, v text unique, w text)",
        &[
            created("t", row(1, "a")),
            created("t", row(2, "b")),
            updated("t", row(1, "a"), row(1, "tmp")),
            updated("t", row(2, "b"), row(2, "a")),
            updated("t", row(1, "tmp"), row(1, "b")),
            deleted("t", row(2, "a")),
            created("t", row(3, "a")),
        ],
        "(1,b,-)\n(3,a,-)",
    );
}

#[test]
fn a_truncate_is_applied() {
    let records = [created("t", row(1, "a")), truncated("t"), created("t", row(2, "a"))];
    check(TABLE, &records, "(2,a,-)");
}

#[test]
fn a_truncate_is_ignored() {
    let database = Database::new();
    database.execute(TABLE);
    let file = file_of("shop.public.t", 0, &[created("t", row(1, "a")), truncated("t"), created("t", row(2, "a"))]);
    Pipeline::from_file(file.path(), &database).set("sink.truncate", "ignore").run().with_code(0);
    assert_eq!(database.rows("select id from t order by 1"), "(1)\n(2)");
}

#[test]
fn a_truncate_stops() {
    let database = Database::new();
    database.execute(TABLE);
    let file = file_of("shop.public.t", 0, &[created("t", row(1, "a")), truncated("t"), created("t", row(2, "a"))]);
    Pipeline::from_file(file.path(), &database)
        .set("sink.truncate", "stop")
        .run()
        .with_code(3)
        .says(r#"topic shop.public.t, partition 0, offset 1: a truncate, and `sink.truncate` is "stop""#);
    assert_eq!(database.rows("select id from t"), "(1)");
}

/// Every lane has a connection of its own; a partition stays in its lane.
#[test]
fn lanes_share_the_partitions() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text, w text, backend int default pg_backend_pid())");
    let topic = broker.topic("shop.public.t", 4);
    for partition in 0..4 {
        let ids = (0..200).map(|n| i64::from(partition) + 4 * n);
        let records: Vec<Record> =
            ids.flat_map(|id| [created("t", row(id, "a")), updated("t", row(id, "a"), row(id, "b"))]).collect();
        broker.write(&topic, partition, &records);
    }
    Pipeline::from_topics(&broker, &[&topic], &database)
        .set("sink.lanes", "2")
        .set("batch.max_rows", "30")
        .run()
        .with_code(0);
    assert_eq!(database.rows("select count(*), min(v), max(v) from t"), "(800,b,b)");
    assert_eq!(database.number("select count(distinct backend) from t"), 2);
    assert_eq!(
        database.number("select max(lanes) from (select count(distinct backend) as lanes from t group by id % 4) x"),
        1
    );
}
