//! `source.format = "auto"`: topics of several formats in one pipeline.

use crate::harness::{Broker, Database, Pipeline, Record, Truth, created, fixture, recording};

#[test]
fn every_topic_has_its_own_format() {
    let (broker, database) = (Broker::start(), Database::new());
    let topics: Vec<String> = [
        ("debezium-avro/postgres/a_pg_avro.public.t_cpk.jsonl", "avro"),
        ("debezium-json/postgres/json-schema/a_pg_json_schema.public.t_cpk.jsonl", "json"),
        ("flattened-json/postgres/tombstone/a_pg_flat_tombstone.public.t_cpk.jsonl", "flattened"),
        // of several partitions, but no key of this table changed
        ("canal-json/mysql/by-table/cdc_a_order_items.jsonl", "canal"),
        ("maxwell-json/mysql/by-table/a_maxwell_mysql_rich.cdc_a.t_cpk.jsonl", "maxwell"),
    ]
    .into_iter()
    .map(|(file, name)| {
        let topic = broker.topic(name, 1);
        let records: Vec<Record> = recording(file).into_iter().map(Record::from).collect();
        broker.write(&topic, 0, &records);
        topic
    })
    .collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    // Maxwell's messages name no types
    let [.., canal, maxwell] = topics[..] else { unreachable!("there are five") };
    database.execute(&format!(
        r#"create schema "{maxwell}"; create table "{maxwell}".t_cpk (a int, b text, v text, primary key (a, b))"#
    ));
    let schemas = format!("file:{}", fixture("debezium-avro/postgres/registry.json").display());
    let ended = Pipeline::from_topics(&broker, &topics, &database)
        .set("source.format", "auto")
        .set("source.timezone", "UTC")
        .set("registry.url", &schemas)
        .set("sink.table", "{topic}.{table}")
        .run()
        .with_code(0);

    for (topic, format) in
        topics.iter().zip(["debezium-avro", "debezium-json", "flattened-json", "canal-json", "maxwell-json"])
    {
        assert!(ended.log.contains(&format!("topic {topic}: its records are {format}")), "{}", ended.log);
    }
    assert_eq!(ended.log.matches("its records are").count(), topics.len(), "once a topic");
    for topic in &topics {
        let (table, csv) = if *topic == canal {
            ("order_items", "debezium-json/mysql/truth/cdc_a.order_items.csv")
        } else {
            ("t_cpk", "debezium-json/postgres/truth/public.t_cpk.csv")
        };
        Truth { table: &format!("\"{topic}\".{table}"), csv, converted: &[], untold: &[] }.assert_in(&database);
    }
}

#[test]
fn what_cannot_be_told_is_refused() {
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("t", 1);
    // a tombstone and a heartbeat tell nothing, and are passed
    let heartbeat = Record::raw(r#"{"ts_ms":1}"#).keyed(serde_json::json!({"serverName": "s"}));
    broker.write(&topic, 0, &[Record::default(), heartbeat, Record::raw(r#"{"id":1,"v":"a"}"#)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("source.format", "auto");
    pipeline.run().with_code(3).says(
        "partition 0, offset 2: `payload`: the format of the topic's records is stated nowhere: set `source.format`",
    );
    // what is known stays known
    broker.write(&topic, 0, &[created("t", serde_json::json!({"id": 2, "v": "b"}))]);
    database.execute("create table public.t (id int primary key, v text)");
    pipeline.set("rejects.policy", "skip").run().with_code(0).says("its records are debezium-json").says("rejects=1");
    assert_eq!(database.rows("select * from t"), "(2,b)");
}
