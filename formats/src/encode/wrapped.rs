//! Keys, rows and envelopes of one table in Connect's JSON: bare, or as `{"schema":…,"payload":…}`.

use std::ops::Range;

use super::connect::ConnectValue;
use super::image::{Absent, Columns, key_columns};
use super::json::{push_list, push_name, push_value};
use super::output::Output;
use super::schemas::Of;
use super::source::Source;
use super::tables::{Known, Tables};
use super::texts::Texts;
use crate::error::{Error, ErrorKind};
use crate::json::push_string;
use crate::row::{Change, Key, Row, RowSchema, Table};
use crate::unavailable::Placeholder;

/// What an encoder of Connect's JSON keeps from event to event.
#[derive(Debug)]
pub(super) struct Converter {
    is_with_schema: bool,
    placeholder: Placeholder,
    tables: Tables<Texts>,
    /// Of the last table whose rows were not seen.
    other: Texts,
}

/// How the records of one table are written.
#[derive(Debug)]
pub(super) struct Wrapped<'e> {
    columns: Columns<'e>,
    /// `None` where no schema is asked for.
    schemas: Option<(&'e mut Texts, Of<'e>)>,
    placeholder: &'e Placeholder,
}

/// An envelope, but for its schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'e> {
    pub(super) op: &'static str,
    pub(super) before: Option<&'e Row<'e>>,
    pub(super) after: Option<&'e Row<'e>>,
    pub(super) source: &'e Source<'e>,
    /// The fields of its `transaction` block.
    pub(super) transaction: Option<&'e ConnectValue<'e>>,
}

/// The columns of a table of which nothing is known.
const NO_COLUMNS: &RowSchema = &RowSchema { fields: Vec::new() };

impl Converter {
    /// One that writes schemas along, or does not.
    pub(super) fn new(is_with_schema: bool) -> Self {
        Self { is_with_schema, placeholder: Placeholder::default(), tables: Tables::default(), other: Texts::default() }
    }

    /// For the rows of a change. `connector` is the connector's own name.
    ///
    /// # Errors
    ///
    /// When a schema is asked for and the change has none.
    pub(super) fn of_change<'e>(
        &'e mut self,
        change: &'e Change<'_>,
        connector: Option<&'e str>,
    ) -> Result<Wrapped<'e>, Error> {
        let (is_with_schema, placeholder) = (self.is_with_schema, &self.placeholder);
        let Some(schema) = &change.schema else {
            return Wrapped::untyped(is_with_schema, placeholder);
        };
        let texts = &mut self.tables.with(&change.table, schema).made;
        let of = Of { table: Some(&change.table), types: schema, connector };
        Ok(Wrapped::typed(is_with_schema, placeholder, texts, of))
    }

    /// For a key alone. Its columns are what the table's rows had them.
    ///
    /// # Errors
    ///
    /// When a schema is asked for and neither rows nor the key had one.
    fn of_key<'e>(&'e mut self, table: Option<&'e Table<'_>>, key: &'e Key<'_>) -> Result<Wrapped<'e>, Error> {
        let (is_with_schema, placeholder) = (self.is_with_schema, &self.placeholder);
        let known = table.and_then(|table| self.tables.get(table));
        let (texts, types) = match (known, &key.schema) {
            (Some(Known { schema, made }), _) => (made, &*schema),
            (None, Some(schema)) => (emptied(&mut self.other), schema),
            (None, None) => return Wrapped::untyped(is_with_schema, placeholder),
        };
        Ok(Wrapped::typed(is_with_schema, placeholder, texts, Of { table, types, connector: None }))
    }

    /// Writes the record that says that the row of a key is gone: the key alone.
    ///
    /// # Errors
    ///
    /// As for [`of_key`](Self::of_key), and when a value of the key cannot be written.
    pub(super) fn tombstone(
        &mut self,
        table: Option<&Table<'_>>,
        key: &Key<'_>,
        text: &mut String,
        output: &mut Output,
    ) -> Result<(), Error> {
        let written = self.of_key(table, key)?.key(text, key, None);
        written.map_err(|error| error.under("key"))?;
        output.push(Some(&*text), None);
        Ok(())
    }

    /// For no row of the table at all.
    pub(super) fn of_table<'e>(&'e mut self, table: &'e Table<'_>) -> Wrapped<'e> {
        let (texts, types) = match self.tables.get(table) {
            Some(Known { schema, made }) => (made, &**schema),
            None => (emptied(&mut self.other), NO_COLUMNS),
        };
        let of = Of { table: Some(table), types, connector: None };
        Wrapped::typed(self.is_with_schema, &self.placeholder, texts, of)
    }
}

