//! The types of tables, as Maxwell's DDL messages tell them (`output_ddl`).
//!
//! Comes in: the `def` of a `table-create` or `table-alter`. Goes out: a [`RowSchema`] for the rows behind it. It holds no
//! lengths: how many digits a decimal has and how many bits a bit nobody says, so that the one is a number of any scale and
//! the other the number of its bits.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connect::{ColumnType, bytes};
use crate::geometry::Geometry;
use crate::json::{self, Json, Name};
use crate::mysql_time::{checked, is_date, is_time, is_timestamp, is_zero};
use crate::row::{Connector, Field, RowSchema, SourceColumn, Table, Value};
use crate::zone::UtcOffset;

/// A server has a handful of tables that change; a memory that outgrows this is being filled with noise.
const MAX_TABLES: usize = 4_096;

/// The tables whose definition was seen.
#[derive(Debug, Default)]
pub(super) struct KnownTables {
    schemas: HashMap<Table<'static>, Arc<RowSchema>>,
}

/// A table as a DDL message defines it.
#[derive(Debug, Deserialize)]
struct Definition<'a> {
    #[serde(borrow)]
    database: Name<'a>,
    #[serde(borrow)]
    table: Name<'a>,
    #[serde(borrow)]
    columns: Vec<Definable<'a>>,
}

#[derive(Debug, Deserialize)]
struct Definable<'a> {
    #[serde(rename = "type", borrow)]
    ty: Name<'a>,
    #[serde(borrow)]
    name: Name<'a>,
    signed: Option<bool>,
    #[serde(borrow)]
    charset: Option<Name<'a>>,
}

impl KnownTables {
    /// What the table's rows are; `None` for a table that no message defined.
    pub(super) fn schema(&self, table: &Table<'_>) -> Option<Arc<RowSchema>> {
        if self.schemas.is_empty() { None } else { self.schemas.get(table).map(Arc::clone) }
    }

    /// Learns a definition. `table` is what the message is of, which a rename calls otherwise.
    pub(super) fn define(&mut self, table: &Table<'_>, definition: Option<&RawValue>) {
        self.forget(table);
        let Some(Ok(definition)) = definition.map(|raw| serde_json::from_str::<Definition<'_>>(raw.get())) else {
            return;
        };
        if self.schemas.len() >= MAX_TABLES {
            self.schemas.clear();
        }
        let Definition { database: Name(database), table: Name(name), columns } = definition;
        let table = Table { database: Some(database), schema: None, name }.into_owned();
        let fields = columns.iter().map(Definable::field).collect();
        self.schemas.insert(table, Arc::new(RowSchema { fields }));
    }

    pub(super) fn forget(&mut self, table: &Table<'_>) {
        self.schemas.retain(|known, _| known != table);
    }

    pub(super) fn forget_database(&mut self, database: &str) {
        self.schemas.retain(|known, _| known.database.as_deref() != Some(database));
    }
}

impl Definable<'_> {
    fn field(&self) -> Field {
        let is_unsigned = self.signed == Some(false);
        let Name(ty) = &self.ty;
        let is_binary = matches!(&self.charset, Some(Name(charset)) if charset == "binary");
        let name = format!("{}{}", ty.to_ascii_uppercase(), if is_unsigned { " UNSIGNED" } else { "" });
        let source = SourceColumn { connector: Some(Connector::MySql), ty: Some(name), ..SourceColumn::default() };
        Field { source, ..Field::new(&*self.name.0, column_type(ty, is_unsigned, is_binary)) }
    }
}

fn column_type(name: &str, is_unsigned: bool, is_binary: bool) -> ColumnType {
    use ColumnType as T;
    match name {
        "tinyint" => T::Int16,
        "smallint" if !is_unsigned => T::Int16,
        "smallint" | "mediumint" | "year" => T::Int32,
        "int" if !is_unsigned => T::Int32,
        "int" => T::Int64,
        "bigint" if !is_unsigned => T::Int64,
        "bigint" | "bit" => T::UnsignedInt64,
        "float" => T::Float32,
        "double" => T::Float64,
        "decimal" => T::VariableScaleDecimal,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" if !is_binary => T::Text,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "binary" | "varbinary" | "tinyblob"
        | "blob" | "mediumblob" | "longblob" => T::Bytes,
        "date" => T::IsoDate,
        "time" => T::IsoTime,
        "datetime" => T::IsoTimestamp,
        "timestamp" => T::ZonedTimestamp,
        "enum" => T::Enum,
        "set" => T::EnumSet,
        "json" => T::Json,
        "point" => T::Point,
        "geometry" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection" => T::Geometry,
        other => T::Unsupported(other.to_owned()),
    }
}

/// The value of a defined column; `None` when it is none of the type, and so of the table as it was at another time.
pub(super) fn value<'a>(raw: &'a RawValue, ty: &ColumnType) -> Option<Value<'a>> {
    use ColumnType as T;
    let text = |quoted: &'a str| json::unescape(quoted).ok();
    Some(match (ty, Json::of(raw)) {
        (_, Json::Null) => Value::Null,
        (T::Int16 | T::Int32 | T::Int64, Json::Number(number)) if number.parse::<i64>().is_ok() => {
            Value::Number(Cow::Borrowed(number))
        }
        (T::UnsignedInt64, Json::Number(number)) if number.parse::<u64>().is_ok() => {
            Value::Number(Cow::Borrowed(number))
        }
        (T::Float32 | T::Float64 | T::VariableScaleDecimal, Json::Number(number)) => {
            Value::Number(Cow::Borrowed(number))
        }
        (T::Text | T::Enum, Json::String(quoted)) => Value::Text(text(quoted)?),
        (T::EnumSet, Json::Array(array)) => Value::Text(Cow::Owned(set(array)?)),
        // JSON's, or the text of JSON where MariaDB has it in a column of text
        (T::Json, Json::String(quoted)) => Value::Embedded(text(quoted)?),
        (T::Json, _) => Value::Text(Cow::Borrowed(raw.get())),
        (T::Bytes, found) => Value::Bytes(bytes(found).ok()?),
        (T::IsoDate, Json::String(quoted)) => Value::Text(checked(text(quoted)?, is_date)?),
        (T::IsoTime, Json::String(quoted)) => Value::Text(checked(text(quoted)?, is_time)?),
        (T::IsoTimestamp, Json::String(quoted)) => Value::Text(checked(text(quoted)?, is_timestamp)?),
        (T::ZonedTimestamp, Json::String(quoted)) => {
            let utc = checked(text(quoted)?, is_timestamp)?;
            Value::Text(if is_zero(&utc) { utc } else { Cow::Owned(UtcOffset::utc().to_utc(&utc)?) })
        }
        (T::Point | T::Geometry, Json::String(quoted)) => Value::Geometry(Box::new(Geometry::of_wkt(&text(quoted)?)?)),
        _ => return None,
    })
}

/// The names of a SET, joined by commas.
pub(super) fn set(array: &str) -> Option<String> {
    let names: Vec<Name<'_>> = serde_json::from_str(array).ok()?;
    let names: Vec<&str> = names.iter().map(|Name(name)| &**name).collect();
    Some(names.join(","))
}
