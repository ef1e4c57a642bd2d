//! A JSON value as the value of its column.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::array;
use super::schema::ColumnType;
use crate::calendar;
use crate::decimal::decimal_text;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Json};
use crate::row::Value;

/// What Postgres's `numeric` can hold: digits before the point, digits behind it.
const SCALES: std::ops::RangeInclusive<i32> = -131_072..=16_383;

/// The value of a column whose type no schema states: what the JSON says, for the target column to understand.
///
/// # Errors
///
/// When a string holds a broken escape.
pub(crate) fn untyped(raw: &RawValue) -> Result<Value<'_>, Error> {
    Ok(match Json::of(raw) {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(text) => Value::Number(Cow::Borrowed(text)),
        Json::String(quoted) => Value::Text(json::unescape(quoted)?),
        Json::Array(text) | Json::Object(text) => Value::Json(Cow::Borrowed(text)),
    })
}

/// The value of a column of the type `ty`.
///
/// # Errors
///
/// When the JSON is of another kind than the type's, or has not its form.
pub(crate) fn typed<'a>(raw: &'a RawValue, ty: &ColumnType) -> Result<Value<'a>, Error> {
    use ColumnType as T;
    let found = Json::of(raw);
    if let Json::Null = found {
        return Ok(Value::Null);
    }
    match ty {
        T::Boolean => match found {
            Json::Bool(value) => Ok(Value::Bool(value)),
            _ => Err(found.unexpected("a boolean")),
        },
        T::Int16 | T::Int32 | T::Int64 => integer(found).map(|_| Value::Number(Cow::Borrowed(raw.get()))),
        T::Float32 | T::Float64 => float(found),
        T::Text | T::Json | T::Xml | T::Uuid | T::Enum | T::EnumSet | T::Ltree | T::TsVector | T::Interval => {
            text(found).map(Value::Text)
        }
        T::Bytes => bytes(found).map(Value::Bytes),
        T::Decimal { scale, .. } => decimal(found, *scale),
        T::VariableScaleDecimal => variable_scale_decimal(found),
        T::Date => {
            let days = i32::try_from(integer(found)?).map_err(|_| malformed("days since 1970", found))?;
            Ok(owned(calendar::date(i64::from(days))))
        }
        T::Time(unit) => Ok(owned(calendar::time(integer(found)?, *unit))),
        T::Timestamp(unit) => Ok(owned(calendar::timestamp(integer(found)?, *unit))),
        T::IsoDate => iso(found, "an ISO 8601 date", calendar::local_date),
        T::IsoTime => iso(found, "an ISO 8601 time", calendar::local_time),
        T::IsoTimestamp => iso(found, "an ISO 8601 timestamp", calendar::local_timestamp),
        T::ZonedTime => iso(found, "an ISO 8601 time with its zone", calendar::zoned_time),
        T::ZonedTimestamp => iso(found, "an ISO 8601 timestamp with its zone", calendar::zoned_timestamp),
        T::MicroDuration => Ok(owned(format!("{} microseconds", integer(found)?))),
        T::Bits { length } => Ok(owned(bits(&bytes(found)?, *length))),
        T::Point => point(found),
        T::Array(item) => array::literal(found, item).map(owned),
        T::Unsupported(name) => Err(Error::new("", ErrorKind::UnsupportedType(name.clone()))),
    }
}

fn owned<'a>(text: String) -> Value<'a> {
    Value::Text(Cow::Owned(text))
}

fn malformed(expected: &'static str, found: Json<'_>) -> Error {
    let found = found.kind().rsplit(' ').next().unwrap_or_default();
    Error::new("", ErrorKind::Malformed { expected, found })
}

fn integer(found: Json<'_>) -> Result<i64, Error> {
    match found {
        Json::Number(text) => text.parse().map_err(|_| malformed("an integer of 64 bits", found)),
        _ => Err(found.unexpected("an integer")),
    }
}

