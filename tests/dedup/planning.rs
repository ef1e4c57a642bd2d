//! Plans are made more than once, and ahead of what they come behind: what counts for which.

use rowkind::dedup::{Dedup, Judge, Seen};
use rowkind_formats::{Decoder, Event, Format, Key, RecordedRecord};

use crate::{Log, changelog, decoder};

/// A dedup and the records of a log.
struct Bench {
    dedup: Dedup,
    decoder: Decoder,
    log: Log,
}

impl Bench {
    fn new() -> Self {
        Self { dedup: Dedup::new(1_000), decoder: decoder(Format::DebeziumJson), log: Log::default() }
    }

    fn records(&mut self, events: &[&str]) -> Vec<RecordedRecord> {
        events.iter().map(|event| self.log.record(event)).collect()
    }

    /// Plans the records: `.` for each that is kept, `x` for each that is not, and what was seen.
    fn plan(&mut self, records: &[RecordedRecord], in_flight: Option<&Seen>) -> (String, Seen) {
        let mut judge = self.dedup.judge(in_flight);
        let mut keep = |record: &RecordedRecord| {
            let record = record.as_record();
            judge.keep(&record, &mut self.decoder.decode(&record).unwrap())
        };
        let marks = records.iter().map(|record| if keep(record) { '.' } else { 'x' }).collect();
        (marks, judge.into_seen())
    }
}

const STRETCH: [&str; 4] =
    ["+I 1 a lsn=10 ts_ms=5", "+U 1 b lsn=20 ts_ms=6", "+I 1 a lsn=10 ts_ms=5", "+U 1 c lsn=30 ts_ms=6"];

#[test]
fn a_plan_that_is_not_committed_counts_for_nothing() {
    let mut bench = Bench::new();
    let records = bench.records(&STRETCH);
    for _ in 0..3 {
        assert_eq!(bench.plan(&records, None).0, "..x.");
    }
    assert_eq!(bench.dedup.n_known(), 0);
    // taken apart
    let (marks, first) = bench.plan(&records[..2], None);
    assert_eq!(marks, "..");
    bench.dedup.commit(&first);
    for _ in 0..2 {
        assert_eq!(bench.plan(&records[2..], None).0, "x.");
    }
    assert_eq!(bench.dedup.counts().n_duplicates, 0);
}

#[test]
fn a_plan_is_made_on_top_of_the_batch_in_flight() {
    let mut bench = Bench::new();
    let records = bench.records(&STRETCH);
    let (_, in_flight) = bench.plan(&records[..2], None);
    assert_eq!(bench.plan(&records[2..], None).0, "..");
    let (marks, next) = bench.plan(&records[2..], Some(&in_flight));
    assert_eq!(marks, "x.");
    bench.dedup.commit(&in_flight);
    bench.dedup.commit(&next);
    let again = bench.records(&STRETCH);
    assert_eq!(bench.plan(&again, None).0, "xxxx");
}

#[test]
fn a_log_that_is_read_again_is_judged_as_it_was() {
    let mut bench = Bench::new();
    let records = bench.records(&STRETCH);
    for _ in 0..3 {
        let (marks, seen) = bench.plan(&records, None);
        assert_eq!(marks, "..x.");
        bench.dedup.commit(&seen);
    }
    // from the middle, and one by one
    for (record, expected) in records[1..].iter().zip([".", "x", "."]) {
        let (marks, seen) = bench.plan(std::slice::from_ref(record), None);
        assert_eq!(marks, expected);
        bench.dedup.commit(&seen);
    }
    assert_eq!(bench.dedup.n_known(), 1);
}

#[test]
fn truncates_and_tombstones_count_from_plan_to_plan() {
    let mut bench = Bench::new();
    let records = bench.records(&["+I 1 a lsn=10 ts_ms=5", "T lsn=20 ts_ms=5", "+U 2 a lsn=30 ts_ms=6", "~ 2"]);
    let (marks, in_flight) = bench.plan(&records, None);
    assert_eq!(marks, "....");
    let again = bench.records(&["+I 1 a lsn=10 ts_ms=5", "T lsn=20 ts_ms=5", "+U 2 a lsn=30 ts_ms=6"]);
    assert_eq!(bench.plan(&again, Some(&in_flight)).0, "xx.");
    bench.dedup.commit(&in_flight);
    assert_eq!(bench.plan(&again, None).0, "xx.");
    assert_eq!(bench.plan(&records, None).0, "....", "they are read again");
}

/// The tombstone, and the insert behind it, are of a stretch that is written again: so is what comes next.
#[test]
fn what_is_older_than_before_a_tombstone_stays_known_as_it_is() {
    let mut bench = Bench::new();
    for (events, expected) in [
        (&["+I 1 a lsn=30 ts_ms=5", "+U 1 b lsn=40 ts_ms=5"][..], ".."),
        (&["~ 1", "+I 1 a lsn=30 ts_ms=5"], ".."),
        (&["+U 1 b lsn=40 ts_ms=5"], "."),
    ] {
        let records = bench.records(events);
        let (marks, seen) = bench.plan(&records, None);
        assert_eq!(marks, expected);
        bench.dedup.commit(&seen);
    }
}

