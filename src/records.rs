//! A run of consecutive records per partition: what a source hands to a lane.
//!
//! Keys, payloads and headers stand in one buffer, so that a batch costs a handful of allocations and can be decoded again as
//! often as needed: when a table has to be made first, when a batch goes row by row, when Postgres comes back.

mod reused;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rowkind_formats::Record;

use crate::transactions::{FREE, Serial, whole_before};
use reused::Reused;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {}, partition {}", self.topic, self.partition)
    }
}

/// How far a batch moves a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The partition.
    pub partition: TopicPartition,
    /// The epoch under which this instance claimed it.
    pub epoch: i64,
    /// The stored next offset before the batch.
    pub from: i64,
    /// The next offset after it.
    pub to: i64,
    /// How many partitions its topic has, as far as is known.
    pub n_partitions: usize,
}

impl Advance {
    /// Whether the other one is of the same partition under the same claim.
    pub fn is_of_claim(&self, other: &Self) -> bool {
        (&self.partition, self.epoch) == (&other.partition, other.epoch)
    }

    fn claimed(&self) -> Claimed<'_> {
        let Self { partition, epoch, from, n_partitions, .. } = self;
        Claimed { partition, n_partitions: *n_partitions, epoch: *epoch, next_offset: *from }
    }
}

/// A claimed partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The next offset to read.
    pub next_offset: i64,
    /// Under which this claim moves it.
    pub epoch: i64,
    /// Up to where a state of rows has learnt the partition's records; those from there to `next_offset` are to be read
    /// again. `None` where there is no such state.
    pub learnt: Option<i64>,
}

/// A claimed partition, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'p> {
    /// The partition.
    pub partition: &'p TopicPartition,
    /// How many its topic has, as far as is known.
    pub n_partitions: usize,
    /// The epoch under which this instance claimed it.
    pub epoch: i64,
    /// The next offset.
    pub next_offset: i64,
}

/// What stands beside a record's key and payload. It is kept for rejects, which are put aside whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside<'a> {
    /// When the producer or the broker stamped it; milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// Its headers as the text of a JSON array, name and value in turn; empty where there are none.
    pub headers: &'a str,
}

/// A batch of raw records.
#[derive(Debug, Default)]
pub struct Records {
    bytes: Reused<u8>,
    entries: Reused<Entry>,
    advances: Vec<Advance>,
    /// Of the records that have some: index and headers, in the order of arrival.
    headers: Vec<(usize, Range<usize>)>,
    is_tail: bool,
}

#[derive(Debug)]
struct Entry {
    /// Index in `advances`.
    partition: usize,
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Range<usize>>,
    payload: Option<Range<usize>>,
    transaction: Serial,
}

impl Records {
    /// Records of the log's tail before the stored offsets: they have been applied, and move nothing. What can be learnt
    /// from them is all that they are for.
    pub fn of_tail() -> Self {
        Self { is_tail: true, ..Self::default() }
    }

    /// No records yet, and room for about as many as there are here: the next batch is mostly as large as the last.
    #[must_use]
    pub fn next(&self) -> Self {
        let with_room = |n: usize| n + n / 8;
        let (bytes, entries) = (with_room(self.bytes.len()), with_room(self.entries.len()));
        Self {
            bytes: self.bytes.next(bytes),
            entries: self.entries.next(entries),
            is_tail: self.is_tail,
            ..Self::default()
        }
    }

    /// Whether they have been applied.
    pub fn is_tail(&self) -> bool {
        self.is_tail
    }

    /// Adds a record that follows all others of its partition.
    pub fn push(
        &mut self,
        claimed: Claimed<'_>,
        offset: i64,
        parts: (Option<&[u8]>, Option<&[u8]>),
        beside: Beside<'_>,
    ) {
        self.push_of(FREE, claimed, offset, parts, beside);
    }

