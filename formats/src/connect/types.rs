//! The types of columns, by the names of Kafka Connect and Debezium, and by the names that a setting gives them.

use std::str::FromStr;

use crate::calendar::TimeUnit;

/// What the values of a column are, as the event's schema or a setting states it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// `boolean`, and `bit(1)`.
    Boolean,
    /// `int8` and `int16`.
    Int16,
    /// `int32`, and `io.debezium.time.Year`.
    Int32,
    /// `int64`.
    Int64,
    /// `int64` of a `BIGINT UNSIGNED` (`bigint.unsigned.handling.mode=long`): from 2⁶³ on it is sent as a negative number.
    UnsignedInt64,
    /// `float`, 32 bits.
    Float32,
    /// `double`, 64 bits.
    Float64,
    /// `string` without a semantic name.
    Text,
    /// `bytes` without a semantic name: base64 in JSON.
    Bytes,
    /// `string` that holds bytes (`binary.handling.mode`). No schema says so, only a setting.
    BytesAsText(BytesText),
    /// `org.apache.kafka.connect.data.Decimal`.
    Decimal {
        /// All digits, where the connector says so (`connect.decimal.precision`).
        precision: Option<i32>,
        /// Digits behind the point; negative for zeros before it.
        scale: i32,
    },
    /// `io.debezium.data.VariableScaleDecimal`.
    VariableScaleDecimal,
    /// Days since 1970: `io.debezium.time.Date`, `org.apache.kafka.connect.data.Date`.
    Date,
    /// Time of day in ticks since midnight: `io.debezium.time.{Time,MicroTime,NanoTime}`, Connect's `Time`. Of `MySQL` it
    /// may be negative or longer than a day.
    Time(TimeUnit),
    /// Wall clock in ticks since 1970: `io.debezium.time.{Timestamp,MicroTimestamp,NanoTimestamp}`, Connect's `Timestamp`.
    Timestamp(TimeUnit),
    /// `io.debezium.time.IsoDate`.
    IsoDate,
    /// `io.debezium.time.IsoTime`.
    IsoTime,
    /// `io.debezium.time.IsoTimestamp`.
    IsoTimestamp,
    /// `io.debezium.time.ZonedTime`.
    ZonedTime,
    /// `io.debezium.time.ZonedTimestamp`.
    ZonedTimestamp,
    /// `io.debezium.time.Structured…`: the parts of a date or time as fields.
    Structured(Structured),
    /// `io.debezium.time.Interval`, an ISO 8601 duration.
    Interval,
    /// `io.debezium.time.{Micro,Nano}Duration`: ticks, months flattened to 30.4375 days by the source.
    Duration(TimeUnit),
    /// `io.debezium.data.Json`.
    Json,
    /// `io.debezium.data.Xml`.
    Xml,
    /// `io.debezium.data.Uuid`.
    Uuid,
    /// `io.debezium.data.Enum`.
    Enum,
    /// `io.debezium.data.EnumSet`: names joined by commas.
    EnumSet,
    /// `io.debezium.data.Ltree`.
    Ltree,
    /// `io.debezium.data.TsVector`.
    TsVector,
    /// `io.debezium.data.Bits`, little-endian, of a connector that sends every bit, or of a column of fixed length.
    Bits {
        /// Number of bits; `None` for as many as there are bytes for.
        length: Option<usize>,
    },
    /// `io.debezium.data.Bits` that may be of a `bit varying`: Debezium sends it without the zeros in front, and nobody
    /// says how many there were.
    VaryingBits {
        /// The most bits there can be; `None` without a limit.
        length: Option<usize>,
    },
    /// `io.debezium.data.geometry.Point`.
    Point,
    /// `io.debezium.data.geometry.Geometry`: `PostGIS`, `MySQL`, and Postgres's own box, lseg, path and polygon.
    Geometry,
    /// `io.debezium.data.geometry.Geography`.
    Geography,
    /// `io.debezium.data.geometry.Circle`.
    Circle,
    /// `io.debezium.data.geometry.Line`.
    Line,
    /// `io.debezium.data.FloatVector`: pgvector's `halfvec`, `MySQL`'s `VECTOR`.
    FloatVector,
    /// `io.debezium.data.DoubleVector`: pgvector's `vector`.
    DoubleVector,
    /// `io.debezium.data.SparseDoubleVector`: pgvector's `sparsevec`.
    SparseVector,
    /// A map: `hstore` with `hstore.handling.mode=map`.
    Map,
    /// An array.
    Array(Box<ColumnType>),
    /// A type that cannot be decoded, by its name.
    Unsupported(String),
}

