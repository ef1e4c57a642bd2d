//! A text of Canal's as the value of its column.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;

use super::types::Wire;
use crate::connect::{ColumnType, malformed, nested};
use crate::digits::{bits, decimal, float, integer, is_digits};
use crate::error::{Error, ErrorKind};
use crate::geometry::Geometry;
use crate::json::{self, Json};
use crate::limits::check_levels;
use crate::mysql_time::{checked, is_date, is_time, is_timestamp, is_zero};
use crate::restated::restated;
use crate::row::Value;
use crate::zone::UtcOffset;

/// The value of a column that no one states the type of: text, or what the JSON says where a producer other than Canal
/// writes more than strings.
///
/// # Errors
///
/// When a string holds a broken escape, or the value has too many levels.
pub(super) fn untyped(raw: &RawValue) -> Result<Value<'_>, Error> {
    Ok(match Json::of(raw) {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(text) => Value::Number(Cow::Borrowed(text)),
        Json::String(quoted) => Value::Text(json::unescape(quoted)?),
        Json::Array(text) | Json::Object(text) => nested(text)?,
    })
}

/// The value of a column by the type that a setting states. Where `mysqlType` says how it is written, it is read so first:
/// an ENUM is its name then, and a BLOB its bytes.
///
/// # Errors
///
/// When it does not have the form of either.
pub(super) fn stated<'a>(
    raw: &'a RawValue,
    wire: Option<&Wire>,
    ty: &ColumnType,
    zone: Option<&UtcOffset>,
) -> Result<Value<'a>, Error> {
    use ColumnType as T;
    let value = match (wire, ty) {
        // as a clock showed it
        (Some(Wire::Timestamp), T::IsoTimestamp) => typed(raw, &Wire::Timestamp, None)?,
        (Some(Wire::Unsupported(_)) | None, T::Bytes) => typed(raw, &Wire::Bytes { padded_to: 0 }, None)?,
        (Some(Wire::Unsupported(_)) | None, T::Point | T::Geometry | T::Geography) => {
            typed(raw, &Wire::Geometry, None)?
        }
        (Some(Wire::Unsupported(_)) | None, _) => untyped(raw)?,
        (Some(wire), _) => typed(raw, wire, zone)?,
    };
    restated(value, ty)
}

/// The value of a column whose type is known.
///
/// # Errors
///
/// When it does not have the form of its type.
pub(super) fn typed<'a>(raw: &'a RawValue, wire: &Wire, zone: Option<&UtcOffset>) -> Result<Value<'a>, Error> {
    let found = Json::of(raw);
    let text = match found {
        Json::Null => return Ok(Value::Null),
        Json::String(quoted) => json::unescape(quoted)?,
        Json::Number(text) => Cow::Borrowed(text),
        other => return Err(other.unexpected("a string")),
    };
    let none = |expected| move || malformed(expected, found);
    Ok(match wire {
        Wire::Text => Value::Text(text),
        Wire::Json => {
            check_levels(&text)?;
            Value::Text(text)
        }
        Wire::Integer => Value::Number(integer(text).ok_or_else(none("an integer"))?),
        Wire::Decimal { scale } => Value::Number(decimal(text, *scale).ok_or_else(none("a decimal"))?),
        Wire::Float => Value::Number(float(text).ok_or_else(none("a floating-point number"))?),
        Wire::Bit => match &*text {
            "0" => Value::Bool(false),
            "1" => Value::Bool(true),
            _ => return Err(none("0 or 1")()),
        },
        Wire::Bits { length } => Value::Text(bits(&text, *length).ok_or_else(none("bits as an integer"))?.into()),
        Wire::Date => Value::Text(checked(text, is_date).ok_or_else(none("a date"))?),
        Wire::Time => Value::Text(checked(text, is_time).ok_or_else(none("a time"))?),
        Wire::DateTime => Value::Text(checked(text, is_timestamp).ok_or_else(none("a date and time"))?),
        Wire::Timestamp => {
            let local = checked(text, is_timestamp).ok_or_else(none("a date and time"))?;
            match zone {
                _ if is_zero(&local) => Value::Text(local),
                Some(zone) => Value::Text(zone.to_utc(&local).ok_or_else(none("a date and time that exists"))?.into()),
                None => Value::WallClock(local),
            }
        }
        Wire::Bytes { padded_to } => {
            let mut bytes = latin1(&text).ok_or_else(none("a byte a character"))?;
            bytes.resize(bytes.len().max(*padded_to), 0);
            Value::Bytes(bytes)
        }
        Wire::Enum(names) => Value::Text(name(text, names).ok_or_else(none("the position of a name of the enum"))?),
        Wire::Set(names) => Value::Text(set(text, names).ok_or_else(none("the bits of the names of the set"))?),
        Wire::Geometry => {
            let stored = latin1(&text).and_then(|bytes| Geometry::of_mysql(&bytes));
            // other writers of the format send the text of one
            let geometry = stored.or_else(|| Geometry::of_wkt(&text));
            Value::Geometry(Box::new(geometry.ok_or_else(none("a geometry as MySQL stores it"))?))
        }
        Wire::Unsupported(name) => return Err(Error::new("", ErrorKind::UnsupportedType(name.clone()))),
    })
}

/// ISO-8859-1: each character is the byte of its number.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

fn name<'a>(text: Cow<'a, str>, names: &[String]) -> Option<Cow<'a, str>> {
    match text.parse::<usize>().ok().filter(|_| is_digits(&text)) {
        Some(0) => Some(Cow::Borrowed("")),
        Some(position) => names.get(position.checked_sub(1)?).map(|name| Cow::Owned(name.clone())),
        // other writers of the format send the name itself
        None => names.iter().any(|name| *name == *text).then_some(text),
    }
}

fn set<'a>(text: Cow<'a, str>, names: &[String]) -> Option<Cow<'a, str>> {
    let Some(mask) = text.parse::<u64>().ok().filter(|_| is_digits(&text)) else {
        let is_of_names = text.is_empty() || text.split(',').all(|part| names.iter().any(|name| name == part));
        return is_of_names.then_some(text);
    };
    let mut left = mask;
    let mut out = String::new();
    for name in names {
        if left & 1 == 1 {
            let _ = write!(out, "{}{name}", if out.is_empty() { "" } else { "," });
        }
        left >>= 1;
    }
    (left == 0).then_some(Cow::Owned(out))
}
