//! A batch of raw records as the statements that apply it.
//!
//! Comes in: [`Records`] and the [`Catalog`]. Goes out: a [`Plan`] that owns its parameters. Pure: no connection, no
//! clock; the same batch gives the same plan, so that it can be made again for a part of the batch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rowkind_formats::{Change, Clock, Error, Event};

use super::catalog::Catalog;
use super::evolve;
use super::modes::Modes;
use super::rows;
use super::tables::{self, Tables};
use super::types::Present;
use super::writes::{self, Statement};
use crate::batch::Way;
use crate::config::{Config, Evolve};
use crate::decode::Undecoded;
use crate::dedup::{Judge, Seen};
use crate::progress::RowCounts;
use crate::query::{NoValue, Place};
use crate::records::Records;
use crate::rejects::blocked::Held;
use crate::rejects::{Reason, Reject, Rejects, Verdict};
use crate::route::{KeyBy, Routes, Shape, TargetName, Unnamed};
use crate::sieve::Sieve;

/// What is to be done for a run of records.
#[derive(Debug, Default)]
pub struct Plan {
    /// The records that it applies: all that were asked for, or those before one that needs a plan of its own or at
    /// which the pipeline stops.
    pub range: Range<usize>,
    /// In the order in which they run.
    pub statements: Vec<Statement>,
    /// Changelog rows in the records, without repeats, by target table.
    pub tables: Vec<(TargetName, RowCounts)>,
    /// When the source made the first change, where the first record says it.
    pub changed_at: Option<Clock>,
    /// What is known of the rows when it is committed.
    pub seen: Arc<Seen>,
    /// Records in `range` that are passed over, by their index.
    pub passed: BTreeMap<usize, Reject>,
    /// The record behind `range` at which the pipeline stops.
    pub stopped: Option<Reject>,
    /// Tables that the catalog does not hold yet. Then there are no statements.
    pub missing: BTreeMap<TargetName, Need>,
}

impl Plan {
    /// Changelog rows of all tables.
    pub fn rows(&self) -> RowCounts {
        self.tables.iter().map(|(_, rows)| *rows).sum()
    }
}

/// What a table is needed for that the catalog does not hold, or not with all its columns.
#[derive(Debug, Clone)]
pub enum Need {
    /// For rows: it has to be there and hold them, or be made or altered where their shape is known. `None` for records
    /// without a schema.
    Rows(Option<Shape>),
    /// For a truncate, or a tombstone of a topic that is not known yet: without the table there is nothing to do.
    Removal,
}

/// Why a plan could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplanned {
    /// The tables cannot hold the records: a person has to act.
    #[error("{0}")]
    Impossible(String),
    /// The schema registry is away: plan again.
    #[error("{0}")]
    Away(String),
    /// The records cannot be read as things are set up: a person has to act.
    #[error("{0}")]
    Fatal(String),
    /// All would have to go into one plan, and this record, by its index, cannot be applied. `1` says why.
    #[error("{1}")]
    Record(usize, Box<Reason>),
    /// All would have to go into one plan, and do not.
    #[error("rows of one table go by several keys")]
    Mixed,
}

/// Makes plans. It keeps what the decoder learns from record to record.
#[derive(Debug)]
pub struct Planner {
    pub(super) sieve: Sieve,
    pub(super) routes: Routes,
    evolve: Evolve,
    pub(super) rejects: Arc<Rejects>,
    pub(super) modes: Modes,
    /// Whether a plan is for all records that were asked for, or none.
    is_whole: bool,
    /// Records that plans pass over, whatever else is to be said of them.
    left_out: Vec<Reject>,
}

/// What one record comes to, before anything is done about it.
pub(super) enum Taken {
    Done,
    /// Its rows go by another key than those before it: they cannot be compacted together.
    OtherKey,
    Missing(TargetName, Need),
}

/// Why a record was not taken.
pub(super) enum Refusal {
    Reject(Reason),
    Unplanned(Unplanned),
}

impl From<Undecoded> for Refusal {
    fn from(undecoded: Undecoded) -> Self {
        match undecoded {
            Undecoded::Bad(text) => Self::Reject(text.into()),
            undecoded => Self::Unplanned(undecoded.into()),
        }
    }
}

impl From<Undecoded> for Unplanned {
    fn from(undecoded: Undecoded) -> Self {
        match undecoded {
            Undecoded::Away(text) => Self::Away(text),
            Undecoded::Bad(text) | Undecoded::Fatal(text) => Self::Fatal(text),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Reject(error.to_string().into())
    }
}

impl From<NoValue> for Refusal {
    fn from(error: NoValue) -> Self {
        Self::Reject(error.to_string().into())
    }
}

impl From<Unnamed> for Refusal {
    fn from(unnamed: Unnamed) -> Self {
        Self::Reject(unnamed.to_string().into())
    }
}

impl Planner {
    /// A planner for one lane.
    pub fn new(config: &Config, evolve: Evolve, sieve: Sieve, rejects: Arc<Rejects>) -> Self {
        let (routes, modes, is_whole) = (config.routes.clone(), config.modes, config.transactions.is_some());
        Self { sieve, routes, evolve, rejects, modes, is_whole, left_out: Vec::new() }
    }

