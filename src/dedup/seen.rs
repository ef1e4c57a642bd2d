//! What the events of one plan said, until the plan is committed or thrown away.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;

use rowkind_formats::Clock;

use super::identity::KeyHash;
use super::law::{State, Verdict};
use super::memory::States;

/// What a plan has seen: of each of its rows the last event.
///
/// It counts for nothing but the plans that are made on top of it, until it is [committed](super::Dedup::commit).
#[derive(Debug, Default)]
pub struct Seen {
    pub(super) rows: States<Touched>,
    /// The last truncate of a table.
    pub(super) truncates: HashMap<u64, State>,
    pub(super) begun: Vec<Begun>,
    pub(super) n_duplicates: u64,
}

/// A row that the plan's events are of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touched {
    /// `None` where something changed the row that leaves no state.
    pub(super) state: Option<State>,
    /// The record of what was known before the plan.
    pub(super) before: Option<(u32, i64)>,
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

impl Touched {
    /// What is known once the plan is committed: what it saw, unless a row that moved between partitions was in the plans
    /// of two lanes at once and the other one knows better.
    pub(super) fn over(&self, known: Option<State>) -> Option<State> {
        match (known, self.state) {
            (Some(known), Some(state))
                if Some(known.place()) != self.before && known.judge(&state) == Verdict::Duplicate =>
            {
                Some(known)
            }
            (_, state) => state,
        }
    }
}

impl Seen {
    /// Nothing yet, and room for as many rows as here: the next plan is mostly as large.
    pub(super) fn next(&self) -> Self {
        let rows = States::with_capacity_and_hasher(self.rows.len(), BuildHasherDefault::default());
        Self { rows, ..Self::default() }
    }

    /// Events that were repeats.
    pub fn n_duplicates(&self) -> u64 {
        self.n_duplicates
    }

    /// Adds what a plan behind this one has seen, which was judged on top of it.
    pub fn extend(&mut self, behind: Self) {
        for (key, touched) in behind.rows {
            self.rows.entry(key).or_insert(touched).state = touched.state;
        }
        self.truncates.extend(behind.truncates);
        self.n_duplicates += behind.n_duplicates;
        self.begun.extend(behind.begun);
    }

    /// Keeps the last event of a row. `known` is what was known of it.
    pub(super) fn touch(&mut self, key: KeyHash, known: Option<State>, state: Option<State>) {
        let before = known.map(|known| known.place());
        self.rows.entry(key).or_insert(Touched { state, before }).state = state;
    }
}
