//! The changes of one table as statements with their parameters.
//!
//! Per table, in this order: deletes, updates of rows that were sent in part, marks, rows that come, upserts, appended rows. Rows with different
//! columns go in different statements.

use std::sync::Arc;

use rowkind_formats::{Column, Error, ErrorKind, Key, Row, RowKind, Value};

use super::catalog::{TargetColumn, TargetTable};
use super::copy;
use super::evolve;
use super::kind::Kind;
use super::modes::Modes;
use super::plan::{Refusal, Unplanned};
use super::sql;
use super::text::TextColumn;
use crate::route::{TargetName, quoted};

/// One statement.
#[derive(Debug)]
pub struct Statement {
    /// What it does.
    pub act: Act,
    /// The table that it is for.
    pub table: TargetName,
    /// Takes one `text[]` per parameter.
    pub sql: Arc<str>,
    /// The columns of its rows.
    pub params: Vec<TextColumn>,
    /// The name of each, and the type that it is cast to.
    pub columns: Vec<(String, String)>,
    /// Which of the columns its rows go by; none where they go by no key.
    pub key: Vec<usize>,
    /// What it means when a row is not found that has to be; `None` where none has.
    pub unfound: Option<Unfound>,
    /// `COPY` that does the same where none of its rows is there yet; `None` where that is not to be expected.
    pub copy: Option<String>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// All rows go.
    Truncate,
    /// Rows go, by their key.
    Delete,
    /// Rows come, or change, by their key.
    Change,
    /// Rows come or go that have no key.
    Keyless,
}

/// What a row that is not in the target means.
#[derive(Debug, Clone, Copy)]
pub enum Unfound {
    /// It is changed in part, and the rest is known only to the target.
    Part,
    /// It goes by all its columns, and the source had it.
    Copy,
}

impl Statement {
    /// How many rows it has parameters for.
    pub fn n_rows(&self) -> usize {
        self.params.first().map_or(0, TextColumn::n_elements)
    }

    /// A statement that may find any number of its rows, which go by these columns.
    pub(super) fn new(
        act: Act,
        table: &TargetTable,
        sql: String,
        (columns, key): (&[&TargetColumn], &[String]),
        params: Vec<TextColumn>,
    ) -> Self {
        let is_key = |(_, column): &(usize, &&TargetColumn)| key.contains(&column.name);
        let key = columns.iter().enumerate().filter(is_key).map(|(at, _)| at).collect();
        let columns = columns.iter().map(|column| (column.name.clone(), column.cast.clone())).collect();
        Self { act, table: table.name.clone(), sql: sql.into(), params, columns, key, unfound: None, copy: None }
    }
}

