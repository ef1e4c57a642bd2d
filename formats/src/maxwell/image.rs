//! A row of Maxwell's becomes columns: as a setting states them, else as the table's definition has them, else as they are.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::value::RawValue;

use super::tables;
use crate::connect::{self, ColumnType};
use crate::debezium::Stated;
use crate::error::{Error, ErrorKind};
use crate::geometry::Geometry;
use crate::json::{self, Json};
use crate::limits::check_levels;
use crate::rebuilt;
use crate::row::{Column, RowSchema, Value};

/// How the columns of a row are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'s> {
    /// The table's definition, where one was seen.
    pub(super) schema: Option<&'s RowSchema>,
    pub(super) stated: &'s [Stated],
}

/// The images of a message.
pub(super) struct Images<'a> {
    pub(super) data: Vec<Column<'a>>,
    pub(super) old: Vec<Column<'a>>,
    /// Whether they are read by the table's definition. A row that does not fit into it is of the table as it was at
    /// another time: nothing orders the topic of DDL messages and the one of rows.
    pub(super) is_of_definition: bool,
}

impl Reading<'_> {
    pub(super) fn images<'a>(self, data: &'a RawValue, old: Option<&'a RawValue>) -> Result<Images<'a>, Error> {
        let fits = Cell::new(self.schema.is_some());
        let read = |path, raw| self.image(raw, &fits).map_err(|error: Error| error.under(path));
        let data_columns = read("data", data)?;
        let old_columns = old.map(|raw| read("old", raw)).transpose()?.unwrap_or_default();
        match (self.schema, fits.get()) {
            (Some(_), false) => Self { schema: None, ..self }.images(data, old),
            (_, is_of_definition) => Ok(Images { data: data_columns, old: old_columns, is_of_definition }),
        }
    }

    /// A column of the key, which may be of a row that nobody saw.
    pub(super) fn value<'a>(self, name: &str, raw: &'a RawValue) -> Result<Value<'a>, Error> {
        self.column(name, 0, raw, &Cell::new(true))
    }

    fn image<'a>(self, raw: &'a RawValue, fits: &Cell<bool>) -> Result<Vec<Column<'a>>, Error> {
        rebuilt::image(raw, |name, at, raw| self.column(name, at, raw, fits))
    }

    fn column<'a>(self, name: &str, at: usize, raw: &'a RawValue, fits: &Cell<bool>) -> Result<Value<'a>, Error> {
        if let Some(stated) = self.stated.iter().find(|stated| stated.column == name) {
            return typed(raw, &stated.ty);
        }
        let defined = self.schema.and_then(|schema| connect::field_of(schema, name, at));
        if let Some(value) = defined.and_then(|field| tables::value(raw, &field.ty)) {
            return Ok(value);
        }
        fits.set(false);
        untyped(raw)
    }
}

fn untyped(raw: &RawValue) -> Result<Value<'_>, Error> {
    Ok(match Json::of(raw) {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(text) => Value::Number(Cow::Borrowed(text)),
        Json::String(quoted) => Value::Embedded(json::unescape(quoted)?),
        Json::Array(text) | Json::Object(text) => connect::nested(text)?,
    })
}

/// A value whose type a setting states. A SET is an array of its names, JSON is embedded, and a geometry is text.
fn typed<'a>(raw: &'a RawValue, ty: &ColumnType) -> Result<Value<'a>, Error> {
    use ColumnType as T;
    match (ty, Json::of(raw)) {
        (_, Json::Null) => Ok(Value::Null),
        (T::EnumSet, Json::Array(text)) => {
            let other = ErrorKind::Unexpected { expected: "an array of names", found: "an array of something else" };
            tables::set(text).map(|names| Value::Text(Cow::Owned(names))).ok_or_else(|| Error::new("", other))
        }
        (T::Json, _) => {
            check_levels(raw.get())?;
            Ok(Value::Text(Cow::Borrowed(raw.get())))
        }
        (T::Point | T::Geometry | T::Geography, found @ Json::String(quoted)) => {
            let geometry = Geometry::of_wkt(&json::unescape(quoted)?);
            let geometry = geometry.ok_or_else(|| connect::malformed("a geometry in Well-Known Text", found))?;
            Ok(Value::Geometry(Box::new(geometry)))
        }
        _ => connect::typed(raw.get(), ty),
    }
}
