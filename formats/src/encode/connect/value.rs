//! A value in the physical form of its Connect type.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::shape;
use crate::calendar::{Clock, TimeUnit, civil, clock};
use crate::connect::{ColumnType, Structured};
use crate::decimal::Decimal;
use crate::error::{Error, ErrorKind};
use crate::geometry::Geometry;
use crate::interval::Interval;
use crate::json::{self, Fields, Json};
use crate::literal;
use crate::row::Value;
use crate::ticks::{self, Moment};

/// What Connect sends of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConnectValue<'v> {
    Null,
    Bool(bool),
    /// `int8` to `int64`, as the schema says.
    Int(i64),
    /// `float` or `double`: a JSON number's text with the digits that were sent, or `NaN`, `Infinity`, `-Infinity`.
    Float(Cow<'v, str>),
    String(Cow<'v, str>),
    Bytes(Cow<'v, [u8]>),
    Array(Vec<ConnectValue<'v>>),
    Struct(Vec<(Cow<'v, str>, ConnectValue<'v>)>),
    /// With strings for keys.
    Map(Vec<(Cow<'v, str>, ConnectValue<'v>)>),
    /// With integers for keys.
    IntMap(Vec<(i64, ConnectValue<'v>)>),
}

impl ConnectValue<'_> {
    pub(super) fn into_owned(self) -> ConnectValue<'static> {
        use ConnectValue as V;
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let named = |parts: Vec<(Cow<'_, str>, ConnectValue<'_>)>| {
            parts.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect()
        };
        match self {
            V::Null => V::Null,
            V::Bool(value) => V::Bool(value),
            V::Int(value) => V::Int(value),
            V::Float(text) => V::Float(owned(text)),
            V::String(text) => V::String(owned(text)),
            V::Bytes(bytes) => V::Bytes(Cow::Owned(bytes.into_owned())),
            V::Array(items) => V::Array(items.into_iter().map(ConnectValue::into_owned).collect()),
            V::Struct(fields) => V::Struct(named(fields)),
            V::Map(entries) => V::Map(named(entries)),
            V::IntMap(entries) => {
                V::IntMap(entries.into_iter().map(|(key, value)| (key, value.into_owned())).collect())
            }
        }
    }
}

/// The value of a column that is written as `ty`, which is its [`wire_type`](super::wire_type).
///
/// # Errors
///
/// When it is no value of the type, or one that the type's form cannot say.
pub(crate) fn connect_value<'v>(value: &'v Value<'_>, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    use ColumnType as T;
    match (value, ty) {
        (Value::Null, _) => Ok(ConnectValue::Null),
        (Value::Bool(value), T::Boolean) => Ok(ConnectValue::Bool(*value)),
        (Value::Number(number), _) => of_number(number, ty),
        (Value::Text(text) | Value::Untyped(text) | Value::Embedded(text) | Value::WallClock(text), _) => {
            of_text(text, ty)
        }
        (Value::Bits(digits), T::Bits { .. } | T::VaryingBits { .. }) => of_text(digits, ty),
        (Value::Bytes(bytes), T::Bytes | T::BytesAsText(_)) => Ok(ConnectValue::Bytes(Cow::Borrowed(bytes))),
        (Value::Geometry(geometry), T::Point | T::Geometry | T::Geography | T::Circle | T::Line) => {
            shape::of_geometry(geometry, ty)
        }
        (Value::Json(text), T::FloatVector | T::DoubleVector | T::Map) => of_json(text, ty),
        _ => Err(unexpected(ty, kind(value))),
    }
}

/// A geometry of which no type is known.
pub(crate) fn shape_value(geometry: &Geometry) -> Result<ConnectValue<'_>, Error> {
    shape::of_any(geometry)
}

/// What a value is, in words for an error.
pub(crate) fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::Text(_) | Value::Untyped(_) | Value::Embedded(_) | Value::WallClock(_) => "text",
        Value::Bytes(_) => "binary",
        Value::Bits(_) => "bits",
        Value::Geometry(_) => "a geometry",
        Value::Json(_) => "JSON",
    }
}

