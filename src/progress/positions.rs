//! How far the partitions have come that this instance reads from Kafka.

use std::collections::HashMap;

use super::seconds_since;
use crate::records::{Advance, TopicPartition};

/// Where a partition stands, for people and programs that look.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The partition.
    pub partition: TopicPartition,
    /// The next offset to apply.
    pub next_offset: i64,
    /// The broker's next offset.
    pub end: i64,
    /// How many records lie between.
    pub lag: i64,
    /// How old the last applied record is, where there are later ones; `None` while none was applied since the start.
    pub lag_seconds: Option<f64>,
}

/// The same, as it is kept.
#[derive(Debug)]
struct Position {
    /// The next offset to apply.
    applied: i64,
    /// The broker's next offset, as of the last time it was told.
    end: i64,
    /// Whether `applied` is news to the consumer group.
    is_news: bool,
    /// When the last record that was applied was written, in milliseconds since 1970.
    written_at: Option<i64>,
}

impl Position {
    fn lag(&self) -> i64 {
        (self.end - self.applied).max(0)
    }

    fn standing(&self, partition: &TopicPartition) -> Standing {
        let lag = self.lag();
        let age = self.written_at.map(|ms| seconds_since(ms.saturating_mul(1_000)));
        Standing {
            partition: partition.clone(),
            next_offset: self.applied,
            // what the broker said may be older
            end: self.end.max(self.applied),
            lag,
            lag_seconds: if lag == 0 { Some(0.0) } else { age },
        }
    }
}

/// The partitions that are read now; of others nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Positions(HashMap<TopicPartition, Position>);

impl Positions {
    pub(super) fn assign(&mut self, partition: &TopicPartition, next_offset: i64, end: i64) {
        self.0.insert(partition.clone(), Position { applied: next_offset, end, is_news: false, written_at: None });
    }

    pub(super) fn revoke(&mut self, partition: &TopicPartition) {
        self.0.remove(partition);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn set_end(&mut self, partition: &TopicPartition, end: i64) {
        if let Some(position) = self.0.get_mut(partition) {
            position.end = end;
        }
    }

    /// A batch is in the target: so far it goes, and its last records were written then.
    pub(super) fn advance(&mut self, advances: &[Advance], written_at: Vec<(&TopicPartition, i64)>) {
        for advance in advances {
            if let Some(position) = self.0.get_mut(&advance.partition) {
                (position.applied, position.is_news) = (advance.to, true);
            }
        }
        for (partition, at) in written_at {
            if let Some(position) = self.0.get_mut(partition) {
                position.written_at = Some(at);
            }
        }
    }

    /// Next offsets that were applied since the last call.
    pub(super) fn take_applied(&mut self) -> Vec<(TopicPartition, i64)> {
        let news = |(partition, position): (&TopicPartition, &mut Position)| {
            std::mem::take(&mut position.is_news).then(|| (partition.clone(), position.applied))
        };
        self.0.iter_mut().filter_map(news).collect()
    }

    /// The next offset to apply of each partition, in their order.
    pub(super) fn next_offsets(&self) -> Vec<(TopicPartition, i64)> {
        let mut all: Vec<_> = self.0.iter().map(|(partition, at)| (partition.clone(), at.applied)).collect();
        all.sort();
        all
    }

    pub(super) fn n(&self) -> usize {
        self.0.len()
    }

    pub(super) fn lag(&self) -> i64 {
        self.0.values().map(Position::lag).sum()
    }

    /// Where the partitions stand, in their order.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let mut all: Vec<_> = self.0.iter().map(|(partition, position)| position.standing(partition)).collect();
        all.sort_by(|a, b| a.partition.cmp(&b.partition));
        all
    }
}
