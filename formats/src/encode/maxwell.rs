//! Maxwell's messages in JSON, one row each.
//!
//! The message is described at <https://maxwells-daemon.io/dataformat/>.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::changes::{Op, changed, key_names, ops, tombstone_row};
use super::connect::{ConnectValue, kind};
use super::image::place_of;
use super::json::{push_base64, push_int, push_list, push_name, push_value, try_push_list};
use super::output::Output;
use super::source::Source;
use super::tables::Tables;
use crate::connect::{ColumnType, Structured};
use crate::error::{Error, ErrorKind};
use crate::geometry::Geometry;
use crate::json::{is_number, push_string};
use crate::literal::bits_number;
use crate::row::{Change, Column, Connector, Event, Field, Key, Row, RowSchema, Table, Value};
use crate::wkb;

/// Encodes messages.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// For the keys of lone tombstones.
    tables: Tables<()>,
    key: String,
    payload: String,
}

/// What is said about all messages of a change.
#[derive(Clone, Copy)]
struct About<'e> {
    table: &'e Table<'e>,
    key: Option<&'e Key<'e>>,
    source: &'e Source<'e>,
    types: Option<&'e RowSchema>,
}

impl Encoder {
    pub(super) fn encode(&mut self, event: &Event<'_>, output: &mut Output) -> Result<(), Error> {
        match event {
            Event::Change(change) => self.change(change, output),
            Event::Tombstone { table, key: Some(key) } => {
                let (table, row) = tombstone_row(table.as_ref(), key)?;
                let source = Source::of(None, table);
                let schema = self.tables.get(table).map(|known| Arc::clone(&known.schema)).or(key.schema.clone());
                let about = About { table, key: Some(key), source: &source, types: schema.as_deref() };
                self.message(about, "delete", &row, None, output)
            }
            Event::Truncate(_) => {
                let expected = "rows (Maxwell has no word for a truncate)";
                Err(Error::new("type", ErrorKind::Unexpected { expected, found: "a truncate" }))
            }
            Event::Tombstone { key: None, .. } | Event::Aside(_) => Ok(()),
        }
    }

    fn change(&mut self, change: &Change<'_>, output: &mut Output) -> Result<(), Error> {
        if let Some(schema) = &change.schema {
            self.tables.with(&change.table, schema);
        }
        let source = Source::of(Some(&change.origin), &change.table);
        let types = change.schema.as_deref();
        let about = About { table: &change.table, key: change.key.as_ref(), source: &source, types };
        for op in ops(change) {
            let (ty, row, old) = match op {
                Op::Insert(row) => ("insert", row, None),
                Op::Update { before, after } => ("update", after, before),
                Op::KeyChange { before, after } => ("update", after, Some(before)),
                Op::Delete(row) => ("delete", row, None),
            };
            self.message(about, ty, row, old, output)?;
        }
        Ok(())
    }

    fn message(
        &mut self,
        about: About<'_>,
        ty: &str,
        row: &Row<'_>,
        old: Option<&Row<'_>>,
        output: &mut Output,
    ) -> Result<(), Error> {
        let names = key_names(about.key, std::iter::once(row))?;
        about.payload(&mut self.payload, ty, &names, row, old)?;
        if names.is_empty() {
            output.push(None, Some(&self.payload));
        } else {
            about.hash(&mut self.key, &names, row).map_err(|error| error.under("key"))?;
            output.push(Some(&self.key), Some(&self.payload));
        }
        Ok(())
    }
}

