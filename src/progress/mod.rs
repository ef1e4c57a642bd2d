//! What has been done so far: counters, and the line that tells of them.

mod histogram;
mod positions;
mod rows;
mod trouble;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rowkind_formats::Clock;

use crate::dedup::Dedup;
use crate::records::{Advance, TopicPartition};
use crate::rejects::Reject;
pub use histogram::Histogram;
use positions::Positions;
pub use positions::Standing;
pub use rows::RowCounts;
pub use trouble::{PATIENCE, Trouble, Unready, WAITING};

/// Counters since the start.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    /// The same by the clock on the wall.
    began_at: SystemTime,
    n_records: AtomicU64,
    /// By the table that they are for.
    tables: Mutex<BTreeMap<String, RowCounts>>,
    n_batches: AtomicU64,
    n_retreats: AtomicU64,
    n_retries: AtomicU64,
    n_rebalances: AtomicU64,
    n_rejects: AtomicU64,
    n_duplicates: AtomicU64,
    batch_records: Histogram,
    apply_seconds: Histogram,
    freshness_seconds: Histogram,
    /// The last ones, the newest first.
    rejects: Mutex<VecDeque<String>>,
    /// How many are open of the whole pipeline, where that is known.
    n_open_rejects: Mutex<Option<u64>>,
    /// Of the partitions that this instance reads from Kafka.
    positions: Mutex<Positions>,
    /// Whether it knows which partitions it has.
    is_assigned: AtomicBool,
    /// What is known of rows, where that is.
    dedup: Mutex<Option<Arc<Dedup>>>,
    /// What each lane is in, and the source.
    troubles: Mutex<Vec<Arc<Trouble>>>,
}

/// What a batch has done.
#[derive(Debug)]
pub struct Done<'d> {
    /// Its records, with those that were passed over.
    pub n_records: usize,
    /// The rows of each table.
    pub tables: &'d [(String, RowCounts)],
    /// Records that were passed over.
    pub rejects: Vec<&'d Reject>,
    /// Events that were repeats.
    pub n_duplicates: u64,
    /// How far each partition has come.
    pub advances: &'d [Advance],
    /// When the last record of each partition was written, in milliseconds since 1970.
    pub written_at: Vec<(&'d TopicPartition, i64)>,
    /// When the source made the first of its changes.
    pub changed_at: Option<Clock>,
    /// How long it took to write it.
    pub took: Duration,
}

/// As many of the last rejects are kept.
const MAX_REJECTS: usize = 20;

impl Default for Progress {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            began_at: SystemTime::now(),
            n_records: AtomicU64::default(),
            tables: Mutex::default(),
            n_batches: AtomicU64::default(),
            n_retreats: AtomicU64::default(),
            n_retries: AtomicU64::default(),
            n_rebalances: AtomicU64::default(),
            n_rejects: AtomicU64::default(),
            n_duplicates: AtomicU64::default(),
            batch_records: Histogram::new(&[1.0, 10.0, 100.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0]),
            apply_seconds: Histogram::new(&[
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ]),
            freshness_seconds: Histogram::new(&[
                0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0,
            ]),
            rejects: Mutex::default(),
            n_open_rejects: Mutex::default(),
            positions: Mutex::default(),
            is_assigned: AtomicBool::default(),
            dedup: Mutex::default(),
            troubles: Mutex::default(),
        }
    }
}

impl Progress {
    /// A batch is in the target.
    pub fn add(&self, done: Done<'_>) {
        let Done { n_records, tables, rejects, n_duplicates, advances, written_at, changed_at, took } = done;
        self.n_records.fetch_add(n_records as u64, Relaxed);
        self.n_rejects.fetch_add(rejects.len() as u64, Relaxed);
        self.n_duplicates.fetch_add(n_duplicates, Relaxed);
        self.n_batches.fetch_add(1, Relaxed);
        self.batch_records.observe(f64::from(u32::try_from(n_records).unwrap_or(u32::MAX)));
        self.apply_seconds.observe(took.as_secs_f64());
        if let Some(clock) = changed_at {
            self.freshness_seconds.observe(seconds_since(clock.micros()));
        }
        {
            let mut by_table = lock(&self.tables);
            for (table, counts) in tables {
                match by_table.get_mut(table) {
                    Some(known) => *known += *counts,
                    None => drop(by_table.insert(table.clone(), *counts)),
                }
            }
        }
        if !rejects.is_empty() {
            let mut last = lock(&self.rejects);
            for reject in rejects {
                last.push_front(reject.to_string());
            }
            last.truncate(MAX_REJECTS);
        }
        self.positions().advance(advances, written_at);
    }

