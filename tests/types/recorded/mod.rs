//! Every recorded table of every source, in every variant, into the source's own tables and into tables that rowkind
//! makes, against what the source held in the end.

mod differences;
mod sources;
mod truth;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::docs;
use crate::pipeline;
use crate::server::{Cells, Database, quoted};
use differences::{DIFFERENCES, Difference};
use sources::{MARIADB, MYSQL, POSTGRES, Source, Table, Variant};

#[test]
fn postgres() {
    play(&POSTGRES);
}

#[test]
fn mysql() {
    play(&MYSQL);
}

#[test]
fn mariadb() {
    play(&MARIADB);
}

/// Whose tables the rows go into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Into {
    /// The source's own, as a person would declare them.
    Own,
    /// rowkind's.
    Made,
}

/// What one variant brought into one kind of tables.
struct Played<'s> {
    variant: &'s Variant,
    into: Into,
    database: Database,
}

fn play(source: &Source) {
    let mut wrong = String::new();
    let mut all = Vec::new();
    for variant in source.variants {
        let kinds: &[Into] = if variant.has_schema { &[Into::Own, Into::Made] } else { &[Into::Own] };
        for into in kinds {
            let played = played(source, variant, *into);
            compare(source, &played, &mut wrong);
            all.push(played);
        }
    }
    assert!(wrong.is_empty(), "{}:\n{wrong}", source.name);
    docs::check(&format!("recorded {}", source.name), &matrix(source, &all));
    docs::check(&format!("differences {}", source.name), &differences::listed(source));
}

fn played<'s>(source: &Source, variant: &'s Variant, into: Into) -> Played<'s> {
    let database = Database::new();
    database.execute(source.types);
    if into == Into::Own {
        source.declare(&database);
    }
    let mut records = String::new();
    let tables = source.tables.iter();
    match variant.one_file {
        Some(file) => records += &truth::records_of(file, tables),
        None => tables.for_each(|table| records += &source.records(variant, table)),
    }
    let settings = if into == Into::Own { variant.own } else { variant.made };
    let keyless = if variant.one_file.is_some() { "none" } else { source.keyless };
    let routes = format!(
        "[[route]]\ntopics = [\"{}{}\"]\nkey = [\"a\"]\n\n[[route]]\ntopic_pattern = \".*\"\n",
        variant.prefix, keyless
    );
    // one row asks for what was sent with another key alone: see the differences of t_toast
    // t_ddl.d grows from int to bigint
    let evolve = if into == Into::Made { "widen" } else { "add" };
    let more = format!("[sink]\nevolve = \"{evolve}\"\n\n[rejects]\npolicy = \"skip\"\n\n{routes}");
    let ended = pipeline::run(&database, &records, settings, &more).well();
    let mut skipped: Vec<&str> = ended.log.lines().filter(|line| line.contains("skipped")).collect();
    for part in if into == Into::Own { variant.own_skipped } else { variant.made_skipped } {
        let at = skipped.iter().position(|line| line.contains(part));
        skipped.remove(at.unwrap_or_else(|| panic!("{} {into:?}: not skipped: {part}", variant.folder)));
    }
    assert!(skipped.is_empty(), "{} {into:?}: {skipped:#?}", variant.folder);
    Played { variant, into, database }
}

/// The truth as far as this variant can tell it, and what arrived, row by row.
fn compare(source: &Source, played: &Played<'_>, wrong: &mut String) {
    let truth = source.truth();
    for difference in DIFFERENCES.iter().filter(|difference| difference.is_of(source, played.variant, played.into)) {
        let n_changed = truth.execute(&difference.sql.replace('@', source.schema()));
        assert!(n_changed > 0, "{difference:?} of {} makes no difference", played.variant.folder);
    }
    for table in source.tables {
        let name = table.sql_name();
        let columns = truth.columns(name);
        let expected = sorted(truth.rows(&select(name, &columns, |_| None)));
        let found = sorted(played.database.rows(&select(name, &columns, |column| {
            played.database.columns(name).iter().find(|(known, _)| known == column)?;
            Some(table.expression(column, played.into).unwrap_or_else(|| format!("{}::text", quoted(column))))
        })));
        let place = format!("{} {:?} {name}", played.variant.folder, played.into);
        for row in expected.iter().filter(|row| !found.contains(row)) {
            let Some(nearest) = found.iter().find(|found| found[0] == row[0]) else {
                let _ = writeln!(wrong, "{place}: no row {row:?}");
                continue;
            };
            for (at, (column, _)) in columns.iter().enumerate().filter(|(at, _)| nearest[*at] != row[*at]) {
                let (id, expected, found) = (&row[0], &row[at], &nearest[at]);
                let _ = writeln!(wrong, "{place}.{column} of {id:?}: expected {expected:?}, found {found:?}");
            }
        }
        for row in found.iter().filter(|row| !expected.iter().any(|expected| expected[0] == row[0])) {
            let _ = writeln!(wrong, "{place}: not expected {row:?}");
        }
        if found.len() != expected.len() {
            let _ = writeln!(wrong, "{} {name}: {} rows of {}", played.variant.folder, found.len(), expected.len());
        }
    }
}

