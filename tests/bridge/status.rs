//! `rowkind status`: what is stored, what there is to read, who has it; and nothing is changed by looking.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Broker, Database, Ended, Pipeline, Record, created, file_of, wait_for};

fn text(pipeline: &Pipeline) -> Ended {
    pipeline.run_command(&["status"])
}

fn lines(ended: &Ended) -> Vec<Value> {
    ended.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Each partition as JSON.
#[track_caller]
fn partitions(pipeline: &Pipeline) -> Vec<Value> {
    lines(&pipeline.run_command(&["status", "--output", "json"]).with_code(0))
}

#[track_caller]
fn has(partition: &Value, fields: Value) {
    for (name, expected) in fields.as_object().unwrap() {
        assert_eq!(&partition[name], expected, "{name} in {partition}");
    }
}

fn ms(partition: &Value, name: &str) -> i64 {
    partition[name].as_i64().unwrap_or_else(|| panic!("`{name}` is no number in {partition}"))
}

fn t(id: i64) -> Record {
    created("t", json!({"id": id}))
}

fn database_with_t() -> Database {
    let database = Database::new();
    database.execute("create table t (id int primary key)");
    database
}

#[test]
fn how_far_it_has_come() {
    let (broker, database) = (Broker::start(), database_with_t());
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &[t(1), t(2), t(3)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    let found = partitions(&pipeline);
    assert_eq!(found.len(), 2);
    has(
        &found[0],
        json!({"pipeline": pipeline.name(), "topic": topic, "partition": 0, "stored_offset": 3, "low_offset": 0, "end_offset": 3,
               "lag": 0, "lag_ms": 0, "owner": null, "rejects": 0, "remark": null}),
    );
    has(&found[1], json!({"partition": 1, "stored_offset": 0, "end_offset": 0, "lag": 0, "lag_ms": 0}));
    let (at, committed) = (ms(&found[0], "at_ms"), ms(&found[0], "committed_at_ms"));
    assert!((0..90_000).contains(&(at - committed)), "{}", found[0]);
    assert!((0..90_000).contains(&ms(&found[0], "committed_age_ms")), "{}", found[0]);

    broker.write(&topic, 0, &[t(4), t(5)]);
    let found = partitions(&pipeline);
    has(&found[0], json!({"stored_offset": 3, "end_offset": 5, "lag": 2}));
    assert!((1..90_000).contains(&ms(&found[0], "lag_ms")), "{}", found[0]);
    has(&found[1], json!({"lag": 0, "lag_ms": 0}));

    let table = text(&pipeline).with_code(0).output;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0].join(" "), "TOPIC PARTITION STORED END LAG LAG TIME COMMITTED OWNER REJECTS");
    assert_eq!(rows[1][..5], [topic.as_str(), "0", "3", "5", "2"]);
    assert_eq!(rows[3][..3], ["2", "partitions", "2"], "totals in\n{table}");
    let widths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "aligned:\n{table}");
    assert!(!table.contains('\x1b'), "no colours into a file:\n{table}");
}

/// The age of the first record that is not applied, not of the last.
#[test]
fn lag_in_time_is_that_of_the_first_record_behind() {
    let (broker, database) = (Broker::start(), database_with_t());
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[t(1)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    broker.write(&topic, 0, &[t(2)]);
    let lag_ms = || ms(&partitions(&pipeline)[0], "lag_ms");
    let grown = wait_for("lag", || Some(lag_ms()).filter(|ms| *ms > 300).ok_or_else(|| "too short".to_owned()));
    broker.write(&topic, 0, &[t(3)]);
    assert!(lag_ms() >= grown);
}

#[test]
fn nothing_is_stored_yet_and_nothing_is_made() {
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[t(1), t(2)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic, "missing"], &database);
    let ended = text(&pipeline).with_code(0);
    assert!(ended.output.contains("nothing is stored yet: rowkind.offsets is not there"), "{}", ended.output);
    assert!(ended.log.contains("topic missing: it is not there"), "{}", ended.log);
    has(&partitions(&pipeline)[0], json!({"stored_offset": null, "end_offset": 2, "lag": 2, "committed_at_ms": null}));
    assert_eq!(database.rows("select to_regnamespace('rowkind') is null"), "(t)");
    assert_eq!(broker.committed(pipeline.name(), &topic, 0), None);
}

