//! `rowkind check`: what would fail is found before the start, and nothing is changed by looking.

use serde_json::{Value, json};

use crate::harness::{
    Broker, Database, Ended, Pipeline, Record, Registry, created, file_of, read_all, recording, unknown, updated,
};

fn check(pipeline: &Pipeline) -> Ended {
    pipeline.run_command(&["check"])
}

#[track_caller]
fn finds(ended: &Ended, text: &str) {
    assert!(ended.output.contains(text), "no `{text}` in\n{}\n{}", ended.output, ended.log);
}

fn row(id: i64, v: &str) -> Value {
    json!({"id": id, "v": v})
}

#[test]
fn nothing_would_fail_and_nothing_is_changed() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text)");
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &[created("t", row(1, "a")), updated("t", row(1, "a"), row(1, "b"))]);
    broker.write(&topic, 1, &[created("t", row(2, "c"))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    let found = check(&pipeline).with_code(0);
    finds(&found, &format!("✓ topic {topic}: 2 partitions, 3 records to read"));
    finds(&found, &format!("✓ topic {topic}: the last 3 records are 4 rows of public.t"));
    finds(&found, &format!("✓ topic {topic}: its last 3 records fit the target"));
    assert_eq!(database.rows("select * from t"), "");
    assert_eq!(database.rows("select to_regclass('rowkind.offsets') is null"), "(t)");

    let json = pipeline.run_command(&["check", "--output", "json"]).with_code(0).output;
    let verdicts: Vec<Value> =
        json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["verdict"].clone()).collect();
    assert!(verdicts.len() > 4 && verdicts.iter().all(|verdict| verdict == "good"), "{json}");
}

#[test]
fn what_would_fail_is_named_with_a_remedy() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v int); create table u (id int)");
    let (t, u, bad) = (broker.topic("x.public.t", 1), broker.topic("x.public.u", 1), broker.topic("bad", 1));
    broker.write(&t, 0, &[created("t", row(1, "7")), created("t", row(2, "no number"))]);
    broker.write(&u, 0, &[created("u", json!({"id": 1}))]);
    broker.write(&bad, 0, &[Record::raw("no JSON")]);
    let pipeline = Pipeline::from_topics(&broker, &[&t, &u, &bad, "missing"], &database).set("sink.table", "{table}");
    let found = check(&pipeline).with_code(1);
    finds(&found, "✗ topic missing: it is not there");
    finds(&found, &format!("✗ topic {bad}, partition 0, offset 0: `payload`: expected JSON"));
    finds(&found, "table \"u\" has no primary key or unique");
    assert!(found.log.contains("4 things would fail"), "{}", found.log);
    finds(
        &found,
        &format!("✗ topic {t}, partition 0, offset 1: column `v`: Postgres: invalid input syntax for type integer"),
    );
    assert!(found.output.contains(&format!("topic {t}")) && !found.output.contains("no number"), "{}", found.output);
    assert_eq!(database.rows("select * from t"), "");
}

/// A stored offset that is behind the topic's end, or before its oldest record.
/// Nothing says that it is wrong: the parts of one table may be in several topics.
#[test]
fn tables_that_become_one() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text)");
    let topics = ["east.public.t", "west.public.t"].map(|name| broker.topic(name, 1));
    for topic in &topics {
        broker.write(topic, 0, &[created("t", row(1, "a"))]);
    }
    let pipeline = Pipeline::from_topics(&broker, &[&topics[0], &topics[1]], &database);
    let found = check(&pipeline.clone().set("sink.table", "{table}")).with_code(0);
    let sources = format!("public.t of topic {}, public.t of topic {}", topics[0], topics[1]);
    finds(&found, &format!("table \"t\": the rows of {sources} all go into it"));
    database.execute(&format!(
        "create table \"{0}\" (like t including all); create table \"{1}\" (like t including all)",
        topics[0], topics[1]
    ));
    let found = check(&pipeline.set("sink.table", "{topic}")).with_code(0);
    assert!(!found.output.contains("all go into it"), "{}", found.output);
}

#[test]
fn a_gap_is_found() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", row(1, "a"))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    finds(&check(&pipeline).with_code(0), "1 partition of this pipeline is stored");
    database.execute("update rowkind.offsets set next_offset = 7");
    finds(&check(&pipeline).with_code(1), "the stored next offset is 7, and the broker has 0 to 1");
    assert_eq!(database.number("select next_offset from rowkind.offsets"), 7);
}

