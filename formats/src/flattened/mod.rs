//! Rows that Debezium's `ExtractNewRecordState` took out of their envelopes, in JSON, with their Connect schema or
//! without it.
//!
//! Comes in: a [`Record`] whose payload is a row. Goes out: an [`Event`] that borrows from it, whole or not at all.
//!
//! | record | rows |
//! |---|---|
//! | a row with `__op` c, r | `+I`(row) |
//! | a row with `__op` u, or without `__op` | `+U`(row): it may be an insert, and upserts as in Flink's upsert-kafka |
//! | a row with `__deleted` true, or `__op` d | `-D`(row) |
//! | null: the 0 bytes of a tombstone, the text `null`, or `{"schema":…,"payload":null}` | [`Event::Tombstone`], a delete by the Kafka key; behind its own `-D` nothing |
//!
//! That is every `delete.tombstone.handling.mode`: drop, tombstone, rewrite, rewrite-with-tombstone, delete-to-tombstone.
//!
//! What the transform added (`__deleted`, and `add.fields` with its prefix `__`) is never a column: it tells the kind, the
//! table and the [`Origin`]. A field counts as added when it begins with `__` and the rest is a name that
//! the transform can give (`__op`, `__lsn`, `__source_ts_ms` …), or when it begins with `__` and stands behind such a
//! one, as renamed fields do (`add.fields=op,lsn:position`). Other columns of the source may begin with `__`.
//!
//! The table is the one of `__schema` (else `__db`) and `__table`. What these do not tell, the name of the row's schema
//! does, `prefix.schema.table.Value`; without a schema, the topic's name does: its last two parts, or all of it when it
//! has one. These two names are Debezium's adjusted ones: the topic of `"Order Items"` ends in `Order_Items`.
//!
//! Messages that the transform passes as they are (heartbeats, transactions, schema changes, logical messages) are
//! [`Aside`](crate::Aside)s. Truncates it drops. It is described at
//! <https://debezium.io/documentation/reference/stable/transformations/event-flattening.html>.

mod added;
pub(crate) mod asides;
mod names;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::connect::Parsed;
use crate::debezium::Stated;
use crate::debezium::envelope::wrapped;
use crate::debezium::image::{Types, columns};
use crate::debezium::memory::Memory;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json};
use crate::origin::Origin;
use crate::record::Record;
use crate::row::{Change, Event, Row, RowKind, RowSchema, Table};
use crate::unavailable::Placeholder;
pub(crate) use added::Added;
use added::Split;

/// Decodes records of any number of topics.
///
/// It remembers what a decoder of envelopes does, and for the same reasons.
///
/// ```
/// use rowkind_formats::{Decoder, Format, Placeholder, Record, changelog};
///
/// let mut decoder = Decoder::new(Format::FlattenedJson, Placeholder::default(), Vec::new());
/// let record = Record {
///     topic: "shop.public.orders",
///     partition: 0,
///     offset: 0,
///     key: Some(br#"{"id":1}"#),
///     payload: Some(br#"{"id":1,"status":"paid","__deleted":"false","__op":"u","__source_lsn":23803720}"#),
/// };
/// let event = decoder.decode(&record)?;
/// assert_eq!(changelog::text(&event), "+U public.orders {\"id\":1,\"status\":\"paid\"}\n");
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    memory: Memory,
    /// The tables of rows whose schema has a name, by its path.
    by_schema_name: HashMap<String, Table<'static>>,
}

/// Names and values in their order.
type RawFields<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// A payload, out of what the converter wraps around it.
struct Unwrapped<'a> {
    schema: Option<&'a str>,
    /// `None` for null.
    fields: Option<RawFields<'a>>,
}

