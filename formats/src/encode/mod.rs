//! Changelog rows back into the formats: the inverse of the decoders.
//!
//! Comes in: an [`Event`]. Goes out: the [records](Records) that say it in an [`Encoding`], all of them or none. What our
//! own decoder of the format makes of them is the same rows:
//!
//! | row | Debezium | upserts | Canal | Maxwell |
//! |---|---|---|---|---|
//! | `+I` | `c`, `r` of a snapshot | row (comes back as `+U`) | INSERT | insert |
//! | `-U`, `+U` | `u`, or `d` and `c` | row (`-U` is not written) | UPDATE with `old` | update with `old` |
//! | `+U` alone | `u` without `before`, or `c` | row | UPDATE without `old` | update without `old` (a `-U` that is the same comes back) |
//! | `-D`, `+I` of another key | `d`, tombstone, `c` | tombstone, row | UPDATE with the key in `old` | update with the key in `old` |
//! | `-D` | `d`, tombstone | tombstone | DELETE | delete |
//! | a lone tombstone | tombstone | tombstone | DELETE of its key | delete of its key |
//! | truncate | `t`; refused where there are `c` and `d` alone | refused | TRUNCATE | refused |
//!
//! An [`Aside`](crate::Aside) gives no records. What a format cannot say is refused with the column's name, and never
//! changed in silence: a date of Postgres that is `infinity` for Canal, say. Three forms are poorer than the rows, which
//! is the format's own way and no refusal: Debezium's JSON and upserts without a schema do not say what a value is;
//! Canal says it of all types in `MySQL`'s words; Maxwell says it of none.

#[cfg(feature = "avro")]
mod avro;
mod canal;
mod changes;
mod connect;
mod debezium;
mod image;
mod json;
mod maxwell;
mod mysql;
mod output;
mod schemas;
mod source;
mod tables;
mod texts;
mod upsert;
mod wrapped;

pub use output::{Encoded, Records};

use crate::error::Error;
use crate::row::Event;
use output::Output;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Debezium's envelopes in Connect's JSON.
    ///
    /// The `source` block is that of the event where it has one, else what its origin knows; `ts_ms` beside it is the
    /// source's clock, since there is no other here. A column that was not sent is left out without a schema.
    DebeziumJson {
        /// Whether each record carries its schema (`schemas.enable`). Such a record has a column that was not sent as
        /// Debezium's unavailable placeholder, or is refused where its type has none.
        schema: bool,
        /// Which envelopes.
        envelopes: Envelopes,
    },
    /// The same in Avro, behind the ids of their schemas in a registry: see [`Encoder::register`]. Events need types. With
    /// the feature `avro`, which is on by default.
    #[cfg(feature = "avro")]
    DebeziumAvro {
        /// Which envelopes.
        envelopes: Envelopes,
    },
    /// Rows by their keys and tombstones, as Debezium's `ExtractNewRecordState` and Flink's upsert-kafka write them. They
    /// need a primary key, and do not say which table they are of but by their topic and the name of their schema. A
    /// column that was not sent is left out without a schema: a reader who knows of no such thing takes it for NULL.
    UpsertJson {
        /// As of [`Encoding::DebeziumJson`].
        schema: bool,
    },
    /// Canal's flat messages, of one row or of neighbours that the same happened to, without a key. A TIMESTAMP is in UTC
    /// (`source.timezone`), `database` is the source's schema where it has one. Without types (`mysqlType`) all values
    /// are text.
    CanalJson,
    /// Maxwell's messages, with the key as hash and in `primary_key_columns`. A TIMESTAMP is in UTC, `database` is the
    /// source's schema where it has one, JSON and arrays of names are embedded, a geometry is its text.
    MaxwellJson,
}

/// Which of Debezium's envelopes say what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelopes {
    /// What an update is.
    pub updates: Updates,
    /// Whether a tombstone follows the `d` of a row that is gone (`tombstones.on.delete`). None does without a key.
    pub tombstones: bool,
}

/// What Debezium's form of an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Updates {
    /// `u`, with the row before and after it.
    #[default]
    Update,
    /// `d` of the row before and `c` of the row after it. There are no other ops then, as Flink writes it.
    CreateDelete,
}

impl Default for Envelopes {
    /// As Debezium's connectors: `u`, and tombstones.
    fn default() -> Self {
        Self { updates: Updates::default(), tombstones: true }
    }
}