#[test]
fn open_rejects_are_counted() {
    let (broker, database) = (Broker::start(), database_with_t());
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 1, &[t(1), Record::raw("no JSON"), Record::raw("none either")]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("sink.table", "{table}")
        .set("rejects.policy", "table");
    pipeline.run().with_code(0);
    let found = partitions(&pipeline);
    assert_eq!([&found[0]["rejects"], &found[1]["rejects"]], [&json!(0), &json!(2)]);
    let table = text(&pipeline).with_code(0).output;
    assert!(table.lines().last().unwrap().ends_with(" 2"), "{table}");
}

/// A role that may read `rowkind.offsets` and nothing else.
#[test]
fn the_right_to_read_offsets_will_do() {
    let (broker, database) = (Broker::start(), database_with_t());
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[t(1), Record::raw("no JSON")]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("sink.table", "{table}")
        .set("rejects.policy", "table");
    pipeline.run().with_code(0);
    let role = format!("onlooker_{}", pipeline.name());
    database.execute(&format!(
        "create role {role} login; grant usage on schema rowkind to {role}; grant select on rowkind.offsets to {role}"
    ));
    let url = format!("{}{}options[role]={role}", database.url(), if database.url().contains('?') { "&" } else { "?" });
    let onlooker = pipeline.clone().with_variable("ROWKIND_SINK_URL", &url);
    has(&partitions(&onlooker)[0], json!({"stored_offset": 2, "rejects": null}));
    text(&onlooker).with_code(0).says("rowkind.rejects: the role may not read it");
    database.execute(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn partitions_that_are_gone_and_gaps() {
    let (broker, database) = (Broker::start(), database_with_t());
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[t(1)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic, "gone"], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    let add = |topic: &str, partition: i32| {
        let name = pipeline.name();
        database.execute(&format!("insert into rowkind.offsets values ('{name}', '{topic}', {partition}, 7, 1)"));
    };
    for (topic, partition) in [("gone", 0), ("other", 0), (&topic, 9)] {
        add(topic, partition);
    }
    database.execute("update rowkind.offsets set next_offset = 5 where next_offset = 1");
    let found = partitions(&pipeline);
    let of = |topic: &str, partition: i64| found.iter().find(|of| of["topic"] == topic && of["partition"] == partition);
    has(of("gone", 0).unwrap(), json!({"stored_offset": 7, "end_offset": null, "remark": "the topic is gone"}));
    has(of("other", 0).unwrap(), json!({"stored_offset": 7, "remark": "not subscribed"}));
    has(of(&topic, 9).unwrap(), json!({"lag": null, "remark": "the partition is gone"}));
    has(of(&topic, 0).unwrap(), json!({"end_offset": 1, "lag": null, "remark": "a gap: beyond the end"}));
}

#[test]
fn brokers_that_are_away() {
    let (broker, database) = (Broker::mock(), database_with_t());
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[t(1)]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    broker.stop();
    let ended = text(&pipeline).with_code(1).says("end offsets, lag and owners are not known");
    assert_eq!(ended.log.lines().count(), 1, "{}", ended.log);
    let row: Vec<&str> = ended.output.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..6], [topic.as_str(), "0", "1", "-", "-", "-"], "{}", ended.output);
    let ended = pipeline.run_command(&["status", "--output=json"]).with_code(1);
    has(&lines(&ended)[0], json!({"stored_offset": 1, "end_offset": null, "lag": null, "lag_ms": null}));
}

#[test]
fn a_target_that_is_away() {
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("shop.public.t", 1);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    let nowhere = pipeline.with_variable("ROWKIND_SINK_URL", "postgres://me:s3cret@127.0.0.1:1/none");
    let ended = text(&nowhere).with_code(1).says("target: ");
    assert!(ended.output.is_empty() && !ended.log.contains("s3cret"), "{}{}", ended.output, ended.log);
    pipeline_watched(&nowhere).wait().with_code(1);
}

