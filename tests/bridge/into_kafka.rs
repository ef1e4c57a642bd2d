//! Changelogs into topics: the same rows in another format, each record once.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Bridge, Broker, Pipeline, Random, ReadRecord, Record, Registry, assert_each_once, created, deleted, file_of,
    read_all, read_records as read, recording, unknown, updated,
};

/// The changelog of a topic, as `rowkind inspect` prints it.
fn inspected(broker: &Broker, topic: &str, flags: &[&str]) -> Vec<String> {
    let arguments = [&["inspect", "--brokers", broker.address(), "--topic", topic], flags].concat();
    let ended = Bridge::start(&arguments, &[]).wait().with_code(0);
    ended.output.lines().map(str::to_owned).collect()
}

fn row(id: usize, seq: usize) -> Value {
    json!({"id": id, "seq": seq})
}

#[test]
fn the_shop_in_other_formats() {
    let broker = Broker::start();
    let source = broker.topic("shop", 1);
    let records: Vec<Record> = recording("shop/shop.jsonl").into_iter().map(Record::from).collect();
    broker.write(&source, 0, &records);
    let sent = inspected(&broker, &source, &[]);
    for (format, schema) in [("debezium-json", "true"), ("canal-json", "false"), ("maxwell-json", "false")] {
        for table in ["customers", "orders", "order_items", "products"] {
            broker.topic(&format!("{format}.{table}"), 2);
        }
        let target = format!("{}{format}.{{table}}", broker.prefix());
        let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
            .set("source.topics", &source)
            .set("sink.topic", &target)
            .set("sink.format", format)
            .set("sink.schema_include", schema);
        pipeline.run().with_code(0).says("rejects=0");
        if !broker.is_mock() {
            assert_eq!(broker.committed(pipeline.name(), &source, 0), Some(i64::try_from(records.len()).unwrap()));
        }
        for table in ["orders", "order_items"] {
            let topic = target.replace("{table}", table);
            let mut rows = inspected(&broker, &topic, &["--format", format, "--source-timezone", "UTC"]);
            let mut expected: Vec<String> =
                sent.iter().filter(|line| line.contains(&format!(" public.{table} "))).cloned().collect();
            if format == "debezium-json" {
                rows.sort();
                expected.sort();
                assert_eq!(rows, expected, "{topic}");
            } else {
                // these two say all of a row as text, and fill in a row before its change
                let n = |lines: &[String], kind: &str| lines.iter().filter(|line| line.starts_with(kind)).count();
                for kind in ["+I", "+U", "-D"] {
                    assert_eq!(n(&rows, kind), n(&expected, kind), "{topic}: {kind}");
                }
            }
        }
    }
}

/// Keys go where Kafka's clients send them, records without a key where those of their source's partition go. Headers
/// say where a record comes from.
#[test]
fn partitions_and_headers() {
    let broker = Broker::start();
    let (source, keyed, keyless) = (broker.topic("in", 3), broker.topic("keyed", 3), broker.topic("keyless", 3));
    for partition in 0..3 {
        let id = usize::try_from(partition).unwrap();
        broker.write(&source, partition, &[created("t", row(id, 0)), updated("t", row(id, 0), row(id, 1))]);
    }
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka").set("source.topics", &source);
    pipeline.clone().set("sink.topic", &keyed).run().with_code(0);
    let records = read(&broker, &keyed);
    assert_eq!(records.len(), 6);
    for record in &records {
        // murmur2 of {"id":0}, {"id":1}, {"id":2} by Kafka's own client, 3 partitions
        let key = record.key.as_deref().unwrap();
        let of_key: Vec<i32> =
            records.iter().filter(|other| other.key.as_deref() == Some(key)).map(|r| r.partition).collect();
        assert!(of_key.iter().all(|partition| *partition == record.partition), "{key}: {of_key:?}");
        let header = |name: &str| record.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(header("rowkind.topic"), Some(source.as_str()));
        assert!(header("rowkind.partition").is_some() && header("rowkind.offset").is_some(), "{:?}", record.headers);
    }
    let pipeline = pipeline.set("sink.topic", &keyless).set("sink.format", "canal-json").set("name", "other");
    pipeline.set("source.group", &format!("{keyless}-group")).run().with_code(0);
    let partition_of = |record: &ReadRecord| {
        let header = record.headers.iter().find(|(key, _)| key == "rowkind.partition");
        header.map(|(_, value)| value.parse().unwrap())
    };
    let records = read(&broker, &keyless);
    assert_eq!(records.len(), 6);
    assert!(records.iter().all(|record| partition_of(record) == Some(record.partition)), "{records:?}");
}

/// A load over a few keys from `first` on, each change with the next `seq`.
fn load(first: usize, n_events: usize, n_keys: usize) -> Vec<Record> {
    let mut random = Random(7);
    let mut rows: Vec<Option<Value>> = vec![None; n_keys];
    let mut event = |seq: usize| {
        let id = random.below(n_keys);
        match rows[id].take() {
            Some(before) if random.below(5) == 0 => deleted("t", before),
            Some(before) => {
                rows[id] = Some(row(first + id, seq));
                updated("t", before, row(first + id, seq))
            }
            None => {
                rows[id] = Some(row(first + id, seq));
                created("t", row(first + id, seq))
            }
        }
    };
    (0..n_events).map(&mut event).collect()
}