/// How bytes are written as text: `binary.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BytesText {
    /// With `+` and `/`.
    Base64,
    /// With `-` and `_`.
    Base64UrlSafe,
    /// Two digits a byte.
    Hex,
}

/// Which parts a structured value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structured {
    /// `StructuredDate`
    Date,
    /// `StructuredTime`
    Time,
    /// `StructuredTimestamp`
    Timestamp,
    /// `StructuredZonedTime`
    ZonedTime,
    /// `StructuredZonedTimestamp`
    ZonedTimestamp,
    /// `StructuredDuration`
    Duration,
}

impl ColumnType {
    /// The type of a semantic name of Connect or Debezium that says all by itself.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        SEMANTIC.iter().find(|(semantic, _)| *semantic == name).map(|(_, ty)| ty.clone())
    }

    /// The semantic name of a type that needs no parameters; Debezium's own where Connect has one too. `None` for a
    /// primitive.
    pub(crate) fn semantic_name(&self) -> Option<&'static str> {
        SEMANTIC.iter().find(|(_, ty)| ty == self && *ty != Self::Int32).map(|(name, _)| *name)
    }
}

/// Semantic names that say all by themselves. Of the names of one type the first is the one that is written.
const SEMANTIC: &[(&str, ColumnType)] = &[
    ("io.debezium.data.VariableScaleDecimal", ColumnType::VariableScaleDecimal),
    ("io.debezium.time.Date", ColumnType::Date),
    ("org.apache.kafka.connect.data.Date", ColumnType::Date),
    ("io.debezium.time.Time", ColumnType::Time(TimeUnit::Millis)),
    ("org.apache.kafka.connect.data.Time", ColumnType::Time(TimeUnit::Millis)),
    ("io.debezium.time.MicroTime", ColumnType::Time(TimeUnit::Micros)),
    ("io.debezium.time.NanoTime", ColumnType::Time(TimeUnit::Nanos)),
    ("io.debezium.time.Timestamp", ColumnType::Timestamp(TimeUnit::Millis)),
    ("org.apache.kafka.connect.data.Timestamp", ColumnType::Timestamp(TimeUnit::Millis)),
    ("io.debezium.time.MicroTimestamp", ColumnType::Timestamp(TimeUnit::Micros)),
    ("io.debezium.time.NanoTimestamp", ColumnType::Timestamp(TimeUnit::Nanos)),
    ("io.debezium.time.IsoDate", ColumnType::IsoDate),
    ("io.debezium.time.IsoTime", ColumnType::IsoTime),
    ("io.debezium.time.IsoTimestamp", ColumnType::IsoTimestamp),
    ("io.debezium.time.ZonedTime", ColumnType::ZonedTime),
    ("io.debezium.time.ZonedTimestamp", ColumnType::ZonedTimestamp),
    ("io.debezium.time.StructuredDate", ColumnType::Structured(Structured::Date)),
    ("io.debezium.time.StructuredTime", ColumnType::Structured(Structured::Time)),
    ("io.debezium.time.StructuredTimestamp", ColumnType::Structured(Structured::Timestamp)),
    ("io.debezium.time.StructuredZonedTime", ColumnType::Structured(Structured::ZonedTime)),
    ("io.debezium.time.StructuredZonedTimestamp", ColumnType::Structured(Structured::ZonedTimestamp)),
    ("io.debezium.time.StructuredDuration", ColumnType::Structured(Structured::Duration)),
    ("io.debezium.time.Year", ColumnType::Int32),
    ("io.debezium.time.Interval", ColumnType::Interval),
    ("io.debezium.time.MicroDuration", ColumnType::Duration(TimeUnit::Micros)),
    ("io.debezium.time.NanoDuration", ColumnType::Duration(TimeUnit::Nanos)),
    ("io.debezium.data.Json", ColumnType::Json),
    ("io.debezium.data.Xml", ColumnType::Xml),
    ("io.debezium.data.Uuid", ColumnType::Uuid),
    ("io.debezium.data.Enum", ColumnType::Enum),
    ("io.debezium.data.EnumSet", ColumnType::EnumSet),
    ("io.debezium.data.Ltree", ColumnType::Ltree),
    ("io.debezium.data.TsVector", ColumnType::TsVector),
    ("io.debezium.data.Tsvector", ColumnType::TsVector),
    ("io.debezium.data.geometry.Point", ColumnType::Point),
    ("io.debezium.data.geometry.Geometry", ColumnType::Geometry),
    ("io.debezium.data.geometry.Geography", ColumnType::Geography),
    ("io.debezium.data.geometry.Circle", ColumnType::Circle),
    ("io.debezium.data.geometry.Line", ColumnType::Line),
    ("io.debezium.data.FloatVector", ColumnType::FloatVector),
    ("io.debezium.data.DoubleVector", ColumnType::DoubleVector),
    ("io.debezium.data.SparseDoubleVector", ColumnType::SparseVector),
];