fn sorted(mut rows: Vec<Cells>) -> Vec<Cells> {
    rows.sort();
    rows
}

/// Every column as the text of the source's own type; `text` gives a column's own text, NULL where there is none.
fn select(name: &str, columns: &[(String, String)], text: impl Fn(&str) -> Option<String>) -> String {
    let is_truth = text("").is_none() && columns.iter().all(|(column, _)| text(column).is_none());
    let cells: Vec<String> = columns
        .iter()
        .map(|(column, ty)| match text(column) {
            _ if is_truth => format!("{}::text", quoted(column)),
            Some(text) => format!("({text})::{ty}::text"),
            None => "null::text".to_owned(),
        })
        .collect();
    format!("select {} from {name}", cells.join(", "))
}

/// The table of types: one row a column of the source, one column a variant.
fn matrix(source: &Source, all: &[Played<'_>]) -> String {
    let truth = source.truth();
    let source_types = source.column_types(&truth);
    let mut out = String::from("| column | type at the source | value |");
    for played in all {
        let _ = write!(out, " {} |", header(played));
    }
    out += "\n|---|---|---|";
    out += &"---|".repeat(all.len());
    out.push('\n');
    for table in source.tables.iter().filter(|table| table.in_matrix) {
        let name = table.sql_name();
        let key = table.key_column();
        for (column, _) in truth.columns(name) {
            if column == key {
                continue;
            }
            let ty = source_types.get(&(table.topic.to_owned(), column.clone())).cloned().unwrap_or_default();
            let Some((id, value)) = example(&truth, name, key, &column) else { continue };
            let _ = write!(out, "| `{}.{column}` | `{ty}` | {} |", table.short(), docs::cell(&value));
            for played in all {
                let _ = write!(out, " {} |", arrived(source, played, table, (key, &id), &column, &value));
            }
            out.push('\n');
        }
    }
    out
}

fn header(played: &Played<'_>) -> String {
    let what = if played.into == Into::Own { "into its own type" } else { "into a table made for it" };
    format!("{}, {what}", played.variant.name)
}

/// The first row with a value, by key.
fn example(truth: &Database, name: &str, key: &str, column: &str) -> Option<(String, String)> {
    let (key, column) = (quoted(key), quoted(column));
    let sql = format!(
        "select {key}::text, {column}::text from {name} where {column} is not null and {column}::text <> '' order by {key}::text limit 1"
    );
    let row = truth.rows(&sql).into_iter().next()?;
    Some((row[0].clone()?, row[1].clone()?))
}

fn arrived(
    source: &Source,
    played: &Played<'_>,
    table: &Table,
    (key, id): (&str, &str),
    column: &str,
    truth: &str,
) -> String {
    let name = table.sql_name();
    let columns = played.database.columns(name);
    let Some((_, ty)) = columns.iter().find(|(known, _)| known == column) else {
        return "no column: it came by no event".to_owned();
    };
    let sql = format!("select {}::text from {name} where {}::text = '{id}'", quoted(column), quoted(key));
    let value = played.database.rows(&sql).into_iter().next().and_then(|row| row[0].clone());
    let ty = if played.into == Into::Made { format!("`{ty}`, ") } else { String::new() };
    let value = match value {
        Some(value) if value == truth => "the same".to_owned(),
        Some(value) => docs::cell(&value),
        None => "NULL".to_owned(),
    };
    let number = DIFFERENCES.iter().filter(|difference| difference.source_is(source)).position(|difference| {
        difference.is_of(source, played.variant, played.into) && difference.names(table, column)
    });
    match number {
        Some(number) => format!("{ty}{value} ({})", number + 1),
        None => format!("{ty}{value}"),
    }
}

/// By topic and column.
pub(crate) type ColumnTypes = BTreeMap<(String, String), String>;

impl Difference {
    fn source_is(&self, source: &Source) -> bool {
        self.sources.contains(&source.name)
    }

    fn is_of(&self, source: &Source, variant: &Variant, into: Into) -> bool {
        self.source_is(source) && self.variants.contains(&variant.name) && self.into.is_none_or(|only| only == into)
    }

    fn names(&self, table: &Table, column: &str) -> bool {
        self.columns.iter().any(|name| *name == format!("{}.{column}", table.short()))
    }
}
