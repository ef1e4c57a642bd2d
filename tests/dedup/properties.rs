//! Any history of a source, written with any repeats and planned in any way, gives the source's table.
//!
//! What a history writes into its log is emitted with stretches again and again, each cut off anywhere; the last goes to
//! the end. Snapshot reads stand anywhere between. The records are planned in batches, thrown away and planned anew, in
//! halves, and ahead of the batch in flight.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use rowkind::dedup::{Dedup, Seen};
use rowkind_formats::{Format, RecordedRecord};

use crate::history::{Event, History, N_KEYS, N_TRANSACTIONS, Rows, Source, Step, table};
use crate::{Log, decoder};

/// A record of the log.
#[derive(Debug)]
struct Emitted {
    record: RecordedRecord,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// The event with this number, for the first time or again.
    Streamed {
        number: usize,
        is_repeat: bool,
    },
    SnapshotRead(u8, u64),
}

/// How a log is emitted: so many events on, so many back, and whether a snapshot reads all rows then.
type Stretch = (usize, usize, bool);

/// `partition` is told an event.
fn emit(events: &[Event], stretches: &[Stretch], partition: impl Fn(&Event) -> u8) -> Vec<Emitted> {
    let (mut log, mut emitted) = (Log::default(), Vec::new());
    let (mut next, mut head) = (0, 0);
    let to_the_end = (events.len(), 0, false);
    for (on, back, is_snapshot) in stretches.iter().chain([&to_the_end]) {
        for (number, event) in events.iter().enumerate().skip(next).take(*on) {
            let Event { change, place, is_tombstone, .. } = event;
            let what = if *is_tombstone { format!("~ {}", change.key().unwrap()) } else { change.text() };
            let record = log.record(&format!("{what} {place} partition={}", partition(event)));
            emitted.push(Emitted { record, what: What::Streamed { number, is_repeat: number < head } });
            head = head.max(number + 1);
        }
        next = (next + on).min(events.len());
        if *is_snapshot {
            // an incremental snapshot has no place, another that of its begin
            let place = events.get(head).filter(|_| back % 2 == 0).map_or("snapshot=incremental", |event| &event.place);
            for (key, value) in table(&events[..head]) {
                let of_key = |event: &&Event| event.change.key() == Some(key);
                let partition = partition(events.iter().find(of_key).unwrap());
                let record = log.record(&format!("r {key} {value} {place} partition={partition}"));
                emitted.push(Emitted { record, what: What::SnapshotRead(key, value) });
            }
        }
        next = next.saturating_sub(*back);
    }
    emitted
}

const N_PARTITIONS: u8 = 3;

fn by_key(event: &Event) -> u8 {
    event.change.key().unwrap_or(0) % N_PARTITIONS
}

/// The same in an order in which partitions can be read.
fn interleaved(emitted: Vec<Emitted>, picks: &[u8]) -> Vec<Emitted> {
    let mut partitions: Vec<VecDeque<Emitted>> = (0..N_PARTITIONS).map(|_| VecDeque::new()).collect();
    for emitted in emitted {
        partitions[usize::try_from(emitted.record.partition).unwrap()].push_back(emitted);
    }
    let mut read = Vec::new();
    let mut picks = picks.iter().cycle();
    while partitions.iter().any(|partition| !partition.is_empty()) {
        let from = usize::from(*picks.next().unwrap());
        let all = partitions.len();
        let partition = (0..all).map(|at| (from + at) % all).find(|at| !partitions[*at].is_empty()).unwrap();
        read.extend(partitions[partition].pop_front());
    }
    read
}

/// How a batch is planned: its size, and whether it goes through at once.
type Batch = (usize, bool);

/// Which records are kept by the plans that are committed.
fn consume(records: &[Emitted], batches: &[Batch]) -> Vec<bool> {
    let (dedup, mut decoder) = (Dedup::new(1_000_000), decoder(Format::DebeziumJson));
    let mut plan = |records: &[Emitted], in_flight: Option<&Seen>| {
        let mut judge = dedup.judge(in_flight);
        let mut keep = |emitted: &Emitted| {
            let record = emitted.record.as_record();
            judge.keep(&record, &mut decoder.decode(&record).unwrap())
        };
        let kept: Vec<bool> = records.iter().map(&mut keep).collect();
        (kept, judge.into_seen())
    };
    let mut all_kept = Vec::new();
    // the batch in flight, what its plan kept and saw, and whether it goes through at once
    let mut in_flight: Option<(&[Emitted], Vec<bool>, Seen, bool)> = None;
    let mut rest = records;
    let mut batches = batches.iter().cycle();
    loop {
        let (size, goes_through) = batches.next().unwrap();
        let (batch, behind) = rest.split_at(*size.min(&rest.len()));
        let mut planned = plan(batch, in_flight.as_ref().map(|(_, _, seen, _)| seen));
        match in_flight.take() {
            None => {}
            Some((_, kept, seen, true)) => {
                dedup.commit(&seen);
                all_kept.extend(kept);
            }
            Some((failed, _, _, false)) => {
                for half in failed.chunks(failed.len() / 2 + 1) {
                    drop(plan(half, None));
                    let (kept, seen) = plan(half, None);
                    dedup.commit(&seen);
                    all_kept.extend(kept);
                }
                planned = plan(batch, None);
            }
        }
        if batch.is_empty() {
            return all_kept;
        }
        in_flight = Some((batch, planned.0, planned.1, *goes_through));
        rest = behind;
    }
}

