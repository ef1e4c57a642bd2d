//! The schema: parsed once, then found again by its text.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use crate::calendar::TimeUnit;
use crate::error::{Error, ErrorKind};
use crate::json;
use crate::row::{Field, RowSchema};

/// What the values of a column are, as the event's schema states it.
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
    /// `float`, 32 bits.
    Float32,
    /// `double`, 64 bits.
    Float64,
    /// `string` without a semantic name.
    Text,
    /// `bytes` without a semantic name.
    Bytes,
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
    /// Time of day in ticks since midnight: `io.debezium.time.{Time,MicroTime,NanoTime}`, Connect's `Time`.
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
    /// `io.debezium.time.Interval`, an ISO 8601 duration.
    Interval,
    /// `io.debezium.time.MicroDuration`: microseconds, months flattened to 30.4375 days by the source.
    MicroDuration,
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
    /// `io.debezium.data.Bits`, little-endian.
    Bits {
        /// Number of bits; `None` for a varying number.
        length: Option<usize>,
    },
    /// `io.debezium.data.geometry.Point`.
    Point,
    /// An array.
    Array(Box<ColumnType>),
    /// A type that cannot be decoded, by its name.
    Unsupported(String),
}

/// Debezium writes this as the length of a `bit varying` without a limit.
const UNBOUNDED: usize = 2_147_483_647;

#[derive(Debug, Deserialize)]
struct Node {
    #[serde(rename = "type")]
    ty: String,
    name: Option<String>,
    parameters: Option<BTreeMap<String, String>>,
    field: Option<String>,
    fields: Option<Vec<Node>>,
    items: Option<Box<Node>>,
}

impl Node {
    fn parameter<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.parameters.as_ref()?.get(name)?.parse().ok()
    }

    fn into_row_schema(self) -> RowSchema {
        let fields = self.fields.unwrap_or_default();
        let field = |node: Node| Field { ty: column_type(&node), name: node.field.unwrap_or_default() };
        RowSchema { fields: fields.into_iter().map(field).collect() }
    }
}

fn column_type(node: &Node) -> ColumnType {
    use ColumnType as T;
    let primitive = match node.ty.as_str() {
        "boolean" => T::Boolean,
        "int8" | "int16" => T::Int16,
        "int32" => T::Int32,
        "int64" => T::Int64,
        "float" | "float32" => T::Float32,
        "double" | "float64" => T::Float64,
        "string" => T::Text,
        "bytes" => T::Bytes,
        "array" => match &node.items {
            Some(items) => T::Array(Box::new(column_type(items))),
            None => T::Unsupported("array".to_owned()),
        },
        other => T::Unsupported(other.to_owned()),
    };
    let Some(name) = node.name.as_deref() else {
        return primitive;
    };
    match name {
        "org.apache.kafka.connect.data.Decimal" => match node.parameter("scale") {
            Some(scale) => T::Decimal { precision: node.parameter("connect.decimal.precision"), scale },
            None => T::Unsupported(format!("{name} without a scale")),
        },
        "io.debezium.data.VariableScaleDecimal" => T::VariableScaleDecimal,
        "org.apache.kafka.connect.data.Date" | "io.debezium.time.Date" => T::Date,
        "org.apache.kafka.connect.data.Time" | "io.debezium.time.Time" => T::Time(TimeUnit::Millis),
        "io.debezium.time.MicroTime" => T::Time(TimeUnit::Micros),
        "io.debezium.time.NanoTime" => T::Time(TimeUnit::Nanos),
        "org.apache.kafka.connect.data.Timestamp" | "io.debezium.time.Timestamp" => T::Timestamp(TimeUnit::Millis),
        "io.debezium.time.MicroTimestamp" => T::Timestamp(TimeUnit::Micros),
        "io.debezium.time.NanoTimestamp" => T::Timestamp(TimeUnit::Nanos),
        "io.debezium.time.IsoDate" => T::IsoDate,
        "io.debezium.time.IsoTime" => T::IsoTime,
        "io.debezium.time.IsoTimestamp" => T::IsoTimestamp,
        "io.debezium.time.ZonedTime" => T::ZonedTime,
        "io.debezium.time.ZonedTimestamp" => T::ZonedTimestamp,
        "io.debezium.time.Year" => T::Int32,
        "io.debezium.time.Interval" => T::Interval,
        "io.debezium.time.MicroDuration" => T::MicroDuration,
        "io.debezium.data.Json" => T::Json,
        "io.debezium.data.Xml" => T::Xml,
        "io.debezium.data.Uuid" => T::Uuid,
        "io.debezium.data.Enum" => T::Enum,
        "io.debezium.data.EnumSet" => T::EnumSet,
        "io.debezium.data.Ltree" => T::Ltree,
        "io.debezium.data.TsVector" | "io.debezium.data.Tsvector" => T::TsVector,
        "io.debezium.data.Bits" => T::Bits { length: node.parameter("length").filter(|n| *n != UNBOUNDED) },
        "io.debezium.data.geometry.Point" => T::Point,
        // A name that is not of Connect's or Debezium's is one that a user's transform gave: the primitive stands.
        _ if !name.starts_with("io.debezium.") && !name.starts_with("org.apache.kafka.connect.data.") => primitive,
        _ => T::Unsupported(name.to_owned()),
    }
}

