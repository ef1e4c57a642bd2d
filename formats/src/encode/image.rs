//! A row image or key as a JSON object: of columns with types in the physical form of Connect, of others as they came.

use super::connect::{ConnectValue, connect_value, placeholder, shape_value, wire_type};
use super::json::{push_base64, push_name, push_value};
use crate::error::{Error, ErrorKind};
use crate::json::{is_number, push_string};
use crate::literal;
use crate::row::{Column, Field, Key, Row, RowSchema, Value};
use crate::unavailable::Placeholder;

/// How the columns of a table are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'s> {
    /// What the columns are, where their events say so.
    pub(super) types: Option<&'s RowSchema>,
    /// Whether a schema goes with every image. The columns then have the names that they were sent under, and one that
    /// was not sent is not left out, since a struct of Connect has no fields that are not there.
    pub(super) is_with_schema: bool,
}

/// Whether a column that the image does not have was not sent, or is none of a before image's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    NotSent,
    Unknown,
}

impl Columns<'_> {
    /// Appends a row image.
    ///
    /// # Errors
    ///
    /// When a column's value is none of its type, would be taken for one that was not sent, or was not sent and has no
    /// placeholder. The path is the column's name.
    pub(super) fn push_row(
        self,
        out: &mut String,
        row: &Row<'_>,
        absent: Absent,
        own: &Placeholder,
    ) -> Result<(), Error> {
        out.push('{');
        self.push_columns(out, row.columns.iter().map(|column| (&*column.name, &column.value)), own)?;
        if let (true, Some(types)) = (self.is_with_schema, self.types) {
            let has = |name: &str| row.columns.iter().any(|column| column.name == name);
            for name in &row.not_sent {
                let field = types.fields.iter().find(|field| field.name == *name);
                push_not_sent(out, field.ok_or_else(|| no_type(name))?)?;
            }
            if absent == Absent::NotSent && row.columns.len() + row.not_sent.len() < types.fields.len() {
                let is_absent =
                    |field: &&Field| !has(&field.name) && !row.not_sent.iter().any(|name| *name == field.name);
                types.fields.iter().filter(is_absent).try_for_each(|field| push_not_sent(out, field))?;
            }
        }
        out.push('}');
        Ok(())
    }

    /// Appends the columns of a key.
    ///
    /// # Errors
    ///
    /// When a column's value is none of its type. The path is the column's name.
    pub(super) fn push_key<'e>(
        self,
        out: &mut String,
        columns: impl Iterator<Item = NamedValue<'e>>,
        own: &Placeholder,
    ) -> Result<(), Error> {
        out.push('{');
        self.push_columns(out, columns, own)?;
        out.push('}');
        Ok(())
    }

    fn push_columns<'e>(
        self,
        out: &mut String,
        columns: impl Iterator<Item = NamedValue<'e>>,
        own: &Placeholder,
    ) -> Result<(), Error> {
        let mut next = 0;
        for (n_before, (name, value)) in columns.enumerate() {
            let field = match self.types {
                Some(types) => types.fields.get(place_of(types, name, &mut next)?),
                None => None,
            };
            if n_before > 0 {
                out.push(',');
            }
            push_name(out, field.filter(|_| self.is_with_schema).map_or(name, sent_as));
            let start = out.len();
            push_typed(out, value, field).map_err(|error| error.under(name))?;
            if own.is(out.get(start..).unwrap_or_default()) {
                let kind = ErrorKind::Unexpected {
                    expected: "a value",
                    found: "one that stands for a value that was not sent",
                };
                return Err(Error::new(name, kind));
            }
        }
        Ok(())
    }
}

/// The place of the column of that name, which nearly always is `next`.
///
/// # Errors
///
/// When it has no type. The path is its name.
pub(super) fn place_of(types: &RowSchema, name: &str, next: &mut usize) -> Result<usize, Error> {
    let is_it = |field: &Field| field.name == name;
    let place = match types.fields.get(*next) {
        Some(field) if is_it(field) => *next,
        _ => types.fields.iter().position(is_it).ok_or_else(|| no_type(name))?,
    };
    *next = place + 1;
    Ok(place)
}

/// The column has no type although others have.
pub(super) fn no_type(name: &str) -> Error {
    Error::new(name, ErrorKind::Missing { expected: "the column in the event's schema" })
}

/// A column's name and value.
pub(super) type NamedValue<'e> = (&'e str, &'e Value<'e>);

/// The columns of a row's key; without a row, of the key itself. What the row does not have is the key's own.
pub(super) fn key_columns<'e>(
    key: &'e Key<'_>,
    row: Option<&'e Row<'_>>,
) -> impl Iterator<Item = NamedValue<'e>> + Clone {
    key.columns.iter().map(move |Column { name, value }| {
        let of_row: Option<&'e Value<'e>> = row.and_then(|row| row.get(name));
        (&**name, of_row.unwrap_or(value))
    })
}

/// The name under which the column's values are sent.
fn sent_as(field: &Field) -> &str {
    field.sent_as.as_ref().unwrap_or(&field.name)
}

fn push_not_sent(out: &mut String, field: &Field) -> Result<(), Error> {
    let expected = "its value, since a column of its type has no placeholder for one that was not sent";
    let missing = || Error::new(&*field.name, ErrorKind::Missing { expected });
    let value = placeholder(&wire_type(field)).ok_or_else(missing)?;
    if !out.ends_with('{') {
        out.push(',');
    }
    push_name(out, sent_as(field));
    push_value(out, &value);
    Ok(())
}

fn push_typed(out: &mut String, value: &Value<'_>, field: Option<&Field>) -> Result<(), Error> {
    match field {
        Some(field) => push_value(out, &connect_value(value, &wire_type(field))?),
        None => push_untyped(out, value)?,
    }
    Ok(())
}

/// Appends a value whose type no schema states: what the JSON said. What a setting made of it stays in the form that a
/// schemaless converter has for it, text apart.
pub(super) fn push_untyped(out: &mut String, value: &Value<'_>) -> Result<(), Error> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => push_value(out, &ConnectValue::Bool(*value)),
        Value::Number(text) if is_number(text) => out.push_str(text),
        Value::Number(_) => return Err(Error::new("", ErrorKind::Malformed { expected: "a number", found: "number" })),
        Value::Text(text) | Value::Untyped(text) | Value::Embedded(text) | Value::WallClock(text) => {
            push_string(out, text);
        }
        Value::Json(text) => out.push_str(text),
        Value::Bytes(bytes) => push_base64(out, bytes),
        Value::Bits(digits) => match literal::bits_bytes(digits) {
            Some(bytes) => push_base64(out, &bytes),
            None => return Err(Error::new("", ErrorKind::Malformed { expected: "binary digits", found: "text" })),
        },
        Value::Geometry(geometry) => push_value(out, &shape_value(geometry)?),
    }
    Ok(())
}
