//! A transaction of Kafka's is committed, and nobody is told.

use serde_json::json;

use crate::harness::{Broker, OwnKafka, Pipeline, Record, assert_each_once, created, read_all};

/// It is not written again: the group's offsets say that it was committed. Without `ROWKIND_TEST_KAFKA_HOME` nothing is
/// tested here.
#[test]
fn a_commit_whose_answer_is_lost_where_rowkind_test_kafka_home_names_a_kafka() {
    let Some(kafka) = OwnKafka::start() else { return };
    let (broker, proxy) = (Broker::at(&kafka.open()), kafka.proxy());
    let (source, target) = (broker.topic("in", 1), broker.topic("out", 2));
    let write = |first: i64| {
        let records: Vec<Record> = (first..first + 100).map(|id| created("t", json!({"id": id}))).collect();
        broker.write(&source, 0, &records);
    };
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.brokers", &proxy.address())
        .set("source.topics", &source)
        .set("sink.topic", &target);
    let running = pipeline.start();
    write(0);
    read_all(&broker, &target, 100);
    proxy.lose_commits();
    write(100);
    // they are there long before the producer gives up
    read_all(&broker, &target, 200);
    running.wait_for_log("trying again");
    assert!(proxy.n_lost() > 0);
    write(200);
    assert_each_once(&read_all(&broker, &target, 300), 1, 300);
    running.stop().with_code(0);
    assert_eq!(broker.committed(pipeline.name(), &source, 0), Some(300));
}