/// The schemas of an envelope's two images; they differ only in theory, so one stands for both.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    by_text: HashMap<Box<str>, Arc<RowSchema>, foldhash::fast::RandomState>,
}

/// A topic has a handful of schemas in its life; a cache that outgrows this is being filled with noise.
const MAX_SCHEMAS: usize = 4_096;

impl Schemas {
    /// The schema in `text`, made a row schema by `shape`. Parsed only when it was not seen before.
    ///
    /// # Errors
    ///
    /// When the text is not a Connect schema.
    fn get(&mut self, text: &str, shape: fn(Node) -> Result<RowSchema, Error>) -> Result<Arc<RowSchema>, Error> {
        if let Some(schema) = self.by_text.get(text) {
            return Ok(Arc::clone(schema));
        }
        let node = json::parse::<Node>(text.as_bytes()).map_err(|error| {
            let kind = ErrorKind::Malformed { expected: "a Connect schema", found: "value" };
            if matches!(error.kind(), ErrorKind::BrokenJson { .. }) { error } else { Error::new("", kind) }
                .under("schema")
        })?;
        let schema = Arc::new(shape(node)?);
        if self.by_text.len() >= MAX_SCHEMAS {
            self.by_text.clear();
        }
        self.by_text.insert(text.into(), Arc::clone(&schema));
        Ok(schema)
    }

    /// The row schema of an envelope's schema: that of `after`, or of `before` where there is no `after`.
    pub(crate) fn of_envelope(&mut self, text: &str) -> Result<Arc<RowSchema>, Error> {
        self.get(text, |node| {
            let mut before = None;
            for image in node.fields.unwrap_or_default() {
                match image.field.as_deref() {
                    Some("after") => return Ok(image.into_row_schema()),
                    Some("before") => before = Some(image),
                    _ => {}
                }
            }
            before.map(Node::into_row_schema).ok_or_else(|| {
                Error::new("schema", ErrorKind::Missing { expected: "the fields `before` and `after` of an envelope" })
            })
        })
    }

    /// The row schema of a key's schema.
    pub(crate) fn of_key(&mut self, text: &str) -> Result<Arc<RowSchema>, Error> {
        self.get(text, |node| match node.ty.as_str() {
            "struct" => Ok(node.into_row_schema()),
            _ => Err(Error::new(
                "schema",
                ErrorKind::Unexpected { expected: "a struct of the key's columns", found: "a primitive type" },
            )),
        })
    }
}

/// The type of the column `name`, which nearly always stands at `at`.
pub(crate) fn type_of<'s>(schema: &'s RowSchema, name: &str, at: usize) -> Option<&'s ColumnType> {
    match schema.fields.get(at) {
        Some(field) if field.name == name => Some(&field.ty),
        _ => schema.fields.iter().find(|field| field.name == name).map(|field| &field.ty),
    }
}
