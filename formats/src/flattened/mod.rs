//! Rows that Debezium's `ExtractNewRecordState` took out of their envelopes, in JSON, with their Connect schema or
//! without it, or in Avro.
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
//! The same is done with the rows of `MongoDB`'s `ExtractNewDocumentState`, whose key is the `_id` of the row.
//!
//! Messages that the transform passes as they are (heartbeats, transactions, schema changes, logical messages) are
//! [`Aside`](crate::Aside)s. Truncates it drops. It is described at
//! <https://debezium.io/documentation/reference/stable/transformations/event-flattening.html>.

mod added;
pub(crate) mod asides;
mod documents;
mod names;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::avro::{self, Datum, Framed};
use crate::connect::Parsed;
use crate::debezium::Stated;
use crate::debezium::envelope::wrapped;
use crate::debezium::image::{Types, columns};
use crate::debezium::memory::Memory;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Json};
use crate::origin::Origin;
use crate::record::Record;
use crate::row::{Change, Event, Row, RowKind, RowSchema, Table};
use crate::unavailable::Placeholder;
pub(crate) use added::Added;
use added::{AddedFields, Split};
use documents::Documents;

/// Decodes records of any number of topics.
///
/// It remembers what a decoder of envelopes does, and for the same reasons.
///
/// ```
/// use rowkind_formats::{Decoder, Format, Record, Told, changelog};
///
/// let mut decoder = Decoder::new(Format::FlattenedJson, &Told::default());
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
    documents: Documents,
    /// The tables of rows whose schema has a name, by its path.
    by_schema_name: HashMap<String, Table<'static>>,
    /// The schemas of rows in Avro without what was added to them, by their ids.
    avro_columns: HashMap<u32, Option<Parsed>>,
}

/// Names and values in their order.
type RawFields<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Whether a schema's name is one that Debezium gives to rows: `prefix.schema.table.Value`.
pub(crate) fn is_of_row(schema_name: &str) -> bool {
    schema_name.ends_with(".Value") && names::path_of_schema(schema_name).is_some()
}

/// Whether a field is one that the transform adds.
pub(crate) fn is_added(name: &str) -> bool {
    Added::default().is(name)
}

/// Whether a payload is a message that the transform passes as it is.
///
/// # Errors
///
/// When it is the envelope of a row.
pub(crate) fn is_aside(fields: &[(Cow<'_, str>, &RawValue)], key: Option<&[u8]>) -> Result<bool, Error> {
    asides::of(fields, key).map(|aside| aside.is_some())
}

/// A row's fields, as they were sent.
enum Fields<'a, 's> {
    /// Columns alone.
    Json(RawFields<'a>),
    /// With what was added.
    Avro(Datum<'a, 's>),
}

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
        if let Some(framed) = Framed::of(payload) {
            return self.decode_avro(record, framed);
        }
        let unwrapped = Unwrapped::parse(payload).map_err(|error| error.under("payload"))?;
        let Some(fields) = unwrapped.fields else {
            let schema = self.schema(unwrapped.schema)?;
            return self.tombstone(record, schema);
        };
        if let Some(aside) = asides::of(&fields, record.key)? {
            return Ok(Event::Aside(aside));
        }
        let schema = self.schema(unwrapped.schema)?;
        let Split { columns, added } = Split::of(fields);
        self.row(record, Fields::Json(columns), added, schema)
    }

    fn decode_avro<'a>(&mut self, record: &Record<'a>, framed: Framed<'a>) -> Result<Event<'a>, Error> {
        let in_payload = |error: Error| error.under("payload");
        let writer = self.memory.writers.get(framed.id).map_err(in_payload)?;
        let columns = self.avro_columns.entry(framed.id).or_insert_with(|| {
            let Parsed { row, name } = writer.columns.clone()?;
            let mut row = RowSchema::clone(&row);
            columns_alone(&mut row);
            Some(Parsed { row: Arc::new(row), name })
        });
        let schema = columns.clone();
        let Some(datum) = Datum::of(framed, &writer.schema).present().map_err(in_payload)? else {
            return self.tombstone(record, schema);
        };
        if let Some(aside) = asides::of_avro(&writer.schema)? {
            return Ok(Event::Aside(aside));
        }
        let added = added::of_avro(datum).map_err(in_payload)?;
        self.row(record, Fields::Avro(datum), added, schema)
    }

    /// Learns the schema of an id.
    ///
    /// # Errors
    ///
    /// When the text is no Avro schema.
    pub fn learn_schema(&mut self, id: u32, text: &str, references: &[String]) -> Result<(), Error> {
        self.avro_columns.remove(&id);
        self.memory.writers.learn(id, text, references)
    }

    fn row<'a>(
        &mut self,
        record: &Record<'a>,
        fields: Fields<'a, '_>,
        added: AddedFields<'a>,
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
        let columns = match fields {
            Fields::Json(fields) => {
                let texts = fields.into_iter().map(|(name, raw)| (name, raw.get())).collect();
                columns(texts, (types, None), &memory.placeholder, |name| not_sent.push(name))
            }
            Fields::Avro(row) => {
                let mut added = Added::default();
                let is_column = |name: &str| !added.is(name);
                avro::columns(row, types, &memory.placeholder, is_column, |name| not_sent.push(name))
            }
        };
        let mut columns = columns.map_err(|error| error.under("payload"))?;
        let key = self.documents.key(record.topic, key, kind, &mut columns);
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
        match self.documents.tombstone(record.topic, event) {
            Event::Tombstone { table: None, key: Some(_) } => {
                let expected = "a row that names its table, since the topic holds several tables";
                Err(Error::new("payload", ErrorKind::Missing { expected }))
            }
            event => Ok(event),
        }
    }

    fn schema(&mut self, text: Option<&str>) -> Result<Option<Parsed>, Error> {
        text.map(|text| self.memory.schemas.of_row(text, columns_alone)).transpose()
    }

    fn key_schema_name(&mut self, record: &Record<'_>) -> Option<Arc<str>> {
        if let Some(framed) = Framed::of(record.key?) {
            return self.memory.writers.get(framed.id).ok()?.columns.as_ref()?.name.clone();
        }
        let json::Fields(fields) = json::parse(record.key?).ok()?;
        let (schema, _) = wrapped(&fields)?;
        self.memory.schemas.of_key(schema.get()).ok()?.name
    }
}

fn columns_alone(schema: &mut RowSchema) {
    let mut added = Added::default();
    schema.fields.retain(|field| !added.is(field.sent_as.as_ref().unwrap_or(&field.name)));
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
            let json::Fields(fields) = json::parse(text.as_bytes())?;
            Ok(Some(fields))
        }
        other => Err(other.unexpected("an object of columns")),
    }
}