fn unexpected(ty: &ColumnType, found: &'static str) -> Error {
    match ty {
        ColumnType::Unsupported(name) => Error::new("", ErrorKind::UnsupportedType(name.clone())),
        _ => Error::new("", ErrorKind::Unexpected { expected: expected(ty), found }),
    }
}

pub(super) fn malformed(ty: &ColumnType, found: &'static str) -> Error {
    Error::new("", ErrorKind::Malformed { expected: expected(ty), found })
}

/// What a column of the type holds.
fn expected(ty: &ColumnType) -> &'static str {
    use ColumnType as T;
    match ty {
        T::Boolean => "a boolean",
        T::Int16 => "an integer of 16 bits",
        T::Int32 => "an integer of 32 bits",
        T::Int64 => "an integer of 64 bits",
        T::UnsignedInt64 => "an integer of 64 bits without a sign",
        T::Float32 | T::Float64 => "a floating-point number",
        T::Text | T::Json | T::Xml | T::Uuid | T::Enum | T::EnumSet | T::Ltree | T::TsVector => "text",
        T::Bytes | T::BytesAsText(_) => "binary",
        T::Decimal { .. } => "a decimal with no more digits behind the point than the column has",
        T::VariableScaleDecimal => "a decimal",
        T::Date | T::IsoDate | T::Structured(Structured::Date) => "a date that exists",
        T::Time(_) | T::IsoTime | T::Structured(Structured::Time) => "a time that the column's unit can tell",
        T::Timestamp(_) | T::IsoTimestamp | T::Structured(Structured::Timestamp) => {
            "a timestamp that exists and that the column's unit can tell"
        }
        T::ZonedTime | T::Structured(Structured::ZonedTime) => "a time with its zone",
        T::ZonedTimestamp | T::Structured(Structured::ZonedTimestamp) => "a timestamp with its zone",
        T::Interval | T::Duration(_) | T::Structured(Structured::Duration) => "an interval",
        T::Bits { .. } | T::VaryingBits { .. } => "as many binary digits as the column has",
        T::Point | T::Geometry | T::Geography | T::Circle | T::Line => "a geometry of the column's type",
        T::FloatVector | T::DoubleVector => "an array of numbers",
        T::SparseVector => "a sparse vector",
        T::Map => "a map of strings",
        T::Array(_) => "an array",
        T::Unsupported(_) => "null",
    }
}

fn of_number<'v>(number: &'v str, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    use ColumnType as T;
    let value = match ty {
        T::Int16 => number.parse::<i16>().ok().map(|value| ConnectValue::Int(value.into())),
        T::Int32 => number.parse::<i32>().ok().map(|value| ConnectValue::Int(value.into())),
        T::Int64 => number.parse().ok().map(ConnectValue::Int),
        // from 2⁶³ on as the negative number of its bits
        T::UnsignedInt64 => number.parse::<u64>().ok().map(|value| ConnectValue::Int(value.cast_signed())),
        T::Float32 | T::Float64 => json::is_number(number).then_some(ConnectValue::Float(Cow::Borrowed(number))),
        T::Decimal { scale, .. } => Decimal::parse(number).and_then(|decimal| decimal.unscaled(*scale)).map(bytes),
        T::VariableScaleDecimal => Decimal::parse(number).and_then(|decimal| {
            let scale = decimal.scale()?;
            Some(fields([("scale", ConnectValue::Int(scale.into())), ("value", bytes(decimal.unscaled(scale)?))]))
        }),
        _ => return Err(unexpected(ty, "a number")),
    };
    value.ok_or_else(|| malformed(ty, "number"))
}