fn pipeline_watched(pipeline: &Pipeline) -> crate::harness::Bridge {
    pipeline.start_command(&["status", "--watch", "100ms"])
}

#[test]
fn a_watch_ends_with_sigint() {
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("shop.public.t", 1);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    let mut watch = pipeline_watched(&pipeline);
    wait_for("three looks", || {
        let output = watch.output();
        if output.matches("TOPIC ").count() > 2 { Ok(()) } else { Err(output) }
    });
    assert!(watch.is_running());
    watch.signal(Signal::INT);
    let ended = watch.wait().with_code(0);
    assert!(!ended.output.contains('\x1b'), "{}", ended.output);
    pipeline.run_command(&["status", "--watch=soon"]).with_code(2).says("--watch: expected a time");
    pipeline.run_command(&["status", "--watch=0s"]).with_code(2);
}

/// The mock does not describe groups.
#[test]
fn who_has_a_partition() {
    let (broker, database) = (Broker::start(), database_with_t());
    let topic = broker.topic("shop.public.t", 2);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    let bridge =
        pipeline.clone().set("source.properties", "client.id=the-client").set("source.instance", "the-one").start();
    bridge.wait_for_log("INFO assigned");
    database.wait_for_rows("select count(*) from rowkind.offsets", "(2)");
    let found = partitions(&pipeline);
    if broker.is_mock() {
        assert_eq!(found[0]["owner"], Value::Null);
        text(&pipeline).with_code(0).says("members of group ");
        return;
    }
    for partition in &found {
        let owner = &partition["owner"];
        assert_eq!(owner["client_id"], "the-client", "{partition}");
        assert!(owner["member"].as_str().unwrap().starts_with("the-one-"), "{partition}");
    }
    let table = text(&pipeline).with_code(0).output;
    assert!(table.contains(" the-one  ") && !table.contains("the-one@") && table.contains(" 1 member "), "{table}");
    // who left takes what it has along; a lasting name has it until the session ends
    bridge.stop().with_code(0);
    wait_for("a partition of nobody's", || match &partitions(&pipeline)[0]["owner"] {
        Value::Null => Ok(()),
        owner => Err(owner.to_string()),
    });
}

/// Behind the last record of a transaction stands what only the broker sees.
#[test]
fn a_transaction_at_the_end() {
    let (broker, database) = (Broker::start(), database_with_t());
    let topic = broker.topic("shop.public.t", 1);
    broker.write_transaction(&topic, 0, &[t(1)], true);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    database.execute("update rowkind.offsets set next_offset = 1");
    let found = partitions(&pipeline);
    has(&found[0], json!({"stored_offset": 1, "lag_ms": 0}));
}

/// Where no tables are written, what counts is what the group has committed.
#[test]
fn offsets_of_the_group() {
    let broker = Broker::start();
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[t(1), t(2)]);
    let pipeline = Pipeline::changelog_from_broker(&broker, "stdout").set("source.topics", &topic);
    has(&partitions(&pipeline)[0], json!({"stored_offset": null, "lag": 2, "rejects": null}));
    pipeline.run().with_code(0);
    broker.write(&topic, 0, &[t(3)]);
    has(&partitions(&pipeline)[0], json!({"stored_offset": 2, "end_offset": 3, "lag": 1, "committed_at_ms": null}));
}

#[test]
fn records_of_a_file() {
    let database = database_with_t();
    let file = file_of("shop.public.t", 0, &[t(1), t(2)]);
    let pipeline = Pipeline::from_file(file.path(), &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    has(&partitions(&pipeline)[0], json!({"stored_offset": 2, "end_offset": null, "lag": null, "owner": null}));
    let ended = text(&Pipeline::changelog_from_file(file.path(), "stdout")).with_code(0);
    assert!(ended.output.contains("stores no offsets"), "{}", ended.output);
}
