//! A text of Canal's as the value of its column.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;

use super::types::Wire;
use crate::connect::malformed;
use crate::error::{Error, ErrorKind};
use crate::geometry::Geometry;
use crate::json::{self, Json};
use crate::row::Value;
use crate::zone::UtcOffset;

/// The value of a column that no one states the type of: text, or what the JSON says where a producer other than Canal
/// writes more than strings.
///
/// # Errors
///
/// When a string holds a broken escape.
pub(super) fn untyped(raw: &RawValue) -> Result<Value<'_>, Error> {
    Ok(match Json::of(raw) {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(text) => Value::Number(Cow::Borrowed(text)),
        Json::String(quoted) => Value::Text(json::unescape(quoted)?),
        Json::Array(text) | Json::Object(text) => Value::Json(Cow::Borrowed(text)),
    })
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
            let geometry = latin1(&text).and_then(|bytes| Geometry::of_mysql(&bytes));
            Value::Geometry(Box::new(geometry.ok_or_else(none("a geometry as MySQL stores it"))?))
        }
        Wire::Unsupported(name) => return Err(Error::new("", ErrorKind::UnsupportedType(name.clone()))),
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Without the zeros in front that `ZEROFILL` and YEAR have.
fn integer(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let fits = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    if !is_digits(digits) || !fits {
        return None;
    }
    if digits.len() == 1 || !digits.starts_with('0') {
        return Some(text);
    }
    let significant = digits.trim_start_matches('0');
    let sign = if text.starts_with('-') && !significant.is_empty() { "-" } else { "" };
    Some(Cow::Owned(format!("{sign}{}", if significant.is_empty() { "0" } else { significant })))
}

/// With all the digits behind the point that the column has.
fn decimal(text: Cow<'_, str>, scale: usize) -> Option<Cow<'_, str>> {
    let unsigned = text.strip_prefix('-').unwrap_or(&text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let has_point = unsigned.len() > whole.len();
    if !is_digits(whole) || (has_point && !is_digits(decimals)) {
        return None;
    }
    // a JSON number has no zeros in front
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    match scale.checked_sub(decimals.len()) {
        None | Some(0) => Some(text),
        Some(n_missing) => {
            let mut padded = String::with_capacity(text.len() + n_missing + 1);
            padded.push_str(&text);
            if !has_point {
                padded.push('.');
            }
            padded.extend(std::iter::repeat_n('0', n_missing));
            Some(Cow::Owned(padded))
        }
    }
}

/// As Java prints it: `1.0E10`.
fn float(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    serde_json::from_str::<serde::de::IgnoredAny>(&text).ok()?;
    let starts_as_one = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    starts_as_one.then_some(text)
}

fn bits(text: &str, length: usize) -> Option<String> {
    let value: u64 = text.parse().ok().filter(|_| is_digits(text))?;
    let digits = format!("{value:0length$b}");
    (digits.len() == length).then_some(digits)
}

/// `YYYY-MM-DD` and what follows it. The day need not exist: `MySQL` has a 31st of February when it is told to.
fn after_date(text: &str) -> Option<&str> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let is_one = [4, 2, 2].iter().all(|n| parts.next().is_some_and(|part| part.len() == *n && is_digits(part)));
    is_one.then_some(rest)
}

/// `:MM:SS[.f]`
fn is_minutes(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    parts.next() == Some("")
        && (0..2).all(|_| parts.next().is_some_and(|part| part.len() == 2 && is_digits(part)))
        && parts.next().is_none()
        && is_digits(fraction)
}

pub(crate) fn is_date(text: &str) -> bool {
    after_date(text) == Some("")
}

pub(crate) fn is_timestamp(text: &str) -> bool {
    let clock = after_date(text).and_then(|rest| rest.strip_prefix(' ')).and_then(|clock| clock.split_at_checked(2));
    clock.is_some_and(|(hours, rest)| is_digits(hours) && is_minutes(rest))
}

/// `MySQL`'s TIME goes from -838:59:59 to 838:59:59.
pub(crate) fn is_time(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let clock = unsigned.find(':').and_then(|at| unsigned.split_at_checked(at));
    clock.is_some_and(|(hours, rest)| (2..=3).contains(&hours.len()) && is_digits(hours) && is_minutes(rest))
}

/// The text without the zeros at the end of its fraction, which Postgres does not print.
fn checked(text: Cow<'_, str>, is_one: fn(&str) -> bool) -> Option<Cow<'_, str>> {
    if !is_one(&text) {
        return None;
    }
    if !text.contains('.') {
        return Some(text);
    }
    let short = |text: &str| text.trim_end_matches('0').trim_end_matches('.').len();
    Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..short(text))?),
        Cow::Owned(mut text) => {
            text.truncate(short(&text));
            Cow::Owned(text)
        }
    })
}

/// `0000-00-00`, and dates without a month or day.
pub(crate) fn is_zero(date: &str) -> bool {
    date.get(..4) == Some("0000") || date.get(5..7) == Some("00") || date.get(8..10) == Some("00")
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