/// Encodes the events of any number of tables.
///
/// It remembers what it made of the tables' schemas. Nothing of a row outlives the next call.
///
/// ```
/// use rowkind_formats::{Decoder, Encoder, Encoding, Envelopes, Record};
///
/// let record = Record {
///     topic: "maxwell",
///     partition: 0,
///     offset: 0,
///     key: Some(br#"{"database":"shop","table":"orders","pk.id":1}"#),
///     payload: Some(br#"{"database":"shop","table":"orders","type":"update","ts":1763700000,
///                        "data":{"id":1,"state":"paid"},"old":{"state":"open"}}"#),
/// };
/// # use rowkind_formats::{Format, Told};
/// # let mut decoder = Decoder::new(Format::MaxwellJson, &Told::default());
/// let event = decoder.decode(&record)?;
///
/// let mut debezium = Encoder::new(Encoding::DebeziumJson { schema: false, envelopes: Envelopes::default() });
/// let mut records = debezium.encode(&event)?;
/// let update = records.next().expect("an update is one record");
/// assert_eq!(update.key, Some(br#"{"id":1}"#.as_slice()));
/// assert_eq!(
///     update.payload.map(String::from_utf8_lossy).as_deref(),
///     Some(concat!(
///         r#"{"before":{"id":1,"state":"open"},"after":{"id":1,"state":"paid"},"#,
///         r#""source":{"connector":"mysql","ts_ms":1763700000000,"db":"shop","table":"orders"},"#,
///         r#""transaction":null,"op":"u","ts_ms":1763700000000}"#
///     ))
/// );
///
/// let mut upserts = Encoder::new(Encoding::UpsertJson { schema: false });
/// let row = upserts.encode(&event)?.next().and_then(|record| record.payload);
/// assert_eq!(row, Some(br#"{"id":1,"state":"paid"}"#.as_slice()));
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    output: Output,
}

#[derive(Debug)]
enum Format {
    Debezium(Box<debezium::Encoder>),
    #[cfg(feature = "avro")]
    Avro(Box<avro::Encoder>),
    Upsert(Box<upsert::Encoder>),
    Canal(Box<canal::Encoder>),
    Maxwell(Box<maxwell::Encoder>),
}

impl Encoder {
    /// An encoder of one form.
    pub fn new(encoding: Encoding) -> Self {
        let format = match encoding {
            Encoding::DebeziumJson { schema, envelopes } => {
                Format::Debezium(Box::new(debezium::Encoder::new(schema, envelopes)))
            }
            #[cfg(feature = "avro")]
            Encoding::DebeziumAvro { envelopes } => Format::Avro(Box::new(avro::Encoder::new(envelopes))),
            Encoding::UpsertJson { schema } => Format::Upsert(Box::new(upsert::Encoder::new(schema))),
            Encoding::CanalJson => Format::Canal(Box::default()),
            Encoding::MaxwellJson => Format::Maxwell(Box::default()),
        };
        Self { format, output: Output::default() }
    }

    /// Says the id that a registry gave to an Avro schema. Encoding an event whose schema has none yet fails with
    /// [`ErrorKind::UnregisteredSchema`](crate::ErrorKind::UnregisteredSchema), which holds the schema, at the path `key` or
    /// `payload`; the event can be encoded again behind this.
    #[cfg(feature = "avro")]
    pub fn register(&mut self, schema: &str, id: u32) {
        if let Format::Avro(encoder) = &mut self.format {
            encoder.register(schema, id);
        }
    }

    /// Encodes one event. The records are there until the next call.
    ///
    /// # Errors
    ///
    /// When a value is none of its column's type, or one that the format cannot say; when a schema is asked for and the
    /// event has none; and for what the format has no word for (see [`crate::encode`]). The path is that of the value:
    /// `before.amount`, `key.id`, `data.amount`. No part of the event is encoded then.
    pub fn encode(&mut self, event: &Event<'_>) -> Result<Records<'_>, Error> {
        let output = &mut self.output;
        output.clear();
        match &mut self.format {
            Format::Debezium(encoder) => encoder.encode(event, output)?,
            #[cfg(feature = "avro")]
            Format::Avro(encoder) => encoder.encode(event, output)?,
            Format::Upsert(encoder) => encoder.encode(event, output)?,
            Format::Canal(encoder) => encoder.encode(event, output)?,
            Format::Maxwell(encoder) => encoder.encode(event, output)?,
        }
        Ok(output.records())
    }
}
