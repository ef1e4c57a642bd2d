//! Records become batches: one open batch a lane, closed by rows, bytes or time.
//!
//! A partition belongs to one lane as long as it is assigned, so that its records stay in order.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::Reading;
use crate::config::Limits;
use crate::records::{Beside, Claimed, Records, TopicPartition};

/// Collects records for the lanes.
#[derive(Debug)]
pub struct Gatherer {
    limits: Limits,
    /// The limits of a lane: those that have partitions share the bytes.
    share: Limits,
    lanes: Vec<Lane>,
    positions: Map<Arc<str>, Map<i32, Position>>,
    /// Where it is told what is read.
    reading: Option<Arc<Reading>>,
}

/// Looked at for every record.
type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

#[derive(Debug)]
struct Lane {
    inbox: mpsc::Sender<Records>,
    open: Records,
    /// Records that were applied before, which go ahead of the others.
    tail: Records,
    /// When its first record came.
    since: Option<Instant>,
}

#[derive(Debug)]
struct Position {
    lane: usize,
    partition: TopicPartition,
    n_partitions: usize,
    epoch: i64,
    next_offset: i64,
    /// What is still to be read of the log before the stored offset.
    tail: Range<i64>,
    /// The first offset that is not read any more.
    end: Option<i64>,
}

/// How often a full lane is looked at again.
const RETRY: Duration = Duration::from_millis(1);

impl Gatherer {
    /// A gatherer for lanes that take their batches from the other ends of `inboxes`.
    pub fn new(limits: Limits, inboxes: Vec<mpsc::Sender<Records>>) -> Self {
        let lanes = inboxes
            .into_iter()
            .map(|inbox| Lane { inbox, open: Records::default(), tail: Records::of_tail(), since: None })
            .collect();
        Self { limits, share: limits, lanes, positions: Map::default(), reading: None }
    }

    /// The same, telling what is read.
    #[must_use]
    pub fn telling(self, reading: Option<Arc<Reading>>) -> Self {
        Self { reading, ..self }
    }

    /// Takes a partition in, from its next offset on and, where there is one, up to its end. Records from `tail` on that
    /// stand before it are handed over too, to be learnt from. What it says of its topic goes for the other partitions too.
    pub fn assign(&mut self, claimed: Claimed<'_>, tail: i64, end: Option<i64>) {
        let Claimed { partition, n_partitions, epoch, next_offset } = claimed;
        if let Some(reading) = &self.reading {
            reading.assign(partition);
        }
        let topic: usize = partition.topic.bytes().map(usize::from).sum();
        let lane = (topic + usize::try_from(partition.partition).unwrap_or(0)) % self.lanes.len();
        let position = Position {
            lane,
            partition: partition.clone(),
            n_partitions,
            epoch,
            next_offset,
            tail: tail..next_offset,
            end,
        };
        let of_topic = self.positions.entry(Arc::clone(&partition.topic)).or_default();
        of_topic.insert(partition.partition, position);
        for position in of_topic.values_mut() {
            position.n_partitions = n_partitions;
        }
        self.share_bytes();
    }

    /// A topic has this many partitions by now, whoever reads them.
    pub fn add_partitions(&mut self, topic: &str, n_partitions: usize) {
        for position in self.positions.get_mut(topic).into_iter().flat_map(HashMap::values_mut) {
            position.n_partitions = position.n_partitions.max(n_partitions);
        }
    }

    /// Lets a partition go. What was handed over of it may still count, as its epoch decides; what was not is left to
    /// whoever reads on, so that a batch has no two claims of a partition.
    pub fn revoke(&mut self, partition: &TopicPartition) {
        if let Some(of_topic) = self.positions.get_mut(&partition.topic)
            && let Some(position) = of_topic.remove(&partition.partition)
        {
            self.lanes[position.lane].revoke(partition);
            self.share_bytes();
        }
    }

    /// So that memory does not grow with the lanes.
    fn share_bytes(&mut self) {
        let mut has_partitions = vec![false; self.lanes.len()];
        for position in self.positions.values().flat_map(HashMap::values) {
            has_partitions[position.lane] = true;
        }
        let n_lanes = has_partitions.into_iter().filter(|has| *has).count().max(1);
        self.share.max_bytes = (self.limits.max_bytes / n_lanes).max(1);
    }

