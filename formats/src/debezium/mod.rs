//! Debezium's envelopes in JSON, with their Connect schema or without it, told apart record by record.
//!
//! Comes in: a [`Record`]. Goes out: an [`Event`] that borrows from it, whole or not at all. The row kinds are Flink's:
//!
//! | op | rows |
//! |---|---|
//! | c, r | `+I`(after) |
//! | u | `-U`(before), `+U`(after); `+U` alone when `before` is null; `-D`(before), `+I`(after) when the key changed |
//! | d | `-D`(before), or of the Kafka key when `before` is null |
//! | t | [`Event::Truncate`] |
//! | m | [`Aside::Message`] |
//!
//! The envelope is described at
//! <https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events>.

mod envelope;
mod stated;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::connect::{self, Schemas};
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json};
use crate::record::Record;
use crate::row::{Aside, Change, Column, Event, Key, Row, RowKind, RowSchema, Table};
use crate::unavailable::Placeholder;
use envelope::{Message, Payload};
pub use stated::Stated;
pub(crate) use stated::StatedTypes;

/// Decodes records of any number of topics.
///
/// It remembers schemas by their text, the table that each topic's records belong to, for tombstones, which do not say,
/// and the last delete, to know its tombstone by. Nothing else of a record outlives the call.
///
/// ```
/// use rowkind_formats::{Decoder, Record, changelog};
///
/// let payload = br#"{"schema":{"type":"struct","fields":[{"type":"struct","field":"after","fields":[
///                      {"type":"int32","field":"id"},
///                      {"type":"int32","field":"due","name":"io.debezium.time.Date"}]}]},
///                    "payload":{"op":"r","source":{"schema":"public","table":"orders"},
///                               "after":{"id":1,"due":19782}}}"#;
/// let record = Record { topic: "shop.public.orders", partition: 0, offset: 0, key: None, payload: Some(payload) };
/// let event = Decoder::default().decode(&record)?;
/// assert_eq!(changelog::text(&event), "+I public.orders {\"id\":1,\"due\":\"2024-02-29\"}\n");
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    schemas: Schemas,
    stated: StatedTypes,
    placeholder: Placeholder,
    tables: HashMap<String, KnownTable>,
    last_delete: Option<LastDelete>,
}

/// What a topic's records are of, as the last of them said.
#[derive(Debug)]
struct KnownTable {
    table: Table<'static>,
    schema: Option<Arc<RowSchema>>,
}

/// Where the last delete stood. Its own tombstone is the next record of the partition and has the same key.
#[derive(Debug, Default)]
struct LastDelete {
    topic: String,
    partition: i32,
    offset: i64,
    key: Vec<u8>,
}

/// What an image is of: decides how its columns are read, and where an error was.
struct ImageOf<'a, 's> {
    path: &'static str,
    raw: &'a RawValue,
    types: Types<'s>,
}

/// What states the types of an image's columns; the first that knows a column counts.
#[derive(Clone, Copy, Default)]
struct Types<'s> {
    /// The row's own schema. A key's schema does not tell the source's types, so this one goes before it.
    row: Option<&'s RowSchema>,
    key: Option<&'s RowSchema>,
    /// What a setting states for a table whose events have no schema.
    stated: &'s [Stated],
}