    /// From here on plans pass these records over.
    pub fn leave_out(&mut self, rejects: Vec<Reject>) {
        self.left_out = rejects;
    }

    /// Plans the records in `range`, behind a batch that is being applied where there is one.
    ///
    /// # Errors
    ///
    /// When a table cannot hold its records whatever they are: no key to go by, a column that is not there. When records
    /// cannot be read for want of a schema. Of a pipeline that applies whole transactions also when a record cannot be
    /// applied at which it stops.
    pub fn plan(
        &mut self,
        records: &Records,
        range: Range<usize>,
        catalog: &Catalog,
        in_flight: Option<&Seen>,
    ) -> Result<Plan, Unplanned> {
        self.plan_by(Way::Compacted, (records, range), catalog, in_flight)
    }

    /// Plans one record behind others of its transaction: its rows in their order, each in statements of its own.
    ///
    /// # Errors
    ///
    /// As for [`plan`](Self::plan).
    pub fn plan_row_by_row(
        &mut self,
        records: &Records,
        index: usize,
        catalog: &Catalog,
        before: &Seen,
    ) -> Result<Plan, Unplanned> {
        self.plan_by(Way::RowByRow, (records, index..index + 1), catalog, Some(before))
    }

    /// The plan of a record that cannot be applied, for this reason.
    pub(super) fn judge_one(&mut self, (records, index): (&Records, usize), reason: Reason) -> Plan {
        let mut plan = Plan { range: index..index + 1, ..Plan::default() };
        self.judge((records, index), reason, &mut plan);
        plan
    }

    /// What a plan has seen of rows is known from now on.
    pub(super) fn commit_seen(&self, seen: &Seen) {
        for begun in self.sieve.dedup().iter().flat_map(|dedup| dedup.commit(seen)) {
            tracing::warn!("{begun}");
        }
    }

    /// Learns from records that were applied by an earlier run, so that their repeats are known.
    ///
    /// # Errors
    ///
    /// When they cannot be read for want of a schema.
    pub fn learn(&mut self, records: &Records) -> Result<(), Unplanned> {
        self.sieve.learn(records, &mut self.routes).map_err(Unplanned::from)
    }

    fn plan_by(
        &mut self,
        way: Way,
        (records, range): (&Records, Range<usize>),
        catalog: &Catalog,
        in_flight: Option<&Seen>,
    ) -> Result<Plan, Unplanned> {
        let (dedup, end) = (self.sieve.dedup(), range.end);
        let mut plan = Plan { passed: self.passed((records, range.clone())), range, ..Plan::default() };
        // A value is looked at when the row it stands in is what is left of its key. If it cannot be used, an earlier
        // row of the key counts again: so plan anew, without that record or up to it.
        loop {
            plan.missing.clear();
            let mut judge = Sieve::judge(dedup.as_ref(), in_flight);
            let tables = self.collect((records, catalog), &mut plan, (Tables::new(way), judge.as_mut()))?;
            plan.seen = Arc::new(judge.map(Judge::into_seen).unwrap_or_default());
            if !plan.missing.is_empty() {
                return Ok(plan);
            }
            self.check_whole(&mut plan, end)?;
            plan.tables = tables.rows().collect();
            match tables::statements(tables, catalog, self.modes) {
                Ok(statements) => {
                    plan.statements = statements;
                    return Ok(plan);
                }
                Err((_, Refusal::Unplanned(unplanned))) => return Err(unplanned),
                Err((index, Refusal::Reject(reason))) => self.judge((records, index), reason, &mut plan),
            }
        }
    }

    /// Those of the records in `range` that are left out.
    fn passed(&self, (records, range): (&Records, Range<usize>)) -> BTreeMap<usize, Reject> {
        let left_out = |index: usize| {
            let is_it = |reject: &&Reject| {
                reject.offset == records.get(index).offset && reject.partition == *records.partition(index)
            };
            Some((index, self.left_out.iter().find(is_it)?.clone()))
        };
        if self.left_out.is_empty() { BTreeMap::new() } else { range.filter_map(left_out).collect() }
    }

    /// A part is no plan where transactions are applied whole.
    fn check_whole(&self, plan: &mut Plan, end: usize) -> Result<(), Unplanned> {
        if !self.is_whole || plan.range.end == end {
            return Ok(());
        }
        Err(match plan.stopped.take() {
            Some(reject) => Unplanned::Record(plan.range.end, reject.reason),
            None => Unplanned::Mixed,
        })
    }

