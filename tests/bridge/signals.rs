//! SIGTERM and SIGINT: what was read is applied, the group is told and left, the exit code is 0.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Record, created, file_of};

#[test]
fn sigterm_drains() {
    drains(Signal::TERM);
}

#[test]
fn sigint_drains() {
    drains(Signal::INT);
}

fn drains(signal: Signal) {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &rows(0..15));
    // the first ten close a batch; the others would wait for an hour
    let pipeline =
        Pipeline::from_topics(&broker, &[&topic], &database).set("batch.max_rows", "10").set("batch.linger", "60min");
    let bridge = pipeline.start();
    database.wait_for_rows("select count(*) from t", "(10)");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(database.rows("select count(*) from t"), "(10)");

    let asked = Instant::now();
    bridge.signal(signal);
    bridge.wait().with_code(0).says("signal received: draining").says("done records=15");
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    assert_eq!(database.rows("select count(*) from t"), "(15)");
    assert_eq!(database.rows("select next_offset from rowkind.offsets"), "(15)");
    assert_eq!(broker.committed(pipeline.name(), &topic, 0), Some(15));
}

/// The mock lets nobody join until the session of one that left would have ended, so that librdkafka has to say it.
#[test]
fn the_group_is_left() {
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("shop.public.t", 1);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.properties", "debug=cgrp")
        .with_variable("RUST_LOG", "librdkafka=debug,info");
    // the last lines of librdkafka's log may be lost with the process
    let is_left = (0..4).any(|_| {
        let bridge = pipeline.start();
        bridge.wait_for_log("INFO assigned");
        database.wait_for_rows("select count(*) from rowkind.offsets", "(1)");
        bridge.stop().with_code(0).log.contains("LeaveGroup response received")
    });
    assert!(is_left);
}

fn rows(ids: Range<i64>) -> Vec<Record> {
    ids.map(|id| created("t", json!({"id": id}))).collect()
}

/// Postgres does not take the batch: the end comes all the same, and the batch at the next start.
#[test]
fn a_target_that_does_not_answer_is_not_waited_for() {
    let database = Database::new();
    database.execute("create table t (id int primary key)");
    let file = file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_file(file.path(), &database);
    let lock = database.lock("t");
    let bridge = pipeline.start();
    database.wait_for_rows(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'rowkind %'",
        "(1)",
    );
    let asked = Instant::now();
    bridge.stop().with_code(0).says("the open batches were not taken in time");
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    drop(lock);
    pipeline.run().with_code(0);
    assert_eq!(database.rows("select id from t"), "(1)");
}