impl Decoder {
    /// A decoder for a connector with its own placeholder, and for columns whose types are stated beside their events.
    pub fn new(placeholder: Placeholder, columns: Vec<Stated>) -> Self {
        Self { placeholder, stated: StatedTypes::new(columns), ..Self::default() }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is not JSON, is no Debezium message of a kind that is known, or holds a value that is not of its
    /// type. No part of it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let Some(payload) = record.payload else {
            return self.tombstone(record);
        };
        let (message, schema) = match Payload::parse(payload)? {
            Payload::Envelope(message, schema) => (message, schema),
            Payload::Tombstone => return self.tombstone(record),
            Payload::Aside(aside) => return Ok(Event::Aside(aside)),
        };
        let table = message.table(record.topic)?;
        let op = message.op()?;
        if op == "t" {
            return Ok(Event::Truncate(table));
        }
        let schema = schema.map(|text| self.schemas.of_envelope(text)).transpose()?;
        let schema = schema.map(|schema| self.stated.apply(&table, schema));
        let key = self.key(record, Some(&table), schema.as_deref())?;
        let stated = if schema.is_none() { self.stated.of(&table) } else { &[] };
        let types = Types { row: schema.as_deref(), key: None, stated };
        let rows = rows(&op, &message, types, key.as_ref(), &self.placeholder)?;
        self.remember(record.topic, &table, schema.as_ref());
        if op == "d" {
            self.remember_delete(record);
        }
        let origin = message.origin(op);
        Ok(Event::Change(Change { table, key, schema, rows, origin }))
    }

    fn tombstone<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let (table, schema) = match self.tables.get(record.topic) {
            Some(known) => (Some(known.table.clone()), known.schema.clone()),
            None => (None, None),
        };
        let key = self.key(record, table.as_ref(), schema.as_deref())?;
        if self.is_of_last_delete(record) {
            return Ok(Event::Aside(Aside::Tombstone));
        }
        Ok(Event::Tombstone { table, key })
    }

    fn remember(&mut self, topic: &str, table: &Table<'_>, schema: Option<&Arc<RowSchema>>) {
        match self.tables.get_mut(topic) {
            Some(known) if known.table == *table => known.schema = schema.map(Arc::clone),
            _ => {
                let known = KnownTable { table: table.clone().into_owned(), schema: schema.map(Arc::clone) };
                self.tables.insert(topic.to_owned(), known);
            }
        }
    }

    fn remember_delete(&mut self, record: &Record<'_>) {
        let last = self.last_delete.get_or_insert_default();
        record.topic.clone_into(&mut last.topic);
        (last.partition, last.offset) = (record.partition, record.offset);
        record.key.unwrap_or_default().clone_into(&mut last.key);
    }

    fn is_of_last_delete(&self, tombstone: &Record<'_>) -> bool {
        self.last_delete.as_ref().is_some_and(|last| {
            tombstone.offset.checked_sub(1) == Some(last.offset)
                && (tombstone.partition, tombstone.topic) == (last.partition, &last.topic)
                && tombstone.key.unwrap_or_default() == last.key
        })
    }

    /// The key's columns; `None` for a null key. `row` is the schema of the rows that it is a key of.
    fn key<'a>(
        &mut self,
        record: &Record<'a>,
        table: Option<&Table<'_>>,
        row: Option<&RowSchema>,
    ) -> Result<Option<Key<'a>>, Error> {
        let Some(text) = record.key else { return Ok(None) };
        self.key_columns(text, table, row).map_err(|error| error.under("key"))
    }

    fn key_columns<'a>(
        &mut self,
        text: &'a [u8],
        table: Option<&Table<'_>>,
        row: Option<&RowSchema>,
    ) -> Result<Option<Key<'a>>, Error> {
        let raw: &RawValue = json::parse(text)?;
        let (raw, schema) = match Json::of(raw) {
            Json::Null => return Ok(None),
            Json::Object(object) => match envelope::key_payload(object)? {
                Some((schema, payload)) => match Json::of(schema) {
                    Json::Null => (payload, None),
                    _ => (payload, Some(self.schemas.of_key(schema.get())?)),
                },
                None => (raw, None),
            },
            other => return Err(other.unexpected("an object of the key's columns")),
        };
        if let Json::Null = Json::of(raw) {
            return Ok(None);
        }
        let stated = table.map_or(&[][..], |table| self.stated.of(table));
        let types = Types { row, key: schema.as_deref(), stated };
        let columns = image(&ImageOf { path: "", raw, types }, &self.placeholder, |_| {})?;
        if columns.is_empty() {
            return Err(Error::new("", ErrorKind::Missing { expected: "the key's columns" }));
        }
        Ok(Some(Key { columns, schema }))
    }
}

