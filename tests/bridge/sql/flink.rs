//! Jobs of all shapes, beside what Flink made of each.

use std::fs;
use std::path::Path;
use std::thread;

use rowkind_formats::RecordedRecord;

use super::run;
use crate::harness::{Broker, Database, Record, fixture};

/// Jobs of all shapes, and what Flink made of each: fixtures/flink-sql says which Flink, and how.
#[test]
fn what_flink_makes_of_a_job() {
    let broker = Broker::start();
    let formats = ["debezium", "canal", "maxwell", "ogg"];
    let topics = formats.map(|format| {
        let topic = broker.topic(&format!("orders.{format}"), 1);
        let file = fs::read_to_string(fixture(&format!("flink-sql/orders.{format}.jsonl"))).unwrap();
        let records: Vec<Record> =
            file.lines().map(|line| RecordedRecord::parse(line.as_bytes()).unwrap().into()).collect();
        broker.write(&topic, 0, &records);
        topic
    });
    let mut jobs: Vec<_> =
        fs::read_dir(fixture("flink-sql/jobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    jobs.sort();
    assert!(jobs.len() >= 20, "{jobs:?}");
    let address = broker.address();
    let check = |path: &Path| {
        let (name, database) = (path.file_stem().unwrap().to_str().unwrap(), Database::new());
        let mut text = fs::read_to_string(path).unwrap();
        database.execute(text.lines().next().unwrap().strip_prefix("-- target: ").unwrap());
        for (format, topic) in formats.iter().zip(&topics) {
            text = text.replace(&format!("${{{format}}}"), topic);
        }
        let (port, target) = database.by_port();
        let jdbc = format!("'url' = 'jdbc:postgresql://127.0.0.1:{port}/{target}', 'username' = 'postgres'");
        text = text.replace("${brokers}", address).replace("${group}", target).replace("${jdbc}", &jdbc);
        let ended = run(&text, &[]);
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.log);
        database.execute("create table expected (like orders_out)");
        let csv = fs::read_to_string(fixture(&format!("flink-sql/results/{name}.csv"))).unwrap();
        let (columns, rows) = csv.split_once('\n').unwrap();
        database.copy("expected", columns, rows);
        for (what, sql) in [
            ("too much", "select * from orders_out except all select * from expected"),
            ("missing", "select * from expected except all select * from orders_out"),
        ] {
            assert_eq!(database.rows(sql), "", "{name}: {what}");
        }
    };
    for some in jobs.chunks(4) {
        thread::scope(|scope| some.iter().for_each(|job| drop(scope.spawn(|| check(job)))));
    }
}
