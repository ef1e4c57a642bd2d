//! What is left of a batch, as statements with their parameters.
//!
//! Per table, in this order: truncate, deletes, updates of rows that were sent in part, marks, upserts, appended rows. Rows with different
//! columns go in different statements. Keys are in the order of their bytes, so that instances that write the same rows
//! lock them in the same order.

use std::collections::BTreeMap;
use std::sync::Arc;

use rowkind_formats::{Column, Error, ErrorKind, Key, Row, RowSchema, Value};

use super::catalog::{Catalog, TargetColumn, TargetTable};
use super::evolve;
use super::foreign_keys;
use super::modes::Modes;
use super::plan::{Refusal, Unplanned, key_parts, push_key};
use super::sql;
use super::text::TextColumn;
use crate::batch::{Change, TableBatch, Way};
use crate::route::{TargetName, quoted};

/// One statement.
#[derive(Debug)]
pub struct Statement {
    /// Takes one `text[]` per parameter.
    pub sql: Arc<str>,
    /// The columns of its rows.
    pub params: Vec<TextColumn>,
    /// The name of each, and the type that it is cast to.
    pub columns: Vec<(String, String)>,
    /// Whether every row must be found: they are changed in part, and the rest is known only to the target.
    pub must_find: bool,
}

impl Statement {
    fn new(sql: String, columns: &[&TargetColumn], params: Vec<TextColumn>) -> Self {
        let columns = columns.iter().map(|column| (column.name.clone(), column.cast.clone())).collect();
        Self { sql: sql.into(), params, columns, must_find: false }
    }
}

/// The rows of a batch for one table.
#[derive(Debug, Default)]
pub(super) struct Pending<'a> {
    /// The columns that the rows go by; empty while there are none.
    pub(super) key: Vec<String>,
    /// Schemas whose columns the table has.
    pub(super) fitting: Vec<Arc<RowSchema>>,
    /// What is left to do.
    pub(super) batch: TableBatch<'a>,
}

impl<'a> Pending<'a> {
    /// Whether the table was found to have the columns of this very schema.
    pub(super) fn fits(&self, schema: &Arc<RowSchema>) -> bool {
        self.fitting.iter().any(|known| Arc::ptr_eq(known, schema))
    }

