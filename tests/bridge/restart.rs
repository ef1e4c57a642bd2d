//! A real broker is killed under a load and starts again: nothing is lost, and nothing is done twice.

use std::thread;
use std::time::Duration;

use crate::harness::{Broker, Database, Load, OwnKafka, Pipeline, assert_each_once, read_all};
use crate::outage::TABLES;

const N_PARTITIONS: i32 = 2;

/// Without `ROWKIND_TEST_KAFKA_HOME` there is no broker that can be killed, and nothing is tested here: `.ci/run` sets it.
#[test]
fn of_the_broker_where_rowkind_test_kafka_home_names_one() {
    let Some(mut kafka) = OwnKafka::start() else { return };
    let (broker, database) = (Broker::at(&kafka.open()), Database::new());
    database.execute(TABLES);
    let (source, target) = (broker.topic("shop.public.t", N_PARTITIONS), broker.topic("out", 3));
    let mut into_postgres = Pipeline::from_topics(&broker, &[&source], &database).set("batch.max_rows", "50").start();
    let mut into_kafka = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &target)
        .set("sink.tombstones", "false")
        .set("batch.max_rows", "200")
        .start();
    let load = Load::start(&broker, &source, N_PARTITIONS, (50, Duration::from_millis(50)));
    let mut n_before = 0;
    let mut wait_for_more = || {
        database.wait_for_rows(&format!("select count(*) > {n_before} + 1000 from t"), "(t)");
        n_before = database.number("select count(*) from t");
    };
    for _ in 0..2 {
        wait_for_more();
        read_all(&broker, &target, 1_000);
        kafka.kill();
        // the load goes on, and waits
        thread::sleep(Duration::from_secs(3));
        assert!(into_postgres.is_running(), "{}", into_postgres.log());
        assert!(into_kafka.is_running(), "{}", into_kafka.log());
        kafka.start_again();
    }
    wait_for_more();
    let n_written = load.end();
    let n_all = i64::from(N_PARTITIONS) * n_written;
    database.wait_for_rows("select count(*) from t", &format!("({n_all})"));
    assert_eq!(database.rows("select count(*), count(distinct id) from applied"), format!("({n_all},{n_all})"));
    assert_each_once(&read_all(&broker, &target, usize::try_from(n_all).unwrap()), N_PARTITIONS, n_written);
    into_postgres.stop().with_code(0);
    into_kafka.stop().with_code(0);
}
