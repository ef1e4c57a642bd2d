//! Events that a capture tool wrote twice are told from new ones.
//!
//! Capture tools deliver at least once: after a crash they write a stretch of their source's log again, as new records at
//! new offsets. Applied blindly, tables go back in time and a changelog says the same thing twice.
//!
//! Comes in: a plan's decoded events, in the order of their offsets. Goes out: the same without the repeats, and the
//! [`Seen`] that makes them count once the plan is committed. Pure: no clock, no store. It holds the laws of dedup by
//! primary key:
//!
//! 1. Known of each row (source table and key) is its last streamed event: where it stands in the source's log, the
//!    source's clock, what it says, and the record it came in.
//! 2. An event is a repeat when it is **older** than that and its clock is not later, or when it stands at the **same**
//!    place, at the same time, and says the same. Only positions of one [lineage](rowkind_formats::Stamp::lineage) are
//!    compared, and only where the source keeps an [order](rowkind_formats::Position). In doubt it is applied: what is
//!    applied twice is harmless, what is dropped is lost.
//! 3. Snapshot reads are never compared and never known. A transaction that began before a snapshot and committed after
//!    it stands before the snapshot.
//! 4. Nothing is compared across keys; but see below for truncates.
//! 5. A lower position with a later clock is another log: it is applied, [told](NewLineage) once, and the row goes on from
//!    there.
//! 6. A deleted row stays known, so that an older insert does not bring it back.
//! 7. Memory is bounded: a row that has not been written for long is not known, and its next event is applied. It is
//!    filled from the tail of the log by [learning](Dedup::learn).
//!
//! An update's `-U` and `+U` are one event of the `+U`'s key, a change of key is two, a message of many rows is many. A record
//! is never a repeat of itself: what was read at its own offset of its partition, or behind it, says nothing about it,
//! since then the log is being read again. Rows of one record are not compared with each other for the same reason.
//!
//! # Plans
//!
//! A plan is speculative: it is thrown away and made anew, in parts, or ahead while the batch before it is being applied.
//! So each attempt asks a [`Judge`] of its own and carries what that has [`Seen`]; nothing counts before it is
//! [committed](Dedup::commit) with the plan. A record that is judged and then rejected is seen with the rest: what is
//! repeated of it is not rejected twice.
//!
//! # What leaves no state
//!
//! A tombstone that stands alone deletes a row and does not say where it stands. It is applied, and its row is not known
//! any more. To keep what was known would lose data: when a stretch comes again of which a tombstone deletes the row once
//! more, the insert behind it has to be applied again. So does a snapshot read where events have no positions: after it,
//! what an earlier event said may be new again.
//!
//! # Truncates
//!
//! Postgres and `MySQL` truncate a table under a lock that no writer of its rows shares: all that wrote before have
//! committed, all others wait. So a truncate is the one event that has its place among **all** rows of its table: what
//! is older was there before it, in whichever transaction and partition. Hence
//!
//! - a truncate is a repeat when it is not newer than the last one of its table;
//! - an event of a row is a repeat when it is older than the last truncate of the table, also when it comes for the first
//!   time (a truncate has no key, and so may overtake rows in other partitions);
//! - when a truncate is applied, what was known of the table's rows is void: they are gone, and should it be a repeat
//!   that was not known for one, the rows behind it come once more and have to be applied once more. What is older than it
//!   is still known by its own position;
//! - when a row that stands before it is applied all the same, in doubt or as that of another log, the truncate is not
//!   known any more: should that row be a repeat, the truncate comes behind it and has to be applied once more.

mod identity;
mod judge;
mod law;
mod memory;
mod seen;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rowkind_formats::{Clock, Event, Record};

use identity::Identity;
pub(crate) use identity::write_value;
pub use judge::Judge;
use law::State;
use memory::Memory;
use seen::Touched;
pub use seen::{NewLineage, Seen};