/// A row that moves between partitions may be in the plans of two lanes at once.
#[test]
fn the_newer_of_two_plans_stays_known() {
    let mut bench = Bench::new();
    let older = bench.records(&["+U 1 a lsn=10 ts_ms=5 partition=0"]);
    let newer = bench.records(&["-D 1 b lsn=20 ts_ms=6 partition=1"]);
    let plans = [bench.plan(&newer, None).1, bench.plan(&older, None).1];
    for seen in &plans {
        bench.dedup.commit(seen);
    }
    let again = bench.records(&["+U 1 a lsn=10 ts_ms=5 partition=0", "-D 1 b lsn=20 ts_ms=6 partition=1"]);
    assert_eq!(bench.plan(&again, None).0, "xx");
}

#[test]
fn a_log_that_begins_is_told_once_by_the_plan_that_is_committed() {
    let mut bench = Bench::new();
    let old = bench.records(&["+I 1 a lsn=80 ts_ms=5001", "+I 2 a lsn=90 ts_ms=5001"]);
    let seen = bench.plan(&old, None).1;
    assert_eq!(bench.dedup.commit(&seen), []);
    let new = bench.records(&["+U 1 b lsn=8 ts_ms=9001", "+U 2 b lsn=9 ts_ms=9002"]);
    let _thrown_away = bench.plan(&new, None);
    let seen = bench.plan(&new, None).1;
    let told: Vec<_> = bench.dedup.commit(&seen).into_iter().map(|new| (new.table, new.offset)).collect();
    assert_eq!(told, [("public.t".to_owned(), 2)]);
    let seen = bench.plan(&new, None).1;
    assert_eq!(bench.dedup.commit(&seen), []);
    assert_eq!(bench.dedup.counts().n_new_lineages, 1);
}

/// The columns that rows go by can be others than those of the record's key.
#[test]
fn rows_can_go_by_columns_that_are_given() {
    let mut bench = Bench::new();
    let records = bench.records(&["+I 1 a lsn=20 ts_ms=5", "+I 2 a lsn=10 ts_ms=5", "+I 3 b lsn=10 ts_ms=5"]);
    let mut keep = |judge: &mut Judge<'_>, record: &RecordedRecord, columns: &[&str]| {
        let record = record.as_record();
        let Event::Change(mut change) = bench.decoder.decode(&record).unwrap() else { panic!("it is a change") };
        judge.keep_rows(&record, &mut change, Some(columns))
    };
    let mut judge = bench.dedup.judge(None);
    let kept: Vec<_> = records.iter().map(|record| keep(&mut judge, record, &["v"])).collect();
    assert_eq!(kept, [true, false, true]);
    let kept: Vec<_> = records.iter().map(|record| keep(&mut judge, record, &["nowhere"])).collect();
    assert_eq!(kept, [true, true, true], "without a value there is no key");
}

/// A router of several tables into one topic adds to the key what tells them apart, and not to the rows.
#[test]
fn a_column_of_the_key_alone_counts() {
    let mut bench = Bench::new();
    let mut record = |shard: &str| {
        let key = format!(r#"{{"id":1,"shard":"{shard}"}}"#);
        let payload = r#"{"op":"c","source":{"table":"t","lsn":10,"ts_ms":5},"after":{"id":1}}"#;
        bench.log.put(0, None, Some(key), Some(payload.to_owned()))
    };
    let records = [record("a"), record("b"), record("a")];
    assert_eq!(bench.plan(&records, None).0, "..x");
}

/// Two connectors, each with a table of the same name.
#[test]
fn topics_are_not_compared_with_each_other() {
    let mut bench = Bench::new();
    let mut records = bench.records(&["+I 1 a lsn=20 ts_ms=5", "+I 1 b lsn=10 ts_ms=5", "+I 1 a lsn=20 ts_ms=5"]);
    records[1].topic = "other.public.t".to_owned();
    assert_eq!(bench.plan(&records, None).0, "..x");
}

/// The source, or a converter, may write one key in two ways.
#[test]
fn a_key_is_known_by_its_text() {
    let mut bench = Bench::new();
    let first = bench.records(&["+I 1 a lsn=20 ts_ms=5"]);
    let (_, seen) = bench.plan(&first, None);
    let again = bench.log.put(
        0,
        None,
        Some(r#"{"id":"1"}"#.to_owned()),
        Some(r#"{"op":"d","source":{"db":"shop","schema":"public","table":"t","lsn":10,"ts_ms":5}}"#.to_owned()),
    );
    assert_eq!(bench.plan(std::slice::from_ref(&again), Some(&seen)).0, "x");
    let event = bench.decoder.decode(&again.as_record()).unwrap();
    assert_eq!(changelog(&event), "-D public.t {\"id\":\"1\"}\n");
    let Event::Change(change) = event else { panic!("it is a change") };
    assert!(matches!(change.key, Some(Key { schema: None, .. })));
}