fn rows<'a>(
    op: &str,
    message: &Message<'a>,
    types: Types<'_>,
    key: Option<&Key<'a>>,
    placeholder: &Placeholder,
) -> Result<Vec<Row<'a>>, Error> {
    let before = message.before.map(|raw| ImageOf { path: "before", raw, types });
    let after = message.after.map(|raw| ImageOf { path: "after", raw, types });
    let row = |kind, of: &ImageOf<'a, '_>| {
        let mut not_sent = Vec::new();
        let columns = image(of, placeholder, |name| not_sent.push(name))?;
        Ok(Row { kind, columns, not_sent })
    };
    let after_row = |kind| match &after {
        Some(image) => row(kind, image),
        None => Err(Error::new("after", ErrorKind::Missing { expected: "the row after the change" })),
    };
    match (op, &before) {
        ("c" | "r", _) => Ok(vec![after_row(RowKind::Insert)?]),
        ("u", None) => Ok(vec![after_row(RowKind::UpdateAfter)?]),
        ("u", Some(before)) => {
            let mut old = row(RowKind::UpdateBefore, before)?;
            let mut new = after_row(RowKind::UpdateAfter)?;
            if key.is_some_and(|key| is_key_change(key, &old, &new)) {
                old.kind = RowKind::Delete;
                new.kind = RowKind::Insert;
            }
            Ok(vec![old, new])
        }
        ("d", Some(before)) => Ok(vec![row(RowKind::Delete, before)?]),
        ("d", None) => match key {
            Some(key) => Ok(vec![Row { kind: RowKind::Delete, columns: key.columns.clone(), not_sent: Vec::new() }]),
            None => {
                Err(Error::new("before", ErrorKind::Missing { expected: "the deleted row, since there is no key" }))
            }
        },
        _ => Err(Error::new("op", ErrorKind::UnknownOp)),
    }
}

/// Whether a key column was sent both times with another value.
fn is_key_change(key: &Key<'_>, old: &Row<'_>, new: &Row<'_>) -> bool {
    key.columns.iter().any(|column| match (old.get(&column.name), new.get(&column.name)) {
        (Some(old), Some(new)) => old != new,
        _ => false,
    })
}

/// The columns of a row image; a column whose value is the unavailable placeholder goes to `not_sent` instead.
fn image<'a>(
    of: &ImageOf<'a, '_>,
    placeholder: &Placeholder,
    mut not_sent: impl FnMut(Cow<'a, str>),
) -> Result<Vec<Column<'a>>, Error> {
    let at_path = |error: Error| {
        if of.path.is_empty() { error } else { error.under(of.path) }
    };
    let Json::Object(text) = Json::of(of.raw) else {
        return Err(at_path(Json::of(of.raw).unexpected("an object of columns")));
    };
    let Fields(fields) = json::parse(text.as_bytes()).map_err(at_path)?;
    let mut columns = Vec::with_capacity(fields.len());
    for (at, (sent_as, raw)) in fields.into_iter().enumerate() {
        let (name, ty) = of.types.of(sent_as, at);
        if placeholder.is(raw.get()) {
            not_sent(name);
            continue;
        }
        let value = match ty {
            Some(ty) => connect::typed(raw, ty),
            None if of.types.is_untyped() => connect::untyped(raw),
            None => Err(Error::new("", ErrorKind::Missing { expected: "the column in the event's schema" })),
        };
        match value {
            Ok(value) => columns.push(Column { name, value }),
            Err(error) => return Err(at_path(error.under(&name))),
        }
    }
    Ok(columns)
}

impl<'s> Types<'s> {
    /// The name and type of the column that is sent as `name`, which nearly always stands at `at`.
    fn of<'a>(&self, name: Cow<'a, str>, at: usize) -> (Cow<'a, str>, Option<&'s connect::ColumnType>) {
        let field = |schema: Option<&'s RowSchema>| schema.and_then(|schema| connect::field_of(schema, &name, at));
        match field(self.row).or_else(|| field(self.key)) {
            Some(field) if field.sent_as.is_some() => (Cow::Owned(field.name.clone()), Some(&field.ty)),
            Some(field) => (name, Some(&field.ty)),
            None => {
                let stated = self.stated.iter().find(|stated| stated.column == name);
                (name, stated.map(|stated| &stated.ty))
            }
        }
    }

    /// Whether no schema states the types, so that a column may be without one.
    fn is_untyped(&self) -> bool {
        self.row.is_none() && self.key.is_none()
    }
}