fn emptied(texts: &mut Texts) -> &mut Texts {
    *texts = Texts::default();
    texts
}

fn no_schema() -> Error {
    let expected = "the types of the event's columns, since its schema is to be written along";
    Error::new("schema", ErrorKind::Missing { expected })
}

impl<'e> Wrapped<'e> {
    fn typed(is_with_schema: bool, placeholder: &'e Placeholder, texts: &'e mut Texts, of: Of<'e>) -> Self {
        let columns = Columns { types: Some(of.types), is_with_schema };
        Self { columns, schemas: is_with_schema.then_some((texts, of)), placeholder }
    }

    fn untyped(is_with_schema: bool, placeholder: &'e Placeholder) -> Result<Self, Error> {
        if is_with_schema {
            return Err(no_schema());
        }
        Ok(Self { columns: Columns { types: None, is_with_schema }, schemas: None, placeholder })
    }

    /// Writes the key of a row; without a row, the key itself.
    pub(super) fn key(&mut self, out: &mut String, key: &Key<'_>, row: Option<&Row<'_>>) -> Result<(), Error> {
        out.clear();
        let columns = key_columns(key, row);
        if let Some((texts, of)) = &mut self.schemas {
            out.push_str(texts.key(*of, key, columns.clone())?);
        }
        self.columns.push_key(out, columns, self.placeholder)?;
        self.close(out);
        Ok(())
    }

    /// Writes a row without an envelope, and says where the row itself stands.
    pub(super) fn row(&mut self, out: &mut String, row: &Row<'_>) -> Result<Range<usize>, Error> {
        out.clear();
        if let Some((texts, of)) = &mut self.schemas {
            out.push_str(texts.row(*of));
        }
        let start = out.len();
        self.columns.push_row(out, row, Absent::NotSent, self.placeholder)?;
        let end = out.len();
        self.close(out);
        Ok(start..end)
    }

    /// Writes an envelope.
    pub(super) fn envelope(&mut self, out: &mut String, envelope: Envelope<'_>) -> Result<(), Error> {
        out.clear();
        if let Some((texts, of)) = &mut self.schemas {
            out.push_str(texts.envelope(*of, envelope.source));
        }
        out.push('{');
        let images = [("before", envelope.before, Absent::Unknown), ("after", envelope.after, Absent::NotSent)];
        for (name, row, absent) in images {
            push_name(out, name);
            match row {
                Some(row) => {
                    let pushed = self.columns.push_row(out, row, absent, self.placeholder);
                    pushed.map_err(|error| error.under(name))?;
                }
                None => out.push_str("null"),
            }
            out.push(',');
        }
        push_name(out, "source");
        push_list(out, ('{', '}'), &envelope.source.fields, |out, (name, value)| {
            push_name(out, name);
            push_value(out, value);
        });
        out.push_str(",\"transaction\":");
        push_value(out, envelope.transaction.unwrap_or(&ConnectValue::Null));
        out.push_str(",\"op\":");
        push_string(out, envelope.op);
        out.push_str(",\"ts_ms\":");
        push_value(out, &envelope.source.integer("ts_ms").map_or(ConnectValue::Null, ConnectValue::Int));
        out.push('}');
        self.close(out);
        Ok(())
    }

    fn close(&self, out: &mut String) {
        if self.schemas.is_some() {
            out.push('}');
        }
    }
}
