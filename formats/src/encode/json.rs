//! Connect's schemas and values as Connect's JSON converter writes them.

use std::convert::Infallible;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::connect::{ConnectValue, Schema, Type};
use crate::json::{is_number, push_string};

/// Appends a value. What JSON has no number for is a string, bytes are base64, a map whose keys are no strings is an
/// array of pairs.
pub(super) fn push_value(out: &mut String, value: &ConnectValue<'_>) {
    match value {
        ConnectValue::Null => out.push_str("null"),
        ConnectValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        ConnectValue::Int(value) => push_int(out, *value),
        ConnectValue::Float(text) if is_number(text) => out.push_str(text),
        ConnectValue::Float(text) | ConnectValue::String(text) => push_string(out, text),
        ConnectValue::Bytes(bytes) => push_base64(out, bytes),
        ConnectValue::Array(items) => push_list(out, ('[', ']'), items, push_value),
        ConnectValue::Struct(entries) | ConnectValue::Map(entries) => {
            push_list(out, ('{', '}'), entries, |out, (name, value)| {
                push_name(out, name);
                push_value(out, value);
            });
        }
        ConnectValue::IntMap(entries) => push_list(out, ('[', ']'), entries, |out, (key, value)| {
            let _ = write!(out, "[{key},");
            push_value(out, value);
            out.push(']');
        }),
    }
}

pub(super) fn push_int(out: &mut String, value: i64) {
    let _ = write!(out, "{value}");
}

pub(super) fn push_base64(out: &mut String, bytes: &[u8]) {
    out.push('"');
    STANDARD.encode_string(bytes, out);
    out.push('"');
}

/// Appends `"name":`.
pub(super) fn push_name(out: &mut String, name: &str) {
    push_string(out, name);
    out.push(':');
}

/// Appends what an iterator gives, with commas between and brackets around.
pub(super) fn push_list<T>(
    out: &mut String,
    brackets: (char, char),
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T),
) {
    let pushed: Result<(), Infallible> = try_push_list(out, brackets, items, |out, item| {
        push(out, item);
        Ok(())
    });
    let Ok(()) = pushed;
}

/// The same of items that may not be written.
pub(super) fn try_push_list<T, E>(
    out: &mut String,
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T) -> Result<(), E>,
) -> Result<(), E> {
    out.push(open);
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push(out, item)?;
    }
    out.push(close);
    Ok(())
}

/// Appends a schema; `field` is the name of the struct's field that it is of.
pub(super) fn push_schema(out: &mut String, schema: &Schema, field: Option<&str>) {
    out.push_str("{\"type\":\"");
    out.push_str(match &schema.ty {
        Type::Boolean => "boolean",
        Type::Int8 => "int8",
        Type::Int16 => "int16",
        Type::Int32 => "int32",
        Type::Int64 => "int64",
        Type::Float32 => "float",
        Type::Float64 => "double",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Array(_) => "array",
        Type::Map(_) => "map",
        Type::Struct(_) => "struct",
    });
    out.push('"');
    match &schema.ty {
        Type::Array(item) => {
            out.push_str(",\"items\":");
            push_schema(out, item, None);
        }
        Type::Map(entry) => {
            let (keys, values) = &**entry;
            out.push_str(",\"keys\":");
            push_schema(out, keys, None);
            out.push_str(",\"values\":");
            push_schema(out, values, None);
        }
        Type::Struct(fields) => {
            out.push_str(",\"fields\":");
            push_list(out, ('[', ']'), fields, |out, (name, schema)| push_schema(out, schema, Some(name)));
        }
        _ => {}
    }
    let _ = write!(out, ",\"optional\":{}", schema.optional);
    if let Some(name) = &schema.name {
        out.push_str(",\"name\":");
        push_string(out, name);
    }
    if let Some(version) = schema.version {
        let _ = write!(out, ",\"version\":{version}");
    }
    if !schema.parameters.is_empty() {
        out.push_str(",\"parameters\":");
        push_list(out, ('{', '}'), &schema.parameters, |out, (name, value)| {
            push_name(out, name);
            push_string(out, value);
        });
    }
    if let Some(field) = field {
        out.push_str(",\"field\":");
        push_string(out, field);
    }
    out.push('}');
}
