//! What the messages of Canal, Maxwell and `GoldenGate` have in common: names beside the rows, and rows as they were before
//! an update, from the columns that changed (`old`).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json, Name};
use crate::limits::check_columns;
use crate::row::{Column, Key, Row, RowKind, Table, Value};

/// What a message does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Insert,
    Update,
    Delete,
}

impl Op {
    /// The `op` of Debezium's envelopes.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Insert => "c",
            Self::Update => "u",
            Self::Delete => "d",
        }
    }
}

/// The row as it was: `after` with the columns of `old` in place of its own.
pub(crate) fn overlaid<'a>(after: &[Column<'a>], old: Vec<Column<'a>>) -> Vec<Column<'a>> {
    let mut before = after.to_vec();
    for column in old {
        match before.iter_mut().find(|known| known.name == column.name) {
            Some(known) => known.value = column.value,
            None => before.push(column),
        }
    }
    before
}

/// Adds an update of a row; where a column of its key changed it is a delete and an insert.
pub(crate) fn push_update<'a>(rows: &mut Vec<Row<'a>>, mut old: Row<'a>, mut new: Row<'a>, key: &[Cow<'_, str>]) {
    if key.iter().any(|name| old.get(name) != new.get(name)) {
        (old.kind, new.kind) = (RowKind::Delete, RowKind::Insert);
    }
    rows.extend([old, new]);
}

/// The key with the values of the last row. Every row has its own.
pub(crate) fn key<'a>(names: &[Cow<'a, str>], rows: &[Row<'a>]) -> Option<Key<'a>> {
    let row = rows.last()?;
    let column =
        |name: &Cow<'a, str>| Column { name: name.clone(), value: row.get(name).cloned().unwrap_or(Value::Null) };
    let columns: Vec<_> = names.iter().map(column).collect();
    (!columns.is_empty()).then_some(Key { columns, schema: None })
}

/// # Errors
///
/// When a row lacks a column of its key. The path is the column's name.
pub(crate) fn check_key(names: &[Cow<'_, str>], columns: &[Column<'_>]) -> Result<(), Error> {
    let missing = names.iter().find(|name| !columns.iter().any(|column| column.name == **name));
    missing.map_or(Ok(()), |name| Err(no_key_column(name)))
}

/// What a row lacks that has no value of a column of its key.
pub(crate) fn no_key_column(name: &str) -> Error {
    Error::new(name, ErrorKind::Missing { expected: "the value of the key's column" })
}

/// A string of the message; `None` for null.
pub(crate) fn string<'a>(raw: Option<&'a RawValue>, path: &str) -> Result<Option<Cow<'a, str>>, Error> {
    let Some(raw) = raw else { return Ok(None) };
    match Json::of(raw) {
        Json::String(quoted) => json::unescape(quoted).map(Some).map_err(|error| error.under(path)),
        other => Err(other.unexpected("a string").under(path)),
    }
}

/// The table that a message names.
pub(crate) fn table<'a>(database: Option<&'a RawValue>, name: Option<&'a RawValue>) -> Result<Table<'a>, Error> {
    let database = string(database, "database")?.filter(|name| !name.is_empty());
    let name = string(name, "table")?.filter(|name| !name.is_empty());
    let missing = || Error::new("table", ErrorKind::Missing { expected: "the table's name" });
    Ok(Table { database, schema: None, name: name.ok_or_else(missing)? })
}

/// The names of the key's columns, as the message has them at `path`.
pub(crate) fn key_names<'a>(raw: &'a RawValue, path: &str) -> Result<Vec<Cow<'a, str>>, Error> {
    let expected = "an array of the names of the key's columns";
    let names: Vec<Name<'a>> = serde_json::from_str(raw.get())
        .map_err(|_| Error::new(path, ErrorKind::Malformed { expected, found: "value" }))?;
    check_columns(names.len()).map_err(|error| error.under(path))?;
    Ok(names.into_iter().map(|Name(name)| name).collect())
}

/// The columns of a row. `read` is told a column's name and where it stands.
pub(crate) fn image<'a>(
    raw: &'a RawValue,
    read: impl Fn(&str, usize, &'a RawValue) -> Result<Value<'a>, Error>,
) -> Result<Vec<Column<'a>>, Error> {
    let Json::Object(text) = Json::of(raw) else {
        return Err(Json::of(raw).unexpected("an object of columns"));
    };
    let Fields(fields) = json::parse(text.as_bytes())?;
    check_columns(fields.len())?;
    let column = |(at, (name, raw)): (usize, (Cow<'a, str>, &'a RawValue))| match read(&name, at, raw) {
        Ok(value) => Ok(Column { name, value }),
        Err(error) => Err(error.under(&name)),
    };
    fields.into_iter().enumerate().map(column).collect()
}

/// A row of columns that were all sent.
pub(crate) fn row(kind: RowKind, columns: Vec<Column<'_>>) -> Row<'_> {
    Row { kind, columns, not_sent: Vec::new() }
}
