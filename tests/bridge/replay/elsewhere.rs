//! A range that goes into a schema, a file or a topic of its own.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{ORDERS, checksum, orders, replay, row};
use crate::harness::{Broker, Database, Pipeline, Record, created, file_of, wait_for};

#[test]
fn into_a_schema_of_its_own_and_on_after_an_interruption() {
    let (broker, database) = (Broker::start(), Database::new());
    let (topic, pipeline) = orders(&broker, &database);
    database.execute("create index on orders (status)");
    let before = checksum(&database);
    let done = replay(&pipeline, &["--topic", &topic, "--to", "6", "--into", "rebuilt"]).with_code(0);
    assert_eq!(done.output, "6 records into schema rebuilt: +I 5 -U 1 +U 1 -D 0\n");
    let rows = "(1,open,12.50)\n(2,paid,12.50)\n(3,open,12.50)\n(4,open,12.50)\n(5,open,12.50)";
    assert_eq!(database.rows("select id, status, amount from rebuilt.orders order by id"), rows);
    assert_eq!(
        database.number("select count(*) from pg_indexes where schemaname = 'rebuilt'"),
        2,
        "made like the live one"
    );
    assert_eq!(database.rows("select distinct pipeline from rowkind.offsets"), format!("({})", pipeline.name()));
    database.execute("drop schema rebuilt cascade");
    assert_eq!(checksum(&database), before, "the pipeline's own are as they were");

    // a lock holds it up
    let many: Vec<Record> = (10..5_000).map(|id| created("orders", row(id, "new", "1"))).collect();
    broker.write(&topic, 0, &many);
    let slow = pipeline.clone().set("batch.max_rows", "500");
    let other = database.again();
    let lock = other.lock("orders");
    let running = slow.start_command(&["replay", "--topic", &topic, "--into", "again"]);
    let waiting = "select count(*) from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())";
    wait_for("the lock", || if database.number(waiting) > 0 { Ok(()) } else { Err("nobody waits".to_owned()) });
    running.signal(Signal::INT);
    drop(lock);
    running.wait().with_code(1).says("the same command with --resume goes on");
    replay(&slow, &["--topic", &topic, "--into", "again"]).with_code(1).says("is not empty");
    replay(&slow, &["--topic", &topic, "--into", "again", "--resume"]).with_code(0);
    assert_eq!(database.number("select count(*) from again.orders where id >= 10"), 4_990);
    assert_eq!(database.number("select count(*) from rowkind.offsets"), 1);
}

#[test]
fn as_a_changelog_as_records_and_to_a_topic() {
    let (broker, database) = (Broker::start(), Database::new());
    let (topic, pipeline) = orders(&broker, &database);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let printed = replay(&pipeline, &["--topic", &topic, "--from", "5", "--print", "--key", "id=2"]).with_code(0);
    let line = |sign: &str, status: &str, amount: &str| {
        format!("{sign} public.orders {{\"amount\":{amount},\"id\":2,\"note\":null,\"status\":\"{status}\"}}\n")
    };
    let expected = [
        line("-U", "open", "12.5"),
        line("+U", "paid", "12.5"),
        line("-U", "paid", "12.5"),
        line("+U", "sent", "13.0"),
    ];
    let expected = expected.concat();
    assert_eq!(printed.output, expected);
    let file = path("changelog.txt");
    let words = ["--topic", &topic, "--from", "5", "--key", "id=2", "--into-file", &file];
    replay(&pipeline, &words).with_code(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);

    let with_headers = Record { headers: vec![("trace", b"a")], ..created("orders", row(6, "open", "1")) };
    broker.write(&topic, 0, &[with_headers]);
    pipeline.run().with_code(0);
    let dump = path("dump.jsonl");
    replay(&pipeline, &["--topic", &topic, "--dump", &dump]).with_code(0);
    let dumped = fs::read_to_string(&dump).unwrap();
    assert_eq!(dumped.lines().count(), 9);
    assert!(dumped.contains(r#""headers":["trace","a"]"#), "{dumped}");
    let copy = Database::new();
    copy.execute(ORDERS);
    Pipeline::from_file(dump.as_ref(), &copy).set("sink.table", "{table}").run().with_code(0);
    let rows = "select id, status, amount from orders order by id";
    assert_eq!(copy.rows(rows), database.rows(rows));

    let target = broker.topic("again", 1);
    let words = ["--topic", &topic, "--from", "5", "--into-topic", &target, "--sink-format", "canal-json"];
    let done = replay(&pipeline, &words).with_code(0);
    assert!(done.output.starts_with("4 records to "), "{}", done.output);
    let types: Vec<String> = broker
        .read(&target)
        .iter()
        .map(|message| {
            let payload: Value = serde_json::from_slice(rdkafka::Message::payload(message).unwrap()).unwrap();
            payload["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types, ["UPDATE", "DELETE", "UPDATE", "INSERT"]);
}

/// Behind the last record there is what only the broker sees: that is the end, and no news.
#[test]
fn a_topic_that_ends_with_a_transaction() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write_transaction(&topic, 0, &[created("t", json!({"id": 1}))], true);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    for words in [&["--dry-run"][..], &[], &["--print"]] {
        assert_eq!(replay(&pipeline, words).with_code(0).log, "");
    }
}

/// A file of recorded records is replayed like a topic.
#[test]
fn from_a_file() {
    let database = Database::new();
    database.execute(ORDERS);
    let records: Vec<Record> = (1..=3).map(|id| created("orders", row(id, "open", "1"))).collect();
    let file = file_of("shop.public.orders", 0, &records);
    let pipeline = Pipeline::from_file(file.path(), &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    database.execute("delete from orders where id = 2; update orders set status = 'x' where id = 3");
    replay(&pipeline, &["--topic", "shop.public.orders", "--to", "2"]).with_code(0);
    assert_eq!(database.rows("select id, status from orders order by id"), "(1,open)\n(2,open)\n(3,x)");
    replay(&pipeline, &["--dry-run"]).with_code(4);
}
