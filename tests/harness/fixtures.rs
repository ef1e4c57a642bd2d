//! Recorded topics, and what their source tables held in the end.

use std::path::{Path, PathBuf};

use rowkind_formats::RecordedRecord;

use super::{Database, Record};

/// A file of `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The records of a recorded topic, without its place.
pub(crate) fn recording(path: &str) -> Vec<RecordedRecord> {
    let text = std::fs::read_to_string(fixture(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines().map(|line| RecordedRecord::parse(line.as_bytes()).unwrap()).collect()
}

impl From<RecordedRecord> for Record {
    fn from(record: RecordedRecord) -> Self {
        Self { key: record.key, payload: record.payload, ..Self::default() }
    }
}

/// The recorded topics of a folder, by their files' names without `.jsonl`.
pub(crate) fn recorded_topics(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(fixture(folder))
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".jsonl")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// What a source table held in the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth<'a> {
    /// As SQL names it.
    pub(crate) table: &'a str,
    /// A CSV file of `fixtures/`, whose NULL is `\N`.
    pub(crate) csv: &'a str,
    /// Columns that the target holds in another type: the source's type, and its values in the target's.
    pub(crate) converted: &'a [(&'a str, &'a str, &'a str)],
    /// What the events tell otherwise, as statements that change table `truth`.
    pub(crate) untold: &'a [&'a str],
}

impl Truth<'_> {
    /// Asserts that a target table equals it. Postgres reads the truth into a table of the same types.
    #[track_caller]
    pub(crate) fn assert_in(&self, database: &Database) {
        let (table, path) = (self.table, fixture(self.csv));
        let csv = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (header, rows) = csv.split_once('\n').unwrap();
        let columns = columns(header);
        database.execute(&format!("drop table if exists truth; create table truth (like {table})"));
        for (column, source_type, _) in self.converted {
            database.execute(&format!("alter table truth alter {column} type {source_type} using null"));
        }
        database.copy("truth", &columns, rows);
        for (column, _, converted) in self.converted {
            database.execute(&format!(
                "do $$ begin execute format('alter table truth alter {column} type %s using {converted}', \
                   (select format_type(atttypid, atttypmod) from pg_attribute where attrelid = '{table}'::regclass and attname = '{column}')); end $$"
            ));
        }
        for statement in self.untold {
            database.execute(statement);
        }
        // as text, since json has no equality
        let of = |table| format!("select row({columns})::text from {table}");
        let only = |one, other| database.rows(&format!("{} except all {}", of(one), of(other)));
        let (surplus, lacking) = (only(table, "truth"), only("truth", table));
        assert!(
            surplus.is_empty() && lacking.is_empty(),
            "{table} ({columns}) is not what its source was.\ntoo much: {surplus}\nmissing: {lacking}"
        );
        let n_rows = database.number("select count(*) from truth");
        assert!(n_rows > 0, "{} holds no rows", self.csv);
    }
}

/// The columns of a CSV header, quoted for SQL.
fn columns(header: &str) -> String {
    let quoted = |name: &str| if name.starts_with('"') { name.to_owned() } else { format!("\"{name}\"") };
    header.trim_end().split(',').map(quoted).collect::<Vec<_>>().join(", ")
}