/// What a log with repeats must come to, beside the source's table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Must {
    /// Every event is applied.
    Apply,
    /// Every event is applied once, and no row goes back.
    ApplyOnce,
    /// No row goes back; what would take one back is dropped, also when it comes for the first time.
    NotGoBack,
}

/// Applies what is kept, and checks it on the way. Returns the table.
fn apply(events: &[Event], emitted: &[Emitted], kept: &[bool], must: Must) -> Result<Rows, TestCaseError> {
    prop_assert_eq!(emitted.len(), kept.len());
    let (mut rows, mut last_order) = (Rows::new(), BTreeMap::new());
    for (emitted, is_kept) in emitted.iter().zip(kept) {
        match emitted.what {
            What::SnapshotRead(key, value) => {
                prop_assert!(is_kept, "a snapshot read was dropped");
                rows.insert(key, value);
            }
            What::Streamed { number, is_repeat } => {
                let Event { change, order, .. } = events[number];
                if must != Must::NotGoBack {
                    prop_assert!(is_repeat || *is_kept, "{number} was dropped: {change:?}");
                }
                if must != Must::Apply {
                    prop_assert!(!(is_repeat && *is_kept), "{number} was applied again: {change:?}");
                    if let (Some(key), true) = (change.key(), *is_kept) {
                        let last = last_order.insert(key, order);
                        prop_assert!(last < Some(order), "{key} went back from {last:?} to {order}");
                    }
                }
                if *is_kept {
                    change.apply(&mut rows);
                }
            }
        }
    }
    Ok(rows)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..N_TRANSACTIONS, 0..N_KEYS, 0_u8..13), 1..80)
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    prop::collection::vec((0_usize..30, 0_usize..30, prop::bool::weighted(0.2)), 0..6)
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    prop::collection::vec((1_usize..12, prop::bool::weighted(0.7)), 1..8)
}

proptest! {
    #[test]
    fn every_event_is_applied_once_where_the_source_keeps_an_order(
        source in prop::sample::select(vec![Source::Postgres, Source::MySql, Source::MySqlGtid]),
        (steps, stretches, batches) in (steps(), stretches(), batches()),
    ) {
        let events = History::run(source, &steps, true);
        let emitted = emit(&events, &stretches, |_| 0);
        let kept = consume(&emitted, &batches);
        prop_assert_eq!(apply(&events, &emitted, &kept, Must::ApplyOnce)?, table(&events));
    }

    #[test]
    fn every_event_is_applied_where_it_does_not(
        source in prop::sample::select(vec![
            Source::Tombstones, Source::MySqlStatementClock, Source::Clock, Source::Nothing
        ]),
        (steps, stretches, batches) in (steps(), stretches(), batches()),
    ) {
        let events = History::run(source, &steps, true);
        let emitted = emit(&events, &stretches, |_| 0);
        let kept = consume(&emitted, &batches);
        prop_assert_eq!(apply(&events, &emitted, &kept, Must::Apply)?, table(&events));
    }

    #[test]
    fn partitions_are_read_in_any_order(
        source in prop::sample::select(vec![Source::Postgres, Source::MySql, Source::MySqlGtid]),
        (steps, stretches, batches) in (steps(), stretches(), batches()),
        picks in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let events = History::run(source, &steps, false);
        let emitted = interleaved(emit(&events, &stretches, by_key), &picks);
        let kept = consume(&emitted, &batches);
        prop_assert_eq!(apply(&events, &emitted, &kept, Must::ApplyOnce)?, table(&events));
    }

    /// The delete of the old key overtakes what its own partition still has of it, or comes long after.
    #[test]
    fn a_change_of_key_comes_in_the_partition_of_the_new_one(
        source in prop::sample::select(vec![Source::MySql, Source::MySqlGtid]),
        (steps, stretches, batches) in (steps(), stretches(), batches()),
        picks in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        // a snapshot read has no place among events of other partitions
        let stretches: Vec<Stretch> = stretches.into_iter().map(|(on, back, _)| (on, back, false)).collect();
        let events = History::run(source, &steps, false);
        let emitted = emit(&events, &stretches, |event| event.partitioned_by % N_PARTITIONS);
        let emitted = interleaved(emitted, &picks);
        let kept = consume(&emitted, &batches);
        prop_assert_eq!(apply(&events, &emitted, &kept, Must::NotGoBack)?, table(&events));
    }
}
