//! What an event says: changelog rows, their kinds and values.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::connect::ColumnType;
use crate::geometry::Geometry;
use crate::origin::Origin;

/// The kind of a changelog row, as in Flink's `RowKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RowKind {
    /// `+I`: a row came to be, or was read by a snapshot.
    Insert,
    /// `-U`: what a row was before an update. Stands directly before its `+U`.
    UpdateBefore,
    /// `+U`: what a row is after an update. Comes without a `-U` when the source sent no before image.
    UpdateAfter,
    /// `-D`: what a row was before it was deleted; only its key when the source sent no more.
    Delete,
}

impl RowKind {
    /// `+I`, `-U`, `+U` or `-D`.
    pub fn short(self) -> &'static str {
        match self {
            Self::Insert => "+I",
            Self::UpdateBefore => "-U",
            Self::UpdateAfter => "+U",
            Self::Delete => "-D",
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// A table of the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Table<'a> {
    /// `source.db`; `None` where the event does not say.
    pub database: Option<Cow<'a, str>>,
    /// `source.schema`; `None` for sources without schemas (`MySQL`).
    pub schema: Option<Cow<'a, str>>,
    /// `source.table`.
    pub name: Cow<'a, str>,
}

impl Table<'_> {
    /// The schema, or the database where the source has no schemas.
    pub fn namespace(&self) -> Option<&str> {
        self.schema.as_deref().or(self.database.as_deref()).filter(|name| !name.is_empty())
    }

    /// The same table, borrowing from nothing.
    pub fn into_owned(self) -> Table<'static> {
        Table {
            database: self.database.map(|name| Cow::Owned(name.into_owned())),
            schema: self.schema.map(|name| Cow::Owned(name.into_owned())),
            name: Cow::Owned(self.name.into_owned()),
        }
    }
}

/// The value of a column.
///
/// With a schema it is final: text has the form in which Postgres prints a value of that type. Without a schema it is
/// what the JSON said, and the target column decides what it means (a number may be an epoch, a string base64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value<'a> {
    /// SQL NULL. *Not sent* is not NULL: see [`Row::not_sent`].
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number's text with every digit that was sent.
    Number(Cow<'a, str>),
    /// Text, and everything that Postgres prints as neither a number nor a boolean.
    Text(Cow<'a, str>),
    /// A string in an event without a schema: text, base64, an ISO 8601 time … as the target column says.
    Untyped(Cow<'a, str>),
    /// A string of Maxwell, which names no types: text, base64, a date or time (TIMESTAMP in UTC), a string in an embedded
    /// JSON column of `MySQL`, or the text of one of `MariaDB`, as the target column or a setting says.
    Embedded(Cow<'a, str>),
    /// A timestamp as a clock on the wall showed it, in a time zone that nobody stated (Canal's TIMESTAMP without
    /// `source.timezone`): no moment.
    WallClock(Cow<'a, str>),
    /// Binary.
    Bytes(Vec<u8>),
    /// Binary digits of a Postgres column. When the column is a `bit varying` the zeros in front are not surely those of
    /// the source, which does not send them.
    Bits(String),
    /// A point, geometry, circle or line.
    Geometry(Box<Geometry>),
    /// A map or vector, and an object or array in an event without a schema, as the JSON text that stood there.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// The same value, borrowing from nothing.
    pub fn into_owned(self) -> Value<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(text) => Value::Number(owned(text)),
            Self::Text(text) => Value::Text(owned(text)),
            Self::Untyped(text) => Value::Untyped(owned(text)),
            Self::Embedded(text) => Value::Embedded(owned(text)),
            Self::WallClock(text) => Value::WallClock(owned(text)),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Bits(digits) => Value::Bits(digits),
            Self::Geometry(geometry) => Value::Geometry(geometry),
            Self::Json(text) => Value::Json(owned(text)),
        }
    }
}

/// A column of a row image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column<'a> {
    /// The column's name at the source, case kept.
    pub name: Cow<'a, str>,
    /// Its value.
    pub value: Value<'a>,
}

impl Column<'_> {
    /// The same column, borrowing from nothing.
    pub fn into_owned(self) -> Column<'static> {
        Column { name: Cow::Owned(self.name.into_owned()), value: self.value.into_owned() }
    }
}

/// The names and types of a row image, where the event carries its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSchema {
    /// In column order.
    pub fields: Vec<Field>,
}

/// Which of Debezium's connectors wrote an event, as far as it decides what a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connector {
    /// Postgres.
    Postgres,
    /// `MySQL` and `MariaDB`.
    MySql,
    /// SQL Server, Oracle, Db2 …
    Other,
}

