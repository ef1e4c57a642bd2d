//! An image of `GoldenGate`'s becomes columns.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::connect;
use crate::debezium::Stated;
use crate::error::Error;
use crate::json::{self, Fields, Json};
use crate::restated::restated;
use crate::row::{Column, Field, Row, RowKind, RowSchema, Value};

/// What the name of a column's own field ends in that says whether the column is in the trail.
const IS_MISSING: &str = "_isMissing";

/// What states the types of an image's columns.
#[derive(Clone, Copy)]
pub(super) struct Reading<'s> {
    /// The schema that Connect's converter wrapped around the message.
    pub(super) schema: Option<&'s RowSchema>,
    /// What a setting states, where there is no schema.
    pub(super) stated: &'s [Stated],
}

/// What is in the trail of a row.
pub(super) struct Image<'a> {
    pub(super) columns: Vec<Column<'a>>,
    not_sent: Vec<Cow<'a, str>>,
}

impl Reading<'_> {
    pub(super) fn image(self, raw: &RawValue) -> Result<Image<'_>, Error> {
        let Json::Object(text) = Json::of(raw) else {
            return Err(Json::of(raw).unexpected("an object of columns"));
        };
        let Fields(fields) = json::parse(text.as_bytes())?;
        let mut image = Image { columns: Vec::with_capacity(fields.len()), not_sent: Vec::new() };
        for (at, (name, raw)) in fields.into_iter().enumerate() {
            if let (Some(last), Json::Bool(is_missing)) = (image.columns.last(), Json::of(raw))
                && name.strip_suffix(IS_MISSING) == Some(&*last.name)
            {
                if is_missing {
                    image.not_sent.extend(image.columns.pop().map(|column| column.name));
                }
                continue;
            }
            let value = self.value(&name, at, raw).map_err(|error| error.under(&name))?;
            image.columns.push(Column { name, value });
        }
        Ok(image)
    }

    fn value<'a>(self, name: &str, at: usize, raw: &'a RawValue) -> Result<Value<'a>, Error> {
        if let Some(field) = self.schema.and_then(|schema| connect::field_of(schema, name, at)) {
            return connect::typed(raw.get(), &field.ty);
        }
        let value = match connect::untyped(raw.get())? {
            Value::Untyped(text) => Value::Text(text),
            value => value,
        };
        match self.stated.iter().find(|stated| stated.column == name) {
            Some(stated) => restated(value, &stated.ty),
            None => Ok(value),
        }
    }
}

impl<'a> Image<'a> {
    pub(super) fn into_row(self, kind: RowKind) -> Row<'a> {
        Row { kind, columns: self.columns, not_sent: self.not_sent }
    }

    fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.value)
    }
}

/// Adds an update. What only `before` has did not change: it is not sent again, but for the key. Where a column of the key
/// changed it is a delete and an insert, and the new row has all of it.
pub(super) fn push_update<'a>(rows: &mut Vec<Row<'a>>, before: Image<'a>, mut after: Image<'a>, key: &[Cow<'_, str>]) {
    let is_key_change =
        key.iter().any(|name| matches!((before.get(name), after.get(name)), (Some(old), Some(new)) if old != new));
    let (old_kind, new_kind) =
        if is_key_change { (RowKind::Delete, RowKind::Insert) } else { (RowKind::UpdateBefore, RowKind::UpdateAfter) };
    for (at, column) in before.columns.iter().enumerate() {
        if after.get(&column.name).is_some() {
            continue;
        }
        if is_key_change || key.contains(&column.name) {
            after.not_sent.retain(|name| *name != column.name);
            after.columns.insert(at.min(after.columns.len()), column.clone());
        } else if !after.not_sent.contains(&column.name) {
            after.not_sent.push(column.name.clone());
        }
    }
    rows.extend([before.into_row(old_kind), after.into_row(new_kind)]);
}

/// The schema without the fields that say whether a column is in the trail.
pub(super) fn columns_alone(schema: Arc<RowSchema>) -> Arc<RowSchema> {
    let ends_in_flag =
        |pair: &[Field]| matches!(pair, [column, flag] if flag.name.strip_suffix(IS_MISSING) == Some(&*column.name));
    if !schema.fields.windows(2).any(ends_in_flag) {
        return schema;
    }
    let rest = schema.fields.windows(2).filter(|pair| !ends_in_flag(pair)).filter_map(<[Field]>::last);
    Arc::new(RowSchema { fields: schema.fields.first().into_iter().chain(rest).cloned().collect() })
}
