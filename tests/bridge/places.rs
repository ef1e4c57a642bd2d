//! Where a pipeline starts and where it ends: `source.start` and `source.stop`.
//!
//! The mock cluster knows no times of records and no partitions that come later: what needs them is on a real broker.

use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::NamedTempFile;

use crate::harness::{Broker, Database, Pipeline, Record, created, file_of};

/// The row with this id has offset `id % 100` of partition `id / 100`.
fn rows(ids: std::ops::Range<i64>) -> Vec<Record> {
    ids.map(|id| created("t", json!({"id": id}))).collect()
}

fn with_table() -> Database {
    let database = Database::new();
    database.execute("create table t (id int primary key)");
    database
}

/// A topic with ten records in each of two partitions.
fn topic_of(broker: &Broker) -> String {
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &rows(0..10));
    broker.write(&topic, 1, &rows(100..110));
    topic
}

const COUNTS: &str = "select count(*), min(id) from t group by id / 100 order by 2";

#[test]
fn at_specific_offsets_once() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = topic_of(&broker);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.start", "specific-offsets")
        .set("source.start_offsets", "partition:0,offset:4;partition:1,offset:10");
    pipeline.run().with_code(0).says("done records=6");
    assert_eq!(database.rows(COUNTS), "(6,4)");
    // what is stored wins from then on
    broker.write(&topic, 1, &rows(110..112));
    pipeline.set("source.start_offsets", "partition:0,offset:0;partition:1,offset:0").run().with_code(0);
    assert_eq!(database.rows(COUNTS), "(6,4)\n(2,110)");
}

#[test]
fn a_start_that_is_not_there_is_an_error() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = topic_of(&broker);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("source.start", "specific-offsets");
    for (offsets, message) in [
        (
            "partition:0,offset:11;partition:1,offset:0",
            "partition 0: `source.start_offsets` says offset 11, but the offsets that are there are 0 to 10",
        ),
        ("partition:0,offset:0", "partition 1: `source.start_offsets` does not name it"),
        ("partition:0,offset:0;partition:1,offset:0;partition:2,offset:0", "partition 2 is not there"),
    ] {
        pipeline.clone().set("source.start_offsets", offsets).run().with_code(1).says(message);
        assert_eq!(database.rows("select count(*) from rowkind.offsets"), "(0)", "nothing is stored");
    }
    pipeline
        .set("source.start_offsets", "partition:0,offset:10;partition:1,offset:0")
        .run()
        .with_code(0)
        .says("done records=10");
}

#[test]
fn where_the_group_has_come_to() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = topic_of(&broker);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("source.start", "group-offsets");
    broker.commit(pipeline.name(), &topic, 0, 7);
    pipeline
        .run()
        .with_code(1)
        .says("partition 1: `source.start` = \"group-offsets\", but group")
        .says("has committed no offset for it: set `source.start_fallback` to earliest-offset or latest-offset");
    // as Kafka's clients call it
    pipeline.clone().set("source.properties", "auto.offset.reset=latest").run().with_code(0).says("done records=3");
    assert_eq!(database.rows(COUNTS), "(3,7)");

    let again = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.start", "group-offsets")
        .set("source.start_fallback", "earliest-offset");
    broker.commit(again.name(), &topic, 0, 8);
    again.run().with_code(0).says("done records=12");
    assert_eq!(database.rows(COUNTS), "(3,7)\n(10,100)");
}

#[test]
fn before_specific_offsets() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = topic_of(&broker);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.stop", "specific-offsets")
        .set("source.stop_offsets", "partition:0,offset:4;partition:1,offset:0");
    pipeline.start().wait().with_code(0).says("done records=4");
    // it goes on there, and waits for an end that is not there yet
    let pipeline = pipeline.set("source.stop_offsets", "partition:0,offset:12;partition:1,offset:1");
    let mut bridge = pipeline.start();
    database.wait_for_rows(COUNTS, "(10,0)\n(1,100)");
    std::thread::sleep(Duration::from_millis(300));
    assert!(bridge.is_running(), "{}", bridge.log());
    broker.write(&topic, 0, &rows(10..15));
    bridge.wait().with_code(0).says("done records=9");
    assert_eq!(
        database.rows("select partition, next_offset from rowkind.offsets order by 1"),
        "(0,12)\n(1,1)",
        "what was read beyond the end is left"
    );
    pipeline
        .set("source.stop_offsets", "partition:0,offset:12")
        .start()
        .wait()
        .with_code(1)
        .says("partition 1: `source.stop_offsets` does not name it");
}

#[test]
fn where_the_group_of_another_has_come_to() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = topic_of(&broker);
    let stopping = || Pipeline::from_topics(&broker, &[&topic], &database).set("source.stop", "group-offsets");
    stopping().start().wait().with_code(1).says("has committed no offset for it");
    let pipeline = stopping();
    broker.commit(pipeline.name(), &topic, 0, 7);
    broker.commit(pipeline.name(), &topic, 1, 2);
    pipeline.start().wait().with_code(0);
    assert_eq!(database.rows(COUNTS), "(7,0)\n(2,100)");
    assert_eq!(broker.committed(pipeline.name(), &topic, 0), Some(7), "it stays the other's");
}

