//! Columns that say where a row comes from.

use std::borrow::Cow;

use rowkind_formats::{Column, ColumnType, Field, Origin, Record, Value};

/// What a metadata column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// The event's op: c, r, u or d.
    Op,
    /// When the source made the change.
    ChangedAt,
    /// The place in the source's log.
    Position,
    /// The source's transaction.
    Transaction,
    /// The whole `source` block.
    Source,
    /// The record's topic.
    Topic,
    /// The record's partition.
    Partition,
    /// The record's offset.
    Offset,
}

/// A metadata column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataColumn {
    /// Its name in the target.
    pub name: String,
    /// What it holds.
    pub holds: Metadata,
}

impl Metadata {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 8] = [
        ("op", Self::Op),
        ("changed_at", Self::ChangedAt),
        ("position", Self::Position),
        ("transaction", Self::Transaction),
        ("source", Self::Source),
        ("topic", Self::Topic),
        ("partition", Self::Partition),
        ("offset", Self::Offset),
    ];

    /// Its value for a row that `record` brought. NULL where the event does not say.
    pub fn value<'a>(self, origin: &Origin<'a>, record: &Record<'a>) -> Value<'a> {
        let text = |text: Option<Cow<'a, str>>| text.map_or(Value::Null, Value::Text);
        match self {
            Self::Op => text(origin.op.clone()),
            Self::ChangedAt => text(origin.changed_at().map(Cow::Owned)),
            Self::Position => text(origin.position().map(Cow::Owned)),
            Self::Transaction => text(origin.transaction()),
            Self::Source => origin.source().map_or(Value::Null, Value::Json),
            Self::Topic => Value::Text(Cow::Borrowed(record.topic)),
            Self::Partition => Value::Number(Cow::Owned(record.partition.to_string())),
            Self::Offset => Value::Number(Cow::Owned(record.offset.to_string())),
        }
    }
}

impl MetadataColumn {
    /// The column in the shape of a missing table.
    pub fn field(&self) -> Field {
        let ty = match self.holds {
            Metadata::Op | Metadata::Position | Metadata::Transaction | Metadata::Topic => ColumnType::Text,
            Metadata::ChangedAt => ColumnType::ZonedTimestamp,
            Metadata::Source => ColumnType::Json,
            Metadata::Partition => ColumnType::Int32,
            Metadata::Offset => ColumnType::Int64,
        };
        Field::new(self.name.clone(), ty)
    }

    /// The column of a row that `record` brought.
    pub fn column<'a>(&self, origin: &Origin<'a>, record: &Record<'a>) -> Column<'a> {
        Column { name: Cow::Owned(self.name.clone()), value: self.holds.value(origin, record) }
    }
}
