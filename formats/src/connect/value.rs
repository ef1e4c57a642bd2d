//! A JSON value as the value of its column.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::value::RawValue;

use super::structured::structured_text;
use super::types::{BytesText, ColumnType};
use crate::calendar;
use crate::decimal::decimal_of;
use crate::error::{Error, ErrorKind};
use crate::geometry::Geometry;
use crate::interval::interval;
use crate::json::{self, Json};
use crate::limits::check_levels;
use crate::literal;
use crate::row::Value;

/// The value of a column whose type no schema states: what the JSON says, for the target column to understand.
///
/// # Errors
///
/// When a string holds a broken escape, or the value has too many levels.
pub(crate) fn untyped(raw: &str) -> Result<Value<'_>, Error> {
    Ok(match Json::of_text(raw) {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(text) => Value::Number(Cow::Borrowed(text)),
        Json::String(quoted) => Value::Untyped(json::unescape(quoted)?),
        Json::Array(text) | Json::Object(text) => nested(text)?,
    })
}

/// The value of a column of the type `ty`.
///
/// # Errors
///
/// When the JSON is of another kind than the type's, or has not its form.
pub(crate) fn typed<'a>(raw: &'a str, ty: &ColumnType) -> Result<Value<'a>, Error> {
    use ColumnType as T;
    let found = Json::of_text(raw);
    if let Json::Null = found {
        return Ok(Value::Null);
    }
    match ty {
        T::Boolean => match found {
            Json::Bool(value) => Ok(Value::Bool(value)),
            _ => Err(found.unexpected("a boolean")),
        },
        T::Int16 | T::Int32 | T::Int64 => integer(found).map(|_| Value::Number(Cow::Borrowed(raw))),
        T::UnsignedInt64 => unsigned(found, raw).map(Value::Number),
        T::Float32 | T::Float64 => float(found),
        T::Json => {
            let text = text(found)?;
            check_levels(&text)?;
            Ok(Value::Text(text))
        }
        T::Text | T::Xml | T::Uuid | T::Enum | T::EnumSet | T::Ltree | T::TsVector => text(found).map(Value::Text),
        T::Bytes => bytes(found).map(Value::Bytes),
        T::BytesAsText(form) => bytes_of(&text(found)?, *form).map(Value::Bytes),
        T::Decimal { scale, .. } => decimal_of(found, *scale).map(Value::Number),
        T::VariableScaleDecimal => match found {
            Json::Object(text) => literal::variable_scale_decimal(text).map(|text| Value::Number(text.into())),
            _ => Err(found.unexpected("a decimal with its scale")),
        },
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
        T::Interval => iso(found, "an ISO 8601 duration", interval),
        T::Structured(ty) => match found {
            Json::Object(text) => structured_text(text, *ty).map(owned),
            _ => Err(found.unexpected("an object of the parts of a date or time")),
        },
        T::Duration(unit) => Ok(owned(calendar::time(duration(found)?, *unit))),
        T::Bits { length } => bits(found, *length).map(owned),
        T::VaryingBits { length } => bits(found, *length).map(Value::Bits),
        T::Point | T::Geometry | T::Geography | T::Circle | T::Line => match found {
            Json::Object(text) => Ok(Value::Geometry(Box::new(Geometry::parse(text)?))),
            _ => Err(found.unexpected("an object of a geometry")),
        },
        T::FloatVector | T::DoubleVector => match found {
            Json::Array(text) => nested(text),
            _ => Err(found.unexpected("an array of numbers")),
        },
        T::SparseVector => match found {
            Json::Object(text) => literal::sparse_vector(text).map(owned),
            _ => Err(found.unexpected("an object of a sparse vector")),
        },
        T::Map => match found {
            // a map whose keys are no strings is an array of pairs
            Json::Object(text) | Json::Array(text) => nested(text),
            _ => Err(found.unexpected("a map")),
        },
        T::Array(item) => match found {
            Json::Array(text) => literal::raw_array_literal(text, |raw| item_text(raw, item)).map(owned),
            _ => Err(found.unexpected("an array")),
        },
        T::Unsupported(name) => Err(Error::new("", ErrorKind::UnsupportedType(name.clone()))),
    }
}