/// The key's columns in the target, in the order in which [`key_bytes`] puts them.
///
/// # Errors
///
/// When there is no unique index over just these columns: neither an upsert nor a delete would be of one row. Records
/// without a key go by the primary key, and need one.
pub(super) fn key_of<'t>(target: &'t TargetTable, key: Option<&Key<'_>>, topic: &str) -> Result<&'t [String], Refusal> {
    let names: Vec<&str> = match key {
        Some(key) => key.columns.iter().map(|column| &*column.name).collect(),
        None => target.primary_key().iter().map(String::as_str).collect(),
    };
    target.unique_key(&names).ok_or_else(|| {
        let names = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        Refusal::Unplanned(Unplanned::Impossible(format!(
            "the records of topic {topic} are keyed by ({names}), but table {0} has no primary key or unique index on just these columns: ALTER TABLE {0} ADD PRIMARY KEY ({names})",
            target.name
        )))
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

/// What a row is told from others by that goes by all its columns: their names and texts.
///
/// # Errors
///
/// When a value cannot be read for its column.
pub(super) fn row_bytes(row: &Row<'_>, target: &TargetTable, modes: Modes) -> Result<Vec<u8>, Refusal> {
    let image = if matches!(row.kind, RowKind::UpdateBefore | RowKind::Delete) { "before" } else { "after" };
    let mut bytes = TextColumn::default();
    for Column { name, value } in &row.columns {
        if let Some(column) = target.column(name).filter(|column| !column.is_generated) {
            let name_and_value = bytes
                .push_value(&Value::Text(name.clone()), &Kind::Text, modes)
                .and_then(|()| bytes.push_value(value, &column.kind, modes));
            name_and_value.map_err(|error| refused(error.under(name).under(image), target, column))?;
        }
    }
    Ok(bytes.bytes)
}

/// A value for which a column has no room is refused with the statement that makes some.
fn refused(error: Error, table: &TargetTable, column: &TargetColumn) -> Refusal {
    match (error.kind(), evolve::roomier(&column.declared)) {
        (ErrorKind::NoRoom { .. }, Some(ty)) => {
            let (table, name) = (&table.name, quoted(&column.name));
            let remedy = format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE {ty} makes room for it");
            Refusal::Reject(format!("{error}: {remedy}").into())
        }
        _ => error.into(),
    }
}

/// The statements for one table: those by which rows go, and those behind them.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) removals: Vec<Statement>,
    pub(super) rows: Vec<Statement>,
}

impl Part {
    /// Another part behind this one, with all that it does.
    pub(super) fn extend_in_order(&mut self, next: Self) {
        self.rows.extend(next.removals.into_iter().chain(next.rows));
    }
}

/// The writes to one table.
pub(super) struct Writes<'t> {
    table: &'t TargetTable,
    key: &'t [String],
    modes: Modes,
    /// Whether rows that come are kept apart from those that may be there.
    copies: bool,
    deletes: Vec<TextColumn>,
    groups: Vec<Group<'t>>,
}

/// How rows are written, in the order in which it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// One of the rows that are equal to it in these columns goes.
    Remove,
    /// Some columns were not sent: the row must be there, and keeps them.
    Update,
    /// The row takes these columns if it is there.
    Mark,
    /// The row is there afterwards, and was not before, as far as the source says.
    Come,
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
    /// Which columns are NULL, of rows that are looked for by them.
    nulls: Vec<bool>,
    /// The target's columns; `None` for one that no statement may name.
    columns: Vec<Option<&'t TargetColumn>>,
    params: Vec<TextColumn>,
}

impl<'t> Writes<'t> {
    pub(super) fn new(table: &'t TargetTable, key: &'t [String], modes: Modes) -> Self {
        Self { table, key, modes, copies: false, deletes: Vec::new(), groups: Vec::new() }
    }

    /// The same with rows that come in statements of their own, which `COPY` can do.
    pub(super) fn copying(self) -> Self {
        Self { copies: true, ..self }
    }

    /// The row of this key goes.
    pub(super) fn delete(&mut self, key: &[u8]) {
        if self.deletes.is_empty() {
            self.deletes.resize_with(key_parts(key).count(), TextColumn::default);
        }
        push_key(&mut self.deletes, key);
    }

    /// The row of this key comes, or takes what was sent of it. `replaces`: the old one goes first. `comes`: none is there
    /// then, as far as the source says.
    pub(super) fn upsert(&mut self, key: &[u8], row: &Row<'_>, (replaces, comes): (bool, bool)) -> Result<(), Refusal> {
        let is_partial = !row.not_sent.is_empty();
        if is_partial && replaces {
            let name = row.not_sent.first().map_or("", |name| name);
            let expected = "the column's value, since the row was deleted before";
            return Err(Error::new(name, ErrorKind::Missing { expected }).under("after").into());
        }
        let mode = match (is_partial, comes && self.copies) {
            (true, _) => Mode::Update,
            (false, true) => Mode::Come,
            (false, false) => Mode::Upsert,
        };
        self.write(row, mode)?;
        if replaces {
            self.delete(key);
        }
        Ok(())
    }

