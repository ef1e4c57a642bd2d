//! One transaction: what was read of it, and what its end says.

use std::collections::HashMap;
use std::sync::Arc;

/// A transaction of which something waits.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: Arc<str>,
    /// Its first record in each partition.
    pub(super) first: Vec<(usize, u64)>,
    /// Where the transaction topic speaks of it first, counted by its records.
    pub(super) begun: Option<u64>,
    pub(super) n_begins: u32,
    /// Every end that was read: the counts of all of them hold. The last row of one is an end without counts.
    pub(super) ends: Vec<End>,
    /// The events that were read, by table.
    pub(super) events: HashMap<usize, Numbers>,
    /// Another one has begun before its end.
    pub(super) is_superseded: bool,
    /// Whether it has an event that is no truncate.
    pub(super) changes_rows: bool,
    pub(super) is_complete: bool,
    /// Of its records that wait.
    pub(super) n_bytes: usize,
}

/// What an end says.
#[derive(Debug)]
pub(super) struct End {
    /// Where it stands in the transaction topic.
    pub(super) at: u64,
    /// Number of events by table, as the connector names it.
    pub(super) counts: Vec<(Arc<str>, u64)>,
}

impl Transaction {
    pub(super) fn new(id: Arc<str>) -> Self {
        Self {
            id,
            first: Vec::new(),
            begun: None,
            n_begins: 0,
            ends: Vec::new(),
            events: HashMap::new(),
            is_superseded: false,
            changes_rows: false,
            is_complete: false,
            n_bytes: 0,
        }
    }

    /// Where its last end stands.
    pub(super) fn ended(&self) -> Option<u64> {
        self.ends.last().map(|end| end.at)
    }

    /// Whether it is none, but stands for what nothing may go past.
    pub(super) fn is_barrier(&self) -> bool {
        self.id.is_empty()
    }

    /// `MariaDB` writes no end of DDL, and a truncate is DDL: it is over when the next transaction begins.
    pub(super) fn is_over_without_end(&self) -> bool {
        self.is_superseded && !self.changes_rows
    }
}

/// The numbers of a table's events.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Each number once, as ranges in order.
    ranges: Vec<(u64, u64)>,
    /// The last one of each partition.
    last: Vec<(usize, u64)>,
    /// Whether a partition has gone back to a lower number: the connector has begun again.
    goes_back: bool,
}

impl Numbers {
    pub(super) fn insert(&mut self, partition: usize, number: u64) {
        match self.last.iter_mut().find(|(known, _)| *known == partition) {
            Some((_, last)) => self.goes_back |= number <= std::mem::replace(last, number),
            None => self.last.push((partition, number)),
        }
        let ranges = &mut self.ranges;
        let at = ranges.partition_point(|(_, last)| *last < number);
        if ranges.get(at).is_some_and(|(first, _)| *first <= number) {
            return;
        }
        let follows = at > 0 && ranges[at - 1].1 + 1 == number;
        let precedes = ranges.get(at).is_some_and(|(first, _)| *first == number + 1);
        match (follows, precedes) {
            (true, true) => ranges[at - 1].1 = ranges.remove(at).1,
            (true, false) => ranges[at - 1].1 = number,
            (false, true) => ranges[at].0 = number,
            (false, false) => ranges.insert(at, (number, number)),
        }
    }

    /// How many there are from 1 to `n`.
    pub(super) fn up_to(&self, n: u64) -> u64 {
        self.ranges.iter().filter(|(first, _)| *first <= n).map(|(first, last)| (*last).min(n) + 1 - first).sum()
    }

    /// Whether a partition has gone back to a lower number, or to the same.
    pub(super) fn go_back(&self) -> bool {
        self.goes_back
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn numbers_count_once_in_any_order() {
        let mut numbers = Numbers::default();
        for number in [5, 1, 2, 2, 4, 1, 3, 9] {
            numbers.insert(0, number);
        }
        assert!(numbers.go_back());
        assert_eq!(numbers.ranges, [(1, 5), (9, 9)]);
        assert_eq!((numbers.up_to(3), numbers.up_to(9), numbers.up_to(0)), (3, 6, 0));
    }
}