    /// Adds a record that is applied with all others of its transaction.
    pub fn push_of(
        &mut self,
        transaction: Serial,
        claimed: Claimed<'_>,
        offset: i64,
        (key, payload): (Option<&[u8]>, Option<&[u8]>),
        beside: Beside<'_>,
    ) {
        let to = if self.is_tail { claimed.next_offset } else { offset + 1 };
        let partition = self.advance(claimed, to);
        let mut store = |part: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(part);
            start..self.bytes.len()
        };
        let key = key.map(&mut store);
        let payload = payload.map(&mut store);
        if !beside.headers.is_empty() {
            self.headers.push((self.entries.len(), store(beside.headers.as_bytes())));
        }
        let timestamp_ms = beside.timestamp_ms;
        self.entries.push(Entry { partition, offset, timestamp_ms, key, payload, transaction });
    }

    /// Moves a partition on to `to` without a record: what lay between was nothing for a consumer to read. The index of
    /// the partition's advance.
    pub fn advance(&mut self, claimed: Claimed<'_>, to: i64) -> usize {
        let Claimed { partition, n_partitions, epoch, next_offset: from } = claimed;
        let known = self.advances.iter().rposition(|advance| advance.partition == *partition && advance.epoch == epoch);
        if let Some(at) = known {
            (self.advances[at].to, self.advances[at].n_partitions) = (to, n_partitions);
            return at;
        }
        self.advances.push(Advance { partition: partition.clone(), epoch, from, to, n_partitions });
        self.advances.len() - 1
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to do, not even an offset to move.
    pub fn is_empty(&self) -> bool {
        self.advances.is_empty()
    }

    /// Bytes of keys, payloads and headers.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The record at `index`, in the order of arrival.
    pub fn get(&self, index: usize) -> Record<'_> {
        let entry = &self.entries[index];
        let TopicPartition { topic, partition } = &self.advances[entry.partition].partition;
        let part = |range: &Option<Range<usize>>| range.clone().map(|range| &self.bytes[range]);
        Record {
            topic,
            partition: *partition,
            offset: entry.offset,
            key: part(&entry.key),
            payload: part(&entry.payload),
        }
    }

    /// What stands beside the record at `index`.
    pub fn beside(&self, index: usize) -> Beside<'_> {
        let of_record = self.headers.binary_search_by_key(&index, |(index, _)| *index);
        let bytes = of_record.map_or(&[][..], |at| &self.bytes[self.headers[at].1.clone()]);
        let headers = std::str::from_utf8(bytes).expect("they were pushed as text");
        Beside { timestamp_ms: self.entries[index].timestamp_ms, headers }
    }

    /// The partition of the record at `index`.
    pub fn partition(&self, index: usize) -> &TopicPartition {
        &self.advances[self.entries[index].partition].partition
    }

    /// When the last of the records in `range` of each partition was written, in milliseconds since 1970.
    pub fn written_at(&self, range: &Range<usize>) -> Vec<(&TopicPartition, i64)> {
        let mut last = vec![None; self.advances.len()];
        for entry in self.entries.get(range.clone()).unwrap_or_default() {
            last[entry.partition] = entry.timestamp_ms.or(last[entry.partition]);
        }
        let advances = self.advances.iter().zip(last);
        advances.filter_map(|(advance, at)| Some((&advance.partition, at?))).collect()
    }

    /// Where the partition of the record at `index` stands before the batch.
    pub fn claimed(&self, index: usize) -> Claimed<'_> {
        self.advances[self.entries[index].partition].claimed()
    }

    /// How many partitions the topic of the record at `index` has, as far as is known.
    pub fn n_partitions(&self, index: usize) -> usize {
        self.advances[self.entries[index].partition].n_partitions
    }

    /// How far the records in `range` move their partitions, given that those before it have been applied. A range that
    /// reaches to the end moves them all the way.
    pub fn advances(&self, range: &Range<usize>) -> Vec<Advance> {
        let mut advances = self.advances.clone();
        for advance in &mut advances {
            advance.to = advance.from;
        }
        for (index, entry) in self.entries.iter().enumerate().take(range.end) {
            let advance = &mut advances[entry.partition];
            advance.to = entry.offset + 1;
            if index < range.start {
                advance.from = advance.to;
            }
        }
        if range.end == self.entries.len() {
            for (advance, whole) in advances.iter_mut().zip(&self.advances) {
                advance.to = whole.to;
            }
        }
        advances.retain(|advance| advance.from != advance.to);
        advances
    }

    /// The records that can be applied without the one at `index`: not those behind it in its partition, and no part of a
    /// transaction.
    #[must_use]
    pub fn whole_before(&self, index: usize) -> Self {
        let members: Vec<_> = self.entries.iter().map(|entry| (entry.partition, entry.transaction)).collect();
        let keeps = whole_before(&members, index);
        self.chosen(|at| keeps[at])
    }

    fn chosen(&self, keeps: impl Fn(usize) -> bool) -> Self {
        let mut kept = Self::default();
        for (index, entry) in self.entries.iter().enumerate().filter(|(index, _)| keeps(*index)) {
            let record = self.get(index);
            let parts = (record.key, record.payload);
            kept.push_of(entry.transaction, self.claimed(index), entry.offset, parts, self.beside(index));
        }
        kept
    }

    /// The records from `start` on without those whose claims are lost, given that those before have been applied.
    #[must_use]
    pub fn without(&self, is_lost: impl Fn(&Advance) -> bool, start: usize) -> Self {
        let mut kept = Self { is_tail: self.is_tail, ..Self::default() };
        let advances = || self.advances(&(start..self.len())).into_iter().filter(|advance| !is_lost(advance));
        for advance in advances() {
            kept.advances.push(Advance { to: advance.from, ..advance });
        }
        for (index, entry) in self.entries.iter().enumerate().skip(start) {
            let advance = &self.advances[entry.partition];
            if !is_lost(advance) {
                let record = self.get(index);
                kept.push(advance.claimed(), entry.offset, (record.key, record.payload), self.beside(index));
            }
        }
        for advance in advances() {
            kept.advance(advance.claimed(), advance.to);
        }
        kept
    }

    /// Leaves out what there is of a partition, whose claim has ended.
    pub fn revoke(&mut self, partition: &TopicPartition) {
        let is_lost = |advance: &Advance| advance.partition == *partition;
        if self.advances.iter().any(is_lost) {
            *self = self.without(is_lost, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition { topic: "t".into(), partition: number }
    }

    /// Offsets 4, 5 of partition 0 and 9 of partition 1, then partition 0 moves on to 8 without records.
    fn sample() -> Records {
        let mut records = Records::default();
        let (first, second) = (partition(0), partition(1));
        let first = |next_offset| Claimed { partition: &first, n_partitions: 3, epoch: 1, next_offset };
        records.push(first(4), 4, (Some(b"k"), Some(b"p")), Beside::default());
        let beside = Beside { timestamp_ms: Some(7), headers: "[]" };
        let second = Claimed { partition: &second, n_partitions: 2, epoch: 7, next_offset: 3 };
        records.push(second, 9, (None, None), beside);
        records.push(first(5), 5, (None, Some(b"")), Beside::default());
        records.advance(first(6), 8);
        records
    }

    fn moves(records: &Records, range: Range<usize>) -> Vec<(i32, i64, i64)> {
        records.advances(&range).into_iter().map(|a| (a.partition.partition, a.from, a.to)).collect()
    }

    #[test]
    fn parts_of_a_batch_move_their_partitions_without_a_gap() {
        let records = sample();
        assert_eq!(moves(&records, 0..3), [(0, 4, 8), (1, 3, 10)]);
        assert_eq!(moves(&records, 0..1), [(0, 4, 5)]);
        assert_eq!(moves(&records, 1..2), [(1, 3, 10)]);
        assert_eq!(moves(&records, 2..3), [(0, 5, 8)]);
    }

    #[test]
    fn null_and_empty_are_two_things() {
        let records = sample();
        assert_eq!(records.get(1).payload, None);
        assert_eq!(records.get(2).payload, Some(&b""[..]));
        assert_eq!(records.get(0).key, Some(&b"k"[..]));
    }

    #[test]
    fn what_is_left_of_transactions() {
        let mut records = Records::default();
        let (first, second) = (partition(0), partition(1));
        let claimed = |partition, next_offset| Claimed { partition, n_partitions: 1, epoch: 1, next_offset };
        for (transaction, partition, offset) in [(1, &first, 4), (1, &second, 7), (2, &first, 5), (2, &second, 8)] {
            records.push_of(transaction, claimed(partition, offset), offset, (None, None), Beside::default());
        }
        let before = records.whole_before(3);
        assert_eq!(moves(&before, 0..before.len()), [(0, 4, 5), (1, 7, 8)]);
        assert!(records.whole_before(1).is_empty());
    }

    #[test]
    fn a_lost_partition_leaves_the_others_as_they_are() {
        let mut kept = sample();
        kept.revoke(&partition(0));
        assert_eq!(moves(&kept, 0..kept.len()), [(1, 3, 10)]);
        assert_eq!((kept.get(0).offset, kept.n_partitions(0)), (9, 2));
        assert_eq!(kept.beside(0), Beside { timestamp_ms: Some(7), headers: "[]" });
        let rest = sample().without(|_| false, 1);
        assert_eq!(moves(&rest, 0..rest.len()), [(0, 5, 8), (1, 3, 10)]);
    }

    #[test]
    fn a_claim_that_is_lost_leaves_the_next_one_of_its_partition() {
        let place = partition(0);
        let claimed = |epoch, next_offset| Claimed { partition: &place, n_partitions: 1, epoch, next_offset };
        let mut records = Records::default();
        records.push(claimed(1, 7), 7, (None, None), Beside::default());
        records.push(claimed(2, 4), 4, (None, None), Beside::default());
        let lost = records.advances(&(0..1));
        let kept = records.without(|advance| lost.iter().any(|lost| lost.is_of_claim(advance)), 0);
        assert_eq!((moves(&kept, 0..1), kept.get(0).offset), (vec![(0, 4, 5)], 4));
    }
}