    /// Where a lane, or the source, tells whether it is in trouble.
    pub fn trouble(&self) -> Arc<Trouble> {
        let trouble = Arc::<Trouble>::default();
        lock(&self.troubles).push(Arc::clone(&trouble));
        trouble
    }

    /// What a lane does did not go through, for this reason, and is tried again.
    pub fn add_retry(&self, trouble: &Trouble, reason: &str) {
        self.n_retries.fetch_add(1, Relaxed);
        trouble.retry(reason);
    }

    /// The group has given or taken partitions.
    pub fn add_rebalance(&self) {
        self.n_rebalances.fetch_add(1, Relaxed);
        self.set_assigned();
    }

    /// Tells how much is known of rows, from now on.
    pub fn watch(&self, dedup: Arc<Dedup>) {
        *lock(&self.dedup) = Some(dedup);
    }

    /// How many rows are known; `None` where that is not looked at.
    pub fn n_known(&self) -> Option<u64> {
        lock(&self.dedup).as_ref().map(|dedup| dedup.n_known() as u64)
    }

    /// How many rejects of the pipeline are open; `None` while nobody says.
    pub fn n_open_rejects(&self) -> Option<u64> {
        *lock(&self.n_open_rejects)
    }

    /// So many rejects of the pipeline are open; `None` while nobody says.
    pub fn set_open_rejects(&self, n: Option<u64>) {
        *lock(&self.n_open_rejects) = n;
    }

    /// Everything that was at work has ended, and begins again.
    pub fn begin_again(&self) {
        self.is_assigned.store(false, Relaxed);
        lock(&self.troubles).clear();
        self.positions().clear();
    }

    /// It is known which partitions are read.
    pub fn set_assigned(&self) {
        self.is_assigned.store(true, Relaxed);
    }