/// What comes later is read from its beginning, whatever `source.start` says: nothing of it may be lost.
#[test]
fn a_topic_that_comes_later_is_read_whole() {
    let (broker, database) = (Broker::start(), with_table());
    let first = broker.topic("shop.public.t", 1);
    broker.write(&first, 0, &rows(0..10));
    let pattern = format!("^{}shop[.]public[.].*$", broker.prefix().replace('.', "[.]"));
    let pipeline = Pipeline::from_broker(&broker, &database)
        .set("source.topic_pattern", &pattern)
        .set("source.properties", "topic.metadata.refresh.interval.ms=500")
        .set("source.start", "latest-offset");
    let bridge = pipeline.start();
    database.wait_for_rows("select topic, next_offset from rowkind.offsets", &format!("({first},10)"));
    let second = broker.topic("shop.public.u", 1);
    broker.write(&second, 0, &rows(100..110));
    database.wait_for_rows(COUNTS, "(10,100)");
    bridge.stop().with_code(0);
    // and one that comes while nobody reads
    let third = broker.topic("shop.public.v", 1);
    broker.write(&third, 0, &rows(200..210));
    pipeline.run().with_code(0);
    assert_eq!(database.rows(COUNTS), "(10,100)\n(10,200)");
}

#[test]
fn a_partition_that_comes_later_is_read_whole() {
    let (broker, database) = (Broker::start(), with_table());
    if broker.is_mock() {
        return;
    }
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &rows(0..10));
    let bridge = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.properties", "topic.metadata.refresh.interval.ms=500")
        .set("source.start", "latest-offset")
        .start();
    database.wait_for_rows("select next_offset from rowkind.offsets", "(10)");
    broker.add_partitions(&topic, 2);
    broker.write(&topic, 1, &rows(100..110));
    database.wait_for_rows(COUNTS, "(10,100)");
    bridge.stop().with_code(0);
}

#[test]
fn from_a_time_to_a_time() {
    let (broker, database) = (Broker::start(), with_table());
    if broker.is_mock() {
        return;
    }
    let topic = topic_of(&broker);
    let moment = || {
        std::thread::sleep(Duration::from_millis(50));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().to_string();
        std::thread::sleep(Duration::from_millis(50));
        now
    };
    let start = moment();
    broker.write(&topic, 0, &rows(10..20));
    let stop = moment();
    broker.write(&topic, 0, &rows(20..30));
    broker.write(&topic, 1, &rows(110..120));
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.start", "timestamp")
        .set("source.start_timestamp", &start);
    pipeline.clone().set("source.stop", "timestamp").set("source.stop_timestamp", &stop).start().wait().with_code(0);
    assert_eq!(database.rows(COUNTS), "(10,10)");
    pipeline.run().with_code(0);
    assert_eq!(database.rows(COUNTS), "(20,10)\n(10,110)");
}

/// Ten records of a file, one a second from 1970 on.
fn timed() -> NamedTempFile {
    let file = file_of("shop.public.t", 0, &rows(0..10));
    let lines = std::fs::read_to_string(file.path()).unwrap();
    let timed = |(second, line): (usize, &str)| line.replacen('{', &format!("{{\"ts\":{},", second * 1_000), 1) + "\n";
    std::fs::write(file.path(), lines.lines().enumerate().map(timed).collect::<String>()).unwrap();
    file
}

#[test]
fn in_a_file_by_time() {
    let (file, database) = (timed(), with_table());
    let pipeline = Pipeline::from_file(file.path(), &database)
        .set("source.start", "timestamp")
        .set("source.start_timestamp", "1970-01-01T01:00:02.5+01:00");
    pipeline.clone().set("source.stop", "timestamp").set("source.stop_timestamp", "6000").start().wait().with_code(0);
    assert_eq!(database.rows("select min(id), max(id) from t"), "(3,5)");
    pipeline.run().with_code(0);
    assert_eq!(database.rows("select min(id), max(id) from t"), "(3,9)");

    let untimed = file_of("shop.public.t", 0, &rows(0..1));
    let place = format!("`{}`, line 1: expected a `ts`", untimed.path().display());
    Pipeline::from_file(untimed.path(), &database)
        .set("source.start", "timestamp")
        .set("source.start_timestamp", "0")
        .run()
        .with_code(1)
        .says(&place);
}

#[test]
fn in_a_file_by_offset() {
    let (file, database) = (timed(), with_table());
    let pipeline = Pipeline::from_file(file.path(), &database)
        .set("source.start", "specific-offsets")
        .set("source.stop", "specific-offsets")
        .set("source.stop_offsets", "topic:shop.public.t,partition:0,offset:6");
    let from = |offset: i64| format!("topic:shop.public.t,partition:0,offset:{offset}");
    pipeline.clone().set("source.start_offsets", &from(11)).start().wait().with_code(1).says("says offset 11");
    pipeline.set("source.start_offsets", &from(4)).start().wait().with_code(0);
    assert_eq!(database.rows("select min(id), max(id) from t"), "(4,5)");
    assert_eq!(database.rows("select next_offset from rowkind.offsets"), "(6)");
}
