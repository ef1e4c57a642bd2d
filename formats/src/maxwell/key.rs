//! The primary key that the Kafka key names (`kafka_key_format`).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json, Name};
use crate::row::Column;

/// The names of the key's columns, in lower case: of `{"database":…,"table":…,"pk.id":1}` (hash) or of
/// `["database","table",[{"id":1}]]` (array). Empty for a table without a primary key, whose key holds a random `_uuid`
/// or no column, and for a record without a key.
///
/// # Errors
///
/// When it is neither form.
pub(super) fn names(key: Option<&[u8]>) -> Result<Vec<Cow<'_, str>>, Error> {
    let Some(text) = key.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let raw: &RawValue = json::parse(text).map_err(|error| error.under("key"))?;
    match Json::of(raw) {
        Json::Null => Ok(Vec::new()),
        Json::Object(text) => of_hash(text),
        Json::Array(text) => of_array(text),
        _ => Err(None),
    }
    .map_err(|error| error.unwrap_or_else(|| no_key(Json::of(raw))))
}

fn no_key(found: Json<'_>) -> Error {
    found.unexpected("a key that Maxwell writes, with the database, the table and the key's columns").under("key")
}

fn of_hash<'a>(text: &'a str) -> Result<Vec<Cow<'a, str>>, Option<Error>> {
    let Fields(fields) = json::parse(text.as_bytes()).map_err(|error| Some(error.under("key")))?;
    if !["database", "table"].iter().all(|name| fields.iter().any(|(field, _)| field == name)) {
        return Err(None);
    }
    let column = |name: Cow<'a, str>| match name {
        Cow::Borrowed(name) => name.strip_prefix("pk.").map(Cow::Borrowed),
        Cow::Owned(name) => name.strip_prefix("pk.").map(|name| Cow::Owned(name.to_owned())),
    };
    Ok(fields.into_iter().filter_map(|(name, _)| column(name)).collect())
}

fn of_array(text: &str) -> Result<Vec<Cow<'_, str>>, Option<Error>> {
    let (Name(_), Name(_), columns): (Name<'_>, Name<'_>, Vec<Fields<'_>>) =
        serde_json::from_str(text).map_err(|_| None)?;
    let names = columns.into_iter().flat_map(|Fields(fields)| fields).map(|(name, _)| name);
    Ok(names.filter(|name| name != "_uuid").collect())
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
        only(str::to_lowercase).or_else(|| only(|name| name.replace('_', "").to_lowercase())).ok_or_else(|| {
            Error::new(&*name, ErrorKind::Missing { expected: "the value of the key's column" }).under("data")
        })
    };
    names.into_iter().map(find).collect()
}
