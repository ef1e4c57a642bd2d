//! Repeats: which events of a log are told from new ones, by the laws of dedup by primary key.
//!
//! A log is written as text, one event a line: what becomes of it, then what it is.
//!
//! ```text
//! .  +I 1 a  lsn=10 ts_ms=5     applied
//! x  +U 1 b  lsn=9  ts_ms=5     a repeat
//! !  +U 1 c  lsn=9  ts_ms=6     applied, and told to be the first of another log
//! ```
//!
//! `+I`, `+U`, `-D` and `r` (a snapshot read) are of the row with that key and value, `T` is a truncate and `~` a tombstone
//! that stands alone. The rest are fields of Debezium's `source`, but for `partition=` (else 0) and `offset=` (else the
//! next one of the partition).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod history;
mod laws;
mod planning;
mod properties;
mod recorded;
mod sources;
mod truncates;

use std::collections::HashMap;
use std::fmt::Write;

use rowkind::dedup::{Dedup, NewLineage};
use rowkind_formats::{Decoder, Event, Format, RecordedRecord, Told};

/// The topic of all logs.
const TOPIC: &str = "shop.public.t";

/// Writes events as records, and keeps the next offsets of their partitions.
#[derive(Default)]
struct Log {
    next_offsets: HashMap<i32, i64>,
}

impl Log {
    /// The record of an event that is written as above.
    fn record(&mut self, event: &str) -> RecordedRecord {
        let mut words = event.split_whitespace();
        let kind = words.next().unwrap();
        let mut row: Vec<&str> = Vec::new();
        let mut source = String::from(r#""db":"shop","schema":"public","table":"t""#);
        let (mut partition, mut offset) = (0, None);
        for word in words {
            match word.split_once('=') {
                None => row.push(word),
                Some(("partition", number)) => partition = number.parse().unwrap(),
                Some(("offset", number)) => offset = Some(number.parse().unwrap()),
                Some((name, value)) if value.parse::<i64>().is_ok() => write!(source, r#","{name}":{value}"#).unwrap(),
                Some((name, value)) => write!(source, r#","{name}":"{value}""#).unwrap(),
            }
        }
        let image = match row[..] {
            [key, value] => format!(r#"{{"id":{key},"v":"{value}"}}"#),
            [key] => format!(r#"{{"id":{key}}}"#),
            _ => String::from("null"),
        };
        let op = match kind {
            "+I" => "c",
            "+U" => "u",
            "-D" => "d",
            "r" => "r",
            "T" => "t",
            "~" => "tombstone",
            _ => panic!("{kind} is no kind of event"),
        };
        let (before, after) = if op == "d" { (image.as_str(), "null") } else { ("null", image.as_str()) };
        let payload = format!(r#"{{"op":"{op}","source":{{{source}}},"before":{before},"after":{after}}}"#);
        let key = row.first().map(|key| format!(r#"{{"id":{key}}}"#));
        self.put(partition, offset, key, (op != "tombstone").then_some(payload))
    }

    fn put(
        &mut self,
        partition: i32,
        offset: Option<i64>,
        key: Option<String>,
        payload: Option<String>,
    ) -> RecordedRecord {
        let next_offset = self.next_offsets.entry(partition).or_default();
        let offset = offset.unwrap_or(*next_offset);
        *next_offset = offset + 1;
        RecordedRecord {
            topic: TOPIC.to_owned(),
            partition,
            offset,
            key: key.map(String::into_bytes),
            payload: payload.map(String::into_bytes),
            ..RecordedRecord::default()
        }
    }
}

fn decoder(format: Format) -> Decoder {
    Decoder::new(format, &Told { time_zone: "UTC".parse().ok(), ..Told::default() })
}

/// What becomes of the events of a log, each a plan of its own.
struct Marks {
    dedup: Dedup,
    decoder: Decoder,
}

impl Marks {
    fn new(format: Format) -> Self {
        Self { dedup: Dedup::new(1_000_000), decoder: decoder(format) }
    }

    fn mark(&mut self, record: &RecordedRecord) -> char {
        self.judge(record).0
    }

    fn judge(&mut self, record: &RecordedRecord) -> (char, Vec<NewLineage>) {
        let record = record.as_record();
        let mut event = self.decoder.decode(&record).unwrap();
        let mut judge = self.dedup.judge(None);
        let is_left = judge.keep(&record, &mut event);
        let told = self.dedup.commit(&judge.into_seen());
        let mark = match (is_left, told.is_empty()) {
            (true, true) => '.',
            (true, false) => '!',
            (false, _) => 'x',
        };
        (mark, told)
    }
}

/// Each event of a log becomes what is written before it.
#[track_caller]
fn check(log: &str) {
    let (mut marks, mut records) = (Marks::new(Format::DebeziumJson), Log::default());
    let lines = log.lines().map(str::trim).filter(|line| !line.is_empty());
    let (mut found, mut expected) = (String::new(), String::new());
    for line in lines {
        let (_, event) = line.split_once(' ').expect("a mark and an event");
        writeln!(found, "{} {event}", marks.mark(&records.record(event))).unwrap();
        writeln!(expected, "{line}").unwrap();
    }
    assert_eq!(found, expected);
}

/// The same of records of another format: mark, key and payload.
#[track_caller]
fn check_records(format: Format, log: &[(char, &str, &str)]) {
    let (mut marks, mut records) = (Marks::new(format), Log::default());
    for (expected, key, payload) in log {
        let key = (*key != "null").then(|| (*key).to_owned());
        let payload = (*payload != "null").then(|| (*payload).to_owned());
        let record = records.put(0, None, key, payload);
        assert_eq!(marks.mark(&record), *expected, "offset {}", record.offset);
    }
}

/// The rows of an event as changelog text.
fn changelog(event: &Event<'_>) -> String {
    rowkind_formats::changelog::text(event)
}