impl About<'_> {
    fn payload(
        self,
        out: &mut String,
        ty: &str,
        key: &[&str],
        row: &Row<'_>,
        old: Option<&Row<'_>>,
    ) -> Result<(), Error> {
        out.clear();
        self.push_table(out);
        out.push_str(",\"type\":");
        push_string(out, ty);
        self.push_origin(out);
        if !key.is_empty() {
            out.push_str(",\"primary_key_columns\":");
            push_list(out, ('[', ']'), key, |out, name| push_string(out, name));
        }
        out.push_str(",\"data\":");
        self.push_image(out, &row.columns).map_err(|error| error.under("data"))?;
        if let Some(old) = old {
            out.push_str(",\"old\":");
            let columns = changed(old, row).map_err(|error| error.under("old"))?;
            self.push_image(out, columns).map_err(|error| error.under("old"))?;
        }
        out.push('}');
        Ok(())
    }

    /// The key in its form `hash`, with the names in lower case.
    fn hash(self, out: &mut String, names: &[&str], row: &Row<'_>) -> Result<(), Error> {
        out.clear();
        self.push_table(out);
        for name in names {
            out.push(',');
            push_name(out, &format!("pk.{}", name.to_lowercase()));
            let value = row.get(name).unwrap_or(&Value::Null);
            self.push_value(out, name, value, &mut 0)?;
        }
        out.push('}');
        Ok(())
    }

    fn push_table(self, out: &mut String) {
        out.push_str("{\"database\":");
        push_string(out, self.table.namespace().unwrap_or_default());
        out.push_str(",\"table\":");
        push_string(out, &self.table.name);
    }

    /// The clock is in seconds. Nobody says which row is the last of its transaction.
    fn push_origin(self, out: &mut String) {
        let source = self.source;
        let integers =
            [("ts", source.integer("ts_ms").map(|ms| ms.div_euclid(1_000))), ("xid", source.integer("txId"))];
        for (name, value) in integers {
            if let Some(value) = value {
                out.push(',');
                push_name(out, name);
                push_int(out, value);
            }
        }
        let file_and_pos = source.text("file").zip(source.integer("pos"));
        let position = file_and_pos.map(|(file, pos)| format!("{file}:{pos}"));
        for (name, text) in [("position", position.as_deref()), ("gtid", source.text("gtid"))] {
            if let Some(text) = text {
                out.push(',');
                push_name(out, name);
                push_string(out, text);
            }
        }
    }

    fn push_image<'r, 'a: 'r>(
        self,
        out: &mut String,
        columns: impl IntoIterator<Item = &'r Column<'a>>,
    ) -> Result<(), Error> {
        let mut next = 0;
        try_push_list(out, ('{', '}'), columns, |out, Column { name, value }| {
            push_name(out, name);
            self.push_value(out, name, value, &mut next)
        })
    }

    /// Appends the value of the column, which nearly always is that at `next`.
    fn push_value(self, out: &mut String, name: &str, value: &Value<'_>, next: &mut usize) -> Result<(), Error> {
        let field = match self.types {
            Some(types) => types.fields.get(place_of(types, name, next)?),
            None => None,
        };
        let pushed = match field {
            Some(field) => push_typed(out, value, field),
            None => push_untyped(out, value, None),
        };
        pushed.map_err(|error| error.under(name))
    }
}

fn push_typed(out: &mut String, value: &Value<'_>, field: &Field) -> Result<(), Error> {
    use ColumnType as T;
    match (&field.ty, value) {
        (T::Json, Value::Text(text)) => out.push_str(embedded(text)?),
        (T::EnumSet, Value::Text(text)) => {
            push_list(out, ('[', ']'), text.split(',').filter(|_| !text.is_empty()), push_string);
        }
        (T::ZonedTimestamp | T::Structured(Structured::ZonedTimestamp), Value::Text(text)) => {
            push_string(out, &text.replacen("+00", "", 1));
        }
        (T::Bits { .. }, Value::Text(digits)) => match bits_number(digits) {
            Some(number) => out.push_str(&number.to_string()),
            None => push_string(out, digits),
        },
        _ => return push_untyped(out, value, field.source.connector),
    }
    Ok(())
}

fn push_untyped(out: &mut String, value: &Value<'_>, connector: Option<Connector>) -> Result<(), Error> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => push_value(out, &ConnectValue::Bool(*value)),
        Value::Number(text) if is_number(text) => out.push_str(text),
        Value::Number(_) => {
            return Err(Error::new("", ErrorKind::Malformed { expected: "a number", found: "number" }));
        }
        Value::Text(text) | Value::Untyped(text) | Value::Embedded(text) | Value::WallClock(text) => {
            push_string(out, text);
        }
        Value::Bits(digits) => push_string(out, digits),
        Value::Json(text) => out.push_str(text),
        Value::Bytes(bytes) => push_base64(out, bytes),
        Value::Geometry(geometry) => push_string(out, &shape_text(geometry, connector)?),
    }
    Ok(())
}

/// JSON as it stands in the message, where `null` would be NULL.
fn embedded(text: &str) -> Result<&str, Error> {
    let expected = "JSON that is not null, since Maxwell cannot tell that from NULL";
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) if raw.get() != "null" => Ok(raw.get()),
        Ok(_) => Err(Error::new("", ErrorKind::Unexpected { expected, found: "the JSON null" })),
        Err(_) => Err(Error::new("", ErrorKind::Malformed { expected: "JSON", found: "text" })),
    }
}

/// What Postgres prints of its own types, else well-known text, which has no place for an SRID.
fn shape_text(geometry: &Geometry, connector: Option<Connector>) -> Result<String, Error> {
    let refused =
        |found| Error::new("", ErrorKind::NoRoom { expected: "a geometry of two dimensions without SRID", found });
    let native = geometry.native().map(str::to_owned);
    match (geometry.ewkb(), native) {
        (_, Some(native)) if connector == Some(Connector::Postgres) => Ok(native),
        (Some(ewkb), _) => match wkb::without_srid(ewkb) {
            Some((wkb, None)) => wkb::wkt(&wkb).ok_or_else(|| refused("another")),
            Some((_, Some(_))) => Err(refused("one with an SRID")),
            None => Err(refused("another")),
        },
        (None, Some(native)) => Ok(native),
        (None, None) => Err(refused(kind(&Value::Null))),
    }
}
