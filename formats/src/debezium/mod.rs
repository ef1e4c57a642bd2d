//! Debezium's envelopes in JSON, with their Connect schema or without it, or in Avro, told apart record by record.
//!
//! Comes in: a [`Record`]. Goes out: an [`Event`] that borrows from it, whole or not at all. The row kinds are Flink's:
//!
//! | op | rows |
//! |---|---|
//! | c, r | `+I`(after) |
//! | u | `-U`(before), `+U`(after); `+U` alone when `before` is null; `-D`(before), `+I`(after) when the key changed |
//! | d | `-D`(before), or of the Kafka key when `before` is null |
//! | t | [`Event::Truncate`] |
//! | m | [`Aside::Message`](crate::Aside::Message) |
//!
//! An envelope may come as a `CloudEvent`, with its images in `data` and the rest in attributes. Images that are documents of
//! `MongoDB` are [`mongodb`](crate::mongodb)'s.
//!
//! The envelope is described at
//! <https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events>.

pub(crate) mod avro;
mod cloud_event;
pub(crate) mod envelope;
pub(crate) mod image;
mod membership;
pub(crate) mod memory;
mod stated;

use crate::avro::Framed;
use crate::decoder::Before;
use crate::error::{Error, ErrorKind};
use crate::mongodb::{DocumentForm, Documents};
use crate::record::Record;
use crate::row::{Change, Event, Key, Row, RowKind};
use crate::unavailable::Placeholder;
use envelope::{Envelope, Payload, SchemaOf};
use image::{ImageOf, Sent, Types, image};
use memory::Memory;
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
    memory: Memory,
    documents: Documents,
    before: Before,
}

impl Decoder {
    /// A decoder for a connector with its own placeholder, and for columns whose types are stated beside their events.
    pub fn new(placeholder: Placeholder, columns: Vec<Stated>) -> Self {
        Self { memory: Memory::new(placeholder, columns), documents: Documents::default(), before: Before::default() }
    }

    /// The same with documents in a form of the setting's choice.
    #[must_use]
    pub fn with_documents(self, form: DocumentForm) -> Self {
        Self { documents: Documents::new(form), ..self }
    }

    /// The same, reading rows before their change as far as that is needed.
    #[must_use]
    pub fn with_before(self, before: Before) -> Self {
        Self { before, ..self }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is not JSON, is no Debezium message of a kind that is known, or holds a value that is not of its
    /// type. No part of it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let Some(bytes) = record.payload else {
            return self.tombstone(record);
        };
        let writer;
        let payload = match Framed::of(bytes) {
            Some(framed) => {
                writer = self.memory.writers.get(framed.id).map_err(|error| error.under("payload"))?;
                avro::payload(framed, &writer, record.topic)?
            }
            None => Payload::of_json(bytes, record.topic, self.memory.schemas.last_of(record.topic))?,
        };
        let Envelope { op, table, before, after, schema, documents, origin } = match payload {
            Payload::Envelope(envelope) => envelope,
            Payload::Tombstone => return self.tombstone(record),
            Payload::Aside(aside) => return Ok(Event::Aside(aside)),
        };
        if op == "t" {
            return Ok(Event::Truncate { table, origin });
        }
        let memory = &mut self.memory;
        if let Some(images) = documents {
            return self.documents.change(memory, record, table, images, origin).map(Event::Change);
        }
        let schema = match schema {
            Some(SchemaOf::Text(text)) => Some(memory.schemas.of_envelope(text, record.topic)?),
            Some(SchemaOf::Known(schema)) => Some(schema),
            None => None,
        };
        let schema = schema.map(|schema| memory.stated.apply(&table, schema));
        let key = memory.key(record, Some(&table), schema.as_deref())?;
        let stated = if schema.is_none() { memory.stated.of(&table) } else { &[] };
        let types = Types { row: schema.as_deref(), key: None, stated };
        let only = key.as_ref().filter(|_| self.before == Before::Key);
        let rows = rows(&op, [before, after], types, (key.as_ref(), only), &memory.placeholder)?;
        memory.remember(record.topic, &table, schema.as_ref());
        if op == "d" {
            memory.remember_delete(record);
        }
        Ok(Event::Change(Change { table, key, schema, rows, origin }))
    }

    /// Learns the schema of an id.
    ///
    /// # Errors
    ///
    /// When the text is no Avro schema.
    pub fn learn_schema(&mut self, id: u32, text: &str, references: &[String]) -> Result<(), Error> {
        self.memory.writers.learn(id, text, references)
    }

    fn tombstone<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let event = match self.memory.table_of(record.topic).cloned() {
            Some(known) => self.memory.tombstone(record, Some(known.table), known.schema.as_deref()),
            None => self.memory.tombstone(record, None, None),
        };
        self.documents.tombstone(record.topic, event?)
    }
}

fn rows<'a>(
    op: &str,
    [before, after]: [Option<Sent<'a, '_>>; 2],
    types: Types<'_>,
    (key, only): (Option<&Key<'a>>, Option<&Key<'a>>),
    placeholder: &Placeholder,
) -> Result<Vec<Row<'a>>, Error> {
    let before = before.map(|sent| ImageOf { path: "before", sent, types, only });
    let after = after.map(|sent| ImageOf { path: "after", sent, types, only: None });
    let row = |kind, of: ImageOf<'a, '_>| {
        let mut not_sent = Vec::new();
        let columns = image(of, placeholder, |name| not_sent.push(name))?;
        Ok(Row { kind, columns, not_sent })
    };
    let after_row = |kind| match after {
        Some(image) => row(kind, image),
        None => Err(Error::new("after", ErrorKind::Missing { expected: "the row after the change" })),
    };
    match (op, before) {
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
