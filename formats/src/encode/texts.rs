//! The texts of schemas that go along with records, made once for each table.

use super::connect::{Schema, Type};
use super::image::NamedValue;
use super::json::push_schema;
use super::schemas::Of;
use super::source::Source;
use crate::error::Error;
use crate::row::{Key, Value};

/// What stands before the payload of a table's records: `{"schema":…,"payload":`. What stands behind it is a brace.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The path that all names of the table's schemas begin with.
    path: Option<String>,
    row: Option<String>,
    envelope: Option<EnvelopeText>,
    key: Option<KeyText>,
}

#[derive(Debug)]
struct EnvelopeText {
    /// The names and types of its `source`.
    source: Vec<(String, Type)>,
    text: String,
}

#[derive(Debug)]
struct KeyText {
    /// The names of its columns, and whether each may be null.
    columns: Vec<(String, bool)>,
    text: String,
}

impl Texts {
    /// The schema of a row.
    pub(super) fn row(&mut self, of: Of<'_>) -> &str {
        let path = self.path.get_or_insert_with(|| of.path());
        self.row.get_or_insert_with(|| text(&of.row(path)))
    }

    /// The schema of an envelope with such a `source`.
    pub(super) fn envelope(&mut self, of: Of<'_>, source: &Source<'_>) -> &str {
        let path = self.path.get_or_insert_with(|| of.path());
        let known = self.envelope.take().filter(|known| source.is_of(&known.source));
        let envelope = known.unwrap_or_else(|| EnvelopeText {
            source: source.types().map(|(name, ty)| (name.to_owned(), ty)).collect(),
            text: text(&of.envelope(path, source)),
        });
        &self.envelope.insert(envelope).text
    }

    /// The schema of a key.
    ///
    /// # Errors
    ///
    /// When a column has no type. The path is its name.
    pub(super) fn key<'e>(
        &mut self,
        of: Of<'_>,
        key: &Key<'_>,
        columns: impl Iterator<Item = NamedValue<'e>> + Clone,
    ) -> Result<&str, Error> {
        let path = self.path.get_or_insert_with(|| of.path());
        let shape = columns.clone().map(|(name, value)| (name, *value == Value::Null));
        let is_same = |known: &KeyText| {
            let mut pairs = known.columns.iter().zip(shape.clone());
            known.columns.len() == key.columns.len()
                && pairs.all(|((name, was_null), (column, is_null))| name == column && *was_null == is_null)
        };
        let key = match self.key.take().filter(is_same) {
            Some(known) => known,
            None => KeyText {
                columns: shape.map(|(name, is_null)| (name.to_owned(), is_null)).collect(),
                text: text(&of.key(path, key, columns)?),
            },
        };
        Ok(&self.key.insert(key).text)
    }
}

fn text(schema: &Schema) -> String {
    let mut out = String::from("{\"schema\":");
    push_schema(&mut out, schema, None);
    out.push_str(",\"payload\":");
    out
}