/// What is known of all rows, for all lanes.
///
/// ```
/// use rowkind::dedup::Dedup;
/// use rowkind_formats::{Decoder, Record};
///
/// let event = |id: i64, lsn: i64| {
///     format!(r#"{{"op":"c","source":{{"table":"t","lsn":{lsn},"ts_ms":{lsn}}},"after":{{"id":{id}}}}}"#)
/// };
/// let (dedup, mut decoder) = (Dedup::new(1_000_000), Decoder::default());
/// let mut is_kept = |offset, id, lsn| {
///     let (key, payload) = (format!(r#"{{"id":{id}}}"#), event(id, lsn));
///     let (key, payload) = (Some(key.as_bytes()), Some(payload.as_bytes()));
///     let record = Record { topic: "t", partition: 0, offset, key, payload };
///     let mut event = decoder.decode(&record).expect("it is an event");
///     dedup.keep(&record, &mut event)
/// };
/// assert!(is_kept(0, 1, 100));
/// assert!(is_kept(1, 2, 90), "another row");
/// assert!(!is_kept(2, 1, 100), "the same at a new offset");
/// assert!(!is_kept(3, 1, 80), "older");
/// assert!(is_kept(0, 1, 100), "the log is being read again");
/// ```
#[derive(Debug)]
pub struct Dedup {
    identity: Identity,
    memory: Memory,
    /// The last truncate of each table that had one.
    truncates: Mutex<Arc<Truncates>>,
    last_truncation: AtomicU32,
    /// Since when each lineage's present log is known of which it was told that it begins.
    lineages: Mutex<HashMap<u64, Clock>>,
    n_duplicates: AtomicU64,
    n_new_lineages: AtomicU64,
}

type Truncates = HashMap<u64, State>;

/// What has been found in committed plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events of rows, and truncates, that were repeats.
    pub n_duplicates: u64,
    /// Logs that began.
    pub n_new_lineages: u64,
}

impl Dedup {
    /// Knows up to `max_keys` rows, and half as many at least. Each takes 93 to 186 bytes, the least where `max_keys` is
    /// 7·2ⁿ (917504: 86 MB; 1000000: 173 MB), since the tables double. Where events have a
    /// [name](rowkind_formats::Position::Named) of their own (Maxwell's defaults), events are known, not rows.
    pub fn new(max_keys: usize) -> Self {
        Self {
            identity: Identity::default(),
            memory: Memory::new(max_keys),
            truncates: Mutex::default(),
            last_truncation: AtomicU32::new(0),
            lineages: Mutex::default(),
            n_duplicates: AtomicU64::new(0),
            n_new_lineages: AtomicU64::new(0),
        }
    }

    /// A judge for one plan. `in_flight` is what the batch before it has seen, which is being applied meanwhile; a plan on
    /// top of a batch that is then not committed just so has to be made again.
    pub fn judge<'d>(&'d self, in_flight: Option<&'d Seen>) -> Judge<'d> {
        Judge::new(self, in_flight)
    }

    /// Takes a repeat out of an event that needs no plan; `false` when nothing is left of it.
    pub fn keep(&self, record: &Record<'_>, event: &mut Event<'_>) -> bool {
        let mut judge = self.judge(None);
        let is_left = judge.keep(record, event);
        self.commit(&judge.into_seen());
        is_left
    }

    /// What a plan saw counts from now on: its records have been applied. Returns the logs that began with it and have
    /// not been told of yet.
    pub fn commit(&self, seen: &Seen) -> Vec<NewLineage> {
        self.learn(seen);
        let told: Vec<_> =
            seen.begun.iter().filter(|begun| self.is_news(begun)).map(|begun| begun.at.clone()).collect();
        self.n_duplicates.fetch_add(seen.n_duplicates, Ordering::Relaxed);
        self.n_new_lineages.fetch_add(told.len() as u64, Ordering::Relaxed);
        told
    }

    /// The same for records that were applied earlier: the tail of a partition's log before its stored offset, which is
    /// judged like a plan and then only remembered.
    pub fn learn(&self, seen: &Seen) {
        self.memory.update(&seen.rows, Touched::over);
        if !seen.truncates.is_empty() {
            Arc::make_mut(&mut lock(&self.truncates)).extend(&seen.truncates);
        }
    }

    /// What has been found so far.
    pub fn counts(&self) -> Counts {
        Counts {
            n_duplicates: self.n_duplicates.load(Ordering::Relaxed),
            n_new_lineages: self.n_new_lineages.load(Ordering::Relaxed),
        }
    }

    /// Rows that are known.
    pub fn n_known(&self) -> usize {
        self.memory.len()
    }

    fn truncates(&self) -> Arc<Truncates> {
        Arc::clone(&lock(&self.truncates))
    }

    /// A number that no truncate had before.
    fn new_truncation(&self) -> u32 {
        self.last_truncation.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Whether this is the first row that tells of a log that begins. For the others what was known of them is older than
    /// its begin.
    fn is_news(&self, begun: &seen::Begun) -> bool {
        let mut lineages = lock(&self.lineages);
        let (before, clock_before) = begun.before;
        let is_news = match lineages.get(&begun.lineage) {
            Some(since) => before == begun.lineage && !since.is_later_than(clock_before),
            None => true,
        };
        if is_news {
            lineages.entry(before).or_insert(clock_before);
            lineages.insert(begun.lineage, begun.clock);
        }
        is_news
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds the lock")
}
