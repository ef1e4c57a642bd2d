//! The primary key that the Kafka key tells (`kafka_key_format`).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::Error;
use crate::json::{self, Fields, Json, Name};
use crate::rebuilt::no_key_column;
use crate::row::{Column, Table};

/// Names and values in their order.
type RawFields<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The names of the key's columns, in lower case: of `{"database":…,"table":…,"pk.id":1}` (hash) or of
/// `["database","table",[{"id":1}]]` (array). Empty for a table without a primary key, whose key holds a random `_uuid`
/// or no column, and for a record without a key.
///
/// # Errors
///
/// When it is neither form.
pub(super) fn names(key: Option<&[u8]>) -> Result<Vec<Cow<'_, str>>, Error> {
    let columns = of_row(key)?.map(|(_, columns)| columns).unwrap_or_default();
    Ok(columns.into_iter().map(|(name, _)| name).collect())
}

/// The table and the key's columns; `None` for a record without a key.
///
/// # Errors
///
/// When it is neither form.
pub(super) fn of_row(key: Option<&[u8]>) -> Result<Option<(Table<'_>, RawFields<'_>)>, Error> {
    let Some(text) = key.filter(|text| !text.is_empty()) else { return Ok(None) };
    let raw: &RawValue = json::parse(text).map_err(|error| error.under("key"))?;
    match Json::of(raw) {
        Json::Null => Ok(None),
        Json::Object(text) => of_hash(text).map(Some),
        Json::Array(text) => of_array(text).map(Some),
        _ => Err(None),
    }
    .map_err(|error| error.unwrap_or_else(|| no_key(Json::of(raw))))
}

fn no_key(found: Json<'_>) -> Error {
    found.unexpected("a key that Maxwell writes, with the database, the table and the key's columns").under("key")
}

fn of_hash<'a>(text: &'a str) -> Result<(Table<'a>, RawFields<'a>), Option<Error>> {
    let Fields(mut fields) = json::parse(text.as_bytes()).map_err(|error| Some(error.under("key")))?;
    let mut part = |name: &str| {
        let at = fields.iter().position(|(field, _)| field == name).ok_or(None)?;
        match Json::of(fields.remove(at).1) {
            Json::String(quoted) => json::unescape(quoted).map_err(|error| Some(error.under("key"))),
            _ => Err(None),
        }
    };
    let table = table(part("database")?, part("table")?);
    let column = |name: Cow<'a, str>| match name {
        Cow::Borrowed(name) => name.strip_prefix("pk.").map(Cow::Borrowed),
        Cow::Owned(name) => name.strip_prefix("pk.").map(|name| Cow::Owned(name.to_owned())),
    };
    Ok((table, fields.into_iter().filter_map(|(name, raw)| Some((column(name)?, raw))).collect()))
}

fn of_array(text: &str) -> Result<(Table<'_>, RawFields<'_>), Option<Error>> {
    let (Name(database), Name(name), columns): (Name<'_>, Name<'_>, Vec<Fields<'_>>) =
        serde_json::from_str(text).map_err(|_| None)?;
    let columns = columns.into_iter().flat_map(|Fields(fields)| fields);
    Ok((table(database, name), columns.filter(|(name, _)| name != "_uuid").collect()))
}

fn table<'a>(database: Cow<'a, str>, name: Cow<'a, str>) -> Table<'a> {
    Table { database: Some(database).filter(|name| !name.is_empty()), schema: None, name }
}

/// Whether a row may spell the name of the key so.
pub(super) fn is_same(spelled: &str, name: &str) -> bool {
    spelled.to_lowercase() == name || spelled.replace('_', "").to_lowercase() == name.replace('_', "")
}

/// The same columns as the row names them: in its own case, and as `output_naming_strategy` may have changed them.
///
/// # Errors
///
/// When the row lacks one, or has two that could be it.
pub(super) fn in_row<'a>(names: Vec<Cow<'a, str>>, row: &[Column<'a>]) -> Result<Vec<Cow<'a, str>>, Error> {
    let find = |name: Cow<'a, str>| {
        if row.iter().any(|column| column.name == name) {
            return Ok(name);
        }
        let only = |form: fn(&str) -> String| {
            let wanted = form(&name);
            let mut same = row.iter().filter(|column| form(&column.name) == wanted);
            same.next().filter(|_| same.next().is_none()).map(|column| column.name.clone())
        };
        only(str::to_lowercase)
            .or_else(|| only(|name| name.replace('_', "").to_lowercase()))
            .ok_or_else(|| no_key_column(&name).under("data"))
    };
    names.into_iter().map(find).collect()
}