    /// The batch of rows that go by these columns; `None` when those in it go by others.
    pub(super) fn keyed_by(&mut self, key: &[String]) -> Option<&mut TableBatch<'a>> {
        if self.key.is_empty() {
            self.key = key.to_vec();
        }
        (self.key == key).then_some(&mut self.batch)
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

/// The statements for one table: those by which rows go, and those behind them.
#[derive(Default)]
struct Part {
    removals: Vec<Statement>,
    rows: Vec<Statement>,
}

fn of_table(pending: Pending<'_>, table: &TargetTable, modes: Modes) -> Result<Part, (usize, Refusal)> {
    let Pending { key, batch, .. } = pending;
    let mut part = Part::default();
    if batch.is_truncated() {
        part.removals.push(Statement::new(sql::truncate(table), &[], Vec::new()));
    }
    let way = batch.way();
    let mut writes = Writes::new(table, &key, modes);
    let (changes, appended) = batch.into_changes();
    for (key_bytes, change) in changes {
        match change {
            Change::Delete => writes.delete(&key_bytes),
            Change::Mark { row, record } => writes.write(&row, Mode::Mark).map_err(|refusal| (record, refusal))?,
            Change::Upsert { row, replaces, record } => {
                writes.upsert(&key_bytes, &row, replaces).map_err(|refusal| (record, refusal))?;
            }
        }
        if way == Way::RowByRow {
            let Part { removals, rows } = std::mem::replace(&mut writes, Writes::new(table, &key, modes)).into_part();
            part.rows.extend(removals.into_iter().chain(rows));
        }
    }
    for (row, record) in appended {
        writes.write(&row, Mode::Append).map_err(|refusal| (record, refusal))?;
    }
    let Part { removals, rows } = writes.into_part();
    part.removals.extend(removals);
    part.rows.extend(rows);
    Ok(part)
}

/// The key's columns in the target, in the order in which [`key_bytes`] puts them.
///
/// # Errors
///
/// When there is no unique index over just these columns: neither an upsert nor a delete would be of one row.
pub(super) fn key_of<'t>(target: &'t TargetTable, key: Option<&Key<'_>>, topic: &str) -> Result<&'t [String], Refusal> {
    let impossible = |text: String| Refusal::Unplanned(Unplanned::Impossible(text));
    let names: Vec<&str> = match key {
        Some(key) => key.columns.iter().map(|column| &*column.name).collect(),
        None if target.has_primary_key => target.unique_keys.iter().take(1).flatten().map(String::as_str).collect(),
        None => {
            return Err(impossible(format!(
                "the records of topic {topic} have no key and table {} has no primary key: add one to the table, or set the connector's `message.key.columns`",
                target.name
            )));
        }
    };
    target.unique_key(&names).ok_or_else(|| {
        let names = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        impossible(format!(
            "the records of topic {topic} are keyed by ({names}), but table {0} has no primary key or unique index on just these columns: ALTER TABLE {0} ADD PRIMARY KEY ({names})",
            target.name
        ))
    })
}

/// The key of a row: the wire form of its columns' texts, one behind the other.
///
/// # Errors
///
/// When a column of the key was not sent, is NULL, or cannot be read.
pub(super) fn key_bytes(
    row: &Row<'_>,
    key: Option<&Key<'_>>,
    (target, names): (&TargetTable, &[String]),
    modes: Modes,
) -> Result<Vec<u8>, Error> {
    let mut bytes = TextColumn::default();
    for column in names.iter().filter_map(|name| target.column(name)) {
        let from_key = || {
            let of_key = key?.columns.iter().find(|of_key: &&Column<'_>| of_key.name == column.name)?;
            Some(&of_key.value)
        };
        let value = row.get(&column.name).filter(|value| **value != Value::Null).or_else(from_key);
        match value {
            None | Some(Value::Null) => {
                return Err(Error::new(
                    format!("key.{}", column.name),
                    ErrorKind::Missing { expected: "a value of the key" },
                ));
            }
            Some(value) => bytes.push_value(value, &column.kind, modes).map_err(|error| error.under(&column.name))?,
        }
    }
    Ok(bytes.bytes)
}

/// The writes to one table.
struct Writes<'t> {
    table: &'t TargetTable,
    key: &'t [String],
    modes: Modes,
    deletes: Vec<TextColumn>,
    groups: Vec<Group<'t>>,
}

/// How rows are written, in the order in which it is done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// Some columns were not sent: the row must be there, and keeps them.
    Update,
    /// The row takes these columns if it is there.
    Mark,
    /// The row is there afterwards.
    Upsert,
    /// One more row.
    Append,
}

/// Rows with the same columns.
struct Group<'t> {
    /// As the rows name them.
    names: Vec<String>,
    mode: Mode,
    /// The target's columns; `None` for one that no statement may name.
    columns: Vec<Option<&'t TargetColumn>>,
    params: Vec<TextColumn>,
}

impl<'t> Writes<'t> {
    fn new(table: &'t TargetTable, key: &'t [String], modes: Modes) -> Self {
        Self { table, key, modes, deletes: Vec::new(), groups: Vec::new() }
    }

    fn delete(&mut self, key: &[u8]) {
        if self.deletes.is_empty() {
            self.deletes.resize_with(key_parts(key).count(), TextColumn::default);
        }
        push_key(&mut self.deletes, key);
    }

    fn upsert(&mut self, key: &[u8], row: &Row<'_>, replaces: bool) -> Result<(), Refusal> {
        let is_partial = !row.not_sent.is_empty();
        if is_partial && replaces {
            let name = row.not_sent.first().map_or("", |name| name);
            let expected = "the column's value, since the row was deleted before";
            return Err(Error::new(name, ErrorKind::Missing { expected }).under("after").into());
        }
        self.write(row, if is_partial { Mode::Update } else { Mode::Upsert })?;
        if replaces {
            self.delete(key);
        }
        Ok(())
    }

