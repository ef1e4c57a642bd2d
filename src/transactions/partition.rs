//! What waits of one partition: runs of records of one transaction.

use std::collections::VecDeque;

use super::{FREE, Serial};
use crate::records::TopicPartition;

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) name: TopicPartition,
    runs: VecDeque<Run>,
    /// Records so far, those that were taken too.
    n_records: u64,
    n_taken: u64,
    /// The transaction of its last record that has one.
    pub(super) latest: Serial,
    /// Where the latest of its transactions that are gone began.
    pub(super) passed: u64,
    /// Whether one of its records could not be read.
    pub(super) has_unreadable: bool,
    /// Whether a record waits that nothing may go past: what is behind it tells nothing.
    pub(super) is_barred: bool,
}

#[derive(Debug)]
struct Run {
    start: u64,
    serial: Serial,
}

impl Partition {
    pub(super) fn new(name: TopicPartition) -> Self {
        let (runs, n_records, n_taken) = (VecDeque::new(), 0, 0);
        Self { name, runs, n_records, n_taken, latest: FREE, passed: 0, has_unreadable: false, is_barred: false }
    }

    /// Adds a record; its number.
    pub(super) fn push(&mut self, serial: Serial) -> u64 {
        let at = self.n_records;
        if self.runs.back().is_none_or(|run| run.serial != serial) {
            self.runs.push_back(Run { start: at, serial });
        }
        if serial != FREE && !self.is_barred {
            self.latest = serial;
        }
        self.n_records += 1;
        at
    }

    /// Whether no record of it has had a transaction.
    pub(super) fn is_eventless(&self) -> bool {
        self.latest == FREE
    }

    /// The end of all that waits.
    pub(super) fn end(&self) -> u64 {
        self.n_records
    }

    /// Number of records that wait before `end`.
    pub(super) fn n_before(&self, end: u64) -> usize {
        usize::try_from(end.saturating_sub(self.n_taken)).unwrap_or(usize::MAX)
    }

    /// The transactions that have records from `start` on and before `end`.
    pub(super) fn between(&self, start: u64, end: u64) -> impl Iterator<Item = Serial> + '_ {
        let from = self.runs.partition_point(|run| run.start <= start).saturating_sub(1);
        let runs = self.runs.range(from.min(self.runs.len())..);
        runs.take_while(move |run| run.start < end).map(|run| run.serial).filter(|serial| *serial != FREE)
    }

    /// Takes the first records away; the transactions they were of.
    pub(super) fn take(&mut self, n: usize) -> Vec<Serial> {
        let end = self.n_taken + n as u64;
        self.n_taken = end;
        let mut taken = Vec::new();
        while let Some(run) = self.runs.front()
            && run.start < end
        {
            if run.serial != FREE {
                taken.push(run.serial);
            }
            let ends_behind = self.runs.get(1).map_or(self.n_records, |next| next.start) > end;
            if ends_behind {
                if let Some(run) = self.runs.front_mut() {
                    run.start = end;
                }
                break;
            }
            self.runs.pop_front();
        }
        taken
    }
}
