//! Change events to changelog rows, and back: bytes in, rows out.
//!
//! The crate decodes what a capture tool wrote into Kafka — Debezium's envelopes and flattened rows, in JSON with or without
//! their Connect schema and in Avro, and the messages of Canal, Maxwell and `GoldenGate` — into [changelog rows](Row) with
//! Flink's four row kinds (`+I -U +U -D`). It does no IO, keeps no clock and reads no environment: a [`Record`] goes in, an
//! [`Event`] that borrows from it comes out. An [`Encoder`] writes events in these formats again.
//!
//! ```
//! use rowkind_formats::{Decoder, Event, Record, changelog};
//!
//! let mut decoder = Decoder::default();
//! let record = Record {
//!     topic: "shop.public.orders",
//!     partition: 0,
//!     offset: 17,
//!     key: Some(br#"{"id":1}"#),
//!     payload: Some(br#"{"op":"u","source":{"schema":"public","table":"orders"},
//!                        "before":{"id":1,"status":"open"},"after":{"id":1,"status":"paid"}}"#),
//! };
//! let event = decoder.decode(&record)?;
//! assert_eq!(
//!     changelog::text(&event),
//!     "-U public.orders {\"id\":1,\"status\":\"open\"}\n\
//!      +U public.orders {\"id\":1,\"status\":\"paid\"}\n"
//! );
//! # Ok::<(), rowkind_formats::Error>(())
//! ```
//!
//! # Avro
//!
//! A record in Avro begins with the id of its schema. The decoder refuses one that it does not know; whoever has a registry
//! looks it up, says it, and has the record decoded again.
//!
//! ```
//! use rowkind_formats::{Decoder, ErrorKind, Format, Record, Told, changelog};
//!
//! let schema = r#"{"type": "record", "name": "Envelope", "namespace": "shop.public.orders", "fields": [
//!     {"name": "before", "type": ["null", {"type": "record", "name": "Value", "fields": [
//!         {"name": "id", "type": "long"}, {"name": "status", "type": ["null", "string"]}]}]},
//!     {"name": "after", "type": ["null", "Value"]},
//!     {"name": "source", "type": {"type": "record", "name": "Source", "fields": [
//!         {"name": "schema", "type": "string"}, {"name": "table", "type": "string"}]}},
//!     {"name": "op", "type": "string"}]}"#;
//! let payload = b"\x00\x00\x00\x00\x07\x00\x02\x02\x02\x08paid\x0cpublic\x0corders\x02c";
//! let record = Record { topic: "shop.public.orders", partition: 0, offset: 0, key: None, payload: Some(payload) };
//!
//! let mut decoder = Decoder::new(Format::DebeziumAvro, &Told::default());
//! let event = match decoder.decode(&record) {
//!     Err(error) if let ErrorKind::UnknownSchema { id } = *error.kind() => {
//!         assert_eq!(id, 7);
//!         decoder.learn_schema(id, schema, &[])?;
//!         decoder.decode(&record)?
//!     }
//!     decoded => decoded?,
//! };
//! assert_eq!(changelog::text(&event), "+I public.orders {\"id\":1,\"status\":\"paid\"}\n");
//! # Ok::<(), rowkind_formats::Error>(())
//! ```
//!
//! # Encoding
//!
//! ```
//! use rowkind_formats::{Decoder, Encoder, Encoding, Format, Record, Told};
//!
//! let record = Record {
//!     topic: "canal",
//!     partition: 0,
//!     offset: 0,
//!     key: None,
//!     payload: Some(br#"{"database":"shop","table":"orders","type":"INSERT","isDdl":false,"es":1763700000000,"pkNames":["id"],
//!                        "mysqlType":{"id":"bigint","status":"varchar(9)"},"data":[{"id":"1","status":"paid"}]}"#),
//! };
//! let mut decoder = Decoder::new(Format::CanalJson, &Told::default());
//! let mut encoder = Encoder::new(Encoding::UpsertJson { schema: false });
//! for upsert in encoder.encode(&decoder.decode(&record)?)? {
//!     assert_eq!(upsert.key, Some(br#"{"id":1}"#.as_slice()));
//!     assert_eq!(upsert.payload, Some(br#"{"id":1,"status":"paid"}"#.as_slice()));
//! }
//! # Ok::<(), rowkind_formats::Error>(())
//! ```
//!
//! # What is promised
//!
//! - No bytes make it panic, and none make it overflow the stack: they are an [`Error`] with the path in the record. An error
//!   never holds a value. There is no `unsafe` code.
//! - A record gives all its rows or none. A value that cannot be read exactly is an error, never NULL.
//! - What a record may hold is [limited](Told::max_record_bytes), and memory with it.
//! - No IO, threads, clock, environment or log.
//! - Semantic versioning: before 1.0, a new minor version may break what is built on the one before. Other texts of errors
//!   are no break. The oldest Rust is 1.94; that a later one is needed is a new minor version.
//!
//! The feature `avro` (on by default) writes Avro: [`Encoding::DebeziumAvro`], and the crate apache-avro with it. Reading Avro
//! needs neither.
//!
//! # Rooms
//!
//! In the order the data flows:
//!
//! - [`record`]: a Kafka record, and the JSON line that keeps one in a file
//! - [`decoder`]: the decoder of a format
//! - `detect`: which format a topic's records are of, by what stands in them
//! - `limits`: how much a record may hold
//! - `avro`: bytes and the schema they were written with become an envelope's or a row's columns
//! - [`debezium`]: an envelope becomes an [`Event`]
//! - [`mongodb`]: the documents of an envelope become rows
//! - [`flattened`]: a row that was taken out of its envelope becomes one too
//! - [`canal`]: a flat message becomes an [`Event`]
//! - [`maxwell`]: a row's message becomes an [`Event`]
//! - [`ogg`]: an operation's message becomes an [`Event`]
//! - `rebuilt`: what these three have in common
//! - [`connect`]: Kafka Connect's schema, and a value's text by its type
//! - [`row`]: what an event says: rows, their kinds and values
//! - [`origin`]: where a change comes from
//! - [`stamp`]: where and when the source made it, as far as that tells an event from its repeats
//! - [`position`]: a place in a source's log, in a form that is compared
//! - [`literal`]: arrays, hstore, bits and sparse vectors as Postgres prints them
//! - [`geometry`]: points and other shapes
//! - [`changelog`]: rows as text, one a line
//! - [`encode`]: rows as records of the formats again
//! - [`error`]: what can be wrong with a record, and where in it

