//! Which deletes were read of late, to know their own tombstones by.
//!
//! A delete's tombstone is the next record of its partition and has the same key. Records of other partitions may be read between the
//! two, and a batch that begins with a tombstone may be decoded again when later deletes have been read already.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::record::Record;

/// Deletes that stand further back in their partition are forgotten: two batches are not as large.
const N_OFFSETS: i64 = 30_000;

/// The deletes of the last records of each partition.
#[derive(Debug, Default)]
pub(crate) struct Deletes {
    hasher: RandomState,
    /// By a hash of topic and partition: offsets, which go up, each with a hash of its key.
    of_partitions: HashMap<u64, VecDeque<(i64, u64)>>,
}

impl Deletes {
    /// The record is a delete.
    pub(crate) fn remember(&mut self, record: &Record<'_>) {
        let (offset, key) = (record.offset, self.hash(record));
        let deletes = self.of_partitions.entry(self.place(record)).or_default();
        match deletes.binary_search_by_key(&offset, |(offset, _)| *offset) {
            // the record is what it was
            Ok(_) => {}
            Err(at) if at == deletes.len() => deletes.push_back((offset, key)),
            // read again, from before all that is known
            Err(at) => deletes.insert(at, (offset, key)),
        }
        let newest = deletes.back().map_or(offset, |(offset, _)| *offset);
        while deletes.front().is_some_and(|(offset, _)| *offset < newest.saturating_sub(N_OFFSETS)) {
            deletes.pop_front();
        }
    }

    /// Whether the tombstone is the own one of a delete.
    pub(crate) fn has_one_of(&self, tombstone: &Record<'_>) -> bool {
        let found = || {
            let deletes = self.of_partitions.get(&self.place(tombstone))?;
            let before = tombstone.offset.checked_sub(1)?;
            let at = deletes.binary_search_by_key(&before, |(offset, _)| *offset).ok()?;
            Some(deletes.get(at)?.1 == self.hash(tombstone))
        };
        found().unwrap_or(false)
    }

    fn place(&self, record: &Record<'_>) -> u64 {
        self.hasher.hash_one((record.topic, record.partition))
    }

    fn hash(&self, record: &Record<'_>) -> u64 {
        self.hasher.hash_one(record.key.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: i32, offset: i64, key: &'static str) -> Record<'static> {
        Record { topic: "t", partition, offset, key: Some(key.as_bytes()), payload: None }
    }

    fn n_known(deletes: &Deletes) -> usize {
        deletes.of_partitions.values().map(VecDeque::len).sum()
    }

    #[test]
    fn a_tombstone_belongs_to_the_delete_before_it() {
        let mut deletes = Deletes::default();
        deletes.remember(&record(0, 7, "a"));
        // other partitions, and later deletes of the same one
        deletes.remember(&record(1, 7, "b"));
        deletes.remember(&record(0, 20, "c"));
        assert!(deletes.has_one_of(&record(0, 8, "a")) && deletes.has_one_of(&record(1, 8, "b")));
        assert!(deletes.has_one_of(&record(0, 21, "c")));
        for other in [record(0, 8, "b"), record(0, 9, "a"), record(2, 8, "a"), record(0, 0, "a")] {
            assert!(!deletes.has_one_of(&other), "{other:?}");
        }
    }

    #[test]
    fn records_may_be_read_again() {
        let mut deletes = Deletes::default();
        for offset in [10, 12, 14, 8, 10, 12] {
            deletes.remember(&record(0, offset, "a"));
        }
        assert!([9, 11, 13, 15].iter().all(|offset| deletes.has_one_of(&record(0, *offset, "a"))));
        assert_eq!(n_known(&deletes), 4);
    }

    #[test]
    fn memory_is_bounded() {
        let mut deletes = Deletes::default();
        (0..100_000).for_each(|n| deletes.remember(&record(0, 2 * n, "a")));
        assert!(n_known(&deletes) <= 15_001);
        assert!(deletes.has_one_of(&record(0, 199_999, "a")) && !deletes.has_one_of(&record(0, 1, "a")));
    }
}