    /// The next offset of an assigned partition.
    pub fn next_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        self.positions.get(topic)?.get(&partition).map(|position| position.next_offset)
    }

    /// The assigned partitions with their next offsets.
    pub fn next_offsets(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.positions.values().flat_map(HashMap::values).map(|position| (&position.partition, position.next_offset))
    }

    /// Whether every assigned partition has been read up to its end.
    pub fn is_at_end(&self) -> bool {
        let mut positions = self.positions.values().flat_map(HashMap::values);
        positions.all(|position| position.end.is_some_and(|end| position.next_offset >= end))
    }

    /// Adds a record, its key and payload in `parts`. One of a partition that is not assigned, that was added before or is behind the end is left out.
    ///
    /// Waits while the partition's lane is full, calling `wait` between looks. `false` when `wait` gives up; the record
    /// was not added then.
    pub fn push(
        &mut self,
        (topic, partition, offset): (&str, i32, i64),
        parts: (Option<&[u8]>, Option<&[u8]>),
        beside: Beside<'_>,
        mut wait: impl FnMut() -> bool,
    ) -> bool {
        let Some(position) = self.positions.get_mut(topic).and_then(|of_topic| of_topic.get_mut(&partition)) else {
            return true;
        };
        let is_tail = position.tail.contains(&offset);
        if let Some(end) = position.end.filter(|end| offset >= *end) {
            // nothing is left of what is read
            let partition = position.partition.clone();
            self.advance(&partition, end);
            return true;
        }
        if !is_tail && offset < position.next_offset {
            return true;
        }
        let lane = &mut self.lanes[position.lane];
        while !lane.has_room(is_tail, self.share) {
            if !wait() {
                return false;
            }
            std::thread::sleep(RETRY);
        }
        if is_tail {
            lane.tail.push(position.claimed(), offset, parts, beside);
            lane.since.get_or_insert_with(Instant::now);
            position.tail.start = offset + 1;
            return true;
        }
        lane.open.push(position.claimed(), offset, parts, beside);
        lane.since.get_or_insert_with(Instant::now);
        position.next_offset = offset + 1;
        if lane.is_full(self.share) {
            lane.close();
        }
        true
    }

    /// Moves a partition on to `to`, but not behind its end: there is nothing to read below it.
    pub fn advance(&mut self, partition: &TopicPartition, to: i64) {
        let Some(of_topic) = self.positions.get_mut(&partition.topic) else {
            return;
        };
        let Some(position) = of_topic.get_mut(&partition.partition) else {
            return;
        };
        let to = position.end.map_or(to, |end| end.min(to));
        if position.next_offset < to {
            position.tail = to..to;
            let lane = &mut self.lanes[position.lane];
            lane.open.advance(position.claimed(), to);
            lane.since.get_or_insert_with(Instant::now);
            position.next_offset = to;
        }
    }

    /// Closes the batches that have lingered long enough. When the next one will have, as the time from now.
    pub fn close_due(&mut self) -> Option<Duration> {
        let linger = self.limits.linger;
        let mut due = None;
        for lane in &mut self.lanes {
            let Some(since) = lane.since else { continue };
            let left = linger.saturating_sub(since.elapsed());
            if left.is_zero() && lane.close() {
                continue;
            }
            due = Some(due.map_or(left.max(RETRY), |due: Duration| due.min(left.max(RETRY))));
        }
        due
    }

    /// Hands over what is open, waiting for the lanes for as long as it takes; once the work `is_over`, for no longer than
    /// `patience`. What does not go by then is dropped unapplied.
    pub fn close_all(&mut self, is_over: impl Fn() -> bool, patience: Duration) {
        let mut deadline = None;
        for lane in &mut self.lanes {
            while !lane.close() {
                if is_over() && Instant::now() >= *deadline.get_or_insert_with(|| Instant::now() + patience) {
                    break;
                }
                std::thread::sleep(RETRY);
            }
        }
    }
}

impl Position {
    fn claimed(&self) -> Claimed<'_> {
        let Self { partition, n_partitions, epoch, next_offset, .. } = self;
        Claimed { partition, n_partitions: *n_partitions, epoch: *epoch, next_offset: *next_offset }
    }
}

impl Lane {
    fn is_full(&self, limits: Limits) -> bool {
        is_full(&self.open, limits)
    }

    /// Whether a record can be added, with what is full handed over. Those of the tail have to be handed over before the
    /// records behind them.
    fn has_room(&mut self, is_tail: bool, limits: Limits) -> bool {
        if is_tail {
            return !is_full(&self.tail, limits) || self.close_tail();
        }
        self.close_tail() && (!self.is_full(limits) || self.close())
    }

