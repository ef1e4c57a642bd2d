//! The name of a row in the state: its source table and key as bytes, so that the rows of a table stand together.

use std::hash::Hasher;

use rowkind_formats::{Change, Key, Row, Table, Value};

use crate::dedup::write_value;

/// Collects what is written, each part behind its length.
#[derive(Default)]
struct Parts(Vec<u8>);

impl Hasher for Parts {
    fn write(&mut self, part: &[u8]) {
        let n_bytes = u32::try_from(part.len()).expect("a record is far below 4 GB");
        self.0.extend_from_slice(&n_bytes.to_be_bytes());
        self.0.extend_from_slice(part);
    }

    fn finish(&self) -> u64 {
        unreachable!("nobody asks for a hash")
    }
}

/// The columns that the rows of a change go by; `None` where they go by nothing.
pub(super) fn names(change: &Change<'_>) -> Option<Vec<String>> {
    let key = change.key.as_ref()?;
    Some(key.columns.iter().map(|column| column.name.to_string()).collect())
}

/// What the names of all rows of a table begin with. The topic is part of it: two connectors may each have a table of
/// that name.
pub(super) fn of_table(topic: &str, table: &Table<'_>) -> Vec<u8> {
    let mut parts = Parts::default();
    for part in [topic, table.namespace().unwrap_or_default(), &table.name] {
        parts.write(part.as_bytes());
    }
    parts.0
}

/// The name of a row; `None` where it lacks a column of its key that `key` does not have either.
pub(super) fn of_row(
    topic: &str,
    table: &Table<'_>,
    names: &[String],
    row: &Row<'_>,
    key: Option<&Key<'_>>,
) -> Option<Vec<u8>> {
    let mut parts = Parts(of_table(topic, table));
    for name in names {
        let in_key = || key?.columns.iter().find(|column| column.name == *name).map(|column| &column.value);
        let value: &Value<'_> = row.get(name).or_else(in_key)?;
        parts.write(name.as_bytes());
        write_value(&mut parts, value);
    }
    Some(parts.0)
}