/// Killed again and again: a `read_committed` reader finds each record once. The mock cluster has no transactions that
/// its readers could tell; there only what a restart in peace does is seen.
#[test]
fn each_record_once_under_kills() {
    let broker = Broker::start();
    let (source, target) = (broker.topic("in", 2), broker.topic("out", 3));
    let n_records = 4_000;
    for partition in 0..2 {
        let records = load(usize::try_from(partition).unwrap() * 1_000, n_records, 200);
        broker.write(&source, partition, &records);
    }
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &target)
        .set("sink.tombstones", "false")
        .set("batch.max_rows", "150");
    let mut random = Random(11);
    let n_kills = if broker.is_mock() { 0 } else { 12 };
    for _ in 0..n_kills {
        let running = pipeline.start();
        running.wait_for_log("assigned");
        thread::sleep(Duration::from_millis(u64::try_from(random.below(400)).unwrap()));
        running.kill();
    }
    pipeline.run().with_code(0);
    assert_each_once(&read_all(&broker, &target, 2 * n_records), 2, i64::try_from(n_records).unwrap());
}

/// Three instances come and go under a load: each record once.
#[test]
fn each_record_once_while_instances_come_and_go() {
    let broker = Broker::start();
    if broker.is_mock() {
        // its groups take seconds for each member that comes, and its transactions hide nothing
        return;
    }
    let (source, target) = (broker.topic("in", 4), broker.topic("out", 4));
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &target)
        .set("sink.tombstones", "false")
        .set("batch.max_rows", "50");
    let rounds: i64 = 12;
    let mut running: Vec<Bridge> = vec![pipeline.start()];
    for round in 0..rounds {
        for partition in 0..4_usize {
            let id = |n: usize| partition * 1_000 + n;
            let first = usize::try_from(round).unwrap() * 100;
            let records: Vec<Record> = (0..100).map(|n| created("t", row(id(n), first + n))).collect();
            broker.write(&source, i32::try_from(partition).unwrap(), &records);
        }
        match round % 4 {
            0 | 1 => running.push(pipeline.start()),
            2 => drop(running.remove(0).stop().with_code(0)),
            _ => drop(running.remove(0).kill()),
        }
        thread::sleep(Duration::from_millis(700));
    }
    for bridge in running {
        bridge.stop().with_code(0);
    }
    pipeline.run().with_code(0);
    let n_rows = usize::try_from(4 * rounds * 100).unwrap();
    assert_each_once(&read_all(&broker, &target, n_rows), 4, rounds * 100);
}