fn of_text<'v>(text: &'v str, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    use ColumnType as T;
    let string = |text: Option<String>| text.map(|text| ConnectValue::String(Cow::Owned(text)));
    let value = match ty {
        T::Text | T::Json | T::Xml | T::Uuid | T::Enum | T::EnumSet | T::Ltree | T::TsVector => {
            Some(ConnectValue::String(Cow::Borrowed(text)))
        }
        T::Float32 | T::Float64 => is_no_number(text).then_some(ConnectValue::Float(Cow::Borrowed(text))),
        T::Date => ticks::date(text).map(ConnectValue::Int),
        T::Time(unit) | T::Duration(unit) => ticks::time(text, *unit).map(ConnectValue::Int),
        T::Timestamp(unit) => ticks::timestamp(text, *unit).map(ConnectValue::Int),
        T::IsoDate => string(ticks::iso_date(text)),
        T::IsoTime => string(ticks::iso_time(text)),
        T::IsoTimestamp => string(ticks::iso_timestamp(text)),
        T::ZonedTime => string(ticks::iso_zoned_time(text)),
        T::ZonedTimestamp => string(ticks::iso_zoned_timestamp(text)),
        T::Interval => string(Interval::parse(text).map(|interval| interval.iso())),
        T::Structured(ty) => structured(text, *ty),
        T::Bits { length } | T::VaryingBits { length } => {
            let fits = length.map_or(text.len().is_multiple_of(8), |length| text.len() == length);
            literal::bits_bytes(text).filter(|_| fits).map(bytes)
        }
        T::SparseVector => sparse_vector(text),
        T::Array(item) => return array(text, item),
        _ => return Err(unexpected(ty, "text")),
    };
    value.ok_or_else(|| malformed(ty, "text"))
}

fn of_json<'v>(text: &'v str, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    let value = match ty {
        ColumnType::Map => json::parse::<Fields<'v>>(text.as_bytes()).ok().and_then(|Fields(entries)| {
            let entry = |(key, raw): (Cow<'v, str>, &'v RawValue)| match Json::of(raw) {
                Json::Null => Some((key, ConnectValue::Null)),
                Json::String(quoted) => Some((key, ConnectValue::String(json::unescape(quoted).ok()?))),
                _ => None,
            };
            entries.into_iter().map(entry).collect::<Option<_>>().map(ConnectValue::Map)
        }),
        _ => json::parse::<Vec<&'v RawValue>>(text.as_bytes()).ok().and_then(|items| {
            let item = |raw: &'v RawValue| match Json::of(raw) {
                Json::Number(number) => Some(ConnectValue::Float(Cow::Borrowed(number))),
                Json::String(quoted) => {
                    json::unescape(quoted).ok().filter(|text| is_no_number(text)).map(ConnectValue::Float)
                }
                _ => None,
            };
            items.into_iter().map(item).collect::<Option<_>>().map(ConnectValue::Array)
        }),
    };
    value.ok_or_else(|| malformed(ty, "value"))
}

fn array<'v>(text: &'v str, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    let none = || Error::new("", ErrorKind::Malformed { expected: "the literal of an array", found: "text" });
    let items = literal::array_items(text).ok_or_else(none)?;
    let items = items.into_iter().enumerate().map(|(at, text)| {
        let value = match &text {
            None => Ok(ConnectValue::Null),
            Some(text) => item(text, ty).map(ConnectValue::into_owned),
        };
        value.map_err(|error| error.under(&at.to_string()))
    });
    items.collect::<Result<_, _>>().map(ConnectValue::Array)
}

/// An item as Postgres prints it inside its array.
fn item<'v>(text: &'v str, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    use ColumnType as T;
    match ty {
        T::Boolean => match text {
            "t" => Ok(ConnectValue::Bool(true)),
            "f" => Ok(ConnectValue::Bool(false)),
            _ => Err(malformed(ty, "text")),
        },
        T::Float32 | T::Float64 if is_no_number(text) => of_text(text, ty),
        T::Int16
        | T::Int32
        | T::Int64
        | T::UnsignedInt64
        | T::Float32
        | T::Float64
        | T::Decimal { .. }
        | T::VariableScaleDecimal => of_number(text, ty),
        T::Bytes | T::BytesAsText(_) => {
            let unhex = text.strip_prefix("\\x").and_then(literal::unhex);
            unhex.map(bytes).ok_or_else(|| malformed(ty, "text"))
        }
        T::FloatVector | T::DoubleVector | T::Map => of_json(text, ty),
        T::Point | T::Geometry | T::Geography | T::Circle | T::Line => shape::of_text(text, ty),
        _ => of_text(text, ty),
    }
}

/// What the JSON converter writes as a string, since JSON has no number for it.
fn is_no_number(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}