/// The JSON converter writes what JSON has no number for as a string.
fn float(found: Json<'_>) -> Result<Value<'_>, Error> {
    match found {
        Json::Number(text) => Ok(Value::Number(Cow::Borrowed(text))),
        Json::String(quoted) => match json::unescape(quoted)? {
            text if matches!(&*text, "NaN" | "Infinity" | "-Infinity") => Ok(Value::Text(text)),
            _ => Err(malformed("a floating-point number", found)),
        },
        _ => Err(found.unexpected("a floating-point number")),
    }
}

fn text(found: Json<'_>) -> Result<Cow<'_, str>, Error> {
    match found {
        Json::String(quoted) => json::unescape(quoted),
        _ => Err(found.unexpected("a string")),
    }
}

fn bytes(found: Json<'_>) -> Result<Vec<u8>, Error> {
    match found {
        Json::String(quoted) => {
            STANDARD.decode(json::unescape(quoted)?.as_bytes()).map_err(|_| malformed("base64", found))
        }
        _ => Err(found.unexpected("base64")),
    }
}

/// The number's text in base64 (`decimal.format=BASE64`) or as it is (`NUMERIC`).
fn decimal(found: Json<'_>, scale: i32) -> Result<Value<'_>, Error> {
    match found {
        Json::Number(text) => Ok(Value::Number(Cow::Borrowed(text))),
        Json::String(_) if SCALES.contains(&scale) => {
            Ok(Value::Number(Cow::Owned(decimal_text(&bytes(found)?, scale))))
        }
        Json::String(_) => Err(malformed("a decimal with a scale from -131072 to 16383", found)),
        _ => Err(found.unexpected("a decimal")),
    }
}

#[derive(Deserialize)]
struct VariableScale<'a> {
    scale: i32,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// `{"scale":2,"value":"base64"}`, also where no schema says that it is one.
pub(crate) fn variable_scale_decimal(found: Json<'_>) -> Result<Value<'_>, Error> {
    let Json::Object(text) = found else { return Err(found.unexpected("a decimal with its scale")) };
    let VariableScale { scale, value } = json::parse(text.as_bytes())
        .map_err(|_| Error::new("", ErrorKind::Missing { expected: "the fields `scale` and `value` of a decimal" }))?;
    decimal(Json::of(value), scale)
}

fn iso<'a>(found: Json<'a>, expected: &'static str, print: fn(&str) -> Option<String>) -> Result<Value<'a>, Error> {
    print(&text(found)?).map(owned).ok_or_else(|| malformed(expected, found))
}

/// The most bits a `bit(n)` column can have.
const MAX_BITS: usize = 83_886_080;

/// Debezium's Bits are little-endian: the last bit of the text is the lowest bit of the first byte. `length` cuts or
/// fills up at the front; without it every bit of the bytes is printed.
pub(crate) fn bits(bytes: &[u8], length: Option<usize>) -> String {
    let n_bits = bytes.len() * 8;
    let length = length.unwrap_or(n_bits).min(MAX_BITS);
    let all = bytes.iter().rev().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    let mut out = "0".repeat(length.saturating_sub(n_bits));
    out.extend(all.skip(n_bits.saturating_sub(length)).map(|bit| if bit { '1' } else { '0' }));
    out
}

#[derive(Deserialize)]
struct Point<'a> {
    #[serde(borrow)]
    x: &'a RawValue,
    #[serde(borrow)]
    y: &'a RawValue,
}

fn point(found: Json<'_>) -> Result<Value<'_>, Error> {
    let Json::Object(text) = found else { return Err(found.unexpected("a point")) };
    let Point { x, y } = json::parse(text.as_bytes())
        .map_err(|_| Error::new("", ErrorKind::Missing { expected: "the fields `x` and `y` of a point" }))?;
    let coordinate = |raw| match float(Json::of(raw))? {
        Value::Number(text) | Value::Text(text) => Ok::<_, Error>(text),
        _ => Err(Json::of(raw).unexpected("a coordinate")),
    };
    Ok(owned(format!("({},{})", coordinate(x)?, coordinate(y)?)))
}