/// Nobody reads what was written before the kill: a complete changelog goes on as if there had been none.
#[test]
fn a_complete_changelog_under_kills() {
    let broker = Broker::start();
    let (source, target) = (broker.topic("in", 1), broker.topic("out", 1));
    let records = load(0, 3_000, 50);
    let bare: Vec<Record> = records
        .iter()
        .map(|record| {
            let mut event: Value = serde_json::from_slice(record.payload.as_deref().unwrap()).unwrap();
            event["before"] = match event["op"].as_str() {
                Some("d") => json!({"id": event["before"]["id"]}),
                _ => Value::Null,
            };
            Record { payload: Some(event.to_string().into_bytes()), ..record.clone() }
        })
        .collect();
    broker.write(&source, 0, &bare);
    let state = TempDir::new().unwrap();
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &target)
        .set("sink.changelog", "all")
        .set("sink.state_dir", state.path().to_str().unwrap())
        .set("batch.max_rows", "100");
    let mut random = Random(5);
    let n_kills = if broker.is_mock() { 0 } else { 8 };
    for _ in 0..n_kills {
        let running = pipeline.start();
        running.wait_for_log("assigned");
        thread::sleep(Duration::from_millis(u64::try_from(random.below(300)).unwrap()));
        running.kill();
    }
    pipeline.run().with_code(0);
    let whole = file_of("in", 0, &records);
    let expected = Pipeline::changelog_from_file(whole.path(), "stdout").run().with_code(0).output;
    // an update is one record
    let n_rows = expected.lines().filter(|line| !line.starts_with("-U")).count();
    read_all(&broker, &target, n_rows);
    let rows = inspected(&broker, &target, &[]);
    assert!(rows.join("\n") + "\n" == expected, "{} rows", rows.len());

    // another machine has no state, and learns it from the topic
    if broker.is_mock() {
        // it forgets the offsets of transactions
        return;
    }
    let elsewhere = TempDir::new().unwrap();
    broker.write(&source, 0, &[updated("t", Value::Null, row(7, 9_999))]);
    pipeline.set("sink.state_dir", elsewhere.path().to_str().unwrap()).run().with_code(0);
    let behind = inspected(&broker, &target, &[]).split_off(rows.len());
    let last = expected.lines().rev().find(|line| line.contains(r#"{"id":7,"#)).unwrap();
    let was = last.strip_prefix("+U ").expect("the load leaves row 7 there");
    assert_eq!(behind, [format!("-U {was}"), r#"+U public.t {"id":7,"seq":9999}"#.to_owned()]);
}

/// Schemas are registered under the names that other clients of Confluent's registry give them.
#[test]
fn avro_is_registered_and_read_back() {
    let broker = Broker::start();
    let (source, target) = (broker.topic("shop", 1), broker.topic("avro", 1));
    let records: Vec<Record> = recording("shop/shop.jsonl").into_iter().map(Record::from).collect();
    broker.write(&source, 0, &records);
    let schemas = Mutex::new(Vec::<String>::new());
    let registry = Registry::start(move |_, request| {
        let mut schemas = schemas.lock().unwrap();
        if let Some(id) = request.path.strip_prefix("/schemas/ids/") {
            let known = id.parse().ok().and_then(|id: usize| schemas.get(id));
            return known.map_or_else(unknown, |schema| (200, json!({ "schema": schema })));
        }
        let schema = serde_json::from_str::<Value>(&request.body).unwrap()["schema"].as_str().unwrap().to_owned();
        let id = schemas.iter().position(|known| *known == schema).unwrap_or(schemas.len());
        if id == schemas.len() {
            schemas.push(schema);
        }
        (200, json!({ "id": id }))
    });
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &target)
        .set("sink.format", "debezium-avro");
    pipeline.run().with_code(2).says("`registry.url`");
    pipeline.set("registry.url", registry.url()).run().with_code(0).says("rejects=0");
    let subjects: BTreeSet<String> = registry.requests().into_iter().map(|request| request.path).collect();
    assert!(subjects.contains(&format!("/subjects/{target}-value/versions")), "{subjects:?}");
    assert!(subjects.contains(&format!("/subjects/{target}-key/versions")), "{subjects:?}");
    let rows = inspected(&broker, &target, &["--format", "debezium-avro", "--registry-url", registry.url()]);
    assert_eq!(rows, inspected(&broker, &source, &[]));
}

/// A record that cannot be written goes to the topic of rejects as it was, in the transaction of the others.
#[test]
fn rejects_go_to_a_topic() {
    let broker = Broker::start();
    let (source, target, dead) = (broker.topic("in", 1), broker.topic("out", 1), broker.topic("dead", 1));
    let bad = Record::raw("{\"op\":").keyed(json!({"id": 2}));
    broker.write(&source, 0, &[created("t", row(1, 1)), bad, created("t", row(3, 3))]);
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &target)
        .set("rejects.policy", "topic")
        .set("rejects.topic", &dead);
    pipeline.run().with_code(0).says("rejects=1");
    assert_eq!(read(&broker, &target).len(), 2);
    let [reject] = &read(&broker, &dead)[..] else { panic!("there is one") };
    assert_eq!((reject.key.as_deref(), reject.payload.as_deref()), (Some(r#"{"id":2}"#), Some(r#"{"op":"#)));
    let header = |name: &str| reject.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(header("__connect.errors.offset"), Some("1"));
    assert!(header("__connect.errors.exception.message").unwrap().contains("broken JSON"));
    pipeline.set("rejects.policy", "table").run().with_code(2).says("`sink.type`");
}

/// A transaction is of one cluster.
#[test]
fn from_one_cluster_into_another() {
    let (one, other) = (Broker::mock(), Broker::mock());
    let (source, target) = (one.topic("in", 1), other.topic("out", 1));
    one.write(&source, 0, &[created("t", row(1, 1))]);
    let pipeline = Pipeline::changelog_from_broker(&one, "kafka")
        .set("source.topics", &source)
        .set("sink.brokers", other.address())
        .set("sink.topic", &target);
    pipeline.run().with_code(1).says("two clusters").says("`sink.delivery_guarantee`");
    let pipeline = pipeline.set("sink.delivery_guarantee", "at-least-once");
    pipeline.run().with_code(0);
    assert_eq!(other.read(&target).len(), 1);
    pipeline.run().with_code(0);
    assert_eq!(other.read(&target).len(), 1, "the group's offset is committed behind it");
}

#[test]
fn settings_that_would_do_harm() {
    let broker = Broker::start();
    let source = broker.topic("in", 1);
    broker.write(&source, 0, &[created("a b", row(1, 1))]);
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka").set("source.topics", &source);
    pipeline.run().with_code(2).says("`sink.topic` is missing");
    pipeline.clone().set("sink.topic", &source).run().with_code(1).says("it would read what it wrote");
    let odd = pipeline.clone().set("sink.topic", "x.{table}").run().with_code(3);
    assert!(odd.log.contains("\"x.a b\", and Kafka takes up to 249 of"), "{}", odd.log);
    pipeline.clone().set("sink.topic", "x").set("sink.format", "text").run().with_code(2).says("sink-format");
    pipeline
        .clone()
        .set("sink.topic", "x")
        .set("sink.evolve", "off")
        .run()
        .with_code(2)
        .says("`sink.type` to be postgres");
    pipeline.set("sink.topic", "x").set("sink.changelog", "all").run().with_code(2).says("`sink.state_dir`");
}
