//! A batch of raw records as the statements that apply it.
//!
//! Comes in: [`Records`] and the [`Catalog`]. Goes out: a [`Plan`] that owns its parameters. Pure: no connection, no
//! clock; the same batch gives the same plan, so that it can be made again for a part of the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use regex::Regex;
use rowkind_formats::{Change, Error, Event, Key, Record, Row, RowKind, Table};

use super::catalog::Catalog;
use super::evolve;
use super::modes::Modes;
use super::rows;
use super::tables::{self, Tables};
use super::types::Present;
use super::writes::{self, Statement};
use crate::batch::Way;
use crate::config::{Config, Evolve, RejectPolicy, TruncatePolicy};
use crate::decode::{self, Decoder, Undecoded};
use crate::dedup::{Dedup, Judge, Seen};
use crate::records::Records;
use crate::rejects::{Reject, Verdict};
use crate::route::{DeletePolicy, KeyBy, Routes, Shape, TargetName, Unnamed};

/// What is to be done for a run of records.
#[derive(Debug, Default)]
pub struct Plan {
    /// The records that it applies: all that were asked for, or those before one that needs a plan of its own or at
    /// which the pipeline stops.
    pub range: Range<usize>,
    /// In the order in which they run.
    pub statements: Vec<Statement>,
    /// Number of changelog rows in the records, without repeats.
    pub n_rows: u64,
    /// What is known of the rows when it is committed.
    pub seen: Arc<Seen>,
    /// Records that are passed over.
    pub passed: Vec<Reject>,
    /// The record behind `range` at which the pipeline stops.
    pub stopped: Option<Reject>,
    /// Tables that the catalog does not hold yet. Then there are no statements.
    pub missing: BTreeMap<TargetName, Need>,
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
    Record(usize, String),
    /// All would have to go into one plan, and do not.
    #[error("rows of one table go by several keys")]
    Mixed,
}

/// Makes plans. It keeps what the decoder learns from record to record.
#[derive(Debug)]
pub struct Planner {
    decoder: Decoder,
    routes: Routes,
    evolve: Evolve,
    truncate: TruncatePolicy,
    rejects: RejectPolicy,
    modes: Modes,
    /// Of which source tables rows are applied; of all when `None`.
    tables: Option<Regex>,
    /// `None` when every event is applied.
    dedup: Option<Arc<Dedup>>,
    /// Whether a plan is for all records that were asked for, or none.
    is_whole: bool,
}

/// What one record comes to, before anything is done about it.
enum Taken {
    Done,
    /// Its rows go by another key than those before it: they cannot be compacted together.
    OtherKey,
    Missing(TargetName, Need),
}

/// Why a record was not taken.
pub(super) enum Refusal {
    Reject(String),
    Unplanned(Unplanned),
}

impl From<Undecoded> for Refusal {
    fn from(undecoded: Undecoded) -> Self {
        match undecoded {
            Undecoded::Bad(text) => Self::Reject(text),
            Undecoded::Away(text) => Self::Unplanned(Unplanned::Away(text)),
            Undecoded::Fatal(text) => Self::Unplanned(Unplanned::Fatal(text)),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Reject(error.to_string())
    }
}

impl From<Unnamed> for Refusal {
    fn from(unnamed: Unnamed) -> Self {
        Self::Reject(unnamed.to_string())
    }
}

impl Planner {
    /// A planner for one lane.
    pub fn new(config: &Config, decoding: Arc<decode::Shared>, dedup: Option<Arc<Dedup>>) -> Self {
        Self {
            decoder: Decoder::new(config.format, &config.told, decoding),
            routes: config.routes.clone(),
            evolve: config.sink.evolve,
            truncate: config.sink.truncate,
            rejects: config.rejects,
            modes: config.modes,
            tables: config.tables.clone(),
            dedup,
            is_whole: config.transactions.is_some(),
        }
    }

