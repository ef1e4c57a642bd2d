//! A datum as the value of its column: the same that its JSON gives.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::datum::{Cursor, Datum};
use super::schema::{Schema, Type, TypeId};
use crate::calendar;
use crate::connect::{self, ColumnType};
use crate::debezium::image::Types;
use crate::decimal::decimal_text;
use crate::error::{Error, ErrorKind};
use crate::json;
use crate::limits::{check_columns, check_levels};
use crate::row::{Column, Value};
use crate::unavailable::Placeholder;

/// The columns of a row; a column whose value is the unavailable placeholder goes to `not_sent` instead. `is_column` says
/// which fields are columns.
pub(crate) fn columns<'a>(
    row: Datum<'a, '_>,
    types: Types<'_>,
    placeholder: &Placeholder,
    mut is_column: impl FnMut(&str) -> bool,
    mut not_sent: impl FnMut(Cow<'a, str>),
) -> Result<Vec<Column<'a>>, Error> {
    let Some(Datum { schema, ty, mut cursor }) = row.present()? else {
        return Err(Error::new("", ErrorKind::Unexpected { expected: "a record of columns", found: "null" }));
    };
    let Some(Type::Record(fields)) = schema.get(ty) else {
        return Err(Error::new("", ErrorKind::Unexpected { expected: "a record of columns", found: "another type" }));
    };
    check_columns(fields.len())?;
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        if !is_column(&field.name) {
            cursor.skip(schema, field.ty, 0)?;
            continue;
        }
        let Some(column) = types.field(&field.name, columns.len()) else {
            let expected = "the column in the event's schema";
            return Err(Error::new(field.name.clone(), ErrorKind::Missing { expected }));
        };
        let name = || Cow::Owned(column.name.clone());
        match value(&mut cursor, (schema, field.ty), &column.ty, placeholder) {
            Ok(Some(value)) => columns.push(Column { name: name(), value }),
            Ok(None) => not_sent(name()),
            Err(error) => return Err(error.under(&column.name)),
        }
    }
    Ok(columns)
}

/// The value of a column; `None` where it was not sent.
fn value<'a>(
    cursor: &mut Cursor<'a>,
    (schema, mut id): (&Schema, TypeId),
    ty: &ColumnType,
    placeholder: &Placeholder,
) -> Result<Option<Value<'a>>, Error> {
    use ColumnType as T;
    while let Some(Type::Union(branches)) = schema.get(id) {
        id = cursor.branch(branches)?;
    }
    let owned = |text| Ok(Some(Value::Text(Cow::Owned(text))));
    match (schema.get(id), ty) {
        (None | Some(Type::Null), _) => Ok(Some(Value::Null)),
        (Some(Type::String), T::Text | T::Json | T::Xml | T::Uuid | T::Enum | T::EnumSet | T::Ltree | T::TsVector) => {
            let text = cursor.text()?;
            if matches!(ty, T::Json) {
                check_levels(text)?;
            }
            Ok((!placeholder.is_text(text)).then_some(Value::Text(Cow::Borrowed(text))))
        }
        (Some(Type::Boolean), T::Boolean) => Ok(Some(Value::Bool(cursor.boolean()?))),
        (Some(Type::Int | Type::Long), T::Int16 | T::Int32 | T::Int64) => {
            Ok(Some(Value::Number(Cow::Owned(cursor.long()?.to_string()))))
        }
        (Some(Type::Int | Type::Long), T::Time(unit)) => owned(calendar::time(cursor.long()?, *unit)),
        (Some(Type::Long), T::Timestamp(unit)) => owned(calendar::timestamp(cursor.long()?, *unit)),
        (Some(Type::Bytes), T::Bytes) => {
            let bytes = cursor.bytes()?;
            Ok((!placeholder.is_bytes(bytes)).then(|| Value::Bytes(bytes.to_vec())))
        }
        (Some(Type::Bytes), T::Decimal { scale: scale @ 0..=16_383, .. }) => {
            let text = decimal_text(cursor.bytes()?, *scale)?;
            Ok(Some(Value::Number(Cow::Owned(text))))
        }
        // everything else goes the way of its JSON: no row has many of it
        _ => by_json(cursor, (schema, id), ty, placeholder),
    }
}

fn by_json<'a>(
    cursor: &mut Cursor<'a>,
    (schema, id): (&Schema, TypeId),
    ty: &ColumnType,
    placeholder: &Placeholder,
) -> Result<Option<Value<'a>>, Error> {
    let mut text = String::new();
    cursor.push_json(schema, id, &mut text, 0)?;
    if placeholder.is(&text) {
        return Ok(None);
    }
    let raw: &RawValue = json::parse(text.as_bytes())?;
    connect::typed(raw.get(), ty).map(|value| Some(value.into_owned()))
}
