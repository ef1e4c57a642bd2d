//! Kafka Connect's schema as the JSON converter writes it, and a value's text by its type.
//!
//! Comes in: the `schema` of a `{"schema":…,"payload":…}` record. Goes out: the names and [types](ColumnType) of its
//! row image, and each JSON value as the [`Value`](crate::Value) of its type. The semantic types are those of
//! <https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-data-types> and
//! <https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-data-types>.

mod schema;
mod value;

pub use schema::ColumnType;

pub(crate) use schema::{Schemas, type_of};
pub(crate) use value::{bytes, malformed, typed, untyped};
