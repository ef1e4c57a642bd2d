//! A value by the type that a setting states, for sources that write texts and leave it to others what they are.
//!
//! Comes in: a value as it stood there, or as the source's own name of its type has it read. Goes out: a value of the stated
//! type, in the form that [`connect`](crate::connect) gives to one.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::calendar;
use crate::connect::{self, BytesText, ColumnType, bytes_of};
use crate::digits::{decimal, float, integer, is_digits};
use crate::error::{Error, ErrorKind};
use crate::geometry::Geometry;
use crate::interval::interval;
use crate::json;
use crate::limits::check_levels;
use crate::row::Value;

/// # Errors
///
/// When the value does not have the form of the type.
pub(crate) fn restated<'a>(value: Value<'a>, ty: &ColumnType) -> Result<Value<'a>, Error> {
    use ColumnType as T;
    match (value, ty) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Bool(value), T::Boolean) => Ok(Value::Bool(value)),
        (Value::Bool(value), T::Text) => Ok(Value::Text(Cow::Borrowed(if value { "true" } else { "false" }))),
        (Value::Bool(value), _) => of_text(Cow::Borrowed(if value { "1" } else { "0" }), ty),
        (Value::Bytes(bytes), T::Bytes) => Ok(Value::Bytes(bytes)),
        (Value::Bytes(bytes), _) => match String::from_utf8(bytes) {
            Ok(text) => of_text(Cow::Owned(text), ty),
            Err(_) => Err(unexpected("text in UTF-8", "other bytes")),
        },
        (Value::Geometry(geometry), T::Point | T::Geometry | T::Geography) => Ok(Value::Geometry(geometry)),
        (Value::Geometry(_), _) => Err(unexpected("a value of the stated type", "a geometry")),
        (Value::WallClock(_), T::ZonedTimestamp) => Err(Error::new(
            "",
            ErrorKind::Unstated { what: "the time zone of a TIMESTAMP", setting: "source.timezone" },
        )),
        (Value::Bits(digits), _) => of_text(Cow::Owned(digits), ty),
        (
            Value::Number(text)
            | Value::Text(text)
            | Value::Untyped(text)
            | Value::Embedded(text)
            | Value::WallClock(text)
            | Value::Json(text),
            _,
        ) => of_text(text, ty),
    }
}

fn of_text<'a>(text: Cow<'a, str>, ty: &ColumnType) -> Result<Value<'a>, Error> {
    use ColumnType as T;
    let printed = |expected, print: fn(&str) -> Option<String>| owned(print(&text), expected);
    let ticks = || text.parse::<i64>().ok();
    match ty {
        T::Boolean => match &*text {
            "1" | "t" | "true" => Ok(Value::Bool(true)),
            "0" | "f" | "false" => Ok(Value::Bool(false)),
            _ => Err(none("true or false")),
        },
        T::Int16 | T::Int32 | T::Int64 | T::UnsignedInt64 => {
            integer(text).map(Value::Number).ok_or_else(|| none("an integer"))
        }
        T::Float32 | T::Float64 if matches!(&*text, "NaN" | "Infinity" | "-Infinity") => Ok(Value::Text(text)),
        T::Float32 | T::Float64 | T::VariableScaleDecimal => {
            float(text).map(Value::Number).ok_or_else(|| none("a number"))
        }
        T::Decimal { scale, .. } => {
            let scale = usize::try_from(*scale).unwrap_or(0);
            decimal(text, scale).map(Value::Number).ok_or_else(|| none("a decimal"))
        }
        T::Text | T::Json | T::Xml | T::Uuid | T::Enum | T::EnumSet | T::Ltree | T::TsVector => {
            if *ty == T::Json {
                check_levels(&text)?;
            }
            Ok(Value::Text(text))
        }
        T::Bytes => bytes_of(&text, BytesText::Base64).map(Value::Bytes),
        T::BytesAsText(form) => bytes_of(&text, *form).map(Value::Bytes),
        T::Date => owned(text.parse::<i32>().ok().map(|days| calendar::date(i64::from(days))), "days since 1970"),
        T::Time(unit) | T::Duration(unit) => owned(ticks().map(|ticks| calendar::time(ticks, *unit)), "an integer"),
        T::Timestamp(unit) => owned(ticks().map(|ticks| calendar::timestamp(ticks, *unit)), "an integer"),
        T::IsoDate => printed("an ISO 8601 date", calendar::local_date),
        T::IsoTime => printed("an ISO 8601 time", calendar::local_time),
        T::IsoTimestamp => printed("an ISO 8601 timestamp", calendar::local_timestamp),
        T::ZonedTime => printed("an ISO 8601 time with its zone", calendar::zoned_time),
        T::ZonedTimestamp => printed("an ISO 8601 timestamp with its zone", calendar::zoned_timestamp),
        T::Interval => printed("an ISO 8601 duration", interval),
        T::Bits { length } | T::VaryingBits { length } => {
            let is_one = is_digits(&text) && text.bytes().all(|byte| byte <= b'1');
            let fits = length.is_none_or(|length| text.len() == length);
            if is_one && fits { Ok(Value::Text(text)) } else { Err(none("as many bits as the column has")) }
        }
        T::Point | T::Geometry | T::Geography if !text.starts_with('{') => match Geometry::of_wkt(&text) {
            Some(geometry) => Ok(Value::Geometry(Box::new(geometry))),
            None => Err(none("a geometry in Well-Known Text")),
        },
        T::Unsupported(name) => Err(Error::new("", ErrorKind::UnsupportedType(name.clone()))),
        // as JSON writes them
        _ => {
            let raw: &RawValue = json::parse(text.as_bytes())?;
            connect::typed(raw.get(), ty).map(Value::into_owned)
        }
    }
}

fn owned<'a>(text: Option<String>, expected: &'static str) -> Result<Value<'a>, Error> {
    text.map(|text| Value::Text(Cow::Owned(text))).ok_or_else(|| none(expected))
}

fn none(expected: &'static str) -> Error {
    Error::new("", ErrorKind::Malformed { expected, found: "string" })
}

fn unexpected(expected: &'static str, found: &'static str) -> Error {
    Error::new("", ErrorKind::Unexpected { expected, found })
}
