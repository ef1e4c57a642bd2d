//! Values of `MongoDB`'s Extended JSON, both versions, canonical, relaxed or strict.
//!
//! Comes in: the JSON of a value. Goes out: the [`Value`] that it stands for. Nested documents, arrays and what no column
//! could hold (regular expressions, code, `$timestamp` …) stay JSON, as they stood there.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use crate::calendar::{TimeUnit, timestamp, zoned_timestamp};
use crate::connect::{malformed, nested};
use crate::digits::float;
use crate::error::Error;
use crate::json::{self, Fields, Json};
use crate::row::Value;

/// # Errors
///
/// When it is of a type by its name and does not have that type's form.
pub(super) fn value(raw: &RawValue) -> Result<Value<'_>, Error> {
    let object = match Json::of(raw) {
        Json::Null => return Ok(Value::Null),
        Json::Bool(value) => return Ok(Value::Bool(value)),
        Json::Number(text) => return Ok(Value::Number(Cow::Borrowed(text))),
        Json::String(quoted) => return json::unescape(quoted).map(Value::Text),
        Json::Array(text) => return nested(text),
        Json::Object(text) => text,
    };
    let document = || nested(object);
    let Fields(fields) = json::parse(object.as_bytes())?;
    let (name, inner) = match fields.as_slice() {
        [(name, inner)] => (&**name, Json::of(inner)),
        // version 1
        [(name, inner), (subtype, _)] if name == "$binary" && subtype == "$type" => (&**name, Json::of(inner)),
        [(subtype, _), (name, inner)] if name == "$binary" && subtype == "$type" => (&**name, Json::of(inner)),
        _ => return document(),
    };
    match (name, inner) {
        ("$oid" | "$uuid", Json::String(quoted)) => json::unescape(quoted).map(Value::Text),
        ("$numberInt" | "$numberLong" | "$numberDouble" | "$numberDecimal", Json::String(quoted)) => {
            number(json::unescape(quoted)?, inner)
        }
        ("$date", _) => date(inner).map(|text| Value::Text(Cow::Owned(text))),
        ("$binary", Json::String(quoted)) => bytes(quoted).map(Value::Bytes),
        ("$binary", Json::Object(text)) => {
            let Fields(parts) = json::parse(text.as_bytes())?;
            match parts.iter().find(|(name, _)| name == "base64").map(|(_, raw)| Json::of(raw)) {
                Some(Json::String(quoted)) => bytes(quoted).map(Value::Bytes),
                _ => Err(malformed("an object with the base64 of binary", inner)),
            }
        }
        _ => document(),
    }
}

/// What stands for an `_id`: an `ObjectId`'s digits, a string itself, a number's digits, and of anything else its JSON.
///
/// # Errors
///
/// As [`value`].
pub(super) fn plain_text(raw: &RawValue) -> Result<Cow<'_, str>, Error> {
    let is_object_id = || {
        let parsed = json::parse::<Fields<'_>>(raw.get().as_bytes());
        matches!(parsed.as_ref().map(|Fields(fields)| fields.as_slice()), Ok([(name, _)]) if name == "$oid")
    };
    match value(raw)? {
        Value::Number(text) => Ok(text),
        Value::Text(text) if matches!(Json::of(raw), Json::String(_)) || is_object_id() => Ok(text),
        _ => Ok(Cow::Borrowed(raw.get())),
    }
}

/// What a number cannot be in JSON is text.
fn number<'a>(text: Cow<'a, str>, found: Json<'_>) -> Result<Value<'a>, Error> {
    if matches!(&*text, "NaN" | "Infinity" | "-Infinity") {
        return Ok(Value::Text(text));
    }
    float(text).map(Value::Number).ok_or_else(|| malformed("a number", found))
}

/// ISO 8601, or milliseconds since 1970: in canonical form `{"$numberLong":"…"}`, in version 1 a bare number.
fn date(found: Json<'_>) -> Result<String, Error> {
    let of_ms = |text: &str| text.parse().ok().map(|ms| zoned(timestamp(ms, TimeUnit::Millis)));
    let text = match found {
        Json::String(quoted) => zoned_timestamp(&json::unescape(quoted)?),
        Json::Number(text) => of_ms(text),
        Json::Object(text) => {
            let Fields(fields) = json::parse(text.as_bytes())?;
            match fields.as_slice() {
                [(name, raw)] if name == "$numberLong" => match Json::of(raw) {
                    Json::String(quoted) => of_ms(&json::unescape(quoted)?),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    };
    text.ok_or_else(|| malformed("a date in ISO 8601 or milliseconds since 1970", found))
}

/// The same in UTC as Postgres prints it, the zone before the era.
fn zoned(text: String) -> String {
    match text.strip_suffix(" BC") {
        Some(before) => format!("{before}+00 BC"),
        None if text.ends_with("infinity") => text,
        None => text + "+00",
    }
}

fn bytes(quoted: &str) -> Result<Vec<u8>, Error> {
    STANDARD.decode(json::unescape(quoted)?.as_bytes()).map_err(|_| malformed("base64", Json::String(quoted)))
}
