//! A truncate of the source: it has its place between the rows of its partition, and none between those of others.

use std::io::Write as _;

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Record, created, file_of, truncated};

fn with_table() -> Database {
    let database = Database::new();
    database.execute("create table t (id int primary key, v text)");
    database
}

fn row(id: i64) -> Record {
    created("t", json!({"id": id, "v": "a"}))
}

const IDS: &str = "select id from t order by id";

/// Whatever the batches; rows of other tables stay.
#[test]
fn it_is_a_barrier_for_its_table() {
    for max_rows in ["1", "2", "3", "1000"] {
        let (broker, database) = (Broker::start(), with_table());
        database.execute("create table other (id int primary key)");
        let topic = broker.topic("shop.public.t", 1);
        let other = created("other", json!({"id": 1}));
        broker.write(&topic, 0, &[row(1), row(2), other, truncated("t"), row(2), row(3)]);
        broker.write(&topic, 0, &[truncated("t"), row(4), row(5)]);
        let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("batch.max_rows", max_rows);
        pipeline.run().with_code(0);
        assert_eq!(database.rows(IDS), "(4)\n(5)", "batches of {max_rows}");
        assert_eq!(database.rows("select id from other"), "(1)");
    }
}

const REFUSED: &str = "offset 1: a truncate in a topic of 2 partitions: which rows of the others come behind it is not known; \
                       give the topic one partition, or set `sink.truncate` to \"ignore\"";

#[test]
fn in_a_topic_of_several_partitions_it_is_refused() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &[row(1), truncated("t"), row(3)]);
    broker.write(&topic, 1, &[row(2)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    pipeline.run().with_code(3).says(&format!("stopped at topic {topic}, partition 0, {REFUSED}"));
    // the other partition is a matter of its own
    assert_eq!(database.rows("select id from t where id <> 2"), "(1)");
    assert_eq!(database.number("select next_offset from rowkind.offsets where partition = 0"), 1);

    pipeline.clone().set("rejects.policy", "skip").run().with_code(0).says(REFUSED).says("rejects=1");
    assert_eq!(database.rows(IDS), "(1)\n(2)\n(3)");
}

#[test]
fn in_a_topic_of_several_partitions_it_is_ignored() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &[row(1), truncated("t")]);
    broker.write(&topic, 1, &[row(2)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.truncate", "ignore");
    pipeline.run().with_code(0).says("rejects=0");
    assert_eq!(database.rows(IDS), "(1)\n(2)");
}

/// An instance that has one partition of the topic knows all the same that there is another.
#[test]
fn an_instance_with_one_of_several_partitions() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = broker.topic("shop.public.t", 2);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    let first = pipeline.start();
    database.wait_for_rows("select count(*) from rowkind.offsets", "(2)");
    let second = pipeline.start();
    second.wait_for_log("assigned partitions=1");
    for partition in [0, 1] {
        broker.write(&topic, partition, &[row(i64::from(partition)), truncated("t")]);
    }
    for bridge in [first, second] {
        bridge.wait().with_code(3).says(REFUSED);
    }
    assert_eq!(database.rows(IDS), "(0)\n(1)");
}

/// A partition that comes later counts, also for the instance that does not read it. (The mock's topics keep theirs.)
#[test]
fn in_a_topic_that_gets_a_second_partition() {
    let (broker, database) = (Broker::start(), with_table());
    if broker.is_mock() {
        return;
    }
    let topic = broker.topic("shop.public.t", 1);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.properties", "topic.metadata.refresh.interval.ms=500");
    let first = pipeline.start();
    database.wait_for_rows("select count(*) from rowkind.offsets", "(1)");
    broker.write(&topic, 0, &[row(1)]);
    // it gets nothing, until there is a second partition
    let second = pipeline.start();
    second.wait_for_log("INFO assigned partitions=0");
    broker.add_partitions(&topic, 2);
    second.wait_for_log("INFO assigned partitions=1");
    std::thread::sleep(std::time::Duration::from_secs(2));
    broker.write(&topic, 1, &[row(2)]);
    database.wait_for_rows(IDS, "(1)\n(2)");
    broker.write(&topic, 0, &[truncated("t")]);
    first.wait().with_code(3).says(REFUSED);
    second.stop().with_code(0);
    assert_eq!(database.rows(IDS), "(1)\n(2)");
}

/// Of a file the partitions count that were seen in it.
#[test]
fn in_a_file() {
    let line = |partition: i32, offset: i64, record: &Record| {
        let text = |part: &Option<Vec<u8>>| part.as_deref().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        json!({"topic": "shop.public.t", "partition": partition, "offset": offset,
            "key": text(&record.key), "payload": text(&record.payload)})
    };
    let database = with_table();
    let mut file = file_of("shop.public.other", 0, &[created("t", json!({"id": 9, "v": "of another topic"}))]);
    for line in [line(0, 0, &row(1)), line(1, 0, &row(2)), line(0, 1, &truncated("t")), line(0, 2, &row(3))] {
        writeln!(file, "{line}").unwrap();
    }
    Pipeline::from_file(file.path(), &database)
        .run()
        .with_code(3)
        .says("topic shop.public.t, partition 0, ")
        .says(REFUSED);
    assert_eq!(database.rows(IDS), "(1)\n(2)\n(9)");
}
