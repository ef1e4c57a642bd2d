//! What was seen, for people and for machines.

use std::fmt::Write as _;

use serde::Serialize;

use super::look::{Row, Seen};
use crate::source::Member;
use crate::terminal::{Look, counted};

/// A column's name, and whether what stands in it is a number.
const COLUMNS: [(&str, bool); 9] = [
    ("TOPIC", false),
    ("PARTITION", true),
    ("STORED", true),
    ("END", true),
    ("LAG", true),
    ("LAG TIME", true),
    ("COMMITTED", true),
    ("OWNER", false),
    ("REJECTS", true),
];

const LAG: usize = 4;
const REJECTS: usize = 8;

/// One object a line for each partition.
#[derive(Serialize)]
struct Line<'s> {
    pipeline: &'s str,
    at_ms: i64,
    topic: &'s str,
    partition: i32,
    stored_offset: Option<i64>,
    low_offset: Option<i64>,
    end_offset: Option<i64>,
    lag: Option<i64>,
    lag_ms: Option<i64>,
    committed_at_ms: Option<i64>,
    committed_age_ms: Option<i64>,
    owner: Option<Owner<'s>>,
    rejects: Option<i64>,
    remark: Option<&'s str>,
}

#[derive(Serialize)]
struct Owner<'s> {
    member: &'s str,
    client_id: &'s str,
    host: &'s str,
}

impl<'s> From<&'s Member> for Owner<'s> {
    fn from(Member { id, client_id, host }: &'s Member) -> Self {
        Self { member: id, client_id, host }
    }
}

/// As JSON lines.
pub(super) fn json(seen: &Seen) -> String {
    let mut text = String::new();
    for row in &seen.rows {
        let line = Line {
            pipeline: &seen.pipeline,
            at_ms: seen.at_ms,
            topic: &row.partition.topic,
            partition: row.partition.partition,
            stored_offset: row.stored,
            low_offset: row.extent.map(|extent| extent.low),
            end_offset: row.extent.map(|extent| extent.high),
            lag: row.lag,
            lag_ms: row.lag_ms,
            committed_at_ms: row.committed_at_ms,
            committed_age_ms: row.committed_age_ms,
            owner: row.owner.as_ref().map(Owner::from),
            rejects: row.n_rejects,
            remark: row.remark.as_deref(),
        };
        let line = serde_json::to_string(&line).expect("it has no map");
        let _ = writeln!(text, "{line}");
    }
    text
}

/// As a table, with a line of totals; then why nothing is stored.
pub(super) fn text(seen: &Seen, has_colour: bool) -> String {
    let mut text = String::new();
    if !seen.rows.is_empty() {
        let mut lines: Vec<[String; 9]> = vec![COLUMNS.map(|(name, _)| name.to_owned())];
        lines.extend(seen.rows.iter().map(cells));
        lines.push(totals(seen));
        let remarks = seen.rows.iter().map(|row| row.remark.as_deref());
        let remarks: Vec<Option<&str>> = std::iter::once(None).chain(remarks).chain([None]).collect();
        let widths: Vec<usize> = (0..COLUMNS.len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let last = lines.len() - 1;
        for (at, (cells, remark)) in lines.iter().zip(remarks).enumerate() {
            text.push_str(&line(cells, &widths, remark, at == 0 || at == last, has_colour));
        }
    }
    if let Some(empty) = &seen.empty {
        let _ = writeln!(text, "{empty}");
    }
    text
}

fn line(cells: &[String; 9], widths: &[usize], remark: Option<&str>, is_frame: bool, has_colour: bool) -> String {
    let mut line = String::new();
    for (column, ((cell, (_, is_number)), width)) in cells.iter().zip(COLUMNS).zip(widths).enumerate() {
        let padding = " ".repeat(width - cell.chars().count());
        let is_some = !matches!(cell.as_str(), "0" | "-");
        let look = match column {
            _ if cell.is_empty() => Look::Plain,
            _ if is_frame => Look::Bold,
            LAG if is_some => Look::Yellow,
            REJECTS if is_some => Look::Red,
            _ => Look::Plain,
        };
        let cell = look.paint(cell, has_colour);
        let gap = if column == 0 { "" } else { "  " };
        let _ = if is_number { write!(line, "{gap}{padding}{cell}") } else { write!(line, "{gap}{cell}{padding}") };
    }
    if let Some(remark) = remark {
        let _ = write!(line, "  {}", Look::Red.paint(remark, has_colour));
    }
    line.push('\n');
    line
}

fn cells(row: &Row) -> [String; 9] {
    [
        row.partition.topic.to_string(),
        row.partition.partition.to_string(),
        number(row.stored),
        number(row.extent.map(|extent| extent.high)),
        number(row.lag),
        time(row.lag_ms),
        ago(row.committed_age_ms),
        row.owner.as_ref().map_or("-".to_owned(), Member::place),
        number(row.n_rejects),
    ]
}

fn totals(seen: &Seen) -> [String; 9] {
    let sum = |of: fn(&Row) -> Option<i64>| seen.rows.iter().filter_map(of).reduce(|a, b| a + b);
    let partitions = counted(seen.rows.len(), "partition");
    let members = seen.n_members.map_or("-".to_owned(), |n| counted(n, "member"));
    [
        partitions,
        String::new(),
        String::new(),
        String::new(),
        number(sum(|row| row.lag)),
        time(seen.rows.iter().filter_map(|row| row.lag_ms).max()),
        ago(seen.rows.iter().filter_map(|row| row.committed_age_ms).min()),
        members,
        number(sum(|row| row.n_rejects)),
    ]
}

fn number(number: Option<i64>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}

fn ago(ms: Option<i64>) -> String {
    ms.map_or("-".to_owned(), |_| format!("{} ago", time(ms)))
}

/// In two units at most.
fn time(ms: Option<i64>) -> String {
    let Some(ms) = ms else { return "-".to_owned() };
    let s = ms / 1_000;
    match s {
        0 if ms == 0 => "0s".to_owned(),
        0 => format!("{ms}ms"),
        1..10 => format!("{s}.{}s", ms % 1_000 / 100),
        10..60 => format!("{s}s"),
        60..3_600 => format!("{}m {}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h {}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d {}h", s / 86_400, s / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let of = |ms| time(Some(ms));
        assert_eq!([of(0), of(40), of(9_999), of(10_000)], ["0s", "40ms", "9.9s", "10s"]);
        assert_eq!([of(60_000), of(3_599_999), of(3_600_000)], ["1m 0s", "59m 59s", "1h 0m"]);
        assert_eq!([of(90_000_000), time(None)], ["1d 1h", "-"]);
    }
}
