//! Several topics, partitions and tables in one pipeline, and topics that come while it runs.

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Record, created, updated};

fn with_tables(n: usize) -> Database {
    let database = Database::new();
    for table in 0..n {
        database.execute(&format!("create table t{table} (id int primary key, v text)"));
    }
    database
}

/// Each table's topic has three partitions; one topic has the rows of two tables.
#[test]
fn topics_partitions_and_tables() {
    let (broker, database) = (Broker::start(), with_tables(4));
    let topics = ["shop.public.t0", "shop.public.t1", "shop.public.both"].map(|name| broker.topic(name, 3));
    let tables: [&[&str]; 3] = [&["t0"], &["t1"], &["t2", "t3"]];
    for (topic, tables) in topics.iter().zip(tables) {
        for partition in 0..3 {
            let mut records: Vec<Record> = Vec::new();
            for id in (0..100).map(|n| i64::from(partition) + 3 * n) {
                for table in tables {
                    let (old, new) = (json!({"id": id, "v": "a"}), json!({"id": id, "v": *table}));
                    records.extend([created(table, old.clone()), updated(table, old, new)]);
                }
            }
            broker.write(topic, partition, &records);
        }
    }
    let topics = topics.each_ref().map(String::as_str);
    Pipeline::from_topics(&broker, &topics, &database).set("batch.max_rows", "70").run().with_code(0);
    for table in 0..4 {
        let sql = format!("select count(*), min(v), max(v) from t{table}");
        assert_eq!(database.rows(&sql), format!("(300,t{table},t{table})"));
    }
    assert_eq!(
        database.rows("select count(*), min(next_offset), max(next_offset) from rowkind.offsets"),
        "(9,200,400)"
    );
}

#[test]
fn a_topic_of_the_pattern_that_comes_later_is_found() {
    let (broker, database) = (Broker::start(), with_tables(3));
    let row = || json!({"id": 1, "v": "a"});
    let first = broker.topic("shop.public.t0", 1);
    let foreign = broker.topic("other.public.t2", 1);
    broker.write(&first, 0, &[created("t0", row())]);
    broker.write(&foreign, 0, &[created("t2", row())]);
    let pattern = format!("^{}shop[.]public[.]t.*$", broker.prefix().replace('.', "[.]"));
    let bridge = Pipeline::from_broker(&broker, &database)
        .set("source.topic_pattern", &pattern)
        .set("source.properties", "topic.metadata.refresh.interval.ms=500")
        .start();
    database.wait_for_rows("select count(*) from t0", "(1)");
    let second = broker.topic("shop.public.t1", 1);
    broker.write(&second, 0, &[created("t1", row())]);
    database.wait_for_rows("select count(*) from t1", "(1)");
    // the first goes on
    broker.write(&first, 0, &[created("t0", json!({"id": 2, "v": "b"}))]);
    database.wait_for_rows("select count(*) from t0", "(2)");
    bridge.stop().with_code(0);
    assert_eq!(database.rows("select count(*) from t2"), "(0)");
}

/// Where an end is asked for there has to be one.
#[test]
fn a_topic_that_is_not_there() {
    let (broker, database) = (Broker::start(), with_tables(1));
    broker.topic("shop.public.t0", 1);
    let pipeline = Pipeline::from_broker(&broker, &database).set("source.topic_pattern", "^nothing_of_this_name");
    pipeline.run().with_code(1).says("^nothing_of_this_name: there is no such topic");
}

#[test]
fn what_was_there_before_the_start_can_be_left_out() {
    let (broker, database) = (Broker::start(), with_tables(1));
    let topic = broker.topic("shop.public.t0", 1);
    broker.write(&topic, 0, &[created("t0", json!({"id": 1, "v": "old"}))]);
    let bridge = Pipeline::from_topics(&broker, &[&topic], &database).set("source.start", "latest-offset").start();
    database.wait_for_rows("select next_offset from rowkind.offsets", "(1)");
    broker.write(&topic, 0, &[created("t0", json!({"id": 2, "v": "new"}))]);
    database.wait_for_rows("select * from t0", "(2,new)");
    bridge.stop().with_code(0);
}

/// What a transaction aborted is not read, and the markers at its end are no records: the next offset is behind them.
#[test]
fn transactions() {
    let (broker, database) = (Broker::start(), with_tables(1));
    let topic = broker.topic("shop.public.t0", 1);
    let rows = |ids: std::ops::Range<i64>| -> Vec<Record> {
        ids.map(|id| created("t0", json!({"id": id, "v": "a"}))).collect()
    };
    broker.write_transaction(&topic, 0, &rows(0..5), true);
    if !broker.is_mock() {
        broker.write_transaction(&topic, 0, &rows(5..8), false);
    }
    broker.write_transaction(&topic, 0, &rows(8..10), true);
    Pipeline::from_topics(&broker, &[&topic], &database).run().with_code(0).says("done records=7");
    assert_eq!(database.rows("select count(*), sum(id) from t0"), "(7,27)");
    let (_, end) = broker.watermarks(&topic, 0);
    assert_eq!(database.number("select next_offset from rowkind.offsets"), end);
}
