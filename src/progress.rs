//! What has been done so far: counters, and the line that tells of them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::records::{Advance, TopicPartition};

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Progress {
    n_records: AtomicU64,
    n_rows: AtomicU64,
    n_batches: AtomicU64,
    n_rejects: AtomicU64,
    /// Records that the broker has and that are not handed over yet; −1 where nobody says.
    lag: AtomicI64,
    /// Applied next offsets that the consumer group has not been told.
    applied: Mutex<HashMap<TopicPartition, i64>>,
}

impl Progress {
    /// A batch is in the target.
    pub fn add(&self, n_records: usize, n_rows: u64, n_rejects: usize, advances: &[Advance]) {
        self.n_records.fetch_add(n_records as u64, Relaxed);
        self.n_rows.fetch_add(n_rows, Relaxed);
        self.n_rejects.fetch_add(n_rejects as u64, Relaxed);
        self.n_batches.fetch_add(1, Relaxed);
        let mut applied = self.applied.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        applied.extend(advances.iter().map(|advance| (advance.partition.clone(), advance.to)));
    }

    /// Next offsets that were applied since the last call.
    pub fn take_applied(&self) -> HashMap<TopicPartition, i64> {
        std::mem::take(&mut *self.applied.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// How many records lie between what was read and the broker's end.
    pub fn set_lag(&self, n_records: i64) {
        self.lag.store(n_records, Relaxed);
    }

    /// Records applied.
    pub fn n_records(&self) -> u64 {
        self.n_records.load(Relaxed)
    }

    /// Says how it goes every ten seconds, for ever.
    pub async fn report(&self) {
        const EVERY: Duration = Duration::from_secs(10);
        let mut before = (Instant::now(), 0, 0);
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        loop {
            ticks.tick().await;
            let now = (Instant::now(), self.n_records(), self.n_rows.load(Relaxed));
            // tenths of a second keep the rate exact enough without floats
            let tenths = u64::try_from(now.0.duration_since(before.0).as_millis() / 100).unwrap_or(1).max(1);
            let rate = |now: u64, before: u64| (now - before) * 10 / tenths;
            tracing::info!(
                records_per_s = rate(now.1, before.1),
                rows_per_s = rate(now.2, before.2),
                lag = self.lag.load(Relaxed),
                records = now.1,
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
            rows = self.n_rows.load(Relaxed),
            batches = self.n_batches.load(Relaxed),
            rejects = self.n_rejects.load(Relaxed),
            "done"
        );
    }
}
