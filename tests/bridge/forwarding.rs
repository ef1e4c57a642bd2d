//! Rejects on their way to a topic: each is there once, whatever happens to whoever forwards them.

use std::thread;
use std::time::Duration;

use rdkafka::message::{Headers as _, Message as _, OwnedMessage};
use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Random, Record, created};

const N_RECORDS: i64 = 6_000;

fn is_bad(id: i64) -> bool {
    id % 3 == 1
}

fn records() -> Vec<Record> {
    let record = |id| {
        let key = json!({"id": id});
        if is_bad(id) { Record::raw("no JSON").keyed(key) } else { created("t", key) }
    };
    (0..N_RECORDS).map(record).collect()
}

/// Its offset in its source.
fn offset(message: &OwnedMessage) -> i64 {
    let headers = message.headers().unwrap();
    let header = headers.iter().find(|header| header.key == "__connect.errors.offset").unwrap();
    String::from_utf8(header.value.unwrap().to_vec()).unwrap().parse().unwrap()
}

/// A pipeline with bad records in its topic, and the topic for these.
fn pipeline(broker: &Broker, database: &Database) -> (Pipeline, String, String) {
    database.execute("create table t (id int primary key)");
    let (topic, bad) = (broker.topic("shop.public.t", 1), broker.topic("bad", 1));
    broker.write(&topic, 0, &records());
    let pipeline = Pipeline::from_topics(broker, &[&topic], database)
        .set("rejects.policy", "topic")
        .set("rejects.topic", &bad)
        .set("rejects.max_per_minute", "1000000")
        .set("batch.max_rows", "40");
    (pipeline, topic, bad)
}

/// Asserts that a reader of committed records finds each reject once, in order. The mock's readers find aborted ones too,
/// and it forgets the offsets of transactions.
#[track_caller]
fn assert_once(broker: &Broker, bad: &str) {
    let mut found: Vec<i64> = broker.read(bad).iter().map(offset).collect();
    if broker.is_mock() {
        found.sort_unstable();
        found.dedup();
    }
    let expected: Vec<i64> = (0..N_RECORDS).filter(|id| is_bad(*id)).collect();
    assert!(found == expected, "{} of {} rejects: {found:?}", found.len(), expected.len());
}

/// Widens the moment between Kafka's commit and the mark in the table, and lets the mark of a killed instance not come to be.
const SLOW_MARKS: &str = "
    do $$ begin
      execute format('alter database %I set client_connection_check_interval = 5', current_database());
    end $$;
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.05); return null; end $$;
    create trigger slow before update on rowkind.rejects for each statement execute function slow()";

/// Eight kills of each of three pipelines, side by side, at random moments of forwarding.
#[test]
fn each_reject_is_in_the_topic_once_under_kills() {
    thread::scope(|scope| {
        for seed in [11, 12, 13] {
            scope.spawn(move || kill(seed));
        }
    });
}

fn kill(seed: u64) {
    let (broker, database) = (Broker::start(), Database::new());
    let (pipeline, topic, bad) = pipeline(&broker, &database);
    let mut random = Random(seed);
    // the tables are made by another pipeline, so that the trigger can be
    let other = pipeline.clone().set("name", "other").set("source.stop", "latest-offset");
    other.set("rejects.max_per_minute", "1").set("rejects.policy", "table").start().wait().with_code(3);
    database.execute("delete from rowkind.rejects; delete from rowkind.offsets; delete from t");
    database.execute(SLOW_MARKS);
    let n_kills = 8;
    for kill in 1..=n_kills {
        let bridge = pipeline.clone().set("source.group", &format!("{}-{kill}", pipeline.name())).start();
        let part = N_RECORDS * kill / (n_kills * 2);
        database.wait_for_rows(
            &format!("select count(*) filter (where forwarded_at is not null) >= {part} / 3 from rowkind.rejects"),
            "(t)",
        );
        thread::sleep(Duration::from_millis(random.below(60) as u64));
        let killed = bridge.kill();
        assert_eq!(killed.code, None, "it was still at work: {}", killed.log);
    }
    pipeline.run().with_code(0);
    assert_once(&broker, &bad);
    assert_eq!(database.number("select count(*) from rowkind.rejects where forwarded_at is null"), 0);
    let n_sound = (0..N_RECORDS).filter(|id| !is_bad(*id)).count();
    assert_eq!(database.rows("select count(*) from t"), format!("({n_sound})"));
    if !broker.is_mock() {
        let committed = broker.committed(&format!("{}.rejects", pipeline.name()), &topic, 0);
        assert_eq!(committed, (0..N_RECORDS).rev().find(|id| is_bad(*id)).map(|last| last + 1));
    }
}

