//! Change events to changelog rows, and back: bytes in, rows out.
//!
//! The crate decodes what a capture tool wrote into Kafka — Debezium's JSON, with or without its Connect schema, and
//! Canal's and Maxwell's — into [changelog rows](Row) with Flink's four row kinds (`+I -U +U -D`). It does no IO, keeps no clock and
//! reads no environment: a [`Record`] goes in, an [`Event`] that borrows from it comes out. An [`Encoder`] writes events in
//! these formats again.
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
//! The rooms, in the order the data flows:
//!
//! - [`record`]: a Kafka record, and the JSON line that keeps one in a file
//! - [`decoder`]: the decoder of a format
//! - [`debezium`]: an envelope becomes an [`Event`]
//! - [`flattened`]: a row that was taken out of its envelope becomes one too
//! - [`canal`]: a flat message becomes an [`Event`]
//! - [`maxwell`]: a row's message becomes an [`Event`]
//! - [`connect`]: Kafka Connect's schema, and a value's text by its type
//! - [`row`]: what an event says: rows, their kinds and values
//! - [`origin`]: where a change comes from
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
pub mod origin;
pub mod record;
pub mod row;

mod calendar;
mod decimal;
mod interval;
mod json;
mod rebuilt;
mod ticks;
mod unavailable;
mod wkb;
mod zone;

pub use connect::{BytesText, ColumnType, Structured, UnknownType, bytes_of, structured_text};
pub use debezium::Stated;
pub use decoder::{Decoder, Format};
pub use encode::{Encoded, Encoder, Encoding, Envelopes, Records, Updates};
pub use error::{Error, ErrorKind};
pub use geometry::Geometry;
pub use origin::Origin;
pub use record::{Record, RecordedRecord};
pub use row::{
    Aside, Change, Column, Connector, Event, Field, Key, Row, RowKind, RowSchema, SourceColumn, Table, Value,
};
pub use unavailable::Placeholder;
pub use zone::{UnknownOffset, UtcOffset};

pub use calendar::{
    TimeUnit, date, local_date, local_time, local_timestamp, time, timestamp, zoned_time, zoned_timestamp,
};
pub use decimal::decimal_text;
pub use interval::interval;