/// A column as the event's schema declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The column's name at the source.
    pub name: String,
    /// The name under which its values are sent, where the connector adjusts names (`field.name.adjustment.mode`) and
    /// says so (`__debezium.source.column.name`).
    pub sent_as: Option<String>,
    /// What its values are.
    pub ty: ColumnType,
    /// What the source's own catalog says of it.
    pub source: SourceColumn,
}

/// A column at its source. Its declaration is known where the connector propagates it
/// (`column.propagate.source.type`, `datatype.propagate.source.type`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceColumn {
    /// Whose event it is, where the schema says so.
    pub connector: Option<Connector>,
    /// The type's name in the source's own words, in capitals: `INT4`, `BPCHAR`, `BIGINT UNSIGNED`.
    pub ty: Option<String>,
    /// Characters, digits or bits, as the type has it.
    pub length: Option<i32>,
    /// Digits behind the point.
    pub scale: Option<i32>,
}

impl SourceColumn {
    /// Whether the source's type is known and of this name.
    pub fn is(&self, ty: &str) -> bool {
        self.ty.as_deref() == Some(ty)
    }
}

impl Field {
    /// A column of which nothing more is known.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self { name: name.into(), sent_as: None, ty, source: SourceColumn::default() }
    }
}

/// The primary key of a change, as the Kafka key tells it. Of a message with many rows it has the values of the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'a> {
    /// In key order; never empty.
    pub columns: Vec<Column<'a>>,
    /// Present when the key carries its schema; then `columns` hold final values.
    pub schema: Option<Arc<RowSchema>>,
}

/// One changelog row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row<'a> {
    /// What happened.
    pub kind: RowKind,
    /// In the order of the source's columns. A column that was not sent is absent.
    pub columns: Vec<Column<'a>>,
    /// Columns that the source has but did not send, and whose value therefore stays what it is (Debezium's
    /// unavailable placeholder for an unchanged `TOAST`ed value). Empty for nearly every row.
    pub not_sent: Vec<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    /// The same row, borrowing from nothing.
    pub fn into_owned(self) -> Row<'static> {
        let not_sent = self.not_sent.into_iter().map(|name| Cow::Owned(name.into_owned())).collect();
        let columns = self.columns.into_iter().map(Column::into_owned).collect();
        Row { kind: self.kind, columns, not_sent }
    }

    /// The value of the column of that name; `None` when it was not sent.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.value)
    }
}

/// The rows of one record: all of one table, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// Where the rows belong.
    pub table: Table<'a>,
    /// `None` when the record had no key: the source table has no primary key.
    pub key: Option<Key<'a>>,
    /// Present when the event carries its schema; then the rows hold final values.
    pub schema: Option<Arc<RowSchema>>,
    /// One or two rows, and of Canal any number; `-U` stands directly before its `+U`.
    pub rows: Vec<Row<'a>>,
    /// What the envelope says beside the rows.
    pub origin: Origin<'a>,
}

/// What one record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// Rows changed.
    Change(Change<'a>),
    /// A null payload that does not follow its own delete: the row of this key is gone. It stands for a delete that
    /// log compaction removed, or one that was read earlier.
    Tombstone {
        /// The table, as far as the topic's earlier records or the key's schema told it.
        table: Option<Table<'a>>,
        /// `None` for a null payload under a null key, which says nothing at all.
        key: Option<Key<'a>>,
    },
    /// All rows of the table are gone.
    Truncate {
        /// The table.
        table: Table<'a>,
        /// What the event says beside it.
        origin: Origin<'a>,
    },
    /// A record that is not about rows: it only advances the offset.
    Aside(Aside),
}

impl<'a> Event<'a> {
    /// The table that it is about, where it tells.
    pub fn table(&self) -> Option<&Table<'a>> {
        match self {
            Self::Change(change) => Some(&change.table),
            Self::Truncate { table, .. } => Some(table),
            Self::Tombstone { table, .. } => table.as_ref(),
            Self::Aside(_) => None,
        }
    }
}

/// A record that is recognised and is not about rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aside {
    /// A connector's heartbeat.
    Heartbeat,
    /// BEGIN or END on the transaction topic.
    Transaction,
    /// DDL, on Debezium's schema-change topic or between the rows of Canal and Maxwell.
    SchemaChange,
    /// The begin or end of a bootstrap of Maxwell's.
    Bootstrap,
    /// The text of a statement, beside the rows that it changed (Canal's QUERY).
    Statement,
    /// A logical decoding message (`op` m).
    Message,
    /// The tombstone that follows its own delete, and so changes nothing.
    Tombstone,
    /// A connector's notification, such as the progress of an incremental snapshot.
    Notification,
}
