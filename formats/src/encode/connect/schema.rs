//! The Connect schema of a column.

use std::borrow::Cow;

use crate::calendar::TimeUnit;
use crate::connect::{ColumnType, Structured, UNBOUNDED};
use crate::row::{Connector, Field, RowSchema};

/// A type of Connect with what is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) ty: Type,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) version: Option<u8>,
    pub(crate) parameters: Vec<(&'static str, String)>,
    pub(crate) optional: bool,
}

/// The physical types of Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    Bytes,
    Array(Box<Schema>),
    /// Of keys of the first to values of the second.
    Map(Box<(Schema, Schema)>),
    /// Fields by their names.
    Struct(Vec<(Cow<'static, str>, Schema)>),
}

/// The type that a column's values are written as. It differs from the column's own where that is only a form of text for
/// bytes, and for a TIME of `MySQL`, which is more than a time of day.
pub(crate) fn wire_type(field: &Field) -> Cow<'_, ColumnType> {
    match (&field.ty, field.source.connector) {
        (ColumnType::BytesAsText(_), _) => Cow::Owned(ColumnType::Bytes),
        (ColumnType::IsoTime, Some(Connector::MySql)) => Cow::Owned(ColumnType::Time(TimeUnit::Micros)),
        (ty, _) => Cow::Borrowed(ty),
    }
}

impl Schema {
    /// A type that is called nothing and may be null.
    pub(crate) fn optional(ty: Type) -> Self {
        Self { ty, name: None, version: None, parameters: Vec::new(), optional: true }
    }

    /// The same, never null.
    pub(crate) fn required(ty: Type) -> Self {
        Self { optional: false, ..Self::optional(ty) }
    }

    pub(crate) fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    pub(crate) fn versioned(self, version: u8) -> Self {
        Self { version: Some(version), ..self }
    }

    /// A struct of the columns, which may all be null: nobody says which may not.
    pub(crate) fn of_row(schema: &RowSchema) -> Self {
        Self::optional(Type::Struct(schema.fields.iter().map(Self::named_field).collect()))
    }

    /// A column under the name that its values are sent under.
    pub(crate) fn named_field(field: &Field) -> (Cow<'static, str>, Self) {
        (Cow::Owned(field.sent_as.as_ref().unwrap_or(&field.name).clone()), Self::of_field(field))
    }

    fn of_field(field: &Field) -> Self {
        let mut schema = Self::of_type(&wire_type(field), field.source.connector);
        let source = &field.source;
        let only_there = match (&field.ty, source.connector) {
            // nothing else tells these from their neighbours
            (ColumnType::UnsignedInt64, _) => Some("BIGINT UNSIGNED"),
            (ColumnType::Bits { length: Some(_) }, Some(Connector::Postgres) | None) => Some("BIT"),
            _ => None,
        };
        let told = source.ty.as_deref().filter(|ty| only_there.is_none_or(|only| ty.starts_with(only)));
        let parameters = [
            ("__debezium.source.column.type", told.or(only_there).map(str::to_owned)),
            ("__debezium.source.column.length", source.length.map(|length| length.to_string())),
            ("__debezium.source.column.scale", source.scale.map(|scale| scale.to_string())),
            ("__debezium.source.column.name", field.sent_as.as_ref().map(|_| field.name.clone())),
        ];
        schema.parameters.extend(parameters.into_iter().filter_map(|(name, value)| Some((name, value?))));
        schema
    }

    fn of_type(ty: &ColumnType, connector: Option<Connector>) -> Self {
        use ColumnType as T;
        let mut schema = Self::optional(physical(ty, connector));
        match ty {
            T::Decimal { precision, scale } => {
                schema = schema.named("org.apache.kafka.connect.data.Decimal").versioned(1);
                schema.parameters.push(("scale", scale.to_string()));
                schema.parameters.extend(precision.map(|n| ("connect.decimal.precision", n.to_string())));
            }
            T::Bits { length } | T::VaryingBits { length } => {
                schema = schema.named("io.debezium.data.Bits").versioned(1);
                schema.parameters.push(("length", length.unwrap_or(UNBOUNDED).to_string()));
            }
            ty => {
                if let Some(name) = ty.semantic_name() {
                    schema = schema.named(name).versioned(1);
                }
            }
        }
        schema
    }
}

