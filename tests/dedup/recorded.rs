//! Logs that capture tools wrote: alone they hold no repeats, and played again they hold just those of what was streamed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rowkind::dedup::Dedup;
use rowkind_formats::{Change, Event, Format, Position, RecordedRecord, Row, Table};

use crate::decoder;

/// The files of records in a folder of `fixtures/` and below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "jsonl") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn records(file: &Path) -> Vec<RecordedRecord> {
    let text = fs::read(file).unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| RecordedRecord::parse(line).unwrap()).collect()
}

/// The same records, written again behind the first time.
fn again(records: &[RecordedRecord]) -> Vec<RecordedRecord> {
    let mut next_offsets: HashMap<(&str, i32), i64> = HashMap::new();
    for record in records {
        let next = next_offsets.entry((&record.topic, record.partition)).or_default();
        *next = (*next).max(record.offset + 1);
    }
    let shifted = |record: &RecordedRecord| {
        let offset = record.offset + next_offsets[&(&*record.topic, record.partition)];
        RecordedRecord { offset, ..record.clone() }
    };
    records.iter().map(shifted).collect()
}

/// Rows that are left of each record, and those that it has.
fn rows_left(dedup: &Dedup, format: Format, records: &[RecordedRecord]) -> Vec<(usize, usize)> {
    let mut decoder = decoder(format);
    let mut left = |record: &RecordedRecord| {
        let record = record.as_record();
        let Ok(mut event) = decoder.decode(&record) else { return (0, 0) };
        let n_rows = n_rows(&event);
        let is_left = dedup.keep(&record, &mut event);
        (if is_left { self::n_rows(&event) } else { 0 }, n_rows)
    };
    records.iter().map(&mut left).collect()
}

fn n_rows(event: &Event<'_>) -> usize {
    match event {
        Event::Change(change) => change.rows.len(),
        Event::Truncate { .. } => 1,
        Event::Tombstone { .. } | Event::Aside(_) => 0,
    }
}

/// What is written again and has to be known for a repeat.
#[derive(Clone, Copy)]
enum Known {
    /// All that was streamed and has a key.
    All,
    /// Events have no positions: all of the rows that were changed once, in tables that were never truncated.
    ChangedOnce,
}

#[track_caller]
fn check(folder: &str, format: Format, known: Known) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let (mut n_files, mut n_repeats) = (0, 0);
    for file in files(&folder) {
        let records = records(&file);
        let dedup = Dedup::new(1_000_000);
        let first = rows_left(&dedup, format, &records);
        assert!(first.iter().all(|(left, all)| left == all), "{}", file.display());
        assert_eq!(dedup.counts(), <_>::default(), "{}", file.display());
        let second = rows_left(&dedup, format, &again(&records));
        let expected = expected(format, &records, known);
        for (at, ((left, all), expected)) in second.iter().zip(expected).enumerate() {
            let Some(is_repeat) = expected else { continue };
            assert_eq!(*left, if is_repeat { 0 } else { *all }, "{}:{}", file.display(), at + 1);
            n_repeats += usize::from(is_repeat);
        }
        assert_eq!(dedup.counts().n_new_lineages, 0, "{}", file.display());
        n_files += 1;
    }
    assert!(n_files > 0 && n_repeats > 0, "{}", folder.display());
}

/// Whether each record is to be known for a repeat when it is written again; `None` where it cannot be known.
fn expected(format: Format, records: &[RecordedRecord], known: Known) -> Vec<Option<bool>> {
    let mut decoder = decoder(format);
    let events: Vec<_> = records.iter().map(|record| decoder.decode(&record.as_record()).ok()).collect();
    let is_truncated = |table: &Table<'_>| {
        events.iter().any(|event| matches!(event, Some(Event::Truncate { table: truncated, .. }) if truncated == table))
    };
    let mut n_changes: HashMap<String, usize> = HashMap::new();
    for change in events.iter().filter_map(|event| as_streamed(event.as_ref())) {
        keys(change).for_each(|key| *n_changes.entry(key).or_default() += 1);
    }
    let expected = |event: Option<&Event<'_>>| match (event, known) {
        (Some(Event::Truncate { origin, .. }), _) => Some(origin.stamp().position != Position::Unknown),
        (event, _) if as_streamed(event).is_none() => Some(false),
        (_, Known::All) => Some(true),
        (event, Known::ChangedOnce) => {
            let change = as_streamed(event)?;
            let is_changed_once = keys(change).all(|key| n_changes[&key] == 1);
            (is_changed_once && !is_truncated(&change.table)).then_some(true)
        }
    };
    events.iter().map(|event| expected(event.as_ref())).collect()
}

/// A change of rows with a key that no snapshot read.
fn as_streamed<'e, 'a>(event: Option<&'e Event<'a>>) -> Option<&'e Change<'a>> {
    match event {
        Some(Event::Change(change)) if change.key.is_some() && !change.origin.stamp().is_snapshot => Some(change),
        _ => None,
    }
}

/// The keys of a change's events; an update has one.
fn keys(change: &Change<'_>) -> impl Iterator<Item = String> {
    let names: Vec<_> = change.key.iter().flat_map(|key| &key.columns).map(|column| &column.name).collect();
    let events = change.rows.iter().filter(|row| row.kind.short() != "-U");
    let key = |row: &Row<'_>| {
        let values: Vec<_> = names.iter().map(|name| row.get(name)).collect();
        format!("{:?} {values:?}", change.table)
    };
    events.map(key).collect::<Vec<_>>().into_iter()
}

#[test]
fn debezium() {
    check("debezium-json", Format::DebeziumJson, Known::All);
    check("shop", Format::DebeziumJson, Known::All);
}

#[test]
fn flattened_with_positions() {
    check("flattened-json/postgres/rewrite", Format::FlattenedJson, Known::All);
    check("flattened-json/mysql/rewrite", Format::FlattenedJson, Known::All);
}

#[test]
fn maxwell_by_the_names_of_its_events() {
    check("maxwell-json/mysql", Format::MaxwellJson, Known::All);
    check("maxwell-json/mariadb", Format::MaxwellJson, Known::All);
}

#[test]
fn canal_without_gtids() {
    check("canal-json", Format::CanalJson, Known::ChangedOnce);
}
