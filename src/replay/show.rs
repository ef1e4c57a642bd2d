//! A difference as a line: for people, or as JSON.

use std::fmt::Write as _;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::route::TargetName;
use crate::sink::postgres::{Cell, Compared, Difference, DifferenceKind as Kind, Merged};
use crate::terminal::{Look, counted};

/// A table's name as people write it.
pub(super) fn name(table: &TargetName) -> String {
    match &table.schema {
        Some(schema) => format!("{schema}.{}", table.table),
        None => table.table.clone(),
    }
}

/// The line of a difference, and how it looks.
pub(super) fn line(table: &TargetName, difference: &Difference) -> (String, Look) {
    let Difference { kind, key, cells } = difference;
    let (sign, look) = match kind {
        Kind::Missing => ('+', Look::Green),
        Kind::Changed => ('~', Look::Yellow),
        Kind::Gone => ('-', Look::Red),
        Kind::Extra => ('?', Look::Cyan),
        Kind::Unknown => ('!', Look::Bold),
    };
    let mut line = format!("{sign} {}", name(table));
    for cell in key {
        let value = cell.wanted.as_ref().or(cell.there.as_ref());
        let _ = write!(line, " {}={}", cell.name, value.map_or("NULL", String::as_str).escape_debug());
    }
    for (at, cell) in cells.iter().enumerate() {
        let before = if at == 0 { " " } else { ", " };
        let _ = match kind {
            Kind::Changed => {
                let (there, wanted) = (shown(cell.there.as_ref(), cell), shown(cell.wanted.as_ref(), cell));
                write!(line, "{before}{}: {there} → {wanted}", cell.name)
            }
            Kind::Missing => write!(line, "{before}{}: {}", cell.name, shown(cell.wanted.as_ref(), cell)),
            Kind::Gone | Kind::Extra => write!(line, "{before}{}: {}", cell.name, shown(cell.there.as_ref(), cell)),
            Kind::Unknown => Ok(()),
        };
    }
    match kind {
        Kind::Extra => line.push_str("  (nothing that was read is about it)"),
        Kind::Unknown => line.push_str("  it is missing, and what was read does not say all of its columns"),
        Kind::Missing | Kind::Changed | Kind::Gone => {}
    }
    (line, look)
}

/// The difference as one JSON object. Numbers keep their digits.
pub(super) fn json(table: &TargetName, difference: &Difference) -> String {
    let Difference { kind, key, cells } = difference;
    let known: Of = |cell| cell.wanted.as_ref().or(cell.there.as_ref());
    let mut line =
        format!("{{\"table\":{},\"difference\":\"{kind}\",\"key\":{}", Value::from(name(table)), object(key, known));
    if matches!(kind, Kind::Changed | Kind::Gone | Kind::Extra) {
        let _ = write!(line, ",\"target\":{}", object(cells, |cell| cell.there.as_ref()));
    }
    if matches!(kind, Kind::Changed | Kind::Missing) {
        let _ = write!(line, ",\"source\":{}", object(cells, |cell| cell.wanted.as_ref()));
    }
    line.push('}');
    line
}

type Of = fn(&Cell) -> Option<&String>;

fn object(cells: &[Cell], of: Of) -> String {
    let pair = |cell: &Cell| format!("{}:{}", Value::from(cell.name.as_str()), value(of(cell), cell));
    format!("{{{}}}", cells.iter().map(pair).collect::<Vec<_>>().join(","))
}

fn value(text: Option<&String>, cell: &Cell) -> String {
    match text {
        None => "null".to_owned(),
        // not NaN and Infinity
        Some(text) if cell.is_json && serde_json::from_str::<&RawValue>(text).is_ok() => text.clone(),
        Some(text) => Value::from(text.as_str()).to_string(),
    }
}

fn shown(text: Option<&String>, cell: &Cell) -> String {
    match text {
        None => "NULL".to_owned(),
        Some(text) if cell.is_json => text.clone(),
        Some(text) => Value::from(text.as_str()).to_string(),
    }
}

/// What is said of a table whose rows go by no key.
pub(super) const KEYLESS: &str =
    "left out: its rows go by no key, so that which of them a record is about is not known";

/// How a table compares, in a line.
pub(super) fn summary(compared: &Compared, count: impl Fn(Kind) -> u64) -> String {
    use Kind as K;
    let Compared { table, is_missing, is_keyless, lacking, n_rows } = compared;
    if *is_keyless {
        return format!("{}: {KEYLESS}\n", name(table));
    }
    let words = [
        (K::Missing, "missing"),
        (K::Changed, "changed"),
        (K::Gone, "should be gone"),
        (K::Extra, "extra"),
        (K::Unknown, "missing and not known whole"),
    ];
    let mut found: Vec<String> = words
        .iter()
        .filter_map(|(kind, word)| Some((count(*kind), word)).filter(|(n, _)| *n > 0))
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    if *is_missing {
        found.push("the table is not there".to_owned());
    }
    if !lacking.is_empty() {
        found.push(format!("columns that are not there: {}", lacking.join(", ")));
    }
    let found = if found.is_empty() { "equal".to_owned() } else { found.join(", ") };
    format!("{}: {} compared: {found}\n", name(table), counted(*n_rows, "row"))
}

/// What was done to a table, in a line.
pub(super) fn done(merged: &Merged) -> String {
    let Merged { table, n_inserted, n_updated, n_deleted, n_extra, n_unknown } = merged;
    let more = |n: i64, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
    let extra = more(*n_extra, "extra left") + &more(*n_unknown, "missing and not known whole");
    format!("{}: {n_inserted} inserted, {n_updated} updated, {n_deleted} deleted{extra}\n", name(table))
}