pub(super) fn bytes(bytes: Vec<u8>) -> ConnectValue<'static> {
    ConnectValue::Bytes(Cow::Owned(bytes))
}

pub(super) fn fields<'v, const N: usize>(fields: [(&'static str, ConnectValue<'v>); N]) -> ConnectValue<'v> {
    ConnectValue::Struct(fields.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
}

fn sparse_vector(text: &str) -> Option<ConnectValue<'_>> {
    let (dimensions, elements) = literal::sparse_vector_parts(text)?;
    // Connect's integers there have 16 bits
    let fits = |number: i64| i16::try_from(number).is_ok();
    let element = |(index, number): (i64, &'_ str)| {
        let is_one = fits(index) && json::is_number(number);
        is_one.then(|| (index, ConnectValue::Float(Cow::Owned(number.to_owned()))))
    };
    let vector = ConnectValue::IntMap(elements.into_iter().map(element).collect::<Option<_>>()?);
    fits(dimensions).then(|| fields([("dimensions", ConnectValue::Int(dimensions)), ("vector", vector)]))
}

type Parts = Vec<(Cow<'static, str>, ConnectValue<'static>)>;

fn structured(text: &str, ty: Structured) -> Option<ConnectValue<'static>> {
    let special = match (text, ty) {
        (_, Structured::Time | Structured::ZonedTime | Structured::Duration) => None,
        ("infinity", _) => Some("POSITIVE_INFINITY"),
        ("-infinity", _) => Some("NEGATIVE_INFINITY"),
        _ => None,
    };
    if let Some(special) = special {
        return Some(fields([("specialValue", ConnectValue::String(Cow::Borrowed(special)))]));
    }
    let mut parts = Parts::new();
    match ty {
        Structured::Date => push_day(&mut parts, ticks::date(text)?),
        Structured::Time => push_clock(&mut parts, &clock(text).filter(|(_, zone)| zone.is_empty())?.0)?,
        Structured::Timestamp => push_moment(&mut parts, Moment::local(text)?)?,
        Structured::ZonedTime => {
            let (clock, offset) = ticks::zoned_clock(text)?;
            push_clock(&mut parts, &clock)?;
            push(&mut parts, "offsetSeconds", offset);
        }
        Structured::ZonedTimestamp => {
            push_moment(&mut parts, Moment::utc(text)?)?;
            push(&mut parts, "offsetSeconds", 0);
        }
        Structured::Duration => push_duration(&mut parts, &Interval::parse(text)?)?,
    }
    Some(ConnectValue::Struct(parts))
}

fn push(parts: &mut Parts, name: &'static str, value: i64) {
    parts.push((Cow::Borrowed(name), ConnectValue::Int(value)));
}

fn push_day(parts: &mut Parts, days: i64) {
    let (year, month, day) = civil(days);
    for (name, value) in [("year", year), ("month", month), ("day", day)] {
        push(parts, name, value);
    }
}

fn push_clock(parts: &mut Parts, clock: &Clock<'_>) -> Option<()> {
    let (seconds, nanos) = (clock.seconds, ticks::fraction_ticks(clock.fraction, TimeUnit::Nanos)?);
    let units = [("hour", seconds / 3_600), ("minute", seconds / 60 % 60), ("second", seconds % 60), ("nanos", nanos)];
    for (name, value) in units {
        push(parts, name, value);
    }
    Some(())
}

fn push_moment(parts: &mut Parts, moment: Moment<'_>) -> Option<()> {
    push_day(parts, moment.days);
    push_clock(parts, &Clock { seconds: moment.seconds, fraction: moment.fraction })
}

/// All but seconds have 32 bits.
fn push_duration(parts: &mut Parts, interval: &Interval) -> Option<()> {
    let (seconds, micros) = (interval.micros / 1_000_000, interval.micros % 1_000_000);
    let units = [
        ("years", interval.months / 12),
        ("months", interval.months % 12),
        ("days", interval.days),
        ("hours", seconds / 3_600),
        ("minutes", seconds / 60 % 60),
        ("seconds", seconds % 60),
        ("nanos", micros * 1_000),
    ];
    for (name, value) in units {
        i32::try_from(value).ok()?;
        push(parts, name, value);
    }
    Some(())
}