    /// A row by its mode.
    pub(super) fn write(&mut self, row: &Row<'_>, mode: Mode) -> Result<(), Refusal> {
        let modes = self.modes;
        let group = self.group(row, mode)?;
        for at in 0..row.columns.len() {
            let (Some(column), Some(target)) = (row.columns.get(at), group.columns[at]) else {
                continue;
            };
            if let Err(error) = group.params[at].push_value(&column.value, &target.kind, modes) {
                return Err(refused(error.under(&column.name).under("after"), self.table, target));
            }
        }
        Ok(())
    }

    /// The group of a row's columns, made when there is none yet.
    fn group(&mut self, row: &Row<'_>, mode: Mode) -> Result<&mut Group<'t>, Refusal> {
        let nulls: Vec<bool> = match mode {
            Mode::Remove => row.columns.iter().map(|column| column.value == Value::Null).collect(),
            _ => Vec::new(),
        };
        let same = |group: &Group<'_>| {
            group.mode == mode
                && group.nulls == nulls
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
            self.groups.push(Group { names, mode, nulls, columns, params });
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
        if found.is_identity && !matches!(mode, Mode::Append | Mode::Remove) && !self.key.iter().any(|key| key == name)
        {
            return Err(impossible(format!(
                "column {column} of table {table} is GENERATED ALWAYS AS IDENTITY, and Postgres lets no update set it: ALTER TABLE {table} ALTER COLUMN {column} SET GENERATED BY DEFAULT"
            )));
        }
        Ok((!found.is_generated).then_some(found))
    }

    /// The statements for what was written since the last call.
    pub(super) fn take_part(&mut self) -> Part {
        let Self { table, key, .. } = *self;
        let (deletes, mut groups) = (std::mem::take(&mut self.deletes), std::mem::take(&mut self.groups));
        let mut part = Part::default();
        if !deletes.is_empty() {
            let columns: Vec<&TargetColumn> = key.iter().filter_map(|name| table.column(name)).collect();
            let sql = sql::delete(table, &columns);
            part.removals.push(Statement::new(Act::Delete, table, sql, (&columns, key), deletes));
        }
        groups.sort_by_key(|group| group.mode);
        for Group { mode, nulls, columns, params, .. } in groups {
            let is_null = |at| nulls.get(at).copied().unwrap_or_default();
            let named = columns.into_iter().zip(params).enumerate();
            let (columns, params): (Vec<_>, Vec<_>) =
                named.filter_map(|(at, (column, params))| Some(((column?, is_null(at)), params))).unzip();
            let (columns, nulls): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
            let (sql, unfound) = match mode {
                Mode::Remove => (sql::remove(table, &columns, &nulls), Some(Unfound::Copy)),
                Mode::Update => (sql::update(table, &columns, key), Some(Unfound::Part)),
                Mode::Mark => (sql::update(table, &columns, key), None),
                Mode::Come | Mode::Upsert => (sql::upsert(table, &columns, key), None),
                Mode::Append => (sql::insert(table, &columns), None),
            };
            let (act, key) = match mode {
                Mode::Remove | Mode::Append => (Act::Keyless, &[][..]),
                Mode::Update | Mode::Mark | Mode::Come | Mode::Upsert => (Act::Change, key),
            };
            let n_rows = params.first().map_or(0, TextColumn::n_elements);
            let copies = matches!(mode, Mode::Come | Mode::Append) && copy::is_worth_it(table, n_rows);
            let copy = copies.then(|| sql::copy(table, &columns));
            let statement = Statement { unfound, copy, ..Statement::new(act, table, sql, (&columns, key), params) };
            if mode == Mode::Remove { part.removals.push(statement) } else { part.rows.push(statement) }
        }
        part
    }
}

/// A text column holds the wire form of a key's columns one behind the other.
fn key_parts(mut key: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, _) = key.split_first_chunk::<4>()?;
        let n_bytes = 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (part, rest) = key.split_at_checked(n_bytes)?;
        key = rest;
        Some(part)
    })
}

/// The parameters of a statement by keys alone.
fn push_key(columns: &mut [TextColumn], key: &[u8]) {
    for (column, part) in columns.iter_mut().zip(key_parts(key)) {
        column.push_element(part);
    }
}
