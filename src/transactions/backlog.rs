//! The records that wait for the rest of their transactions.

use std::collections::VecDeque;

use rowkind_formats::Membership;

use super::{Cut, FREE, Serial};
use crate::records::{Beside, Claimed, Records, TopicPartition};

/// Records by partition, each with its own memory: what is applied gives its memory back, whatever waits around it.
#[derive(Debug, Default)]
pub struct Backlog {
    partitions: Vec<Partition>,
    n_arrived: u64,
    n_bytes: usize,
}

#[derive(Debug)]
struct Partition {
    name: TopicPartition,
    n_partitions: usize,
    epoch: i64,
    /// Behind the last record that was taken away.
    next_offset: i64,
    held: VecDeque<Held>,
    n_bytes: usize,
}

#[derive(Debug)]
struct Held {
    /// Its place in the order of arrival.
    arrival: u64,
    /// The next offset behind it.
    to: i64,
    /// `None` where nothing was to be read.
    record: Option<HeldRecord>,
}

#[derive(Debug)]
struct HeldRecord {
    serial: Serial,
    /// Which one it is of its transaction.
    order: u64,
    key: Option<Box<[u8]>>,
    payload: Option<Box<[u8]>>,
    timestamp_ms: Option<i64>,
    headers: Box<str>,
}

/// A record's key and payload.
type Parts<'p> = (Option<&'p [u8]>, Option<&'p [u8]>);

/// What a record costs beside what it holds.
const OVERHEAD_BYTES: usize = 128;

/// What one costs in memory.
pub fn held_bytes((key, payload): Parts<'_>, beside: Beside<'_>) -> usize {
    OVERHEAD_BYTES + key.map_or(0, <[u8]>::len) + payload.map_or(0, <[u8]>::len) + beside.headers.len()
}

impl Backlog {
    /// Adds the next record of the partition of that number.
    pub fn push(
        &mut self,
        number: usize,
        (claimed, offset): (Claimed<'_>, i64),
        (parts, beside): (Parts<'_>, Beside<'_>),
        (serial, membership): (Serial, &Membership<'_>),
    ) {
        let n_bytes = held_bytes(parts, beside);
        let order = match membership {
            Membership::Event { total_order, .. } => *total_order,
            Membership::End { .. } => u64::MAX,
            _ => 0,
        };
        let (key, payload) = (parts.0.map(Into::into), parts.1.map(Into::into));
        let Beside { timestamp_ms, headers } = beside;
        let record = HeldRecord { serial, order, key, payload, timestamp_ms, headers: headers.into() };
        self.add(number, claimed, offset + 1, Some(record));
        self.partitions[number].n_bytes += n_bytes;
        self.n_bytes += n_bytes;
    }

    /// Moves a partition on to `to` without a record.
    pub fn advance(&mut self, number: usize, claimed: Claimed<'_>, to: i64) {
        self.add(number, claimed, to, None);
    }

    fn add(&mut self, number: usize, claimed: Claimed<'_>, to: i64, record: Option<HeldRecord>) {
        let Claimed { partition, n_partitions, epoch, next_offset } = claimed;
        while self.partitions.len() <= number {
            let (name, held) = (partition.clone(), VecDeque::new());
            self.partitions.push(Partition { name, n_partitions, epoch, next_offset, held, n_bytes: 0 });
        }
        let partition_of = &mut self.partitions[number];
        if partition_of.name != *partition || partition_of.epoch != epoch {
            (partition_of.name, partition_of.epoch) = (partition.clone(), epoch);
            partition_of.next_offset = next_offset;
        }
        partition_of.n_partitions = n_partitions;
        partition_of.held.push_back(Held { arrival: self.n_arrived, to, record });
        self.n_arrived += 1;
    }

    /// Where the partition of that number stands, behind all that waits of it; `None` before its first record.
    pub fn next_offset(&self, number: usize) -> Option<i64> {
        let partition = self.partitions.get(number)?;
        Some(partition.held.back().map_or(partition.next_offset, |held| held.to))
    }

    /// Bytes that wait.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Bytes that wait of the partition of that number.
    pub fn n_bytes_of(&self, number: usize) -> usize {
        self.partitions.get(number).map_or(0, |partition| partition.n_bytes)
    }

    /// Takes a cut away. Records come in the order in which the source made their changes, over all partitions, as far as it
    /// is told: `place` has that of their transactions.
    pub fn take(&mut self, cut: &Cut, place: impl Fn(Serial) -> u64) -> Records {
        let mut taken = Vec::new();
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            let n = cut.n_records.get(number).copied().unwrap_or(0).min(partition.held.len());
            let mut rank = (0, 0);
            for held in partition.held.drain(..n) {
                if let Some(record) = held.record.as_ref().filter(|record| record.serial != FREE) {
                    // a partition's own order stays
                    rank = rank.max((place(record.serial), record.order));
                }
                taken.push((rank, number, held));
            }
        }
        taken.sort_unstable_by_key(|(rank, _, held)| (*rank, held.arrival));
        let mut records = Records::default();
        for (_, number, Held { to, record, .. }) in taken {
            let partition = &mut self.partitions[number];
            let Partition { name, n_partitions, epoch, next_offset, .. } = &*partition;
            let claimed =
                Claimed { partition: name, n_partitions: *n_partitions, epoch: *epoch, next_offset: *next_offset };
            let Some(HeldRecord { serial, key, payload, timestamp_ms, headers, .. }) = record else {
                records.advance(claimed, to);
                partition.next_offset = to;
                continue;
            };
            let parts = (key.as_deref(), payload.as_deref());
            let beside = Beside { timestamp_ms, headers: &headers };
            records.push_of(serial, claimed, to - 1, parts, beside);
            let n_bytes = held_bytes(parts, beside);
            partition.next_offset = to;
            partition.n_bytes -= n_bytes;
            self.n_bytes -= n_bytes;
        }
        records
    }
}