    /// Whether it is at work.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn readiness(&self) -> Result<(), Unready> {
        let stuck = lock(&self.troubles).iter().filter_map(|trouble| trouble.reason()).min();
        match stuck {
            Some((since, reason)) if since.elapsed() > PATIENCE => {
                Err(Unready::Stuck { since: since.elapsed(), reason })
            }
            _ if !self.is_assigned.load(Relaxed) => Err(Unready::Unassigned),
            _ => Ok(()),
        }
    }

    /// A batch is applied again, row by row.
    pub fn add_retreat(&self) {
        self.n_retreats.fetch_add(1, Relaxed);
    }

    /// Next offsets that were applied since the last call.
    pub fn take_applied(&self) -> Vec<(TopicPartition, i64)> {
        self.positions().take_applied()
    }

    /// A partition is read from `next_offset` on, and the broker's end of it is at `end`.
    pub fn assign(&self, partition: &TopicPartition, next_offset: i64, end: i64) {
        self.positions().assign(partition, next_offset, end);
    }

    /// A partition is not read any more.
    pub fn revoke(&self, partition: &TopicPartition) {
        self.positions().revoke(partition);
    }

    /// The broker's end of a partition has moved.
    pub fn set_end(&self, partition: &TopicPartition, end: i64) {
        self.positions().set_end(partition, end);
    }

    /// The next offset to apply of each partition, in their order.
    pub fn next_offsets(&self) -> Vec<(TopicPartition, i64)> {
        self.positions().next_offsets()
    }

    /// How many records the broker has that are not in the target.
    pub fn lag(&self) -> i64 {
        self.positions().lag()
    }

    fn positions(&self) -> MutexGuard<'_, Positions> {
        lock(&self.positions)
    }

    /// Records applied.
    pub fn n_records(&self) -> u64 {
        self.n_records.load(Relaxed)
    }

    /// Rows applied.
    pub fn rows(&self) -> RowCounts {
        lock(&self.tables).values().copied().sum()
    }

    /// Rows applied, by their table.
    pub fn tables(&self) -> Vec<(String, RowCounts)> {
        lock(&self.tables).iter().map(|(table, rows)| (table.clone(), *rows)).collect()
    }

    /// Where the partitions stand, in their order.
    pub fn standings(&self) -> Vec<Standing> {
        self.positions().standings()
    }

    /// The last rejects, the newest first.
    pub fn last_rejects(&self) -> Vec<String> {
        lock(&self.rejects).iter().cloned().collect()
    }

    /// When it began.
    pub fn began_at(&self) -> SystemTime {
        self.began_at
    }

    /// For how long it has run.
    pub fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// Counters by their names, each with what it counts.
    pub fn counters(&self) -> [(&'static str, &'static str, u64); 7] {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        [
            ("records", "Records applied, those that were passed over among them", of(&self.n_records)),
            ("batches", "Batches applied", of(&self.n_batches)),
            ("duplicates", "Events dropped that the capture tool wrote again", of(&self.n_duplicates)),
            ("rejects", "Records passed over that cannot be applied", of(&self.n_rejects)),
            ("retries", "Attempts that did not go through and were made again", of(&self.n_retries)),
            ("retreats", "Batches applied row by row", of(&self.n_retreats)),
            ("rebalances", "Times that the group gave or took partitions", of(&self.n_rebalances)),
        ]
    }

    /// Gauges by their names, each with what it is of; `None` while that is not known.
    pub fn gauges(&self) -> [(&'static str, &'static str, Option<u64>); 4] {
        [
            ("partitions", "Partitions that this instance reads", Some(self.positions().n() as u64)),
            ("dedup_keys", "Rows whose last event is remembered", self.n_known()),
            (
                "rejects_open",
                "Records that are put aside and neither applied since nor deleted, of the whole pipeline",
                self.n_open_rejects(),
            ),
            ("ready", "Whether it has its partitions and is not stuck", Some(u64::from(self.readiness().is_ok()))),
        ]
    }

    /// Histograms by their names, each with what it is of.
    pub fn histograms(&self) -> [(&'static str, &'static str, &Histogram); 3] {
        [
            ("batch_records", "Records of a batch", &self.batch_records),
            ("batch_apply_seconds", "Time from the begin of a batch's transaction to its commit", &self.apply_seconds),
            (
                "freshness_seconds",
                "Time from the source's change to its commit in the target, of the first change of each batch",
                &self.freshness_seconds,
            ),
        ]
    }

    /// Says how it goes every ten seconds, for ever.
    pub async fn report(&self) {
        const EVERY: Duration = Duration::from_secs(10);
        let mut before = (Instant::now(), 0, 0);
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        loop {
            ticks.tick().await;
            let now = (Instant::now(), self.n_records(), self.rows().total());
            // tenths of a second keep the rate exact enough without floats
            let tenths = u64::try_from(now.0.duration_since(before.0).as_millis() / 100).unwrap_or(1).max(1);
            let rate = |now: u64, before: u64| (now - before) * 10 / tenths;
            tracing::info!(
                records_per_s = rate(now.1, before.1),
                rows_per_s = rate(now.2, before.2),
                lag = self.lag(),
                records = now.1,
                retreats = self.n_retreats.load(Relaxed),
                duplicates = self.n_duplicates.load(Relaxed),
                rejects = self.n_rejects.load(Relaxed),
                "progress"
            );
            before = now;
        }
    }

    /// Says what was done in all.
    pub fn summarize(&self) {
        tracing::info!(
            records = self.n_records(),
            rows = self.rows().total(),
            batches = self.n_batches.load(Relaxed),
            retreats = self.n_retreats.load(Relaxed),
            duplicates = self.n_duplicates.load(Relaxed),
            rejects = self.n_rejects.load(Relaxed),
            "done"
        );
    }
}

/// What is counted stays as it is when somebody panics in between.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time since a moment in microseconds since 1970; clocks that are ahead of ours are taken for ours.
fn seconds_since(micros: i64) -> f64 {
    let moment = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(moment).as_secs_f64()
}
