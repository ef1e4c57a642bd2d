//! A target that is away for longer than `max.poll.interval.ms`: the group keeps its member, and memory its bounds.

use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Bridge, Broker, Database, Pipeline, Record, Server, created};

/// Longer than the six seconds that the pipelines here have.
const AWAY: Duration = Duration::from_secs(9);

fn with_short_interval(broker: &Broker, topic: &str, database: &Database) -> Pipeline {
    Pipeline::from_topics(broker, &[topic], database).set("source.properties", "max.poll.interval.ms=6000")
}

fn rows(ids: std::ops::Range<i64>) -> Vec<Record> {
    ids.map(|id| created("t", json!({"id": id, "text": "x".repeat(1_000)}))).collect()
}

fn has_kept_its_group(bridge: Bridge) {
    // what the group has to say comes a little later
    sleep(Duration::from_secs(2));
    let ended = bridge.stop().with_code(0);
    assert!(!ended.log.contains("maximum poll interval"), "{}", ended.log);
    assert_eq!(ended.log.matches("INFO assigned").count(), 1, "{}", ended.log);
}

#[test]
fn a_lock_that_is_held_for_long() {
    let (broker, database) = (Broker::start(), Database::noting_changes_of_t("id int primary key, seq int, text text"));
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &rows(0..10));
    let bridge = with_short_interval(&broker, &topic, &database)
        .set("batch.max_rows", "100")
        .set("source.properties", "queued.max.messages.kbytes=200")
        .start();
    database.wait_for_rows("select count(*) from t", "(10)");
    let lock = database.lock("t");
    // more than the batches and librdkafka's queue hold
    broker.write(&topic, 0, &rows(10..3_000));
    sleep(AWAY);
    let held = bridge.resident_kb();
    drop(lock);
    database.wait_for_rows("select count(*) from t", "(3000)");
    assert_eq!(database.rows("select count(*) from applied"), "(3000)", "once each");
    assert!(held < 120_000, "{held} kB are held");
    has_kept_its_group(bridge);
}

#[test]
fn a_start_before_that_of_postgres() {
    let server = Server::start();
    let (broker, database) = (Broker::start(), Database::of(&server));
    database.execute("create table t (id int primary key, text text)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &rows(0..10));
    server.crash();
    let bridge = with_short_interval(&broker, &topic, &database).start();
    bridge.wait_for_log("cannot claim partitions, trying again");
    sleep(AWAY);
    server.recover();
    database.wait_for_rows("select count(*) from t", "(10)");
    has_kept_its_group(bridge);
}
