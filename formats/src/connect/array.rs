//! Arrays as Postgres prints them: `{1,NULL,"a \"b\""}`.

use std::fmt::Write;

use serde_json::value::RawValue;

use super::schema::ColumnType;
use super::value::typed;
use crate::error::Error;
use crate::json::{self, Json};
use crate::row::Value;

/// The array literal of a JSON array whose items are of the type `item`.
///
/// # Errors
///
/// When it is not an array, or an item is not of the type; the path is the item's index.
pub(super) fn literal(found: Json<'_>, item: &ColumnType) -> Result<String, Error> {
    let Json::Array(text) = found else { return Err(found.unexpected("an array")) };
    let items: Vec<&RawValue> = json::parse(text.as_bytes())?;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('{');
    for (i, raw) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match typed(raw, item).map_err(|error| error.under(&i.to_string()))? {
            Value::Null => out.push_str("NULL"),
            Value::Bool(value) => out.push(if value { 't' } else { 'f' }),
            Value::Number(text) => out.push_str(&text),
            // an array of arrays is its literals side by side
            Value::Text(text) if matches!(item, ColumnType::Array(_)) => out.push_str(&text),
            Value::Text(text) | Value::Json(text) => push_quoted(&mut out, &text),
            Value::Bytes(bytes) => {
                out.push_str("\"\\\\x");
                for byte in bytes {
                    let _ = write!(out, "{byte:02x}");
                }
                out.push('"');
            }
        }
    }
    out.push('}');
    Ok(out)
}

/// Appends an item, in quotes where Postgres's `array_out` puts them.
fn push_quoted(out: &mut String, item: &str) {
    let special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace() || c == '\u{b}';
    if !item.is_empty() && !item.eq_ignore_ascii_case("null") && !item.contains(special) {
        out.push_str(item);
        return;
    }
    out.push('"');
    for c in item.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
