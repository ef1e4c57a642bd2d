//! Whose event it is, and what it says, as hashes: seeded anew in every process, never stored.
//!
//! Each part is a `write` of its own, which foldhash keeps apart from the next by its length.

use std::hash::{BuildHasher, Hasher};

use foldhash::{fast, quality};
use rowkind_formats::{Column, Key, Position, Row, Table, Value};

/// A row of a table: 128 bits, so that no two keys are ever taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyHash {
    pub(super) low: u64,
    pub(super) high: u64,
}

/// The hashes of a process.
#[derive(Debug, Default)]
pub(super) struct Identity {
    low: quality::RandomState,
    high: quality::RandomState,
    content: fast::RandomState,
}

impl Identity {
    /// A partition of a topic.
    pub(super) fn partition(&self, topic: &str, partition: i32) -> u32 {
        let mut hasher = self.content.build_hasher();
        hasher.write(topic.as_bytes());
        hasher.write_i32(partition);
        let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// A source table. The topic is part of its name: two connectors may each have a table of that name, and all events
    /// of one come in one topic.
    pub(super) fn table(&self, topic: &str, table: &Table<'_>) -> u64 {
        let mut hasher = self.low.build_hasher();
        for part in [topic, table.namespace().unwrap_or_default(), &table.name] {
            hasher.write(part.as_bytes());
        }
        hasher.finish()
    }

    /// The row of a table that has these values in the columns of its key; `None` where one is missing.
    ///
    /// An event with a [name](Position::Named) of its own is known by that too: whatever came between, it is known again.
    pub(super) fn key<'v, 'a: 'v>(
        &self,
        table: u64,
        position: Position,
        columns: impl Iterator<Item = (&'v str, Option<&'v Value<'a>>)>,
    ) -> Option<KeyHash> {
        let mut hashers = [self.low.build_hasher(), self.high.build_hasher()];
        for hasher in &mut hashers {
            hasher.write_u64(table);
            if let Position::Named(name) = position {
                hasher.write_u64(name);
            }
        }
        for (name, value) in columns {
            let value = value?;
            for hasher in &mut hashers {
                hasher.write(name.as_bytes());
                write_value(hasher, value);
            }
        }
        let [low, high] = hashers.map(|hasher| hasher.finish());
        Some(KeyHash { low, high })
    }

    /// What the rows of an event say: one row, or a `-U` with its `+U`. Never 0.
    ///
    /// The kinds count: an insert and the delete of the same row have the same columns.
    pub(super) fn content(&self, rows: &[Row<'_>]) -> u64 {
        let mut hasher = self.content.build_hasher();
        for row in rows {
            hasher.write(row.kind.short().as_bytes());
            for column in &row.columns {
                hasher.write(column.name.as_bytes());
                write_value(&mut hasher, &column.value);
            }
            hasher.write_usize(row.columns.len());
            row.not_sent.iter().for_each(|name| hasher.write(name.as_bytes()));
        }
        hasher.finish().max(1)
    }
}

/// The columns that rows go by.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyNames<'v, 'a> {
    Given(&'v [&'v str]),
    OfKey(&'v Key<'a>),
}

impl<'v, 'a> KeyNames<'v, 'a> {
    /// With their values in a row, or in a record's key where the row does not have them.
    pub(super) fn values(
        self,
        row: Option<&'v Row<'a>>,
        key: Option<&'v Key<'a>>,
    ) -> impl Iterator<Item = (&'v str, Option<&'v Value<'a>>)> {
        let (given, of_key): (&[&str], &[Column<'a>]) = match self {
            Self::Given(names) => (names, &[]),
            Self::OfKey(key) => (&[], &key.columns),
        };
        let names = given.iter().copied().chain(of_key.iter().map(|column| &*column.name));
        names.map(move |name| {
            let in_key = || key?.columns.iter().find(|column| column.name == name).map(|column| &column.value);
            (name, row.and_then(|row| row.get(name)).or_else(in_key))
        })
    }
}

/// By its text, so that a number and a string of the same digits are one key: the type is not always known.
pub(crate) fn write_value(hasher: &mut impl Hasher, value: &Value<'_>) {
    match value {
        // no text has this byte
        Value::Null => hasher.write(&[0xFF]),
        Value::Bool(true) => hasher.write(b"true"),
        Value::Bool(false) => hasher.write(b"false"),
        Value::Number(text)
        | Value::Text(text)
        | Value::Untyped(text)
        | Value::Embedded(text)
        | Value::WallClock(text)
        | Value::Json(text) => hasher.write(text.as_bytes()),
        Value::Bytes(bytes) => hasher.write(bytes),
        Value::Bits(digits) => hasher.write(digits.as_bytes()),
        Value::Geometry(geometry) => match geometry.native() {
            Some(text) => hasher.write(text.as_bytes()),
            None => hasher.write(geometry.ewkb().unwrap_or_default()),
        },
    }
}
