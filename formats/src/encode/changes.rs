//! The rows of a change in the pairs that formats write them in.

use crate::error::{Error, ErrorKind};
use crate::rebuilt::no_key_column;
use crate::row::{Change, Column, Key, Row, RowKind, Table};

/// What happened to a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op<'e, 'a> {
    /// It came to be, or was read by a snapshot.
    Insert(&'e Row<'a>),
    /// It changed; `before` is `None` where nobody said what it was.
    Update { before: Option<&'e Row<'a>>, after: &'e Row<'a> },
    /// It changed, and its key with it.
    KeyChange { before: &'e Row<'a>, after: &'e Row<'a> },
    /// It is gone.
    Delete(&'e Row<'a>),
}

/// What happened to the rows of a change, in order.
///
/// A `-U` whose `+U` was taken out of the change is a delete: its row is no longer one of the changelog's.
pub(super) fn ops<'e, 'a>(change: &'e Change<'a>) -> impl Iterator<Item = Op<'e, 'a>> {
    let key = change.key.as_ref();
    let mut rows = change.rows.iter().peekable();
    std::iter::from_fn(move || {
        let row = rows.next()?;
        let next = rows.peek().copied();
        Some(match (row.kind, next) {
            (RowKind::UpdateBefore | RowKind::Delete, Some(after)) if is_pair(row, after, key) => {
                rows.next();
                Op::KeyChange { before: row, after }
            }
            (RowKind::UpdateBefore, Some(after)) if after.kind == RowKind::UpdateAfter => {
                rows.next();
                Op::Update { before: Some(row), after }
            }
            (RowKind::Insert, _) => Op::Insert(row),
            (RowKind::UpdateAfter, _) => Op::Update { before: None, after: row },
            (RowKind::UpdateBefore | RowKind::Delete, _) => Op::Delete(row),
        })
    })
}

/// Whether two neighbours are one row under two keys.
fn is_pair(before: &Row<'_>, after: &Row<'_>, key: Option<&Key<'_>>) -> bool {
    let is_one = matches!(
        (before.kind, after.kind),
        (RowKind::UpdateBefore, RowKind::UpdateAfter) | (RowKind::Delete, RowKind::Insert)
    );
    is_one
        && key.is_some_and(|key| {
            key.columns.iter().any(|column| match (before.get(&column.name), after.get(&column.name)) {
                (Some(old), Some(new)) => old != new,
                _ => false,
            })
        })
}

/// The columns of a row before an update that had another value, or that the row after it does not have: Canal's and
/// Maxwell's `old`.
///
/// # Errors
///
/// When the row before lacks a column of the row after, which those formats can only say is unchanged. The path is its
/// name.
pub(super) fn changed<'e, 'a>(before: &'e Row<'a>, after: &'e Row<'a>) -> Result<Vec<&'e Column<'a>>, Error> {
    let same = |row: &'e Row<'a>, at: usize, name: &str| {
        let neighbour = row.columns.get(at).filter(|column| column.name == name);
        neighbour.or_else(|| row.columns.iter().find(|column| column.name == name))
    };
    for (at, column) in after.columns.iter().enumerate() {
        if same(before, at, &column.name).is_none() {
            let expected = "its value before the update, since that of the row after it is known";
            return Err(Error::new(&*column.name, ErrorKind::Missing { expected }));
        }
    }
    let columns = before.columns.iter().enumerate();
    let is_changed = |(at, column): &(usize, &'e Column<'a>)| {
        same(after, *at, &column.name).is_none_or(|after| after.value != column.value)
    };
    Ok(columns.filter(is_changed).map(|(_, column)| column).collect())
}

/// The names of the key's columns; none without a key.
///
/// # Errors
///
/// When a row lacks one, where those formats look for its value.
pub(super) fn key_names<'e>(
    key: Option<&'e Key<'_>>,
    rows: impl Iterator<Item = &'e Row<'e>>,
) -> Result<Vec<&'e str>, Error> {
    let columns = key.map_or(&[][..], |key| &key.columns);
    for row in rows {
        if let Some(column) = columns.iter().find(|column| row.get(&column.name).is_none()) {
            return Err(no_key_column(&column.name).under("data"));
        }
    }
    Ok(columns.iter().map(|column| &*column.name).collect())
}

/// The delete that a lone tombstone stands for, and its table.
///
/// # Errors
///
/// When nobody said which table it is of.
pub(super) fn tombstone_row<'e, 'a>(
    table: Option<&'e Table<'a>>,
    key: &Key<'a>,
) -> Result<(&'e Table<'a>, Row<'a>), Error> {
    let missing = || Error::new("table", ErrorKind::Missing { expected: "the table's name" });
    let row = Row { kind: RowKind::Delete, columns: key.columns.clone(), not_sent: Vec::new() };
    Ok((table.ok_or_else(missing)?, row))
}