#[test]
fn nobody_answers() {
    let database = Database::new();
    let broker = Broker::mock();
    broker.stop();
    let pipeline = Pipeline::from_topics(&broker, &["t"], &database);
    let found = check(&pipeline).with_code(1);
    finds(&found, "✓ target: Postgres");
    finds(&found, "✗ brokers 127.0.0.1");
    finds(&found, "Connection refused");
    let unknown = pipeline.clone().set("source.brokers", "no-such-host.invalid:9092");
    finds(&check(&unknown).with_code(1), "Failed to resolve 'no-such-host.invalid:9092'");
    let nowhere = pipeline.with_variable("ROWKIND_SINK_URL", "postgres://nobody@127.0.0.1:1/none");
    finds(&check(&nowhere).with_code(1), "✗ target: Postgres at 127.0.0.1");
}

/// As one address of two is, where `localhost` is `::1` too and the broker listens on 127.0.0.1.
#[test]
fn one_of_two_brokers_is_away() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let brokers = format!("127.0.0.1:1,{}", broker.address());
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.brokers", &brokers)
        .set("sink.table", "{table}");
    for _ in 0..5 {
        finds(&check(&pipeline).with_code(0), "its last 1 record fits the target");
    }
    pipeline.run().with_code(0);
    assert_eq!(database.rows("select * from t"), "(1)");
    let folder = tempfile::tempdir().unwrap();
    pipeline.run_command(&["replay", "--dump", folder.path().join("dump").to_str().unwrap()]).with_code(0);
    assert_eq!(pipeline.run_command(&["replay", "--print"]).with_code(0).output, "+I public.t {\"id\":1}\n");
}

/// Connect's converter writes the default of a column that can be null where it is NULL.
#[test]
fn a_default_in_place_of_null() {
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("shop.public.t", 1);
    let columns = json!([{"field": "id", "type": "int32", "optional": false},
                         {"field": "v", "type": "string", "optional": true, "default": "none"}]);
    let schema = json!({"type": "struct", "name": "shop.public.t.Envelope", "fields": [
        {"field": "before", "type": "struct", "optional": true, "fields": columns},
        {"field": "after", "type": "struct", "optional": true, "fields": columns},
        {"field": "op", "type": "string"}]});
    let payload = json!({"op": "c", "before": null, "after": {"id": 1, "v": "none"},
                         "source": {"schema": "public", "table": "t"}});
    let key = json!({"schema": {"type": "struct", "fields": [{"field": "id", "type": "int32"}]}, "payload": {"id": 1}});
    broker.write(&topic, 0, &[Record::raw(&json!({"schema": schema, "payload": payload}).to_string()).keyed(key)]);
    let found = check(&Pipeline::from_topics(&broker, &[&topic], &database)).with_code(0);
    finds(&found, &format!("! topic {topic}: column v can be null and has a default"));
    finds(&found, "value.converter.replace.null.with.default=false");
    finds(&found, "the first rows would run: create table");
    assert_eq!(database.rows("select to_regclass('public.t') is null"), "(t)");
}

#[test]
fn into_topics() {
    let broker = Broker::start();
    let (source, target) = (broker.topic("shop.public.t", 2), broker.topic("out.t", 3));
    broker.write(&source, 0, &[created("t", row(1, "a")), created("other", row(2, "b")), created("a b", row(3, "c"))]);
    let prefix = broker.prefix();
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &format!("{prefix}out.{{table}}"));
    let found = check(&pipeline).with_code(1);
    finds(&found, "✓ transactions can be begun");
    finds(&found, &format!("✗ topic {source}, partition 0, offset 2: `sink.topic` gives the name"));
    finds(&found, &format!("✓ target topic {target}: 3 partitions"));
    finds(&found, &format!("✓ target topic {prefix}out.other: it is not there, and is made with the first rows"));
    let found = check(&pipeline.clone().set("sink.create", "false")).with_code(1);
    finds(&found, &format!("✗ target topic {prefix}out.other: it is not there\n    `sink.create` is off: create it"));
    // it was not made by asking
    let found = check(&pipeline).with_code(1);
    finds(&found, &format!("target topic {prefix}out.other: it is not there"));
}

/// A check beside a running pipeline does not fence it.
#[test]
fn a_running_pipeline_goes_on() {
    let broker = Broker::start();
    let (source, target) = (broker.topic("in", 1), broker.topic("out", 1));
    broker.write(&source, 0, &[created("t", row(1, "a"))]);
    let pipeline =
        Pipeline::changelog_from_broker(&broker, "kafka").set("source.topics", &source).set("sink.topic", &target);
    let running = pipeline.start();
    read_all(&broker, &target, 1);
    finds(&check(&pipeline).with_code(0), "✓ transactions can be begun");
    broker.write(&source, 0, &[created("t", row(2, "b"))]);
    read_all(&broker, &target, 2);
    let ended = running.stop().with_code(0);
    assert!(!ended.log.contains("trying again"), "{}", ended.log);
}

