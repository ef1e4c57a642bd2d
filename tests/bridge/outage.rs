//! Postgres or Kafka goes away in mid-stream and comes back.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Record, Server, created};

const TABLES: &str = "
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
        std::thread::sleep(if round == 1 { Duration::from_millis(400) } else { Duration::from_secs(12) });
        assert!(bridge.is_running(), "{}", bridge.log());
        server.recover();
        database.wait_for_rows("select count(*) from t", &format!("({})", (round + 1) * 2_000));
    }
    bridge.stop().with_code(0).says("trying again");
    assert_eq!(database.rows("select count(*), count(distinct id) from applied"), "(6000,6000)");
    assert_eq!(database.rows("select next_offset from rowkind.offsets"), "(3000)\n(3000)");
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
    std::thread::sleep(Duration::from_secs(2));
    assert!(bridge.is_running(), "{}", bridge.log());
    let n_lines = bridge.log().lines().count();
    assert!(n_lines < 20, "the same is not said again and again: {}", bridge.log());
    broker.resume();
    write(1_000);
    database.wait_for_rows("select count(*) from t", "(2000)");
    bridge.stop().with_code(0);
    assert_eq!(database.rows("select count(*), count(distinct id) from applied"), "(2000,2000)");
}
