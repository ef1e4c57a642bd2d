//! A row as a query reads it: its columns, what was not sent of it, and what its record tells beside it.

use std::borrow::Cow;

use rowkind_formats::{Change, Column, Row, RowKind, Value};

use super::datum::{self, Datum, NoValue};
use super::declared::{Declared, Told};
use super::expr::{Columns, Missing};
use super::types::SqlType;
use super::{Place, Query, Selected};
use crate::sink::postgres::text;

/// A row that is read.
pub(super) struct Read<'r, 'a> {
    pub(super) query: &'r Query,
    pub(super) row: &'r Row<'a>,
    /// What it was, where that is known: what was not sent of it has not changed.
    pub(super) before: Option<&'r Row<'a>>,
    pub(super) change: &'r Change<'a>,
    pub(super) place: Place<'r, 'a>,
}

impl<'a> Read<'_, 'a> {
    pub(super) fn passes(&self) -> Result<bool, Missing> {
        match &self.query.filter {
            None => Ok(true),
            Some(condition) => Ok(condition.truth(self)? == Some(true)),
        }
    }

    pub(super) fn selected(&self, kind: RowKind) -> Result<Row<'a>, NoValue> {
        let (mut columns, mut not_sent) = (Vec::with_capacity(self.query.selected.len()), Vec::new());
        for Selected { name, expr } in &self.query.selected {
            if let Some(value) = expr.column().and_then(|at| self.as_sent(at)) {
                columns.push(Column { name: Cow::Owned(name.clone()), value });
                continue;
            }
            match expr.value(self) {
                Ok(datum) => columns.push(Column { name: Cow::Owned(name.clone()), value: datum.into_value(&expr.ty) }),
                Err(Missing::Column(_)) => not_sent.push(Cow::Owned(name.clone())),
                Err(missing) => return Err(self.query.told(&format!("column `{name}`"), missing)),
            }
        }
        if matches!(kind, RowKind::UpdateBefore | RowKind::Delete) {
            not_sent.clear();
        }
        Ok(Row { kind, columns, not_sent })
    }

    /// The value of a column that needs no reading: it is of its type as it was sent.
    fn as_sent(&self, at: usize) -> Option<Value<'a>> {
        let Declared { ty, metadata: None, .. } = &self.query.declared[at] else { return None };
        match (ty, self.sent(at)?) {
            (_, Value::Null) => Some(Value::Null),
            (SqlType::String, Value::Text(text) | Value::Untyped(text)) => Some(Value::Text(text.clone())),
            // also those that are not computed with here: infinity, and years behind 9999
            (SqlType::Date | SqlType::Time(_) | SqlType::Timestamp(_) | SqlType::TimestampLtz(_), value) => {
                let text = text::text(value, &ty.kind(), self.query.modes).ok()??;
                Some(Value::Text(Cow::Owned(text.into_owned())))
            }
            (SqlType::Boolean, Value::Bool(value)) => Some(Value::Bool(*value)),
            (SqlType::Integer { bits }, Value::Number(text)) => {
                let number = text.parse().ok().filter(|_| !text.starts_with('+'))?;
                datum::in_range(number, *bits).map(|_| Value::Number(text.clone()))
            }
            _ => None,
        }
    }

    fn sent(&self, at: usize) -> Option<&Value<'a>> {
        let name = &self.query.declared[at].name;
        // nearly always columns are declared as they are sent
        let of = |row: &'_ Row<'a>| row.columns.get(at).is_some_and(|column| column.name == *name);
        if of(self.row) {
            return Some(&self.row.columns[at].value);
        }
        self.row.get(name).or_else(|| self.before?.get(name))
    }

    fn metadata(&self, told: Told) -> Value<'_> {
        let table = &self.change.table;
        let text = |name: &'_ Option<Cow<'a, str>>| name.clone().map_or(Value::Null, Value::Text);
        match told {
            Told::Of(metadata) => metadata.value(&self.change.origin, self.place.record),
            Told::Database => text(&table.database),
            Told::Schema => text(&table.schema),
            Told::Table => Value::Text(table.name.clone()),
            Told::Timestamp => {
                let moment = self.place.timestamp_ms.and_then(chrono::DateTime::from_timestamp_millis);
                moment.map_or(Value::Null, |moment| {
                    Datum::Timestamp(moment.naive_utc()).into_value(&SqlType::TimestampLtz(3))
                })
            }
        }
    }
}

impl Columns for Read<'_, '_> {
    fn get(&self, at: usize) -> Result<Datum, Missing> {
        let Declared { name, ty, metadata, .. } = &self.query.declared[at];
        let told;
        let value = match metadata {
            Some(metadata) => {
                told = self.metadata(*metadata);
                &told
            }
            None => match self.sent(at) {
                Some(value) => value,
                None => return Err(Missing::Column(at)),
            },
        };
        let none = |text: String| Missing::Value(NoValue(format!("`{name}`: {text}")));
        match text::text(value, &ty.kind(), self.query.modes).map_err(|error| none(error.to_string()))? {
            None => Ok(Datum::Null),
            Some(text) => Datum::read(&text, ty).map_err(|error| none(error.0)),
        }
    }
}
