//! Which table a row without an envelope is of.

use super::added::{self, AddedFields};
use crate::error::Error;
use crate::row::Table;

/// By the added fields; what they do not tell is in the name of the schema, or of the topic.
///
/// # Errors
///
/// When an added field that would tell is no string.
pub(super) fn table<'a>(
    added: &AddedFields<'a>,
    schema_name: Option<&str>,
    topic: &'a str,
) -> Result<Table<'a>, Error> {
    let mut told = [None, None, None];
    let names =
        [["db", "source_db"].as_slice(), &["schema", "source_schema"], &["table", "source_table", "collection"]];
    for (told, names) in told.iter_mut().zip(names) {
        for name in names {
            *told = told.take().or(added::text(added, name)?.filter(|text| !text.is_empty()));
        }
    }
    let [database, schema, name] = told;
    let fallback = match schema_name.and_then(of_schema) {
        Some(table) => table.into_owned(),
        None => of_topic(topic),
    };
    // MySQL's namespace is its database
    let schema = schema.or_else(|| fallback.schema.filter(|schema| database.as_ref() != Some(schema)));
    Ok(Table { database, schema, name: name.unwrap_or(fallback.name) })
}

/// What the names of a table's row schema and key schema have in common: `prefix.schema.table`. `None` when it is no
/// such name.
pub(super) fn path_of_schema(name: &str) -> Option<&str> {
    let path = name.strip_suffix(".Value").or_else(|| name.strip_suffix(".Key"))?;
    (path.matches('.').count() >= 2).then_some(path)
}

/// By the name of a row's or key's schema; `None` when it is no such name.
pub(super) fn of_schema(name: &str) -> Option<Table<'_>> {
    path_of_schema(name).map(of_topic)
}

/// The last two parts of a topic's name, or all of a name without parts.
pub(super) fn of_topic(topic: &str) -> Table<'_> {
    match topic.rsplit_once('.') {
        Some((rest, name)) => {
            let schema = rest.rsplit_once('.').map_or(rest, |(_, schema)| schema);
            Table { database: None, schema: Some(schema.into()), name: name.into() }
        }
        None => Table { database: None, schema: None, name: topic.into() },
    }
}
