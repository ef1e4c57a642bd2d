//! A batch of raw records as the statements that apply it.
//!
//! Comes in: [`Records`] and the [`Catalog`]. Goes out: a [`Plan`] that owns its parameters. Pure: no connection, no
//! clock; the same batch gives the same plan, so that it can be made again for a part of the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use rowkind_formats::{Change, Decoder, Error, Event, Key, Record, Row, RowKind, RowSchema, Table};

use super::catalog::{Catalog, TargetTable};
use super::text::{Modes, TextColumn};
use super::writes::{self, Pending, Statement};
use crate::batch::TableBatch;
use crate::config::{RejectPolicy, TruncatePolicy};
use crate::records::Records;
use crate::rejects::{Reject, Verdict};
use crate::route::{TableTemplate, TargetName};

/// What is to be done for a run of records.
#[derive(Debug, Default)]
pub struct Plan {
    /// The records that it applies: all that were asked for, or those before one that needs a plan of its own or at
    /// which the pipeline stops.
    pub range: Range<usize>,
    /// In the order in which they run.
    pub statements: Vec<Statement>,
    /// Number of changelog rows in the records.
    pub n_rows: u64,
    /// Records that are passed over.
    pub passed: Vec<Reject>,
    /// The record behind `range` at which the pipeline stops.
    pub stopped: Option<Reject>,
    /// Tables that the catalog does not hold yet. Then there are no statements.
    pub missing: BTreeMap<TargetName, Need>,
}

/// What a table is needed for that the catalog does not hold.
#[derive(Debug, Clone)]
pub enum Need {
    /// For rows: it has to be there, or be made where their shape is known.
    Rows(Option<Shape>),
    /// For a truncate, or a tombstone of a topic that is not known yet: without the table there is nothing to do.
    Removal,
}

/// What a missing table has to look like, as far as its records carry their schema.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The columns.
    pub schema: Arc<RowSchema>,
    /// The primary key's columns; empty for records without a key.
    pub key: Vec<String>,
}

/// Why a plan could not be made: a person has to act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(pub(super) String);

/// Makes plans. It keeps what the decoder learns from record to record.
#[derive(Debug)]
pub struct Planner {
    decoder: Decoder,
    table: TableTemplate,
    truncate: TruncatePolicy,
    rejects: RejectPolicy,
    modes: Modes,
}

/// The changes of a batch, by table.
type Tables<'a> = BTreeMap<TargetName, Pending<'a>>;

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
    Impossible(Impossible),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Reject(error.to_string())
    }
}

impl Planner {
    /// A planner for one lane.
    pub fn new(table: TableTemplate, truncate: TruncatePolicy, rejects: RejectPolicy, modes: Modes) -> Self {
        Self { decoder: Decoder::default(), table, truncate, rejects, modes }
    }

    /// The policy for rejects.
    pub fn rejects(&self) -> RejectPolicy {
        self.rejects
    }

    /// Plans the records in `range`.
    ///
    /// # Errors
    ///
    /// When a table cannot hold its records whatever they are: no key to go by, a column that is not there.
    pub fn plan(&mut self, records: &Records, range: Range<usize>, catalog: &Catalog) -> Result<Plan, Impossible> {
        let mut plan = Plan { range, ..Plan::default() };
        let mut excluded = BTreeSet::new();
        // A value is looked at when the row it stands in is what is left of its key. If it cannot be used, an earlier
        // row of the key counts again: so plan anew, without that record or up to it.
        loop {
            plan.n_rows = 0;
            plan.missing.clear();
            let tables = self.collect(records, catalog, &mut plan, &mut excluded)?;
            if !plan.missing.is_empty() {
                return Ok(plan);
            }
            match writes::statements(tables, catalog, self.modes) {
                Ok(statements) => {
                    plan.statements = statements;
                    return Ok(plan);
                }
                Err((_, Refusal::Impossible(impossible))) => return Err(impossible),
                Err((index, Refusal::Reject(reason))) => self.judge(records, index, reason, &mut plan, &mut excluded),
            }
        }
    }