    /// The policy for rejects.
    pub fn rejects(&self) -> RejectPolicy {
        self.rejects
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

    /// Learns from records that were applied by an earlier run, so that their repeats are known.
    ///
    /// # Errors
    ///
    /// When they cannot be read for want of a schema.
    pub fn learn(&mut self, records: &Records) -> Result<(), Unplanned> {
        let Some(dedup) = self.dedup.clone() else { return Ok(()) };
        let mut judge = dedup.judge(None);
        for index in 0..records.len() {
            let record = records.get(index);
            let decoded = self.decoder.decode(&record).map_err(Refusal::from);
            match decoded.and_then(|mut event| self.is_left((records, index), &mut event, Some(&mut judge))) {
                Err(Refusal::Unplanned(unplanned)) => return Err(unplanned),
                // what is rejected was passed over then
                Ok(_) | Err(Refusal::Reject(_)) => {}
            }
        }
        dedup.learn(&judge.into_seen());
        Ok(())
    }

    fn plan_by(
        &mut self,
        way: Way,
        (records, range): (&Records, Range<usize>),
        catalog: &Catalog,
        in_flight: Option<&Seen>,
    ) -> Result<Plan, Unplanned> {
        let (dedup, end) = (self.dedup.clone(), range.end);
        let mut plan = Plan { range, ..Plan::default() };
        let mut excluded = BTreeSet::new();
        // A value is looked at when the row it stands in is what is left of its key. If it cannot be used, an earlier
        // row of the key counts again: so plan anew, without that record or up to it.
        loop {
            plan.n_rows = 0;
            plan.missing.clear();
            let mut judge = dedup.as_ref().map(|dedup| dedup.judge(in_flight));
            let tables =
                self.collect((records, catalog), &mut plan, &mut excluded, (Tables::new(way), judge.as_mut()))?;
            plan.seen = Arc::new(judge.map(Judge::into_seen).unwrap_or_default());
            if !plan.missing.is_empty() {
                return Ok(plan);
            }
            self.check_whole(&mut plan, end)?;
            match tables::statements(tables, catalog, self.modes) {
                Ok(statements) => {
                    plan.statements = statements;
                    return Ok(plan);
                }
                Err((_, Refusal::Unplanned(unplanned))) => return Err(unplanned),
                Err((index, Refusal::Reject(reason))) => self.judge(records, index, reason, &mut plan, &mut excluded),
            }
        }
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
        excluded: &mut BTreeSet<usize>,
        (mut tables, mut judge): (Tables<'a>, Option<&mut Judge<'_>>),
    ) -> Result<Tables<'a>, Unplanned> {
        let mut index = plan.range.start;
        while index < plan.range.end {
            if !excluded.contains(&index) {
                let judge = judge.as_deref_mut();
                match self.take((records, index), catalog, (&mut tables, judge), &mut plan.n_rows) {
                    Ok(Taken::Done) => {}
                    Ok(Taken::OtherKey) => plan.range.end = index,
                    Ok(Taken::Missing(name, need)) => match plan.missing.get(&name) {
                        Some(Need::Rows(_)) => {}
                        _ => drop(plan.missing.insert(name, need)),
                    },
                    Err(Refusal::Unplanned(unplanned)) => return Err(unplanned),
                    Err(Refusal::Reject(reason)) => self.judge(records, index, reason, plan, excluded),
                }
            }
            index += 1;
        }
        Ok(tables)
    }

    /// Cuts the plan before a record, or leaves the record out.
    fn judge(&self, records: &Records, index: usize, reason: String, plan: &mut Plan, excluded: &mut BTreeSet<usize>) {
        match self.rejects.judge(Reject::new(&records.get(index), reason)) {
            Verdict::Stop(reject) => {
                plan.range.end = index;
                plan.passed.retain(|passed| passed.partition != reject.partition || passed.offset < reject.offset);
                plan.stopped = Some(reject);
            }
            Verdict::Pass(reject) => {
                excluded.insert(index);
                plan.passed.push(reject);
            }
        }
    }

    /// Takes a record's rows into their table's batch: all of them or none.
    fn take<'a>(
        &mut self,
        (records, index): (&'a Records, usize),
        catalog: &Catalog,
        (tables, judge): (&mut Tables<'a>, Option<&mut Judge<'_>>),
        n_rows: &mut u64,
    ) -> Result<Taken, Refusal> {
        let record = &records.get(index);
        let mut event = self.decoder.decode(record)?;
        if !self.is_left((records, index), &mut event, judge)? {
            return Ok(Taken::Done);
        }
        match event {
            Event::Aside(_) | Event::Tombstone { key: None, .. } => Ok(Taken::Done),
            Event::Tombstone { table, key: Some(key) } => {
                self.take_tombstone((record, index), table, key, catalog, tables)
            }
            Event::Truncate { table, .. } => self.take_truncate(record, &table, catalog, tables),
            Event::Change(change) => self.take_change(record, change, index, catalog, tables, n_rows),
        }
    }

    /// Takes out of an event what is not applied: that of a table that nobody wants, truncates by policy, repeats. `false`
    /// when nothing is left of it.
    fn is_left(
        &mut self,
        (records, index): (&Records, usize),
        event: &mut Event<'_>,
        judge: Option<&mut Judge<'_>>,
    ) -> Result<bool, Refusal> {
        if event.table().is_some_and(|table| !self.wants(table)) {
            return Ok(false);
        }
        if matches!(event, Event::Truncate { .. }) && !self.truncates(records.n_partitions(index))? {
            return Ok(false);
        }
        let Some(judge) = judge else { return Ok(true) };
        let record = &records.get(index);
        Ok(match event {
            Event::Change(change) => self.is_new(judge, record, change),
            event => judge.keep(record, event),
        })
    }

