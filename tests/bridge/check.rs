//! `rowkind check`: what would fail is found before the start, and nothing is changed by looking.

use serde_json::{Value, json};

use crate::harness::{Broker, Database, Ended, Pipeline, Record, created, updated};

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
    finds(&found, &format!("✗ topic {t}: Postgres: invalid input syntax for type integer"));
    assert!(found.output.contains(&format!("topic {t}")) && !found.output.contains("no number"), "{}", found.output);
    assert_eq!(database.rows("select * from t"), "");
}

/// A stored offset that is behind the topic's end, or before its oldest record.
#[test]
fn a_gap_is_found() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", row(1, "a"))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    finds(&check(&pipeline).with_code(0), "1 partitions of this pipeline are stored");
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
    let nowhere = pipeline.with_variable("ROWKIND_SINK_URL", "postgres://nobody@127.0.0.1:1/none");
    finds(&check(&nowhere).with_code(1), "✗ target: Postgres at 127.0.0.1");
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
