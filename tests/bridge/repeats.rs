//! What a capture tool wrote twice is applied once: over Kafka, from a file, and with a restart at every place where one can
//! matter.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{Broker, Database, Ended, Pipeline, Random, Record, file_of};

/// An event of table `t`: its op, key and `seq`, and where and when the source made the change.
#[derive(Clone, Copy)]
struct Event {
    op: &'static str,
    id: i64,
    seq: i64,
    lsn: i64,
    ms: i64,
}

const fn event(op: &'static str, id: i64, seq: i64, lsn: i64) -> Event {
    Event { op, id, seq, lsn, ms: 1_763_700_000_000 + lsn }
}

impl Event {
    fn record(self) -> Record {
        let Self { op, id, seq, lsn, ms } = self;
        let source = json!({"connector": "postgresql", "name": "shop", "db": "shop", "schema": "public", "table": "t",
            "lsn": lsn, "ts_ms": ms, "snapshot": if op == "r" { "true" } else { "false" }});
        let row = json!({"id": id, "seq": seq});
        let (before, after) = if op == "d" { (row, Value::Null) } else { (Value::Null, row) };
        Record::raw(&json!({"op": op, "source": source, "before": before, "after": after}).to_string())
            .keyed(json!({"id": id}))
    }

    fn at(self, ms: i64) -> Self {
        Self { ms, ..self }
    }
}

/// A table whose every applied change is noted.
fn with_table() -> Database {
    Database::noting_changes_of_t("id int primary key, seq int not null")
}

/// Asserts what the table holds, and that no row went back to an earlier `seq`.
fn assert_rows(database: &Database, expected: &str, of: &str) {
    assert_eq!(database.rows("select * from t order by id"), expected, "{of}");
    let back = "select id, seq from (select id, seq, lag(seq) over (partition by id order by at) as previous from applied where op = 'CHANGE') x where previous >= seq";
    assert_eq!(database.rows(back), "", "{of}: went back in time, or came twice");
}

/// Runs the records over Kafka, from a file, and from a file with a restart behind each of them; row by row and in one
/// batch. `n_repeats` are dropped each time.
fn check(events: &[Event], expected: &str, n_repeats: usize) {
    let records: Vec<Record> = events.iter().map(|event| event.record()).collect();
    let broker = Broker::start();
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &records);
    let file = file_of("shop.public.t", 0, &records);
    for max_rows in ["1", "3", "1000"] {
        let said = format!("duplicates={n_repeats} ");
        let database = with_table();
        let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("batch.max_rows", max_rows);
        pipeline.run().with_code(0).says(&said);
        assert_rows(&database, expected, &format!("Kafka, {max_rows} rows a batch"));

        let database = with_table();
        Pipeline::from_file(file.path(), &database).set("batch.max_rows", max_rows).run().with_code(0).says(&said);
        assert_rows(&database, expected, &format!("file, {max_rows} rows a batch"));
    }
    for restart in 1..events.len() {
        let database = with_table();
        let before = file_of("shop.public.t", 0, &records[..restart]);
        let pipeline = Pipeline::from_file(before.path(), &database);
        let first = n_dropped(&pipeline.run().with_code(0));
        let rest = pipeline.set("source.file", file.path().to_str().unwrap()).run().with_code(0);
        assert_rows(&database, expected, &format!("a restart behind {restart}"));
        assert_eq!(first + n_dropped(&rest), n_repeats, "a restart behind {restart}: {}", rest.log);
    }
}

fn n_dropped(ended: &Ended) -> usize {
    let (_, count) = ended.log.rsplit_once("duplicates=").expect("the summary counts them");
    count.split_whitespace().next().unwrap().parse().unwrap()
}

const TWELVE: [Event; 12] = [
    event("c", 1, 1, 10),
    event("c", 2, 2, 20),
    event("u", 1, 3, 30),
    event("c", 3, 4, 40),
    event("u", 2, 5, 50),
    event("d", 1, 3, 60),
    event("u", 3, 7, 70),
    event("c", 1, 8, 80),
    event("u", 2, 9, 90),
    event("d", 3, 7, 100),
    event("u", 1, 11, 110),
    event("u", 2, 12, 120),
];

#[test]
fn a_stretch_that_comes_again() {
    let whole = [&TWELVE[..], &TWELVE[3..], &[event("u", 1, 13, 130)]].concat();
    check(&whole, "(1,13)\n(2,12)", 9);
    let cut_off = [&TWELVE[..], &TWELVE[3..8], &TWELVE[3..], &[event("c", 3, 13, 130)]].concat();
    check(&cut_off, "(1,11)\n(2,12)\n(3,13)", 14);
}

/// A transaction that began before a snapshot and committed after it has positions below the snapshot's.
#[test]
fn a_change_that_is_older_than_its_rows_snapshot() {
    check(&[event("r", 1, 1, 1_000), event("u", 1, 2, 900).at(1_763_700_001_500)], "(1,2)", 0);
    // and it is known from then on
    let again = [event("r", 1, 1, 1_000), event("u", 1, 2, 900), event("u", 1, 3, 950), event("u", 1, 2, 900)];
    check(&again, "(1,3)", 1);
}