pub mod canal;
pub mod changelog;
pub mod connect;
pub mod debezium;
pub mod decoder;
pub mod encode;
pub mod error;
pub mod flattened;
pub mod geometry;
pub mod literal;
pub mod maxwell;
pub mod membership;
pub mod mongodb;
pub mod ogg;
pub mod origin;
pub mod position;
pub mod record;
pub mod row;
pub mod stamp;

mod avro;
mod calendar;
mod decimal;
mod deletes;
mod detect;
mod digits;
mod interval;
mod json;
mod limits;
mod mysql_time;
mod rebuilt;
mod restated;
mod scan;
mod ticks;
mod unavailable;
mod wkb;
mod wkt;
mod zone;

pub use connect::{BytesText, ColumnType, Structured, UnknownType, bytes_of, structured_text};
pub use debezium::Stated;
pub use decoder::{Before, Decoder, Format, Told};
pub use encode::{Encoded, Encoder, Encoding, Envelopes, Records, Updates};
pub use error::{Error, ErrorKind};
pub use geometry::Geometry;
pub use limits::{MAX_LEVELS, MAX_RECORD_BYTES, check_levels};
pub use membership::Membership;
pub use mongodb::DocumentForm;
pub use origin::Origin;
pub use position::Position;
pub use record::{Record, RecordedRecord};
pub use row::{
    Aside, Change, Column, Connector, Event, Field, Key, Row, RowKind, RowSchema, SourceColumn, Table, Value,
};
pub use stamp::{Clock, Stamp};
pub use unavailable::Placeholder;
pub use zone::{UnknownOffset, UtcOffset};

pub use calendar::{
    TimeUnit, date, local_date, local_time, local_timestamp, time, timestamp, unix_millis, zoned_time, zoned_timestamp,
};
pub use decimal::decimal_text;
pub use interval::interval;

/// Runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
