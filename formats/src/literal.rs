//! Values of Postgres's own types as Postgres prints them: arrays, hstore, bits, sparse vectors.
//!
//! Comes in: JSON text or bytes. Goes out: the literal that casts to the value.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connect;
use crate::decimal::decimal_of;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json};
use crate::row::Value;

/// The array literal of a JSON array: `{1,NULL,"a \"b\""}`. `item` gives an item's text, `None` for NULL.
///
/// # Errors
///
/// When it is no array, or `item` fails; the path is then the item's index, counted from 0.
pub fn array_literal(
    array: &str,
    mut item: impl FnMut(&Value<'_>) -> Result<Option<String>, Error>,
) -> Result<String, Error> {
    raw_array_literal(array, |raw| item(&connect::untyped(raw)?))
}

/// The same, from items that are not looked into.
pub(crate) fn raw_array_literal(
    array: &str,
    mut item: impl FnMut(&RawValue) -> Result<Option<String>, Error>,
) -> Result<String, Error> {
    if !array.starts_with('[') {
        return Err(Error::new("", ErrorKind::Unexpected { expected: "an array", found: "an object" }));
    }
    let items: Vec<&RawValue> = json::parse(array.as_bytes())?;
    let mut out = String::with_capacity(array.len() + 2);
    out.push('{');
    for (i, raw) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match item(raw).map_err(|error| error.under(&i.to_string()))? {
            None => out.push_str("NULL"),
            // an array of arrays is its literals side by side
            Some(text) if raw.get().starts_with('[') => out.push_str(&text),
            Some(text) => push_item(&mut out, &text),
        }
    }
    out.push('}');
    Ok(out)
}

/// Appends an item, in quotes where Postgres's `array_out` puts them.
fn push_item(out: &mut String, item: &str) {
    let special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\' | '\u{b}') || c.is_ascii_whitespace();
    if item.is_empty() || item.eq_ignore_ascii_case("null") || item.contains(special) {
        push_quoted(out, item);
    } else {
        out.push_str(item);
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// The hstore literal of a JSON object of strings and nulls: `"a"=>"1", "b"=>NULL`.
///
/// # Errors
///
/// When it is no such object. The path does not name the key, which is a part of the value.
pub fn hstore_literal(object: &str) -> Result<String, Error> {
    let Fields(fields) = json::parse(object.as_bytes())?;
    let mut out = String::with_capacity(object.len() + fields.len());
    for (i, (key, raw)) in fields.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        push_quoted(&mut out, key);
        out.push_str("=>");
        match Json::of(raw) {
            Json::Null => out.push_str("NULL"),
            Json::String(quoted) => push_quoted(&mut out, &json::unescape(quoted)?),
            other => return Err(other.unexpected("a string or null as a value of hstore")),
        }
    }
    Ok(out)
}

/// The most bits a `bit(n)` column can have.
const MAX_BITS: usize = 83_886_080;

/// Debezium's Bits, which are little-endian: the last bit of the text is the lowest bit of the first byte. With `length`
/// zeros are filled in or left out at the front; without it every bit of the bytes is printed. `None` when a bit that is
/// set does not fit.
pub fn bits_text(bytes: &[u8], length: Option<usize>) -> Option<String> {
    let n_bits = bytes.len() * 8;
    let length = length.unwrap_or(n_bits).min(MAX_BITS);
    let mut all = bytes.iter().rev().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    let n_left_out = n_bits.saturating_sub(length);
    if all.by_ref().take(n_left_out).any(|bit| bit) {
        return None;
    }
    let mut out = "0".repeat(length.saturating_sub(n_bits));
    out.extend(all.map(|bit| if bit { '1' } else { '0' }));
    Some(out)
}

/// `\x…`, as Postgres prints `bytea`.
pub fn bytea_text(bytes: &[u8]) -> String {
    format!("\\x{}", hex_text(bytes))
}

/// Two lower-case digits a byte.
pub fn hex_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The bytes of hex digits; `None` when they are none.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[derive(Deserialize)]
struct SparseVector<'a> {
    dimensions: u32,
    #[serde(borrow)]
    vector: Vec<(u32, &'a RawValue)>,
}

/// The text of a Debezium `SparseDoubleVector`, as pgvector reads it: `{"dimensions":5,"vector":[[1,1.5],[3,2.0]]}` is
/// `{1:1.5,3:2.0}/5`.
///
/// # Errors
///
/// When it is no such object.
pub fn sparse_vector(object: &str) -> Result<String, Error> {
    let expected = "an object with the fields `dimensions` and `vector` of a sparse vector";
    let missing = || Error::new("", ErrorKind::Missing { expected });
    let SparseVector { dimensions, vector } = json::parse(object.as_bytes()).map_err(|_| missing())?;
    let mut out = String::from("{");
    for (i, (index, raw)) in vector.into_iter().enumerate() {
        let Json::Number(number) = Json::of(raw) else { return Err(Json::of(raw).unexpected("a number of a vector")) };
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(out, "{comma}{index}:{number}");
    }
    let _ = write!(out, "}}/{dimensions}");
    Ok(out)
}

#[derive(Deserialize)]
struct VariableScale<'a> {
    scale: i32,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// The number of a Debezium `VariableScaleDecimal`: `{"scale":1,"value":"Dw=="}` is `1.5`.
///
/// # Errors
///
/// When it is no such object.
pub fn variable_scale_decimal(object: &str) -> Result<String, Error> {
    let expected = "an object with the fields `scale` and `value` of a decimal";
    let VariableScale { scale, value } =
        json::parse(object.as_bytes()).map_err(|_| Error::new("", ErrorKind::Missing { expected }))?;
    decimal_of(Json::of(value), scale).map(Cow::into_owned)
}