impl Decoder {
    /// A decoder for a connector with its own placeholder, and for columns whose types are stated beside their events.
    pub fn new(placeholder: Placeholder, columns: Vec<Stated>) -> Self {
        Self { memory: Memory::new(placeholder, columns), ..Self::default() }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is not a JSON object, is an envelope, or holds a value that is not of its type; and for a delete
    /// by key in a topic of several tables that does not say which one it is of. No part of it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let Some(payload) = record.payload else {
            return self.tombstone(record, None);
        };
        let unwrapped = Unwrapped::parse(payload).map_err(|error| error.under("payload"))?;
        let Some(fields) = unwrapped.fields else {
            let schema = self.schema(unwrapped.schema)?;
            return self.tombstone(record, schema);
        };
        if let Some(aside) = asides::of(&fields, record.key)? {
            return Ok(Event::Aside(aside));
        }
        let schema = self.schema(unwrapped.schema)?;
        self.row(record, Split::of(fields), schema)
    }

    fn row<'a>(
        &mut self,
        record: &Record<'a>,
        Split { columns: fields, added }: Split<'a>,
        schema: Option<Parsed>,
    ) -> Result<Event<'a>, Error> {
        let op = added::op(&added)?;
        let kind = added::kind(op.as_deref(), &added)?;
        let schema_name = schema.as_ref().and_then(|parsed| parsed.name.clone());
        let table = names::table(&added, schema_name.as_deref(), record.topic)?;
        let memory = &mut self.memory;
        let schema = schema.map(|parsed| memory.stated.apply(&table, parsed.row));
        let key = memory.key(record, Some(&table), schema.as_deref())?;
        let stated = if schema.is_none() { memory.stated.of(&table) } else { &[] };
        let types = Types { row: schema.as_deref(), key: None, stated };
        let mut not_sent = Vec::new();
        let columns = columns(fields, types, &memory.placeholder, |name| not_sent.push(name))
            .map_err(|error| error.under("payload"))?;
        if columns.is_empty() && not_sent.is_empty() {
            return Err(Error::new("payload", ErrorKind::Missing { expected: "the row's columns" }));
        }
        let rows = vec![Row { kind, columns, not_sent }];
        memory.remember(record.topic, &table, schema.as_ref());
        if kind == RowKind::Delete {
            memory.remember_delete(record);
        }
        if let Some(path) = schema_name.as_deref().and_then(names::path_of_schema)
            && self.by_schema_name.get(path) != Some(&table)
        {
            self.by_schema_name.insert(path.to_owned(), table.clone().into_owned());
        }
        let op = op.or((kind == RowKind::Delete).then_some(Cow::Borrowed("d")));
        Ok(Event::Change(Change { table, key, schema, rows, origin: Origin::of_added(op, added) }))
    }

    /// The table is the one whose rows had a schema of that name. Where no name is sent, it is what the topic's records
    /// so far were of; and where there were none, what a name says, the topic's at last. A topic of several tables is
    /// named after none.
    fn tombstone<'a>(&mut self, record: &Record<'a>, schema: Option<Parsed>) -> Result<Event<'a>, Error> {
        let name = match &schema {
            Some(Parsed { name: Some(name), .. }) => Some(name.clone()),
            _ => self.key_schema_name(record),
        };
        let path = name.as_deref().and_then(names::path_of_schema);
        let known = self.memory.table_of(record.topic);
        let table = match (path.and_then(|path| self.by_schema_name.get(path)), known) {
            (Some(table), _) => Some(table.clone()),
            (None, Some(known)) if !known.is_one_of_several && (path.is_none() || self.by_schema_name.is_empty()) => {
                Some(known.table.clone())
            }
            (None, Some(_)) => path.map(|path| names::of_topic(path).into_owned()),
            (None, None) => Some(names::of_topic(path.unwrap_or(record.topic)).into_owned()),
        };
        let of_rows = known.filter(|known| Some(&known.table) == table.as_ref()).and_then(|known| known.schema.clone());
        let schema = of_rows.or(schema.map(|parsed| parsed.row));
        let event = self.memory.tombstone(record, table, schema.as_deref())?;
        match event {
            Event::Tombstone { table: None, key: Some(_) } => {
                let expected = "a row that names its table, since the topic holds several tables";
                Err(Error::new("payload", ErrorKind::Missing { expected }))
            }
            event => Ok(event),
        }
    }

    fn schema(&mut self, text: Option<&str>) -> Result<Option<Parsed>, Error> {
        let columns_alone = |schema: &mut RowSchema| {
            let mut added = Added::default();
            schema.fields.retain(|field| !added.is(field.sent_as.as_ref().unwrap_or(&field.name)));
        };
        text.map(|text| self.memory.schemas.of_row(text, columns_alone)).transpose()
    }

    fn key_schema_name(&mut self, record: &Record<'_>) -> Option<Arc<str>> {
        let Fields(fields) = json::parse(record.key?).ok()?;
        let (schema, _) = wrapped(&fields)?;
        self.memory.schemas.of_key(schema.get()).ok()?.name
    }
}

impl<'a> Unwrapped<'a> {
    /// # Errors
    ///
    /// When it is neither an object nor null.
    fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        let raw: &RawValue = json::parse(payload)?;
        let fields = object_or_null(raw)?;
        let Some((schema, inner)) = fields.as_deref().and_then(wrapped) else {
            return Ok(Self { schema: None, fields });
        };
        let schema = matches!(Json::of(schema), Json::Object(_)).then(|| schema.get());
        Ok(Self { schema, fields: object_or_null(inner)? })
    }
}

fn object_or_null(raw: &RawValue) -> Result<Option<RawFields<'_>>, Error> {
    match Json::of(raw) {
        Json::Null => Ok(None),
        Json::Object(text) => {
            let Fields(fields) = json::parse(text.as_bytes())?;
            Ok(Some(fields))
        }
        other => Err(other.unexpected("an object of columns")),
    }
}
