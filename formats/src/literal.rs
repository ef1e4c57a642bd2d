//! Values of Postgres's own types as Postgres prints them: arrays, hstore, bits, sparse vectors.
//!
//! Comes in: JSON text or bytes. Goes out: the literal that casts to the value; and of arrays, bits and sparse vectors the
//! way back.

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
    raw_array_literal(array, |raw| item(&connect::untyped(raw.get())?))
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

/// The items of an array literal, `None` for NULL; an array in the array is its literal. `None` when it is no such
/// literal.
pub(crate) fn array_items(literal: &str) -> Option<Vec<Option<Cow<'_, str>>>> {
    let mut rest = literal.strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    if rest.is_empty() {
        return Some(items);
    }
    loop {
        let (item, after) = array_item(rest)?;
        items.push(item);
        if after.is_empty() {
            return Some(items);
        }
        rest = after.strip_prefix(',')?;
    }
}

type Item<'t> = Option<Cow<'t, str>>;

/// The first item, and what follows it.
fn array_item(text: &str) -> Option<(Item<'_>, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (item, after) = quoted_item(quoted)?;
        return Some((Some(Cow::Owned(item)), after));
    }
    let end = if text.starts_with('{') { end_of_array(text)? } else { text.find(',').unwrap_or(text.len()) };
    let (item, after) = text.split_at_checked(end)?;
    let is_null = item.eq_ignore_ascii_case("null");
    let is_bare = item.starts_with('{') || !(item.is_empty() || item.contains(['{', '}', '"', '\\']));
    is_bare.then_some((if is_null { None } else { Some(Cow::Borrowed(item)) }, after))
}

/// The content of an item whose opening quote is left out, and what follows its closing one.
fn quoted_item(text: &str) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((item, text.get(at + 1..)?)),
            '\\' => item.push(chars.next()?.1),
            c => item.push(c),
        }
    }
    None
}

/// Where the array ends that the text begins with.
fn end_of_array(text: &str) -> Option<usize> {
    let (mut depth, mut in_quotes) = (0_usize, false);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => in_quotes = !in_quotes,
            '{' if !in_quotes => depth += 1,
            '}' if !in_quotes => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
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

/// Binary digits as Debezium's Bits, in as few bytes as they need. `None` when they are none.
pub(crate) fn bits_bytes(digits: &str) -> Option<Vec<u8>> {
    let byte = |digits: &[u8]| {
        digits.iter().try_fold(0_u8, |byte, digit| match digit {
            b'0' => Some(byte << 1),
            b'1' => Some(byte << 1 | 1),
            _ => None,
        })
    };
    digits.as_bytes().rchunks(8).map(byte).collect()
}

/// Up to 64 binary digits as a number. `None` when they are none.
pub(crate) fn bits_number(digits: &str) -> Option<u64> {
    let is_one = (1..=64).contains(&digits.len()) && digits.bytes().all(|digit| matches!(digit, b'0' | b'1'));
    u64::from_str_radix(digits, 2).ok().filter(|_| is_one)
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

/// The dimensions of a sparse vector's text, and its elements by their index.
pub(crate) type SparseVectorParts<'t> = (i64, Vec<(i64, &'t str)>);

/// The parts of `{1:1.5,3:2.0}/5`. `None` when it is no such text.
pub(crate) fn sparse_vector_parts(text: &str) -> Option<SparseVectorParts<'_>> {
    let (elements, dimensions) = text.strip_prefix('{')?.split_once("}/")?;
    let element = |element: &'_ str| -> Option<(i64, usize)> {
        let (index, _) = element.split_once(':')?;
        Some((i64::from(index.parse::<u32>().ok()?), index.len() + 1))
    };
    let parts = elements.split(',').filter(|_| !elements.is_empty());
    let vector = parts.map(|part| element(part).and_then(|(index, at)| Some((index, part.get(at..)?))));
    Some((i64::from(dimensions.parse::<u32>().ok()?), vector.collect::<Option<_>>()?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_there_and_back() {
        for array in ["[]", "[null]", r#"["a","b c","q\"q","{}",null,"","NULL","\\","é,"]"#, r#"[[1,null],[],["}"]]"#]
        {
            let literal = literal_of(array);
            let items = array_items(&literal).expect("what was printed can be read");
            assert_eq!(array_of(&items), literal, "{array}");
        }
        for none in ["", "{", "}", "{a", "{,}", "{a,}", "{\"a}", "{\"a\"b}", "{{1}", "{a{b}", "{a\\b}", "1"] {
            assert_eq!(array_items(none), None, "{none}");
        }
    }

    fn literal_of(array: &str) -> String {
        let item = |raw: &RawValue| match Json::of(raw) {
            Json::Null => Ok(None),
            Json::Array(text) => Ok(Some(literal_of(text))),
            Json::String(quoted) => json::unescape(quoted).map(|text| Some(text.into_owned())),
            _ => Ok(Some(raw.get().to_owned())),
        };
        raw_array_literal(array, item).expect("the test's JSON is an array")
    }

    /// Prints the items again; that an item is an array is told by its brace, which no other has without quotes.
    fn array_of(items: &[Option<Cow<'_, str>>]) -> String {
        let item = |item: &Option<Cow<'_, str>>| match item {
            None => "NULL".to_owned(),
            Some(Cow::Borrowed(literal)) if literal.starts_with('{') => literal.to_string(),
            Some(text) => {
                let mut out = String::new();
                push_item(&mut out, text);
                out
            }
        };
        format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn bits_there_and_back() {
        for digits in ["", "1", "10101010", "1000000001", "000000000000000000000000000000000001"] {
            let bytes = bits_bytes(digits).expect("they are binary digits");
            assert_eq!(bits_text(&bytes, Some(digits.len())).as_deref(), Some(digits));
        }
        assert_eq!(bits_bytes("1000000001"), Some(vec![0x01, 0x02]));
        assert_eq!(bits_bytes("12"), None);
    }

    #[test]
    fn sparse_vectors_in_parts() {
        assert_eq!(sparse_vector_parts("{1:1.5,3:2.0}/5"), Some((5, vec![(1, "1.5"), (3, "2.0")])));
        assert_eq!(sparse_vector_parts("{}/5"), Some((5, vec![])));
        for none in ["", "{}", "{1}/5", "{1:1.5,}/5", "{x:1}/5", "{}/x"] {
            assert_eq!(sparse_vector_parts(none), None, "{none}");
        }
    }
}
