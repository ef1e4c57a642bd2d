//! What was a while ago: enough to see on a page how it goes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::progress::Progress;
use crate::records::TopicPartition;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);
/// So many looks are kept: five minutes.
const MAX: usize = 150;

/// The last minutes.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<VecDeque<Look>>);

/// What was seen at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    pub(super) n_records: u64,
    /// Rows by table.
    pub(super) tables: BTreeMap<String, u64>,
    pub(super) lags: BTreeMap<TopicPartition, i64>,
}

impl Look {
    fn at(progress: &Progress) -> Self {
        Self {
            n_records: progress.n_records(),
            tables: progress.tables().into_iter().map(|(table, rows)| (table, rows.total())).collect(),
            lags: progress.standings().into_iter().map(|standing| (standing.partition, standing.lag)).collect(),
        }
    }
}

impl History {
    /// Looks again and again.
    pub(super) async fn note_for_ever(&self, progress: &Progress) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            let look = Look::at(progress);
            let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if looks.len() == MAX {
                looks.pop_front();
            }
            looks.push_back(look);
        }
    }

    /// What was seen, the oldest first.
    pub(super) fn looks(&self) -> Vec<Look> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// By how much a number grew in a second, from each look to the next.
    pub(super) fn rates(looks: &[Look], of: impl Fn(&Look) -> u64) -> Vec<u64> {
        looks.windows(2).map(|pair| of(&pair[1]).saturating_sub(of(&pair[0])) / EVERY.as_secs()).collect()
    }
}