    /// Hands the open batch over, behind the tail; `false` when the lane has one waiting already.
    fn close(&mut self) -> bool {
        if !self.close_tail() {
            return false;
        }
        let is_handed = hand_over(&self.inbox, &mut self.open);
        if is_handed {
            self.since = None;
        }
        is_handed
    }

    fn revoke(&mut self, partition: &TopicPartition) {
        self.open.revoke(partition);
        self.tail.revoke(partition);
        if self.open.is_empty() && self.tail.is_empty() {
            self.since = None;
        }
    }

    fn close_tail(&mut self) -> bool {
        hand_over(&self.inbox, &mut self.tail)
    }
}

fn is_full(records: &Records, limits: Limits) -> bool {
    records.len() >= limits.max_rows || records.n_bytes() >= limits.max_bytes
}

/// `false` when the lane has a batch waiting already.
fn hand_over(inbox: &mpsc::Sender<Records>, open: &mut Records) -> bool {
    if open.is_empty() {
        return true;
    }
    let place = inbox.try_reserve();
    if let Err(TrySendError::Full(())) = place {
        return false;
    }
    let next = open.next();
    let full = std::mem::replace(open, next);
    // closed, nobody takes it any more
    if let Ok(place) = place {
        place.send(full);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_behind_the_end_is_moved_over() {
        let limits = Limits { max_rows: 10, max_bytes: 1_000, linger: Duration::ZERO };
        let (inbox, mut batches) = mpsc::channel(1);
        let mut gatherer = Gatherer::new(limits, vec![inbox]);
        let partition = TopicPartition { topic: "t".into(), partition: 0 };
        let claimed = Claimed { partition: &partition, n_partitions: 1, epoch: 1, next_offset: 4 };
        gatherer.assign(claimed, 4, Some(8));
        let push =
            |gatherer: &mut Gatherer, offset| gatherer.push(("t", 0, offset), (None, None), Beside::default(), || true);
        assert!(push(&mut gatherer, 4) && !gatherer.is_at_end());
        // 5 to 8 are no records: the next one is behind the end
        assert!(push(&mut gatherer, 9) && gatherer.is_at_end());
        gatherer.advance(&partition, 10);
        assert_eq!(gatherer.next_offset("t", 0), Some(8));
        gatherer.close_due();
        let records = batches.try_recv().expect("a batch was handed over");
        assert_eq!((records.len(), records.advances(&(0..1))[0].to), (1, 8));
    }

    #[test]
    fn lanes_that_have_partitions_share_the_bytes() {
        let limits = Limits { max_rows: 10, max_bytes: 90, linger: Duration::ZERO };
        let inboxes: Vec<_> = (0..3).map(|_| mpsc::channel(1).0).collect();
        let mut gatherer = Gatherer::new(limits, inboxes);
        let partitions: Vec<_> = (0..3).map(|partition| TopicPartition { topic: "t".into(), partition }).collect();
        let mut shares = vec![gatherer.share.max_bytes];
        for partition in &partitions {
            gatherer.assign(Claimed { partition, n_partitions: 3, epoch: 1, next_offset: 0 }, 0, None);
            shares.push(gatherer.share.max_bytes);
        }
        gatherer.revoke(&partitions[0]);
        shares.push(gatherer.share.max_bytes);
        assert_eq!(shares, [90, 90, 45, 30, 45]);
    }

    #[test]
    fn what_was_gathered_of_a_claim_ends_with_it() {
        let limits = Limits { max_rows: 10, max_bytes: 1_000, linger: Duration::ZERO };
        let (inbox, mut batches) = mpsc::channel(1);
        let mut gatherer = Gatherer::new(limits, vec![inbox]);
        let partition = TopicPartition { topic: "t".into(), partition: 0 };
        let claimed = |epoch, next_offset| Claimed { partition: &partition, n_partitions: 1, epoch, next_offset };
        let push =
            |gatherer: &mut Gatherer, offset| gatherer.push(("t", 0, offset), (None, None), Beside::default(), || true);
        gatherer.assign(claimed(1, 7), 7, None);
        push(&mut gatherer, 7);
        gatherer.revoke(&partition);
        assert_eq!(gatherer.close_due(), None);
        gatherer.assign(claimed(2, 4), 4, None);
        push(&mut gatherer, 4);
        gatherer.close_due();
        let records = batches.try_recv().expect("a batch was handed over");
        let advances = records.advances(&(0..records.len()));
        assert_eq!(advances.iter().map(|a| (a.epoch, a.from, a.to)).collect::<Vec<_>>(), [(2, 4, 5)]);
    }
}