    fn write(&mut self, row: &Row<'_>, mode: Mode) -> Result<(), Refusal> {
        let modes = self.modes;
        let group = self.group(row, mode)?;
        for at in 0..row.columns.len() {
            let (Some(column), Some(target)) = (row.columns.get(at), group.columns[at]) else {
                continue;
            };
            if let Err(error) = group.params[at].push_value(&column.value, &target.kind, modes) {
                return Err(self.refused(error.under(&column.name).under("after"), target));
            }
        }
        Ok(())
    }

    /// A value for which a column has no room is refused with the statement that makes some.
    fn refused(&self, error: Error, column: &TargetColumn) -> Refusal {
        match (error.kind(), evolve::roomier(&column.declared)) {
            (ErrorKind::NoRoom { .. }, Some(ty)) => {
                let (table, name) = (&self.table.name, quoted(&column.name));
                Refusal::Reject(format!("{error}: ALTER TABLE {table} ALTER COLUMN {name} TYPE {ty} makes room for it"))
            }
            _ => error.into(),
        }
    }

    /// The group of a row's columns, made when there is none yet.
    fn group(&mut self, row: &Row<'_>, mode: Mode) -> Result<&mut Group<'t>, Refusal> {
        let same = |group: &Group<'_>| {
            group.mode == mode
                && group.names.len() == row.columns.len()
                && group.names.iter().zip(&row.columns).all(|(name, column)| *name == column.name)
        };
        let at = if let Some(at) = self.groups.iter().position(same) {
            at
        } else {
            let columns = row
                .columns
                .iter()
                .map(|column| self.target_column(&column.name, mode))
                .collect::<Result<Vec<_>, _>>()?;
            let mut params = Vec::new();
            params.resize_with(columns.len(), TextColumn::default);
            let names = row.columns.iter().map(|column| column.name.to_string()).collect();
            self.groups.push(Group { names, mode, columns, params });
            self.groups.len() - 1
        };
        Ok(&mut self.groups[at])
    }

    fn target_column(&self, name: &str, mode: Mode) -> Result<Option<&'t TargetColumn>, Refusal> {
        let impossible = |text: String| Refusal::Unplanned(Unplanned::Impossible(text));
        let (table, column) = (&self.table.name, quoted(name));
        let found = self.table.column(name).ok_or_else(|| {
            impossible(format!(
                "table {table} has no column {column}, which its records have: ALTER TABLE {table} ADD COLUMN {column} …"
            ))
        })?;
        if found.is_identity && mode != Mode::Append && !self.key.iter().any(|key| key == name) {
            return Err(impossible(format!(
                "column {column} of table {table} is GENERATED ALWAYS AS IDENTITY, and Postgres lets no update set it: ALTER TABLE {table} ALTER COLUMN {column} SET GENERATED BY DEFAULT"
            )));
        }
        Ok((!found.is_generated).then_some(found))
    }

    fn into_part(self) -> Part {
        let Self { table, key, deletes, mut groups, .. } = self;
        let mut part = Part::default();
        if !deletes.is_empty() {
            let columns: Vec<&TargetColumn> = key.iter().filter_map(|name| table.column(name)).collect();
            part.removals.push(Statement::new(sql::delete(table, &columns), &columns, deletes));
        }
        groups.sort_by_key(|group| group.mode);
        for group in groups {
            let (columns, params): (Vec<_>, Vec<_>) = group
                .columns
                .into_iter()
                .zip(group.params)
                .filter_map(|(column, params)| Some((column?, params)))
                .unzip();
            let sql = match group.mode {
                Mode::Update | Mode::Mark => sql::update(table, &columns, key),
                Mode::Upsert => sql::upsert(table, &columns, key),
                Mode::Append => sql::insert(table, &columns),
            };
            let must_find = group.mode == Mode::Update;
            part.rows.push(Statement { must_find, ..Statement::new(sql, &columns, params) });
        }
        part
    }
}