    /// Decodes the plan's records and compacts their rows.
    fn collect<'a>(
        &mut self,
        records: &'a Records,
        catalog: &Catalog,
        plan: &mut Plan,
        excluded: &mut BTreeSet<usize>,
    ) -> Result<Tables<'a>, Impossible> {
        let mut tables = Tables::new();
        let mut index = plan.range.start;
        while index < plan.range.end {
            if !excluded.contains(&index) {
                match self.take(&records.get(index), index, catalog, &mut tables, &mut plan.n_rows) {
                    Ok(Taken::Done) => {}
                    Ok(Taken::OtherKey) => plan.range.end = index,
                    Ok(Taken::Missing(name, need)) => match plan.missing.get(&name) {
                        Some(Need::Rows(_)) => {}
                        _ => drop(plan.missing.insert(name, need)),
                    },
                    Err(Refusal::Impossible(impossible)) => return Err(impossible),
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
        record: &Record<'a>,
        index: usize,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
        n_rows: &mut u64,
    ) -> Result<Taken, Refusal> {
        match self.decoder.decode(record)? {
            Event::Aside(_) | Event::Tombstone { key: None, .. } => Ok(Taken::Done),
            Event::Tombstone { table, key: Some(key) } => self.take_tombstone(record, table, &key, catalog, tables),
            Event::Truncate(table) => self.take_truncate(record, &table, catalog, tables),
            Event::Change(change) => {
                let name = self.target(&change.table, record.topic)?;
                let Some(Some(target)) = catalog.get(&name) else {
                    return Ok(Taken::Missing(name, Need::Rows(shape(&change))));
                };
                let key = writes::key_of(target, change.key.as_ref(), record.topic)?;
                let n_changed = change.rows.len() as u64;
                let rows = keyed_rows(change, (target, key), self.modes)?;
                let Some(batch) = pending(tables, name, key) else {
                    return Ok(Taken::OtherKey);
                };
                push_rows(batch, rows, index);
                *n_rows += n_changed;
                Ok(Taken::Done)
            }
        }
    }

    /// A tombstone deletes by key. Behind its own delete that finds nothing. Where the table is not known, no record of
    /// the topic was read before it, and the topic's name is tried as `prefix.schema.table`.
    fn take_tombstone<'a>(
        &self,
        record: &Record<'a>,
        table: Option<Table<'a>>,
        key: &Key<'a>,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
    ) -> Result<Taken, Refusal> {
        let is_certain = table.is_some();
        let Some(table) = table.or_else(|| table_of_topic(record.topic)) else {
            return Ok(Taken::Done);
        };
        let Ok(name) = self.target(&table, record.topic) else {
            return Ok(Taken::Done);
        };
        let target = match catalog.get(&name) {
            Some(Some(target)) => target,
            Some(None) => return Ok(Taken::Done),
            None => return Ok(Taken::Missing(name, Need::Removal)),
        };
        let row = Row { kind: RowKind::Delete, columns: key.columns.clone(), not_sent: Vec::new() };
        let names = match writes::key_of(target, Some(key), record.topic) {
            Ok(names) => names,
            Err(_) if !is_certain => return Ok(Taken::Done),
            Err(refusal) => return Err(refusal),
        };
        let bytes = writes::key_bytes(&row, None, (target, names), self.modes)?;
        let Some(batch) = pending(tables, name, names) else {
            return Ok(Taken::OtherKey);
        };
        batch.delete(bytes);
        Ok(Taken::Done)
    }

    fn take_truncate<'a>(
        &self,
        record: &Record<'a>,
        table: &Table<'a>,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
    ) -> Result<Taken, Refusal> {
        match self.truncate {
            TruncatePolicy::Ignore => return Ok(Taken::Done),
            TruncatePolicy::Stop => {
                return Err(Refusal::Reject("a truncate, and `sink.truncate` is \"stop\"".to_owned()));
            }
            TruncatePolicy::Apply => {}
        }
        let name = self.target(table, record.topic)?;
        match catalog.get(&name) {
            Some(Some(_)) => {}
            Some(None) => return Ok(Taken::Done),
            None => return Ok(Taken::Missing(name, Need::Removal)),
        }
        tables.entry(name).or_default().batch.truncate();
        Ok(Taken::Done)
    }

    fn target(&self, table: &Table<'_>, topic: &str) -> Result<TargetName, Refusal> {
        self.table.target(table, topic).map_err(|unnamed| Refusal::Reject(unnamed.to_string()))
    }
}

/// The batch of a table's rows, unless those in it go by another key.
fn pending<'t, 'a>(tables: &'t mut Tables<'a>, name: TargetName, key: &[String]) -> Option<&'t mut TableBatch<'a>> {
    let pending = tables.entry(name).or_default();
    if pending.key.is_empty() {
        pending.key = key.to_vec();
    }
    (pending.key == key).then_some(&mut pending.batch)
}

/// A change's rows with the bytes of their keys, without `-U`.
fn keyed_rows<'a>(
    change: Change<'a>,
    target: (&TargetTable, &[String]),
    modes: Modes,
) -> Result<Vec<(Vec<u8>, Row<'a>)>, Refusal> {
    let Change { key, rows, .. } = change;
    rows.into_iter()
        .filter(|row| row.kind != RowKind::UpdateBefore)
        .map(|row| Ok((writes::key_bytes(&row, key.as_ref(), target, modes)?, row)))
        .collect()
}

fn push_rows<'a>(batch: &mut TableBatch<'a>, rows: Vec<(Vec<u8>, Row<'a>)>, index: usize) {
    for (key, row) in rows {
        match row.kind {
            RowKind::Insert | RowKind::UpdateAfter => batch.upsert(key, row, index),
            RowKind::Delete => batch.delete(key),
            RowKind::UpdateBefore => {}
        }
    }
}

fn shape(change: &Change<'_>) -> Option<Shape> {
    let schema = Arc::clone(change.schema.as_ref()?);
    let key = change.key.iter().flat_map(|key| &key.columns).map(|column| column.name.to_string()).collect();
    Some(Shape { schema, key })
}

/// `prefix.schema.table`, as Debezium names a topic whose names need no adjustment.
fn table_of_topic(topic: &str) -> Option<Table<'_>> {
    let (rest, name) = topic.rsplit_once('.')?;
    let (_, schema) = rest.rsplit_once('.')?;
    Some(Table { database: None, schema: Some(schema.into()), name: name.into() })
}

/// A text column holds the wire form of a key's columns one behind the other.
pub(super) fn key_parts(mut key: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, _) = key.split_first_chunk::<4>()?;
        let n_bytes = 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (part, rest) = key.split_at_checked(n_bytes)?;
        key = rest;
        Some(part)
    })
}

/// The parameters of a statement by keys alone.
pub(super) fn push_key(columns: &mut [TextColumn], key: &[u8]) {
    for (column, part) in columns.iter_mut().zip(key_parts(key)) {
        column.push_element(part);
    }
}