#[test]
fn a_sink_that_does_not_answer() {
    let (one, other) = (Broker::mock(), Broker::mock());
    let source = one.topic("in", 1);
    one.write(&source, 0, &[created("t", row(1, "a"))]);
    let state = tempfile::NamedTempFile::new().unwrap();
    let pipeline = Pipeline::changelog_from_broker(&one, "kafka")
        .set("source.topics", &source)
        .set("sink.brokers", other.address())
        .set("sink.topic", "out")
        .set("sink.changelog", "all")
        .set("sink.state_dir", &state.path().join("rows").display().to_string());
    let found = check(&pipeline).with_code(1);
    finds(&found, "✗ `source.brokers` and `sink.brokers` are two clusters");
    finds(&found, "✗ sink.state_dir: `");
    let folder = tempfile::TempDir::new().unwrap();
    let below = folder.path().join("a/b");
    let pipeline =
        pipeline.set("sink.state_dir", &below.display().to_string()).set("sink.delivery_guarantee", "at-least-once");
    finds(&check(&pipeline).with_code(0), "b` can be written to");
    assert!(!folder.path().join("a").exists());
    other.stop();
    finds(&check(&pipeline).with_code(1), "✗ brokers of the sink, 127.0.0.1");
}

/// The registry is asked whether it is there; nothing is registered.
#[test]
fn avro_into_topics() {
    let broker = Broker::start();
    let (source, target) = (broker.topic("shop", 1), broker.topic("avro", 1));
    let records: Vec<Record> = recording("shop/shop.jsonl").into_iter().map(Record::from).collect();
    broker.write(&source, 0, &records);
    let pipeline = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &source)
        .set("sink.topic", &target)
        .set("sink.format", "debezium-avro");
    let registry = Registry::start(|_, request| if request.path == "/subjects" { (200, json!([])) } else { unknown() });
    let found = check(&pipeline.clone().set("registry.url", registry.url())).with_code(0);
    finds(&found, "✓ registry: it answers");
    finds(&found, "records can be written");
    let paths: Vec<String> = registry.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/subjects"]);
    let guarded = Registry::start(|_, _| (401, json!({"error_code": 401, "message": "who?"})));
    let found = check(&pipeline.clone().set("registry.url", guarded.url())).with_code(1);
    finds(&found, "✗ schema registry: it does not know us");
    finds(
        &check(&pipeline.set("registry.url", "http://127.0.0.1:1")).with_code(1),
        "✗ schema registry: cannot get its subjects",
    );
}

#[test]
fn the_first_records_of_a_file() {
    let database = Database::new();
    database.execute("create table t (id int primary key, v int)");
    let file = file_of("shop.public.t", 0, &[created("t", row(1, "7")), created("t", row(2, "no number"))]);
    let pipeline = Pipeline::from_file(file.path(), &database).set("sink.table", "{table}");
    let found = check(&pipeline).with_code(1);
    finds(&found, "✓ topic shop.public.t: the first 2 records are 2 rows of public.t");
    finds(
        &found,
        "✗ topic shop.public.t, partition 0, offset 1: column `v`: Postgres: invalid input syntax for type integer",
    );
    assert_eq!(database.rows("select * from t"), "");
    database.execute("alter table t alter v type text");
    finds(&check(&pipeline).with_code(0), "✓ topic shop.public.t: its first 2 records fit the target");
    std::fs::write(file.path(), "no JSON\n").unwrap();
    finds(&check(&pipeline).with_code(1), "line 1: `line`: expected JSON");
    std::fs::write(file.path(), "").unwrap();
    finds(&check(&pipeline).with_code(0), "holds no records");
    let text = Pipeline::changelog_from_file(file.path(), "stdout").set("sink.format", "canal-json");
    std::fs::write(file.path(), r#"{"topic":"t","partition":0,"offset":0,"payload":"{\"op\":"}"#).unwrap();
    finds(&check(&text).with_code(1), "✗ topic t, partition 0, offset 0: `payload`: expected JSON");
    finds(&check(&text.set("source.file", "/nowhere")).with_code(1), "✗ source: cannot read `/nowhere`");
}