/// An array's item as Postgres prints it inside the array.
fn item_text(raw: &RawValue, ty: &ColumnType) -> Result<Option<String>, Error> {
    Ok(match typed(raw.get(), ty)? {
        Value::Null => None,
        Value::Bool(value) => Some(if value { "t" } else { "f" }.to_owned()),
        Value::Number(text)
        | Value::Text(text)
        | Value::Untyped(text)
        | Value::Embedded(text)
        | Value::WallClock(text)
        | Value::Json(text) => Some(text.into_owned()),
        Value::Bytes(bytes) => Some(literal::bytea_text(&bytes)),
        Value::Bits(digits) => Some(digits),
        Value::Geometry(geometry) => match (geometry.native(), geometry.ewkb()) {
            (Some(native), _) => Some(native.to_owned()),
            (None, ewkb) => Some(literal::hex_text(ewkb.unwrap_or_default())),
        },
    })
}

/// An object or array that stays one.
///
/// # Errors
///
/// When it has too many levels.
pub(crate) fn nested(text: &str) -> Result<Value<'_>, Error> {
    check_levels(text)?;
    Ok(Value::Json(Cow::Borrowed(text)))
}

fn owned<'a>(text: String) -> Value<'a> {
    Value::Text(Cow::Owned(text))
}

pub(crate) fn malformed(expected: &'static str, found: Json<'_>) -> Error {
    let found = found.kind().rsplit(' ').next().unwrap_or_default();
    Error::new("", ErrorKind::Malformed { expected, found })
}

fn integer(found: Json<'_>) -> Result<i64, Error> {
    match found {
        Json::Number(text) => text.parse().map_err(|_| malformed("an integer of 64 bits", found)),
        _ => Err(found.unexpected("an integer")),
    }
}

/// From 2⁶³ on the source's number does not fit into 64 bits with a sign, and comes as the negative number of its bits.
fn unsigned<'a>(found: Json<'a>, text: &'a str) -> Result<Cow<'a, str>, Error> {
    let number = integer(found)?;
    Ok(if number < 0 { Cow::Owned(number.cast_unsigned().to_string()) } else { Cow::Borrowed(text) })
}

/// Oracle's connector writes durations as floating-point numbers.
fn duration(found: Json<'_>) -> Result<i64, Error> {
    let Json::Number(text) = found else { return Err(found.unexpected("a number of ticks")) };
    let none = || malformed("a whole number of 64 bits", found);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| none())?;
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let decimals = decimals.trim_end_matches('0');
    let n_decimals = i32::try_from(decimals.len()).map_err(|_| none())?;
    let zeros = usize::try_from(exponent.saturating_sub(n_decimals)).map_err(|_| none())?;
    let is_zero = whole.trim_start_matches('-') == "0" && decimals.is_empty();
    match zeros {
        _ if is_zero => Ok(0),
        0..=19 => format!("{whole}{decimals}{}", "0".repeat(zeros)).parse().map_err(|_| none()),
        _ => Err(none()),
    }
}

fn bits(found: Json<'_>, length: Option<usize>) -> Result<String, Error> {
    literal::bits_text(&bytes(found)?, length).ok_or_else(|| malformed("at most as many bits as the column has", found))
}

/// The bytes that a text stands for.
///
/// # Errors
///
/// When it does not have the form.
pub fn bytes_of(text: &str, form: BytesText) -> Result<Vec<u8>, Error> {
    let (bytes, expected) = match form {
        BytesText::Base64 => (STANDARD.decode(text).ok(), "base64"),
        BytesText::Base64UrlSafe => (URL_SAFE.decode(text).ok(), "base64 with - and _"),
        BytesText::Hex => (literal::unhex(text), "hex digits"),
    };
    bytes.ok_or_else(|| Error::new("", ErrorKind::Malformed { expected, found: "string" }))
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

pub(crate) fn bytes(found: Json<'_>) -> Result<Vec<u8>, Error> {
    match found {
        Json::String(quoted) => {
            STANDARD.decode(json::unescape(quoted)?.as_bytes()).map_err(|_| malformed("base64", found))
        }
        _ => Err(found.unexpected("base64")),
    }
}

fn iso<'a>(found: Json<'a>, expected: &'static str, print: fn(&str) -> Option<String>) -> Result<Value<'a>, Error> {
    print(&text(found)?).map(owned).ok_or_else(|| malformed(expected, found))
}
