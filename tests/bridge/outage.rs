//! Postgres or Kafka goes away in mid-stream and comes back.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Broker, Database, Load, Pipeline, Record, Server, created};

/// A table `t`, and one that notes what is applied to it.
pub(crate) const TABLES: &str = "
    create table applied (id int);
    create table t (id int primary key);
    create function note() returns trigger language plpgsql as $$ begin insert into applied values (new.id); return new; end $$;
    create trigger note after insert or update on t for each row execute function note()";

#[test]
fn a_restart_of_postgres_is_waited_out() {
    let server = Server::start();
    let (broker, database) = (Broker::start(), Database::of(&server));
    database.execute(TABLES);
    let topic = broker.topic("shop.public.t", 2);
    let write = |first: i64| {
        for partition in 0..2 {
            let ids = (first..first + 1_000).map(|n| 2 * n + i64::from(partition));
            let records: Vec<Record> = ids.map(|id| created("t", json!({"id": id}))).collect();
            broker.write(&topic, partition, &records);
        }
    };
    write(0);
    let mut bridge = Pipeline::from_topics(&broker, &[&topic], &database).set("batch.max_rows", "20").start();
    database.wait_for_rows("select count(*) > 100 from applied", "(t)");
    for round in 1..=2 {
        server.crash();
        write(round * 1_000);
        // the second time it is away for a while
        thread::sleep(if round == 1 { Duration::from_millis(400) } else { Duration::from_secs(12) });
        assert!(bridge.is_running(), "{}", bridge.log());
        server.recover();
        database.wait_for_rows("select count(*) from t", &format!("({})", (round + 1) * 2_000));
    }
    bridge.stop().with_code(0).says("trying again");
    assert_eq!(database.rows("select count(*), count(distinct id) from applied"), "(6000,6000)");
    assert_eq!(database.rows("select next_offset from rowkind.offsets"), "(3000)\n(3000)");
}

/// How many seconds Postgres is away under a load; 10 where it is not set.
const OUTAGE: &str = "ROWKIND_TEST_OUTAGE_SECONDS";

/// For longer than the group waits for heartbeats, and than it waits for a member that does not poll.
#[test]
fn the_group_is_kept_while_postgres_is_away() {
    let seconds = std::env::var(OUTAGE).map_or(10, |seconds| seconds.parse().unwrap());
    let server = Server::start();
    let (broker, database) = (Broker::start(), Database::of(&server));
    database.execute(TABLES);
    let topic = broker.topic("shop.public.t", 2);
    let mut bridge = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.properties", "max.poll.interval.ms=8000")
        .set("batch.max_rows", "20")
        .start();
    let load = Load::start(&broker, &topic, 2, (10, Duration::from_millis(100)));
    database.wait_for_rows("select count(*) > 100 from t", "(t)");
    server.crash();
    thread::sleep(Duration::from_secs(seconds));
    assert!(bridge.is_running(), "{}", bridge.log());
    server.recover();
    database.wait_for_rows("select count(*) > 1000 from t", "(t)");
    let n_written = load.end();
    database.wait_for_rows("select count(*) from t", &format!("({})", 2 * n_written));
    let ended = bridge.stop().with_code(0).says("trying again");
    let (n_assigned, n_revoked) = (ended.log.matches(" assigned ").count(), ended.log.matches(" revoked ").count());
    assert_eq!((n_assigned, n_revoked), (1, 0), "{}", ended.log);
    assert_eq!(database.rows("select count(*) = count(distinct id) from applied"), "(t)");
    assert_eq!(database.rows("select next_offset from rowkind.offsets"), format!("({n_written})\n({n_written})"));
}

#[test]
fn a_restart_of_kafka_is_waited_out() {
    let (broker, database) = (Broker::mock(), Database::new());
    database.execute(TABLES);
    let topic = broker.topic("shop.public.t", 1);
    let write = |first: i64| {
        let records: Vec<Record> = (first..first + 1_000).map(|id| created("t", json!({"id": id}))).collect();
        broker.write(&topic, 0, &records);
    };
    write(0);
    let mut bridge = Pipeline::from_topics(&broker, &[&topic], &database).set("batch.max_rows", "20").start();
    database.wait_for_rows("select count(*) from applied", "(1000)");
    broker.stop();
    bridge.wait_for_log("brokers are down");
    thread::sleep(Duration::from_secs(2));
    assert!(bridge.is_running(), "{}", bridge.log());
    let n_lines = bridge.log().lines().count();
    assert!(n_lines < 20, "the same is not said again and again: {}", bridge.log());
    broker.resume();
    write(1_000);
    database.wait_for_rows("select count(*) from t", "(2000)");
    bridge.stop().with_code(0);
    assert_eq!(database.rows("select count(*), count(distinct id) from applied"), "(2000,2000)");
}