    fn wants(&self, table: &Table<'_>) -> bool {
        self.tables.as_ref().is_none_or(|pattern| match table.namespace() {
            Some(namespace) => pattern.is_match(&format!("{namespace}.{}", table.name)),
            None => pattern.is_match(&table.name),
        })
    }

    /// Leaves the rows of a change that are no repeats; `false` when there are none. Rows go by the key that they have at
    /// the source, whatever the target's is: of another one the positions say nothing.
    fn is_new(&mut self, judge: &mut Judge<'_>, record: &Record<'_>, change: &mut Change<'_>) -> bool {
        let chosen = match (&self.routes.of(record.topic).key, &change.key) {
            (KeyBy::Columns(names), None) => Some(names.as_slice()),
            _ => None,
        };
        judge.keep_rows(record, change, chosen)
    }

    fn take_change<'a>(
        &mut self,
        record: &Record<'a>,
        mut change: Change<'a>,
        index: usize,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
        n_rows: &mut u64,
    ) -> Result<Taken, Refusal> {
        let (evolve, modes) = (self.evolve, self.modes);
        let route = self.routes.of(record.topic);
        let name = route.target(&change.table, record.topic)?;
        route.reshape(&mut change);
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
        let n_changed = change.rows.len() as u64;
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
        *n_rows += n_changed;
        Ok(Taken::Done)
    }

    /// A tombstone deletes by key. Behind its own delete that finds nothing. Where the table is not known, no record of
    /// the topic was read before it, and the topic's name is tried as `prefix.schema.table`.
    fn take_tombstone<'a>(
        &mut self,
        (record, index): (&Record<'a>, usize),
        table: Option<Table<'a>>,
        key: Key<'a>,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
    ) -> Result<Taken, Refusal> {
        let is_certain = table.is_some();
        let Some(table) = table.or_else(|| table_of_topic(record.topic)) else {
            return Ok(Taken::Done);
        };
        let (route, modes) = (self.routes.of(record.topic), self.modes);
        let (Ok(name), Some(key)) = (route.target(&table, record.topic), route.reshape_key(key)) else {
            return Ok(Taken::Done);
        };
        if matches!(route.key, KeyBy::Nothing | KeyBy::Row) || route.delete == DeletePolicy::Ignore {
            return Ok(Taken::Done);
        }
        let target = match catalog.get(&name) {
            Some(Some(target)) => target,
            Some(None) => return Ok(Taken::Done),
            None => return Ok(Taken::Missing(name, Need::Removal)),
        };
        let row = Row { kind: RowKind::Delete, columns: key.columns.clone(), not_sent: Vec::new() };
        let names = match writes::key_of(target, Some(&key), record.topic) {
            Ok(names) => names,
            Err(_) if !is_certain => return Ok(Taken::Done),
            Err(refusal) => return Err(refusal),
        };
        let bytes = writes::key_bytes(&row, None, (target, names), modes)?;
        let Some(batch) = tables.of(name).keyed_by(names) else {
            return Ok(Taken::OtherKey);
        };
        match &route.delete {
            DeletePolicy::Soft(column) => {
                let mark = rows::mark(row, names, column, (target, None));
                batch.mark(bytes, mark, index);
            }
            DeletePolicy::Hard | DeletePolicy::Ignore => batch.delete(bytes),
        }
        Ok(Taken::Done)
    }

    /// Whether a truncate is to be applied. Between the rows of its own partition it has its place; between those of others
    /// it has none.
    fn truncates(&self, n_partitions: usize) -> Result<bool, Refusal> {
        match self.truncate {
            TruncatePolicy::Ignore => Ok(false),
            TruncatePolicy::Stop => Err(Refusal::Reject("a truncate, and `sink.truncate` is \"stop\"".to_owned())),
            TruncatePolicy::Apply if n_partitions > 1 => Err(Refusal::Reject(format!(
                "a truncate in a topic of {n_partitions} partitions: which rows of the others come behind it is not known; give the topic one partition, or set `sink.truncate` to \"ignore\" and empty the table by hand"
            ))),
            TruncatePolicy::Apply => Ok(true),
        }
    }

    fn take_truncate<'a>(
        &mut self,
        record: &Record<'a>,
        table: &Table<'a>,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
    ) -> Result<Taken, Refusal> {
        let route = self.routes.of(record.topic);
        let name = route.target(table, record.topic)?;
        match catalog.get(&name) {
            Some(Some(_)) => {}
            Some(None) => return Ok(Taken::Done),
            None => return Ok(Taken::Missing(name, Need::Removal)),
        }
        tables.of(name).batch.truncate();
        Ok(Taken::Done)
    }
}

/// `prefix.schema.table`, as Debezium names a topic whose names need no adjustment.
fn table_of_topic(topic: &str) -> Option<Table<'_>> {
    let (rest, name) = topic.rsplit_once('.')?;
    let (_, schema) = rest.rsplit_once('.')?;
    Some(Table { database: None, schema: Some(schema.into()), name: name.into() })
}
