//! A row image or key becomes columns, each in its type.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Stated;
use super::envelope::wrapped_of;
use crate::avro::{self, Datum};
use crate::connect;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Json};
use crate::limits::check_columns;
use crate::row::{Column, Field, Key, RowSchema};
use crate::scan::{Member, Scan};
use crate::unavailable::Placeholder;

/// A part of a record, as it was sent.
#[derive(Debug)]
pub(crate) enum Sent<'a, 's> {
    Json(Part<'a>),
    Avro(Datum<'a, 's>),
}

/// A well-formed part of a record in JSON.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a str,
    /// Its members, where it is an object and they are known already.
    pub(crate) members: Vec<Member<'a>>,
}

impl<'a> Part<'a> {
    /// An object that is all of a text; `None` where it is none, or `serde_json` has to look.
    pub(super) fn alone(text: &'a [u8]) -> Option<Self> {
        let mut scan = Scan::new(str::from_utf8(text).ok()?);
        let part = Self::scanned(&mut scan)?;
        (scan.is_at_end() && !part.members.is_empty()).then_some(part)
    }

    /// The schema that the converter wrapped it with, which may be null, and what is of it.
    pub(super) fn wrapped(&self) -> Option<(&'a str, &'a str)> {
        wrapped_of(&self.members, |text| text)
    }

    /// Reads one; `None` where `serde_json` has to.
    pub(super) fn scanned(scan: &mut Scan<'a>) -> Option<Self> {
        let (text, members) = scan.value_with_members()?;
        Some(Self { text, members })
    }
}

impl<'a> From<&'a RawValue> for Part<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self { text: raw.get(), members: Vec::new() }
    }
}

/// What an image is of: decides how its columns are read, and where an error was.
pub(crate) struct ImageOf<'a, 's> {
    pub(crate) path: &'static str,
    pub(crate) sent: Sent<'a, 's>,
    pub(crate) types: Types<'s>,
    /// Whose columns alone are read; all of them when `None`.
    pub(crate) only: Option<&'s Key<'a>>,
}

/// What states the types of an image's columns; the first that knows a column counts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Types<'s> {
    /// The row's own schema. A key's schema does not tell the source's types, so this one goes before it.
    pub(crate) row: Option<&'s RowSchema>,
    pub(crate) key: Option<&'s RowSchema>,
    /// What a setting states for a table whose events have no schema.
    pub(crate) stated: &'s [Stated],
}

/// The columns of a row image; a column whose value is the unavailable placeholder goes to `not_sent` instead.
pub(crate) fn image<'a>(
    of: ImageOf<'a, '_>,
    placeholder: &Placeholder,
    not_sent: impl FnMut(Cow<'a, str>),
) -> Result<Vec<Column<'a>>, Error> {
    let at_path = |error: Error| {
        if of.path.is_empty() { error } else { error.under(of.path) }
    };
    let part = match of.sent {
        Sent::Json(part) => part,
        Sent::Avro(datum) => {
            let is_column = |sent_as: &str| {
                let name = || of.types.field(sent_as, 0).map_or(sent_as, |field| &field.name);
                of.only.is_none_or(|key| has(key, name()))
            };
            return avro::columns(datum, of.types, placeholder, is_column, not_sent).map_err(at_path);
        }
    };
    let Json::Object(text) = Json::of_text(part.text) else {
        return Err(at_path(Json::of_text(part.text).unexpected("an object of columns")));
    };
    let fields = if part.members.is_empty() { json::fields_of(text).map_err(at_path)? } else { part.members };
    columns(fields, (of.types, of.only), placeholder, not_sent).map_err(at_path)
}

/// The same of fields that are no longer in their object.
pub(crate) fn columns<'a>(
    fields: Vec<(Cow<'a, str>, &'a str)>,
    (types, only): (Types<'_>, Option<&Key<'_>>),
    placeholder: &Placeholder,
    mut not_sent: impl FnMut(Cow<'a, str>),
) -> Result<Vec<Column<'a>>, Error> {
    check_columns(fields.len())?;
    let mut columns = Vec::with_capacity(only.map_or(fields.len(), |key| key.columns.len()));
    for (at, (sent_as, raw)) in fields.into_iter().enumerate() {
        let (name, ty) = types.of(sent_as, at);
        if only.is_some_and(|key| !has(key, &name)) {
            continue;
        }
        if placeholder.is(raw) {
            not_sent(name);
            continue;
        }
        let value = match ty {
            Some(ty) => connect::typed(raw, ty),
            None if types.is_untyped() => connect::untyped(raw),
            None => Err(Error::new("", ErrorKind::Missing { expected: "the column in the event's schema" })),
        };
        match value {
            Ok(value) => columns.push(Column { name, value }),
            Err(error) => return Err(error.under(&name)),
        }
    }
    Ok(columns)
}

fn has(key: &Key<'_>, name: &str) -> bool {
    key.columns.iter().any(|column| column.name == name)
}

impl<'s> Types<'s> {
    /// The name and type of the column that is sent as `name`, which nearly always stands at `at`.
    fn of<'a>(&self, name: Cow<'a, str>, at: usize) -> (Cow<'a, str>, Option<&'s connect::ColumnType>) {
        match self.field(&name, at) {
            Some(field) if field.sent_as.is_some() => (Cow::Owned(field.name.clone()), Some(&field.ty)),
            Some(field) => (name, Some(&field.ty)),
            None => {
                let stated = self.stated.iter().find(|stated| stated.column == name);
                (name, stated.map(|stated| &stated.ty))
            }
        }
    }

    /// What a schema says of that column.
    pub(crate) fn field(&self, name: &str, at: usize) -> Option<&'s Field> {
        let of = |schema: Option<&'s RowSchema>| schema.and_then(|schema| connect::field_of(schema, name, at));
        of(self.row).or_else(|| of(self.key))
    }

    /// Whether no schema states the types, so that a column may be without one.
    fn is_untyped(&self) -> bool {
        self.row.is_none() && self.key.is_none()
    }
}