/// What was written to the topic and not yet marked when an instance died is not written again.
#[test]
fn what_kafka_has_committed_is_not_written_again() {
    let (broker, database) = (Broker::start(), Database::new());
    let (pipeline, _, bad) = pipeline(&broker, &database);
    pipeline.run().with_code(0);
    if !broker.is_mock() {
        database.execute("update rowkind.rejects set forwarded_at = null");
    }
    pipeline.run().with_code(0);
    assert_once(&broker, &bad);
    assert_eq!(database.number("select count(*) from rowkind.rejects where forwarded_at is null"), 0);
}

/// An instance that has lost its partition and does not know it yet forwards nothing.
#[test]
fn only_the_owner_of_a_partition_forwards() {
    let (broker, database) = (Broker::start(), Database::new());
    let (pipeline, topic, bad) = pipeline(&broker, &database);
    let bridge = pipeline.start();
    database.wait_for_rows(
        &format!("select next_offset from rowkind.offsets where topic = '{topic}'"),
        &format!("({N_RECORDS})"),
    );
    database.wait_for_rows("select count(*) from rowkind.rejects where forwarded_at is null", "(0)");
    database.execute("update rowkind.offsets set epoch = epoch + 1");
    database.execute("update rowkind.rejects set forwarded_at = null where \"offset\" = 1");
    broker.write(&topic, 0, &[Record::raw("no JSON either").keyed(json!({"id": -1}))]);
    bridge.wait_for_log("another instance has taken it over");
    bridge.stop().with_code(0);
    assert_eq!(database.number("select count(*) from rowkind.rejects where forwarded_at is null"), 1);
    assert_once(&broker, &bad);
}

/// Two instances share the partitions; one is killed, and the other forwards what is left of its.
#[test]
fn the_next_owner_of_a_partition_goes_on() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key)");
    let (topic, bad) = (broker.topic("shop.public.t", 2), broker.topic("bad", 1));
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("rejects.policy", "topic")
        .set("rejects.topic", &bad)
        .set("rejects.max_per_minute", "1000000");
    let first = pipeline.start();
    first.wait_for_log("assigned partitions=2");
    let second = pipeline.start();
    let write = |part: std::ops::Range<i64>| {
        let bad = |id: i64| Record::raw(&format!("no JSON {id}")).keyed(json!({"id": id}));
        let records: Vec<Record> = part.map(bad).collect();
        (0..2).for_each(|partition| broker.write(&topic, partition, &records));
    };
    second.wait_for_log("assigned partitions=1");
    write(0..300);
    database.wait_for_rows("select count(*) > 100 from rowkind.rejects where forwarded_at is not null", "(t)");
    first.kill();
    write(300..400);
    database.wait_for_rows("select count(*), count(forwarded_at) from rowkind.rejects", "(800,800)");
    second.stop().with_code(0);
    let mut found: Vec<i64> = broker.read(&bad).iter().map(offset).collect();
    found.sort_unstable();
    if !broker.is_mock() {
        assert!(found == (0..800).map(|n| n / 2).collect::<Vec<_>>(), "{} of 800: {found:?}", found.len());
    }
    found.dedup();
    assert!(found == (0..400).collect::<Vec<_>>(), "{found:?}");
}

/// A topic that is not there, and cannot be made, is named.
#[test]
fn without_the_topic_the_pipeline_stops_and_keeps_them() {
    let (broker, database) = (Broker::start(), Database::new());
    let (pipeline, _, _) = pipeline(&broker, &database);
    let ended = pipeline.set("rejects.topic", "no such topic!").run();
    if broker.is_mock() {
        ended.with_code(0).says("rejects=2000"); // it has every topic that it is asked for
        return;
    }
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("cannot write rejects of topic"), "{}", ended.log);
    assert!(ended.log.contains("They are kept in rowkind.rejects"), "{}", ended.log);
    assert!(database.number("select count(*) from rowkind.rejects") > 0);
}
