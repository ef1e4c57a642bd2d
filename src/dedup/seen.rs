//! What the events of one plan said, until the plan is committed or thrown away.

use std::collections::HashMap;
use std::fmt;

use rowkind_formats::Clock;

use super::law::State;
use super::memory::States;

/// What a plan has seen: of each of its rows the last event.
///
/// It counts for nothing but the plans that are made on top of it, until it is [committed](super::Dedup::commit).
#[derive(Debug, Default)]
pub struct Seen {
    /// `None` where something changed the row that leaves no state.
    pub(super) rows: States<Option<State>>,
    /// The last truncate of a table.
    pub(super) truncates: HashMap<u64, State>,
    pub(super) begun: Vec<Begun>,
    pub(super) n_duplicates: u64,
}

/// A log that begins, as an event of it told.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) lineage: u64,
    pub(super) clock: Clock,
    /// What was known of the row before.
    pub(super) before: (u64, Clock),
    pub(super) at: NewLineage,
}

/// The first event of another log than before: the source failed over, was restored, or its log begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLineage {
    /// The source table, as changelogs have it.
    pub table: String,
    /// The topic of the record.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

impl fmt::Display for NewLineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, topic, partition, offset } = self;
        write!(
            f,
            "topic {topic}, partition {partition}, offset {offset}: the log of the source of {table} is another one from here on (failover, restore, or a log that begins anew)"
        )
    }
}

impl Seen {
    /// Events that were repeats.
    pub fn n_duplicates(&self) -> u64 {
        self.n_duplicates
    }

    /// Adds what a plan behind this one has seen, which was judged on top of it.
    pub fn extend(&mut self, behind: Self) {
        self.rows.extend(behind.rows);
        self.truncates.extend(behind.truncates);
        self.n_duplicates += behind.n_duplicates;
        behind.begun.into_iter().for_each(|begun| self.begin(begun));
    }

    /// Keeps that a log begins, once for all its rows whose state is older.
    pub(super) fn begin(&mut self, begun: Begun) {
        let is_kept = self.begun.iter().any(|kept| {
            kept.lineage == begun.lineage
                && (begun.before.0 != begun.lineage || kept.clock.is_later_than(begun.before.1))
        });
        if !is_kept {
            self.begun.push(begun);
        }
    }
}
