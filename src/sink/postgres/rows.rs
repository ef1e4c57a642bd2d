//! The rows of a change on their way into their table's batch: by their key, by all their columns, or appended; deletes by
//! policy, metadata columns.

use std::borrow::Cow;

use rowkind_formats::{Change, Column, Origin, Record, Row, RowKind, Value};

use super::catalog::TargetTable;
use super::kind::Kind;
use super::modes::Modes;
use super::plan::Refusal;
use super::writes;
use crate::batch::TableBatch;
use crate::route::{DeletePolicy, Metadata, Route};

/// Puts a change's rows into their batch, by their keys.
pub(super) fn push<'a>(
    batch: &mut TableBatch<'a>,
    change: Change<'a>,
    (route, record, index): (&Route, &Record<'a>, usize),
    (target, names): (&TargetTable, &[String]),
    modes: Modes,
) -> Result<(), Refusal> {
    let Change { key, rows, origin, .. } = change;
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| row.kind != RowKind::UpdateBefore) {
        keyed.push((writes::key_bytes(&row, key.as_ref(), (target, names), modes)?, row));
    }
    let metadata = |row: &mut Row<'a>| {
        row.columns.extend(route.metadata.iter().map(|metadata| metadata.column(&origin, record)));
    };
    for (bytes, mut row) in keyed {
        match (row.kind, &route.delete) {
            (RowKind::UpdateBefore, _) | (RowKind::Delete, DeletePolicy::Ignore) => {}
            (RowKind::Delete, DeletePolicy::Hard) => batch.delete(bytes),
            (RowKind::Delete, DeletePolicy::Soft(column)) => {
                if let Some(key) = &key {
                    let lacks = |column: &&Column<'_>| !row.columns.iter().any(|known| known.name == column.name);
                    let from_key: Vec<_> = key.columns.iter().filter(lacks).cloned().collect();
                    row.columns.extend(from_key);
                }
                let mut row = mark(row, names, column, (target, Some(&origin)));
                metadata(&mut row);
                batch.mark(bytes, row, index);
            }
            (RowKind::Insert | RowKind::UpdateAfter, delete) => {
                if let DeletePolicy::Soft(column) = delete {
                    row.columns.push(flag(column, false, target, Some(&origin)));
                }
                metadata(&mut row);
                batch.upsert(bytes, row, index);
            }
        }
    }
    Ok(())
}

/// Puts a change's rows into their batch, each as one of perhaps several that are equal: an update is a row that goes and one
/// that comes.
pub(super) fn push_copies<'a>(
    batch: &mut TableBatch<'a>,
    change: Change<'a>,
    (route, record, index): (&Route, &Record<'a>, usize),
    target: &TargetTable,
    modes: Modes,
) -> Result<(), Refusal> {
    let Change { rows, origin, .. } = change;
    let mut copies = Vec::with_capacity(rows.len());
    for row in whole(rows, &route.delete)? {
        copies.push((writes::row_bytes(&row, target, modes)?, row));
    }
    for (content, mut row) in copies {
        if matches!(row.kind, RowKind::UpdateBefore | RowKind::Delete) {
            batch.go(content, row, index);
        } else {
            row.columns.extend(route.metadata.iter().map(|metadata| metadata.column(&origin, record)));
            batch.come(content, row, index);
        }
    }
    Ok(())
}

/// The rows with all their columns, by which they are to be found again. What an after image lacks is as it was before.
fn whole<'a>(rows: Vec<Row<'a>>, delete: &DeletePolicy) -> Result<Vec<Row<'a>>, Refusal> {
    let refused = |what: &str| {
        let remedy =
            "set REPLICA IDENTITY FULL on the source table, or give the topic a [[route]] with `key` or `append`";
        Err(Refusal::Reject(
            format!("{what}, and a row without a key is known by all its columns alone: {remedy}").into(),
        ))
    };
    let mut whole: Vec<Row<'a>> = Vec::with_capacity(rows.len());
    for mut row in rows {
        match (row.kind, delete) {
            (RowKind::Delete, DeletePolicy::Ignore) => continue,
            (RowKind::Delete, DeletePolicy::Soft(_)) => return refused("a soft delete"),
            (RowKind::UpdateAfter, _) => {
                let Some(before) = whole.last().filter(|before| before.kind == RowKind::UpdateBefore) else {
                    return refused("an update without what the row was before");
                };
                if row.columns.iter().any(|column| before.get(&column.name).is_none()) {
                    return refused("an update that says only in part what the row was before");
                }
                let unchanged = before.columns.iter().filter(|column| row.get(&column.name).is_none());
                let unchanged: Vec<Column<'a>> = unchanged.cloned().collect();
                row.columns.extend(unchanged);
                row.not_sent.clear();
            }
            _ if row.columns.is_empty() => return refused("a row of which nothing was sent"),
            _ if !row.not_sent.is_empty() => return refused("a row that was sent in part"),
            _ => {}
        }
        whole.push(row);
    }
    Ok(whole)
}

/// Appends a change's rows. A delete can only be told by an `op` beside it.
pub(super) fn append<'a>(
    batch: &mut TableBatch<'a>,
    change: Change<'a>,
    (route, record, index): (&Route, &Record<'a>, usize),
) -> Result<(), Refusal> {
    let tells_op = route.metadata.iter().any(|metadata| metadata.holds == Metadata::Op);
    for mut row in change.rows {
        match (row.kind, &route.delete) {
            (RowKind::UpdateBefore, _) | (RowKind::Delete, DeletePolicy::Ignore) => continue,
            (RowKind::Delete, _) if !tells_op => {
                return Err(Refusal::Reject(
                    "a delete, and the route appends: give it a metadata column for `op`, or `delete = \"ignore\"`"
                        .to_owned()
                        .into(),
                ));
            }
            _ => {}
        }
        row.columns.extend(route.metadata.iter().map(|metadata| metadata.column(&change.origin, record)));
        batch.append(row, index);
    }
    Ok(())
}

/// The key's columns of a deleted row, and the column that says that it is deleted.
pub(super) fn mark<'a>(
    mut row: Row<'a>,
    key: &[String],
    column: &str,
    (target, origin): (&TargetTable, Option<&Origin<'a>>),
) -> Row<'a> {
    row.columns.retain(|column| key.iter().any(|name| column.name == *name));
    row.not_sent.clear();
    row.columns.push(flag(column, true, target, origin));
    row
}

/// The column that says whether a row is deleted, or when it was. A tombstone has no time of its own: that of its
/// application stands in.
fn flag<'a>(name: &str, is_deleted: bool, target: &TargetTable, origin: Option<&Origin<'a>>) -> Column<'a> {
    let is_time = target.column(name).is_some_and(|column| matches!(column.kind, Kind::Timestamp { .. }));
    let value = match (is_time, is_deleted) {
        (false, _) => Value::Bool(is_deleted),
        (true, false) => Value::Null,
        (true, true) => Value::Text(origin.and_then(Origin::changed_at).unwrap_or_else(|| "now".to_owned()).into()),
    };
    Column { name: Cow::Owned(name.to_owned()), value }
}
