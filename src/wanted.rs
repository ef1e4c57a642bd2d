//! Which rows are asked for: those of some tables, with some values in their columns.

use clap::ArgMatches;
use rowkind_formats::{Column, Event, Table, Value, changelog};

use crate::config::ConfigError;

/// Which rows are asked for; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// As the changelog prints them; all when empty.
    tables: Vec<String>,
    /// Columns with the texts that they must have, all of them.
    key: Vec<(String, String)>,
}

impl Wanted {
    /// Reads `--table` and `--key`.
    ///
    /// # Errors
    ///
    /// When a key is not written as a column and its value.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let tables = flags.get_many::<String>("table").unwrap_or_default().cloned().collect();
        Ok(Self { tables, key: pairs(flags, "key")? })
    }

    /// Whether all rows are asked for.
    pub fn is_all(&self) -> bool {
        self.tables.is_empty() && self.key.is_empty()
    }

    /// All rows of the same tables.
    #[must_use]
    pub fn of_tables(&self) -> Self {
        Self { tables: self.tables.clone(), key: Vec::new() }
    }

    /// Leaves the rows that are wanted; `false` when there are none. A truncate is asked for where all rows of its table are.
    pub fn keeps(&self, event: &mut Event<'_>) -> bool {
        match event {
            Event::Change(change) => {
                change.rows.retain(|row| self.has_table(&change.table) && self.has_key(&row.columns));
                !change.rows.is_empty()
            }
            Event::Tombstone { table: Some(table), key: Some(key) } => {
                self.has_table(table) && self.has_key(&key.columns)
            }
            Event::Truncate { table, .. } => self.has_table(table) && self.key.is_empty(),
            Event::Tombstone { .. } | Event::Aside(_) => false,
        }
    }

    fn has_table(&self, table: &Table<'_>) -> bool {
        self.tables.is_empty() || self.tables.contains(&changelog::table_name(table))
    }

    fn has_key(&self, columns: &[Column<'_>]) -> bool {
        let value = |name: &str| columns.iter().find(|column| column.name == name).map(|column| &column.value);
        self.key.iter().all(|(name, wanted)| match value(name) {
            Some(Value::Number(text) | Value::Text(text) | Value::Untyped(text)) => text == wanted,
            Some(Value::Bool(value)) => value.to_string() == *wanted,
            _ => false,
        })
    }
}

/// The values of a flag that takes `NAME=VALUE`.
///
/// # Errors
///
/// When one has no `=`.
pub(crate) fn pairs(flags: &ArgMatches, name: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(ConfigError::new(format!("--{name}: expected NAME=VALUE"))),
    };
    flags.get_many::<String>(name).unwrap_or_default().map(pair).collect()
}
