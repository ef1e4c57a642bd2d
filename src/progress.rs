//! What has been done so far: counters, and the line that tells of them.

use std::collections::HashMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rowkind_formats::RowKind;

use crate::records::{Advance, TopicPartition};

/// Changelog rows by their kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts([u64; 4]);

impl RowCounts {
    /// One more row.
    pub fn add(&mut self, kind: RowKind) {
        self.0[place(kind)] += 1;
    }

    /// Rows of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

impl fmt::Display for RowCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [inserts, before, after, deletes] = self.0;
        write!(f, "+I {inserts} -U {before} +U {after} -D {deletes}")
    }
}

fn place(kind: RowKind) -> usize {
    match kind {
        RowKind::Insert => 0,
        RowKind::UpdateBefore => 1,
        RowKind::UpdateAfter => 2,
        RowKind::Delete => 3,
    }
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Progress {
    n_records: AtomicU64,
    rows: Mutex<RowCounts>,
    n_batches: AtomicU64,
    n_retreats: AtomicU64,
    n_rejects: AtomicU64,
    n_duplicates: AtomicU64,
    /// Of the partitions that this instance reads from Kafka.
    positions: Mutex<HashMap<TopicPartition, Position>>,
}

/// Where a partition stands.
#[derive(Debug)]
struct Position {
    /// The next offset to apply.
    applied: i64,
    /// The broker's next offset, as of the last time it was told.
    end: i64,
    /// Whether `applied` is news to the consumer group.
    is_news: bool,
}

impl Progress {
    /// A batch is in the target.
    pub fn add(
        &self,
        n_records: usize,
        rows: RowCounts,
        (n_rejects, n_duplicates): (usize, u64),
        advances: &[Advance],
    ) {
        self.n_records.fetch_add(n_records as u64, Relaxed);
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) += rows;
        self.n_rejects.fetch_add(n_rejects as u64, Relaxed);
        self.n_duplicates.fetch_add(n_duplicates, Relaxed);
        self.n_batches.fetch_add(1, Relaxed);
        let mut positions = self.positions();
        for advance in advances {
            if let Some(position) = positions.get_mut(&advance.partition) {
                (position.applied, position.is_news) = (advance.to, true);
            }
        }
    }

    /// A batch is applied again, row by row.
    pub fn add_retreat(&self) {
        self.n_retreats.fetch_add(1, Relaxed);
    }

    /// Next offsets that were applied since the last call.
    pub fn take_applied(&self) -> Vec<(TopicPartition, i64)> {
        let mut positions = self.positions();
        let news = |(partition, position): (&TopicPartition, &mut Position)| {
            std::mem::take(&mut position.is_news).then(|| (partition.clone(), position.applied))
        };
        positions.iter_mut().filter_map(news).collect()
    }

    /// A partition is read from `next_offset` on, and the broker's end of it is at `end`.
    pub fn assign(&self, partition: &TopicPartition, next_offset: i64, end: i64) {
        self.positions().insert(partition.clone(), Position { applied: next_offset, end, is_news: false });
    }

    /// A partition is not read any more.
    pub fn revoke(&self, partition: &TopicPartition) {
        self.positions().remove(partition);
    }

    /// The broker's end of a partition has moved.
    pub fn set_end(&self, partition: &TopicPartition, end: i64) {
        if let Some(position) = self.positions().get_mut(partition) {
            position.end = end;
        }
    }

    /// The next offset to apply of each partition, in their order.
    pub fn next_offsets(&self) -> Vec<(TopicPartition, i64)> {
        let positions = self.positions();
        let mut all: Vec<_> = positions.iter().map(|(partition, at)| (partition.clone(), at.applied)).collect();
        all.sort();
        all
    }

    /// How many records the broker has that are not in the target.
    pub fn lag(&self) -> i64 {
        self.positions().values().map(|position| (position.end - position.applied).max(0)).sum()
    }

    fn positions(&self) -> MutexGuard<'_, HashMap<TopicPartition, Position>> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records applied.
    pub fn n_records(&self) -> u64 {
        self.n_records.load(Relaxed)
    }

    /// Rows applied.
    pub fn rows(&self) -> RowCounts {
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner)
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
