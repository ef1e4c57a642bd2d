//! The rows of a batch by table, and the order in which the tables are written.
//!
//! Comes in: rows, under the table that they are for. Goes out: statements; per table truncate, then what goes, then what
//! comes. Keys are in the order of their bytes, so that instances that write the same rows lock them in the same order.

use std::collections::BTreeMap;
use std::sync::Arc;

use rowkind_formats::RowSchema;

use super::catalog::{Catalog, TargetTable};
use super::copy;
use super::foreign_keys;
use super::modes::Modes;
use super::plan::Refusal;
use super::sql;
use super::writes::{Act, Mode, Part, Statement, Writes};
use crate::batch::{Change, Copies, TableBatch, Way};
use crate::progress::RowCounts;
use crate::route::TargetName;

/// The rows of a batch for one table.
#[derive(Debug, Default)]
pub(super) struct Pending<'a> {
    /// The columns that the rows go by, none of them where they go by all; `None` while there are no rows.
    pub(super) key: Option<Vec<String>>,
    /// Schemas whose columns the table has.
    pub(super) fitting: Vec<Arc<RowSchema>>,
    /// What is left to do.
    pub(super) batch: TableBatch<'a>,
    /// How many rows it was before.
    pub(super) rows: RowCounts,
}

impl<'a> Pending<'a> {
    /// Whether the table was found to have the columns of this very schema.
    pub(super) fn fits(&self, schema: &Arc<RowSchema>) -> bool {
        self.fitting.iter().any(|known| Arc::ptr_eq(known, schema))
    }

    /// The batch of rows that go by these columns; `None` when those in it go by others.
    pub(super) fn keyed_by(&mut self, key: &[String]) -> Option<&mut TableBatch<'a>> {
        let known = self.key.get_or_insert_with(|| key.to_vec());
        (known == key).then_some(&mut self.batch)
    }
}

/// The rows of a batch, by table.
#[derive(Debug, Default)]
pub(super) struct Tables<'a> {
    way: Way,
    by_name: BTreeMap<TargetName, Pending<'a>>,
}

impl<'a> Tables<'a> {
    /// No rows yet.
    pub(super) fn new(way: Way) -> Self {
        Self { way, by_name: BTreeMap::new() }
    }

    /// The rows for a table, if there are any.
    pub(super) fn get(&self, name: &TargetName) -> Option<&Pending<'a>> {
        self.by_name.get(name)
    }

    /// How many rows there were for each table.
    pub(super) fn rows(&self) -> impl Iterator<Item = (TargetName, RowCounts)> {
        self.by_name.iter().map(|(name, pending)| (name.clone(), pending.rows))
    }

    /// The rows for a table, to add to them.
    pub(super) fn of(&mut self, name: TargetName) -> &mut Pending<'a> {
        let new = || Pending { batch: TableBatch::new(self.way), ..Pending::default() };
        self.by_name.entry(name).or_insert_with(new)
    }
}

/// The statements of a batch. Where foreign keys bind its tables, rows go from the children first, and come to the parents
/// first.
///
/// # Errors
///
/// The index of a record and why it cannot be applied.
pub(super) fn statements(
    tables: Tables<'_>,
    catalog: &Catalog,
    modes: Modes,
) -> Result<Vec<Statement>, (usize, Refusal)> {
    let mut parts = Vec::with_capacity(tables.by_name.len());
    for (name, pending) in tables.by_name {
        let table = catalog.get(&name).and_then(Option::as_ref).expect("rows are collected for tables that are there");
        parts.push((&**table, of_table(pending, table, modes)?));
    }
    let ranks = foreign_keys::ranks(&parts.iter().map(|(table, _)| *table).collect::<Vec<_>>());
    if ranks.iter().all(|rank| *rank == 0) {
        return Ok(parts.into_iter().flat_map(|(_, part)| part.removals.into_iter().chain(part.rows)).collect());
    }
    let mut parts: Vec<_> = ranks.into_iter().zip(parts).collect();
    parts.sort_by_key(|(rank, _)| *rank);
    let mut all = Vec::new();
    for (_, (_, part)) in parts.iter_mut().rev() {
        all.append(&mut part.removals);
    }
    all.extend(parts.into_iter().flat_map(|(_, (_, part))| part.rows));
    Ok(all)
}

fn of_table(pending: Pending<'_>, table: &TargetTable, modes: Modes) -> Result<Part, (usize, Refusal)> {
    let Pending { key, batch, .. } = pending;
    let key = key.unwrap_or_default();
    let mut part = Part::default();
    if batch.is_truncated() {
        part.removals.push(Statement::new(Act::Truncate, table, sql::truncate(table), (&[], &[]), Vec::new()));
    }
    let way = batch.way();
    let copies_rows = way == Way::Compacted && copy::is_worth_it(table, batch.n_coming());
    let (changes, copies, appended) = batch.into_changes();
    let mut writes = Writes::new(table, &key, modes);
    if copies_rows {
        writes = writes.copying();
    }
    for (key_bytes, change) in changes {
        match change {
            Change::Delete => writes.delete(&key_bytes),
            Change::Mark { row, record } => writes.write(&row, Mode::Mark).map_err(|refusal| (record, refusal))?,
            Change::Upsert { row, replaces, comes, record } => {
                writes.upsert(&key_bytes, &row, (replaces, comes)).map_err(|refusal| (record, refusal))?;
            }
        }
        if way == Way::RowByRow {
            part.extend_in_order(writes.take_part());
        }
    }
    for Copies { gone, come } in copies {
        for (mode, rows) in [(Mode::Remove, gone), (Mode::Append, come)] {
            for (row, record) in rows {
                writes.write(&row, mode).map_err(|refusal| (record, refusal))?;
            }
        }
        if way == Way::RowByRow {
            part.extend_in_order(writes.take_part());
        }
    }
    for (row, record) in appended {
        writes.write(&row, Mode::Append).map_err(|refusal| (record, refusal))?;
    }
    let Part { removals, rows } = writes.take_part();
    part.removals.extend(removals);
    part.rows.extend(rows);
    Ok(part)
}
