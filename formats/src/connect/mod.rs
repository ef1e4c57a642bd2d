//! Kafka Connect's schema as the JSON converter writes it, and a value's text by its type.
//!
//! Comes in: the `schema` of a `{"schema":…,"payload":…}` record. Goes out: the names and [types](ColumnType) of its
//! row image, and each JSON value as the [`Value`](crate::Value) of its type. The semantic types are those of
//! <https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-data-types> and
//! <https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-data-types>.

mod schema;
mod structured;
mod types;
mod value;

pub use structured::structured_text;
pub use types::{BytesText, ColumnType, Structured, UnknownType};
pub use value::bytes_of;

pub(crate) use schema::{Parsed, Schemas, UNBOUNDED, field_at, field_of};
pub(crate) use value::{bytes, malformed, typed, untyped};
