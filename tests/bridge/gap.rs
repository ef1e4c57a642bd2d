//! A stored offset that the broker does not have is an end with a clear word, never a silent jump.

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, created, file_of};

fn with_table() -> Database {
    let database = Database::new();
    database.execute("create table t (id int primary key)");
    database
}

#[test]
fn below_the_oldest_record() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    pipeline.run().with_code(0);

    broker.write(&topic, 0, &[created("t", json!({"id": 2}))]);
    broker.forget_the_oldest(&topic, 0);
    let (low, _) = broker.watermarks(&topic, 0);
    assert!(low > 1, "the oldest record is {low}");
    pipeline
        .run()
        .with_code(1)
        .says(&format!("topic {topic}, partition 0: the stored next offset is 1, but the oldest record that the broker still has is {low}. Nothing was skipped."))
        .says(&format!("DELETE FROM rowkind.offsets WHERE pipeline = '{}' AND topic = '{topic}' AND partition = 0", pipeline.name()));
    assert_eq!(database.rows("select id from t"), "(1)");
    assert_eq!(database.rows("select next_offset from rowkind.offsets"), "(1)");
}

#[test]
fn behind_the_end() {
    let (broker, database) = (Broker::start(), with_table());
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    pipeline.run().with_code(0);

    database.execute("update rowkind.offsets set next_offset = 99");
    let ended = pipeline
        .run()
        .with_code(1)
        .says("the stored next offset is 99, but the topic ends at 1: was it deleted and created again?");

    // what it says to do helps
    let (_, statement) = ended.log.split_once("run: ").unwrap();
    database.execute(statement);
    database.execute("delete from t");
    pipeline.run().with_code(0);
    assert_eq!(database.rows("select id from t"), "(1)");
}

#[test]
fn below_the_first_record_of_a_file() {
    let database = with_table();
    let file = file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_file(file.path(), &database);
    pipeline.run().with_code(0);
    let later = file_of("shop.public.t", 5, &[created("t", json!({"id": 6}))]);
    pipeline
        .set("source.file", later.path().to_str().unwrap())
        .run()
        .with_code(1)
        .says("topic shop.public.t, partition 0: the stored next offset is 1, but its first record in the file has offset 5. Nothing was skipped.");
    assert_eq!(database.rows("select id from t"), "(1)");
}