/// A type as a setting names it: `timestamp-millis`, `decimal(2)`, `bits(20)`, `date[]`.
///
/// ```
/// use rowkind_formats::{ColumnType, TimeUnit};
///
/// assert_eq!("timestamp-millis".parse(), Ok(ColumnType::Timestamp(TimeUnit::Millis)));
/// assert_eq!("bits(20)".parse(), Ok(ColumnType::Bits { length: Some(20) }));
/// assert!("timestamp".parse::<ColumnType>().is_err(), "its unit has to be said");
/// ```
impl FromStr for ColumnType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        use ColumnType as T;
        if let Some(item) = text.strip_suffix("[]") {
            return item.parse().map(|item| T::Array(Box::new(item)));
        }
        let argument = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(scale) = argument("decimal") {
            return scale.parse().map(|scale| T::Decimal { precision: None, scale }).map_err(|_| UnknownType);
        }
        if let Some(length) = argument("bits") {
            return length.parse().map(|length| T::Bits { length: Some(length) }).map_err(|_| UnknownType);
        }
        NAMED.iter().find(|(name, _)| *name == text).map(|(_, ty)| ty.clone()).ok_or(UnknownType)
    }
}

/// A text that names no type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a type such as timestamp-millis, decimal(2), bits(20), unsigned-int64, bytes-hex or date[]")]
pub struct UnknownType;

/// What a setting can name, without `decimal(scale)` and `bits(length)`.
const NAMED: &[(&str, ColumnType)] = &[
    ("boolean", ColumnType::Boolean),
    ("int16", ColumnType::Int16),
    ("int32", ColumnType::Int32),
    ("int64", ColumnType::Int64),
    ("unsigned-int64", ColumnType::UnsignedInt64),
    ("float32", ColumnType::Float32),
    ("float64", ColumnType::Float64),
    ("text", ColumnType::Text),
    ("bytes", ColumnType::Bytes),
    ("bytes-base64", ColumnType::BytesAsText(BytesText::Base64)),
    ("bytes-base64-url-safe", ColumnType::BytesAsText(BytesText::Base64UrlSafe)),
    ("bytes-hex", ColumnType::BytesAsText(BytesText::Hex)),
    ("variable-scale-decimal", ColumnType::VariableScaleDecimal),
    ("date", ColumnType::Date),
    ("time-millis", ColumnType::Time(TimeUnit::Millis)),
    ("time-micros", ColumnType::Time(TimeUnit::Micros)),
    ("time-nanos", ColumnType::Time(TimeUnit::Nanos)),
    ("timestamp-millis", ColumnType::Timestamp(TimeUnit::Millis)),
    ("timestamp-micros", ColumnType::Timestamp(TimeUnit::Micros)),
    ("timestamp-nanos", ColumnType::Timestamp(TimeUnit::Nanos)),
    ("iso-date", ColumnType::IsoDate),
    ("iso-time", ColumnType::IsoTime),
    ("iso-timestamp", ColumnType::IsoTimestamp),
    ("zoned-time", ColumnType::ZonedTime),
    ("zoned-timestamp", ColumnType::ZonedTimestamp),
    ("interval", ColumnType::Interval),
    ("duration-micros", ColumnType::Duration(TimeUnit::Micros)),
    ("duration-nanos", ColumnType::Duration(TimeUnit::Nanos)),
    ("json", ColumnType::Json),
    ("set", ColumnType::EnumSet),
    ("xml", ColumnType::Xml),
    ("uuid", ColumnType::Uuid),
    ("bits", ColumnType::Bits { length: None }),
    ("geometry", ColumnType::Geometry),
];