#[test]
fn transactions_that_interleave() {
    // the one that wrote 11, 13 and 15 committed first
    let events = [
        event("c", 11, 1, 11),
        event("c", 13, 2, 13),
        event("c", 15, 3, 15),
        event("c", 10, 4, 10),
        event("c", 12, 5, 12),
        event("c", 14, 6, 14),
    ];
    check(&events, "(10,4)\n(11,1)\n(12,5)\n(13,2)\n(14,6)\n(15,3)", 0);
}

#[test]
fn an_insert_that_comes_again_behind_the_delete_of_its_row() {
    let gone = [event("c", 1, 1, 10), event("d", 1, 1, 20), event("c", 1, 1, 10)];
    check(&gone, "", 1);
    let back = [event("c", 1, 1, 10), event("d", 1, 1, 20), event("c", 1, 3, 30), event("d", 1, 1, 20)];
    check(&back, "(1,3)", 1);
}

/// The source failed over or was restored: its positions start lower, its clock goes on.
#[test]
fn a_log_that_begins_anew() {
    let later = |event: Event| event.at(event.ms + 3_600_000);
    let events = [
        event("c", 1, 1, 1_000),
        event("c", 2, 2, 2_000),
        later(event("u", 1, 3, 10)),
        later(event("u", 2, 4, 20)),
        later(event("u", 1, 5, 30)),
        // within the new log
        later(event("u", 1, 3, 10)),
        later(event("u", 2, 4, 20)),
    ];
    check(&events, "(1,5)\n(2,4)", 2);
    let records: Vec<Record> = events.iter().map(|event| event.record()).collect();
    let file = file_of("shop.public.t", 0, &records);
    let ended = Pipeline::from_file(file.path(), &with_table()).run().with_code(0);
    assert_eq!(ended.log.matches("is another one from here on").count(), 1, "{}", ended.log);
}

#[test]
fn one_position_for_many_rows_and_many_for_one() {
    let events = [
        // COPY
        event("c", 1, 1, 10),
        event("c", 2, 1, 10),
        event("c", 3, 1, 10),
        // one transaction: its events share a clock
        event("u", 1, 2, 20).at(1_763_700_000_020),
        event("u", 1, 3, 21).at(1_763_700_000_020),
        event("u", 1, 4, 22).at(1_763_700_000_020),
        // a change of key, as Debezium writes it
        event("d", 2, 1, 30),
        event("c", 4, 2, 30),
        // an incremental snapshot, twice
        event("r", 1, 5, 0),
        event("r", 3, 2, 0),
        event("u", 3, 3, 40),
    ];
    check(&events, "(1,5)\n(3,3)\n(4,2)", 0);
    // the snapshot reads were the second time what they were the first: nothing went back
    let repeats = [&events[..8], &events[..8], &[event("u", 1, 9, 90)]].concat();
    check(&repeats, "(1,9)\n(3,1)\n(4,2)", 8);
}

/// 1,000,000 is behind 999,999, though not as text.
#[test]
fn binary_logs_are_counted_on() {
    let in_log = |file: &str, pos: i64, seq: i64| {
        let source = json!({"connector": "mysql", "name": "shop", "db": "public", "table": "t", "server_id": 1,
            "file": file, "pos": pos, "row": 0, "ts_ms": 1_763_700_000_000_i64 + seq, "snapshot": "false"});
        Record::raw(&json!({"op": "u", "source": source, "after": {"id": 1, "seq": seq}}).to_string())
            .keyed(json!({"id": 1}))
    };
    let records = [
        in_log("bin.999999", 5_000, 1),
        in_log("bin.1000000", 100, 2),
        in_log("bin.999999", 5_000, 1),
        in_log("bin.1000000", 200, 3),
    ];
    let (database, file) = (with_table(), file_of("shop.public.t", 0, &records));
    Pipeline::from_file(file.path(), &database).run().with_code(0).says("duplicates=1 ");
    assert_rows(&database, "(1,3)", "binary logs");
}

/// A change of key comes in the partition of the new key, and may be far from the old row's events.
#[test]
fn keys_that_change_over_partitions() {
    let maxwell = |ty: &str, data: Value, old: Value, pos: i64| {
        let id = data["id"].clone();
        let message = json!({"database": "shop", "table": "t", "type": ty, "ts": 1_763_700_000 + pos,
            "position": format!("bin.000001:{pos}"), "data": data, "old": old});
        Record::raw(&message.to_string()).keyed(json!({"database": "shop", "table": "t", "pk.id": id}))
    };
    let created = maxwell("insert", json!({"id": 1, "seq": 1}), Value::Null, 10);
    let moved = maxwell("update", json!({"id": 2, "seq": 2}), json!({"id": 1}), 20);
    let parts = [(0, vec![created.clone()]), (1, vec![moved])];

    let (broker, database) = (Broker::start(), with_table());
    let topic = broker.topic("maxwell", 2);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.format", "maxwell-json")
        .set("sink.table", "t");
    for (partition, records) in &parts {
        broker.write(&topic, *partition, records);
        pipeline.run().with_code(0);
    }
    assert_eq!(database.rows("select * from t"), "(2,2)");
    // the old row's insert once more, and nothing of the new one's
    broker.write(&topic, 0, &[created]);
    pipeline.run().with_code(0).says("duplicates=1 ");
    assert_eq!(database.rows("select * from t"), "(2,2)");
}

