//! Rows as text, one a line: kind, table, the columns as one JSON object in column order.
//!
//! Numbers keep their digits, binary is `"\\x…"`, everything else that is neither boolean nor null is a string as
//! Postgres prints it. A column that was not sent is absent.

use std::fmt::Write;

use crate::json;
use crate::literal;
use crate::row::{Change, Column, Event, Row, RowKind, Table, Value};

/// The lines of an event, each ended by a newline; empty for what is not about rows.
///
/// A tombstone and a truncate have no row kind of their own in Flink. A tombstone is printed as the `-D` of its key
/// where its table is known, a truncate as `-T` with the table alone.
pub fn text(event: &Event<'_>) -> String {
    let mut out = String::new();
    match event {
        Event::Change(change) => push_change(&mut out, change),
        Event::Tombstone { table: Some(table), key: Some(key) } => {
            push_line(&mut out, RowKind::Delete.short(), table, Some(&key.columns));
        }
        Event::Truncate(table) => push_line(&mut out, "-T", table, None),
        Event::Tombstone { .. } | Event::Aside(_) => {}
    }
    out
}

fn push_change(out: &mut String, change: &Change<'_>) {
    for Row { kind, columns, .. } in &change.rows {
        push_line(out, kind.short(), &change.table, Some(columns));
    }
}

fn push_line(out: &mut String, kind: &str, table: &Table<'_>, columns: Option<&[Column<'_>]>) {
    out.push_str(kind);
    out.push(' ');
    if let Some(namespace) = table.namespace() {
        push_name(out, namespace);
        out.push('.');
    }
    push_name(out, &table.name);
    if let Some(columns) = columns {
        out.push(' ');
        push_columns(out, columns);
    }
    out.push('\n');
}

/// A name is quoted as in SQL where it would otherwise not be one word.
fn push_name(out: &mut String, name: &str) {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '-'));
    if plain {
        out.push_str(name);
    } else {
        let _ = write!(out, "\"{}\"", name.replace('"', "\"\""));
    }
}

fn push_columns(out: &mut String, columns: &[Column<'_>]) {
    out.push('{');
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        json::push_string(out, &column.name);
        out.push(':');
        push_value(out, &column.value);
    }
    out.push('}');
}

fn push_value(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) | Value::Json(text) => out.push_str(text),
        Value::Text(text) | Value::Untyped(text) | Value::Embedded(text) | Value::WallClock(text) => {
            json::push_string(out, text);
        }
        Value::Bits(digits) => json::push_string(out, digits),
        Value::Bytes(bytes) => json::push_string(out, &literal::bytea_text(bytes)),
        Value::Geometry(geometry) => match geometry.native() {
            Some(native) => json::push_string(out, native),
            None => json::push_string(out, &literal::bytea_text(geometry.ewkb().unwrap_or_default())),
        },
    }
}
