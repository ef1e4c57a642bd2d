//! Rows as text, one a line: kind, table, the columns as one JSON object in column order.
//!
//! Numbers keep their digits, binary is `"\\x…"`, everything else that is neither boolean nor null is a string as
//! Postgres prints it. A column that was not sent is absent.

use std::borrow::Cow;
use std::fmt::Write;

use crate::json;
use crate::literal;
use crate::origin::Origin;
use crate::record::Record;
use crate::row::{Change, Column, Event, Key, Row, RowKind, Table, Value};

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
        Event::Truncate { table, .. } => push_line(&mut out, "-T", table, None),
        Event::Tombstone { .. } | Event::Aside(_) => {}
    }
    out
}

/// The lines of an event as JSON objects, each with where it comes from: its record, key, source position and clocks.
///
/// `timestamp_ms` is the record's own, since 1970. What an event does not say is left out.
pub fn json(event: &Event<'_>, record: &Record<'_>, timestamp_ms: Option<i64>) -> String {
    let mut out = String::new();
    let mut push = |kind: &str, table: &Table<'_>, row: Option<&[Column<'_>]>, of: Of<'_, '_>| {
        let _ = write!(out, "{{\"kind\":\"{kind}\",\"table\":");
        json::push_string(&mut out, &table_name(table));
        for (name, columns) in [("row", row), ("key", of.key.map(|key| &*key.columns))] {
            if let Some(columns) = columns {
                let _ = write!(out, ",\"{name}\":");
                push_columns(&mut out, columns);
            }
        }
        let origin = of.origin;
        let texts = [
            ("op", origin.and_then(|origin| origin.op.as_deref()).map(Cow::Borrowed)),
            ("changed_at", origin.and_then(Origin::changed_at).map(Cow::Owned)),
            ("position", origin.and_then(Origin::position).map(Cow::Owned)),
            ("transaction", origin.and_then(Origin::transaction)),
            ("topic", Some(Cow::Borrowed(record.topic))),
        ];
        for (name, text) in texts.iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            let _ = write!(out, ",\"{name}\":");
            json::push_string(&mut out, text);
        }
        let _ = write!(out, ",\"partition\":{},\"offset\":{}", record.partition, record.offset);
        if let Some(timestamp_ms) = timestamp_ms {
            let _ = write!(out, ",\"timestamp\":{timestamp_ms}");
        }
        out.push_str("}\n");
    };
    match event {
        Event::Change(change) => {
            for row in &change.rows {
                let of = Of { key: change.key.as_ref(), origin: Some(&change.origin) };
                push(row.kind.short(), &change.table, Some(&row.columns), of);
            }
        }
        Event::Tombstone { table: Some(table), key: Some(key) } => {
            push(RowKind::Delete.short(), table, Some(&key.columns), Of { key: Some(key), origin: None });
        }
        Event::Truncate { table, origin } => push("-T", table, None, Of { key: None, origin: Some(origin) }),
        Event::Tombstone { .. } | Event::Aside(_) => {}
    }
    out
}

/// What a line says beside its row.
struct Of<'e, 'a> {
    key: Option<&'e Key<'a>>,
    origin: Option<&'e Origin<'a>>,
}

/// A table's name as the lines have it: `schema.table`, each quoted as in SQL where it would otherwise not be one word.
pub fn table_name(table: &Table<'_>) -> String {
    let mut out = String::new();
    if let Some(namespace) = table.namespace() {
        push_name(&mut out, namespace);
        out.push('.');
    }
    push_name(&mut out, &table.name);
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
    out.push_str(&table_name(table));
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
