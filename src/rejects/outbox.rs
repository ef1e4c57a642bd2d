//! Which partitions have rejects to be forwarded: the lanes and the claims say it, the forwarder asks.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::records::TopicPartition;

/// Partitions on their way to the forwarder.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The epochs under which this instance claimed its partitions.
    owned: HashMap<TopicPartition, i64>,
    waiting: BTreeSet<TopicPartition>,
    is_closed: bool,
}

impl Outbox {
    /// A partition was claimed; what an earlier instance left of it is to be forwarded.
    pub fn own(&self, partition: &TopicPartition, epoch: i64) {
        let mut state = self.state();
        state.owned.insert(partition.clone(), epoch);
        state.waiting.insert(partition.clone());
        self.changed.notify_all();
    }

    /// A partition has something to be forwarded.
    pub fn add(&self, partition: &TopicPartition) {
        self.state().waiting.insert(partition.clone());
        self.changed.notify_all();
    }

    /// Nothing comes any more.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for a partition; `None` when nothing is left and nothing comes any more.
    pub fn next(&self) -> Option<(TopicPartition, i64)> {
        let mut state = self.state();
        loop {
            while let Some(partition) = state.waiting.pop_first() {
                if let Some(epoch) = state.owned.get(&partition) {
                    let epoch = *epoch;
                    return Some((partition, epoch));
                }
            }
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_others_are_passed_over() {
        let partition = |partition| TopicPartition { topic: "t".into(), partition };
        let outbox = Outbox::default();
        outbox.add(&partition(0));
        outbox.own(&partition(1), 7);
        outbox.add(&partition(1));
        assert_eq!(outbox.next(), Some((partition(1), 7)));
        outbox.close();
        assert_eq!(outbox.next(), None);
    }
}