fn physical(ty: &ColumnType, connector: Option<Connector>) -> Type {
    use ColumnType as T;
    match ty {
        T::Boolean => Type::Boolean,
        T::Int16 => Type::Int16,
        T::Int32 | T::Date | T::Time(TimeUnit::Millis) => Type::Int32,
        T::Int64 | T::UnsignedInt64 | T::Time(_) | T::Timestamp(_) | T::Duration(_) => Type::Int64,
        T::Float32 => Type::Float32,
        T::Float64 => Type::Float64,
        T::Bytes | T::BytesAsText(_) | T::Decimal { .. } | T::Bits { .. } | T::VaryingBits { .. } => Type::Bytes,
        T::Text
        | T::Json
        | T::Xml
        | T::Uuid
        | T::Enum
        | T::EnumSet
        | T::Ltree
        | T::TsVector
        | T::IsoDate
        | T::IsoTime
        | T::IsoTimestamp
        | T::ZonedTime
        | T::ZonedTimestamp
        | T::Interval
        // a column of which nothing but NULL can be known
        | T::Unsupported(_) => Type::String,
        T::VariableScaleDecimal => {
            Type::Struct(vec![required("scale", Type::Int32), required("value", Type::Bytes)])
        }
        T::Structured(ty) => Type::Struct(structured(*ty)),
        T::Point => Type::Struct(point()),
        T::Geometry | T::Geography => {
            let mut fields = vec![required("wkb", Type::Bytes), optional("srid", Type::Int32)];
            // Postgres's own types are told apart there
            if connector != Some(Connector::MySql) {
                fields.push(optional("extensions", string_map()));
            }
            Type::Struct(fields)
        }
        T::Circle => {
            let center = Schema::required(Type::Struct(point())).named("io.debezium.data.geometry.Point").versioned(1);
            Type::Struct(vec![("center".into(), center), required("radius", Type::Float64)])
        }
        T::Line => Type::Struct(["a", "b", "c"].map(|name| required(name, Type::Float64)).to_vec()),
        T::FloatVector => Type::Array(Box::new(Schema::required(Type::Float32))),
        T::DoubleVector => Type::Array(Box::new(Schema::required(Type::Float64))),
        T::SparseVector => {
            let elements = Type::Map(Box::new((Schema::required(Type::Int16), Schema::required(Type::Float64))));
            Type::Struct(vec![required("dimensions", Type::Int16), required("vector", elements)])
        }
        T::Map => string_map(),
        T::Array(item) => Type::Array(Box::new(Schema::of_type(item, connector))),
    }
}

type NamedSchema = (Cow<'static, str>, Schema);

fn required(name: &'static str, ty: Type) -> NamedSchema {
    (name.into(), Schema::required(ty))
}

fn optional(name: &'static str, ty: Type) -> NamedSchema {
    (name.into(), Schema::optional(ty))
}

fn string_map() -> Type {
    Type::Map(Box::new((Schema::required(Type::String), Schema::optional(Type::String))))
}

fn point() -> Vec<NamedSchema> {
    vec![
        required("x", Type::Float64),
        required("y", Type::Float64),
        optional("wkb", Type::Bytes),
        optional("srid", Type::Int32),
    ]
}

fn structured(ty: Structured) -> Vec<NamedSchema> {
    let day = || vec![optional("year", Type::Int32), optional("month", Type::Int8), optional("day", Type::Int8)];
    let clock = || {
        let parts = ["hour", "minute", "second"].map(|name| optional(name, Type::Int8));
        parts.into_iter().chain([optional("nanos", Type::Int32)])
    };
    let (offset, special) = (optional("offsetSeconds", Type::Int32), optional("specialValue", Type::String));
    match ty {
        Structured::Date => day().into_iter().chain([special]).collect(),
        Structured::Time => clock().collect(),
        Structured::Timestamp => day().into_iter().chain(clock()).chain([special]).collect(),
        Structured::ZonedTime => clock().chain([offset]).collect(),
        Structured::ZonedTimestamp => day().into_iter().chain(clock()).chain([offset, special]).collect(),
        Structured::Duration => {
            let parts = ["years", "months", "days", "hours", "minutes"].map(|name| optional(name, Type::Int32));
            let rest = [optional("seconds", Type::Int64), optional("nanos", Type::Int32)];
            parts.into_iter().chain(rest).collect()
        }
    }
}
