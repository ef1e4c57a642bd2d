//! A file of recorded records is read like a topic: its offsets are stored and honoured alike.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Database, Pipeline, Record, created, file_of};

const TOPIC: &str = "shop.public.items";

fn items(ids: std::ops::Range<i64>) -> Vec<Record> {
    ids.map(|id| created("items", json!({"id": id}))).collect()
}

fn with_items() -> Database {
    let database = Database::new();
    database.execute("create table items (id int primary key, applied int not null default 1)");
    database
}

#[test]
fn a_run_begins_where_the_last_one_ended() {
    let database = with_items();
    let file = file_of(TOPIC, 0, &items(0..3));
    let pipeline = Pipeline::from_file(file.path(), &database);
    pipeline.run().with_code(0).says("done records=3");
    assert_eq!(database.rows("select id from items order by 1"), "(0)\n(1)\n(2)");

    // whatever would be read again would come back
    database.execute("delete from items");
    let longer = file_of(TOPIC, 0, &items(0..5));
    pipeline.set("source.file", longer.path().to_str().unwrap()).run().with_code(0).says("done records=2");
    assert_eq!(database.rows("select id from items order by 1"), "(3)\n(4)");
    assert_eq!(database.rows("select topic, partition, next_offset from rowkind.offsets"), format!("({TOPIC},0,5)"));
}

/// The end of its input is no reason to leave out what the lanes cannot take yet.
#[test]
fn the_last_batch_is_waited_for() {
    let database = with_items();
    let file = file_of(TOPIC, 0, &items(0..25));
    let pipeline = Pipeline::from_file(file.path(), &database).set("source.stop", "latest-offset");
    let pipeline = pipeline.set("sink.lanes", "1").set("batch.max_rows", "10");
    // the first is being applied, the second waits, and the third is open
    let lock = database.lock("items");
    let bridge = pipeline.start();
    std::thread::sleep(Duration::from_secs(8));
    drop(lock);
    bridge.wait().with_code(0).says("done records=25");
    assert_eq!(database.rows("select count(*) from items"), "(25)");
}

#[test]
fn another_pipeline_has_offsets_of_its_own() {
    let database = with_items();
    let file = file_of(TOPIC, 0, &items(0..3));
    Pipeline::from_file(file.path(), &database).run().with_code(0).says("done records=3");
    Pipeline::from_file(file.path(), &database).run().with_code(0).says("done records=3");
    assert_eq!(database.rows("select count(*), sum(next_offset) from rowkind.offsets"), "(2,6)");
}

#[test]
fn a_file_that_grows_is_followed_until_a_signal() {
    let database = with_items();
    let mut file = file_of(TOPIC, 0, &items(0..2));
    let bridge = Pipeline::from_file(file.path(), &database).start();
    database.wait_for_rows("select count(*) from items", "(2)");
    let more = std::fs::read(file_of(TOPIC, 2, &items(2..4)).path()).unwrap();
    // a writer may be seen in the middle of a line
    let (start, end) = more.split_at(25);
    file.write_all(start).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    file.write_all(end).unwrap();
    database.wait_for_rows("select count(*) from items", "(4)");
    bridge.stop().with_code(0).says("done records=4");
}

#[test]
fn only_the_topics_that_are_named() {
    let database = with_items();
    database.execute("create table others (id int primary key)");
    let mut file = file_of(TOPIC, 0, &items(0..2));
    let others = file_of("shop.public.others", 0, &[created("others", json!({"id": 1}))]);
    file.write_all(&std::fs::read(others.path()).unwrap()).unwrap();
    Pipeline::from_file(file.path(), &database).set("source.topics", TOPIC).run().with_code(0).says("done records=2");
    assert_eq!(database.rows("select count(*) from others"), "(0)");
}

#[test]
fn a_line_that_is_no_record_is_named() {
    let mut file = file_of(TOPIC, 0, &items(0..2));
    writeln!(file, r#"{{"topic":"x"}}"#).unwrap();
    Pipeline::from_file(file.path(), &with_items())
        .run()
        .with_code(1)
        .says("line 3")
        .says("expected an object with topic, partition, offset, key and payload");
}
