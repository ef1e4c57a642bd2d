//! Logs for machines: every line is one JSON object, and every ten seconds one of them says how it goes.

use serde_json::{Value, json};

use crate::harness::{Bridge, Broker, Database, Pipeline, Record, created, file_of, wait_for};

#[test]
fn json_lines_and_progress() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    let records: Vec<Record> = (0..200).map(|id| created("t", json!({"id": id}))).collect();
    broker.write(&topic, 0, &records[..100]);
    // nothing goes into the target while the table is locked
    let lock = database.lock("t");
    let bridge = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("batch.max_rows", "10")
        .set("log-format", "json")
        .start();
    let progress = |bridge: &Bridge, n: usize| {
        wait_for("progress", || {
            let lines = lines(&bridge.log());
            let found = lines.iter().filter(|line| line["message"] == "progress").nth(n);
            found.cloned().ok_or_else(|| bridge.log())
        })
    };
    let stuck = progress(&bridge, 0);
    assert_eq!((&stuck["records_per_s"], &stuck["rows_per_s"], &stuck["records"]), (&json!(0), &json!(0), &json!(0)));
    assert_eq!(stuck["lag"], 100, "{stuck}");

    drop(lock);
    broker.write(&topic, 0, &records[100..]);
    let flowing = progress(&bridge, 1);
    assert_eq!((&flowing["records"], &flowing["lag"], &flowing["rejects"]), (&json!(200), &json!(0), &json!(0)));
    for rate in [&flowing["records_per_s"], &flowing["rows_per_s"]] {
        assert!(rate.as_i64().is_some_and(|per_s| (15..=20).contains(&per_s)), "200 in ten seconds: {flowing}");
    }

    let ended = bridge.stop().with_code(0);
    for line in lines(&ended.log) {
        for field in ["timestamp", "level", "message"] {
            assert!(line[field].is_string(), "{line}");
        }
    }
    let n_lines = ended.log.lines().count();
    assert!(n_lines < 20, "none per record or batch: {}", ended.log);
}

/// A failure is the last line, and it is JSON too.
#[test]
fn a_failure_is_a_json_line() {
    let database = Database::new();
    database.execute("create table t (id int primary key)");
    let file = file_of("shop.public.t", 0, &[Record::raw("{")]);
    let ended = Pipeline::from_file(file.path(), &database).set("log-format", "json").run().with_code(3);
    let last = lines(&ended.log).pop().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(
        last["message"].as_str().unwrap().contains("stopped at topic shop.public.t, partition 0, offset 0"),
        "{last}"
    );
}

#[track_caller]
fn lines(log: &str) -> Vec<Value> {
    let parse = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value.is_object(), "{line}");
        value
    };
    // the last line may still be written
    log.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(parse).collect()
}