#[test]
fn every_event_is_applied_where_that_is_asked_for() {
    let records: Vec<Record> = [&TWELVE[..], &TWELVE[3..]].concat().iter().map(|event| event.record()).collect();
    let (database, file) = (with_table(), file_of("shop.public.t", 0, &records));
    let pipeline = Pipeline::from_file(file.path(), &database).set("batch.max_rows", "1");
    pipeline.set("dedup.enabled", "false").run().with_code(0).says("duplicates=0 ");
    assert_eq!(database.rows("select * from t order by id"), "(1,11)\n(2,12)");
    assert!(database.number("select count(*) from applied where id = 2") > 4, "its old values were seen again");
}

/// What was forgotten is applied: a repeat may be seen then, and nothing is lost.
#[test]
fn a_tail_that_is_too_short() {
    let records: Vec<Record> = TWELVE.iter().map(|event| event.record()).collect();
    let (database, before) = (with_table(), file_of("shop.public.t", 0, &records));
    let pipeline = Pipeline::from_file(before.path(), &database);
    pipeline.run().with_code(0);
    let after = file_of("shop.public.t", 0, &[&records[..], &records[3..]].concat());
    // the last two events are read again: rows 1 and 2 are known, and row 3 is not
    let pipeline = pipeline.set("source.file", after.path().to_str().unwrap()).set("dedup.tail", "2");
    let n_repeats = n_dropped(&pipeline.run().with_code(0));
    assert!(n_repeats < records.len() - 3, "{n_repeats}");
    assert_eq!(database.rows("select * from t order by id"), "(1,11)\n(2,12)");
}

/// A truncate that was not applied is nothing to know repeats by: behind a restart no more than before it.
#[test]
fn a_truncate_that_is_ignored() {
    let truncate = {
        let record = event("t", 0, 0, 100).record();
        Record { key: None, ..record }
    };
    let (broker, database) = (Broker::start(), with_table());
    let topic = broker.topic("shop.public.t", 2);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.truncate", "ignore");
    broker.write(&topic, 0, &[event("c", 1, 1, 10).record(), truncate]);
    pipeline.run().with_code(0);
    // of the other partition, which was behind
    broker.write(&topic, 1, &[event("c", 2, 2, 50).record()]);
    pipeline.run().with_code(0).says("duplicates=0 ");
    assert_eq!(database.rows("select * from t order by id"), "(1,1)\n(2,2)");
}

/// Random operations of many rows, stretches that come again at random places, cut off at random; in batches of any size.
/// `ROWKIND_N_EVENTS=1000000 cargo test --test bridge repeats::at_random` is the large form.
#[test]
fn at_random() {
    let n_events = std::env::var("ROWKIND_N_EVENTS").map_or(20_000, |n| n.parse().expect("a number of events"));
    for (seed, max_rows) in [(1, "97"), (2, "1000"), (3, "10000")] {
        let mut random = Random(seed);
        let mut rows = std::collections::BTreeMap::new();
        let mut log: Vec<Event> = Vec::new();
        let (mut lines, mut offset, mut n_repeats) = (String::new(), 0_i64, 0);
        let mut write = |event: Event| {
            let record = event.record();
            let text = |bytes: &Option<Vec<u8>>| String::from_utf8(bytes.clone().unwrap()).unwrap();
            let line = json!({"topic": "shop.public.t", "partition": 0, "offset": offset,
                "key": text(&record.key), "payload": text(&record.payload)});
            writeln!(lines, "{line}").unwrap();
            offset += 1;
        };
        while log.len() < n_events {
            let (seq, id) = (i64::try_from(log.len()).unwrap(), i64::try_from(random.below(5_000)).unwrap());
            let event = match rows.remove(&id) {
                Some(last) if random.below(4) == 0 => event("d", id, last, seq + 1),
                known => {
                    rows.insert(id, seq);
                    event(if known.is_some() { "u" } else { "c" }, id, seq, seq + 1)
                }
            };
            write(event);
            log.push(event);
            if random.below(2_000) == 0 {
                let start = log.len() - 1 - random.below(log.len().min(3_000));
                let end = start + 1 + random.below(log.len() - start);
                log[start..end].iter().for_each(|event| write(*event));
                n_repeats += end - start;
            }
        }
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        let database = with_table();
        let pipeline = Pipeline::from_file(file.path(), &database).set("batch.max_rows", max_rows);
        let mut bridge = pipeline.set("source.stop", "latest-offset").start();
        // the large form takes longer than anything else may
        while bridge.is_running() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        bridge.wait().with_code(0).says(&format!("duplicates={n_repeats} "));
        let expected: Vec<String> = rows.iter().map(|(id, seq)| format!("({id},{seq})")).collect();
        assert_rows(&database, &expected.join("\n"), &format!("seed {seed}"));
    }
}
