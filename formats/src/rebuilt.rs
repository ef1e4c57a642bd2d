//! Rows as they were before an update, from the columns that changed: what Canal and Maxwell write as `old`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::Error;
use crate::json::{self, Json};
use crate::row::{Column, Key, Row, RowKind, Value};

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

/// A string of the message; `None` for null.
pub(crate) fn string<'a>(raw: Option<&'a RawValue>, path: &str) -> Result<Option<Cow<'a, str>>, Error> {
    let Some(raw) = raw else { return Ok(None) };
    match Json::of(raw) {
        Json::String(quoted) => json::unescape(quoted).map(Some).map_err(|error| error.under(path)),
        other => Err(other.unexpected("a string").under(path)),
    }
}
