//! What is read, and what of it is to wait: between a source and whoever gathers transactions from its records.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::records::TopicPartition;

/// Shared by both.
#[derive(Debug, Default)]
pub struct Reading(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    assigned: Vec<TopicPartition>,
    held: BTreeSet<TopicPartition>,
    is_finished: bool,
}

impl Reading {
    /// A partition is read from now on: told before its first record.
    pub fn assign(&self, partition: &TopicPartition) {
        self.state().assigned.push(partition.clone());
    }

    /// The partitions that were assigned, but for the first `n`.
    pub fn assigned_behind(&self, n: usize) -> Vec<TopicPartition> {
        self.state().assigned.get(n..).unwrap_or_default().to_vec()
    }

    /// From now on these are not read, and all others are.
    pub fn hold(&self, partitions: BTreeSet<TopicPartition>) {
        self.state().held = partitions;
    }

    /// The partitions that are not to be read.
    pub fn held(&self) -> BTreeSet<TopicPartition> {
        self.state().held.clone()
    }

    /// Every partition was read up to its end.
    pub fn finish(&self) {
        self.state().is_finished = true;
    }

    /// Whether every partition was read up to its end.
    pub fn is_finished(&self) -> bool {
        self.state().is_finished
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