    /// Decodes the plan's records and compacts their rows.
    fn collect<'a>(
        &mut self,
        (records, catalog): (&'a Records, &Catalog),
        plan: &mut Plan,
        (mut tables, mut judge): (Tables<'a>, Option<&mut Judge<'_>>),
    ) -> Result<Tables<'a>, Unplanned> {
        let mut held = Held::default();
        let mut index = plan.range.start;
        while index < plan.range.end {
            if !plan.passed.contains_key(&index) {
                let judge = judge.as_deref_mut();
                match self.take((records, index), (catalog, &held), (&mut tables, judge), plan) {
                    Ok(Taken::Done) => {}
                    Ok(Taken::OtherKey) => plan.range.end = index,
                    Ok(Taken::Missing(name, need)) => match plan.missing.get(&name) {
                        Some(Need::Rows(_)) => {}
                        _ => drop(plan.missing.insert(name, need)),
                    },
                    Err(Refusal::Unplanned(unplanned)) => return Err(unplanned),
                    Err(Refusal::Reject(reason)) => self.judge((records, index), reason, plan),
                }
            }
            if let Some(Reject { partition, offset, keys: Some(keys), .. }) = plan.passed.get(&index) {
                held.add(partition, keys, *offset);
            }
            index += 1;
        }
        Ok(tables)
    }

    /// Cuts the plan before a record, or leaves the record out.
    fn judge(&mut self, (records, index): (&Records, usize), reason: Reason, plan: &mut Plan) {
        let n_passed = plan.passed.values().filter(|passed| passed.reason.behind.is_none()).count();
        match self.reject(records, index, reason, n_passed) {
            Verdict::Stop(reject) => {
                plan.range.end = index;
                plan.passed.split_off(&index);
                plan.stopped = Some(reject);
            }
            Verdict::Pass(reject) => drop(plan.passed.insert(index, reject)),
        }
    }

    /// Takes a record's rows into their table's batch: all of them or none.
    fn take<'a>(
        &mut self,
        (records, index): (&'a Records, usize),
        (catalog, held): (&Catalog, &Held),
        (tables, judge): (&mut Tables<'a>, Option<&mut Judge<'_>>),
        plan: &mut Plan,
    ) -> Result<Taken, Refusal> {
        let record = &records.get(index);
        let mut event = self.sieve.decode(record)?;
        if let Event::Change(change) = &event
            && index == plan.range.start
        {
            plan.changed_at = change.origin.stamp().clock;
        }
        self.check_key((records, index), &event, held)?;
        if !self.sieve.keeps((records, index), &mut event, &mut self.routes, judge)? {
            return Ok(Taken::Done);
        }
        match event {
            Event::Aside(_) | Event::Tombstone { key: None, .. } => Ok(Taken::Done),
            Event::Tombstone { table, key: Some(key) } => {
                self.take_tombstone((record, index), table, key, catalog, tables)
            }
            Event::Truncate { table, .. } => self.take_truncate(record, &table, catalog, tables),
            Event::Change(change) => self.take_change((records, index), change, catalog, tables),
        }
    }

    fn take_change<'a>(
        &mut self,
        (records, index): (&'a Records, usize),
        mut change: Change<'a>,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
    ) -> Result<Taken, Refusal> {
        let (evolve, modes) = (self.evolve, self.modes);
        let record = &records.get(index);
        let route = self.routes.of(record.topic);
        let name = route.target(&change.table, record.topic)?;
        route.reshape(&mut change, Place { record, timestamp_ms: records.beside(index).timestamp_ms })?;
        if change.rows.is_empty() {
            return Ok(Taken::Done);
        }
        let Some(Some(target)) = catalog.get(&name) else {
            return Ok(Taken::Missing(name, Need::Rows(route.shape(&change))));
        };
        let unfitted = match &change.schema {
            Some(schema) if !tables.get(&name).is_some_and(|pending| pending.fits(schema)) => Some(Arc::clone(schema)),
            _ => None,
        };
        if unfitted.is_some() {
            let shape = route.shape(&change).expect("the change has a schema");
            let lacks = evolve::changes(target, &shape.fields, evolve, &Present::default())
                .map_err(|text| Refusal::Unplanned(Unplanned::Impossible(text)))?;
            if !lacks.is_empty() {
                return Ok(Taken::Missing(name, Need::Rows(Some(shape))));
            }
        }
        let pending = tables.of(name);
        pending.fitting.extend(unfitted);
        let mut changed = RowCounts::default();
        change.rows.iter().for_each(|row| changed.add(row.kind));
        let place = (route, record, index);
        if route.key == KeyBy::Nothing {
            rows::append(&mut pending.batch, change, place)?;
        } else if route.key == KeyBy::Row || (change.key.is_none() && !target.has_primary_key) {
            let Some(batch) = pending.keyed_by(&[]) else {
                return Ok(Taken::OtherKey);
            };
            rows::push_copies(batch, change, place, target, modes)?;
        } else {
            let key = writes::key_of(target, change.key.as_ref(), record.topic)?;
            let Some(batch) = pending.keyed_by(key) else {
                return Ok(Taken::OtherKey);
            };
            rows::push(batch, change, place, (target, key), modes)?;
        }
        pending.rows += changed;
        Ok(Taken::Done)
    }
}
