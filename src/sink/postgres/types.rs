//! The Postgres type that a column gets in a table that is made for it.
//!
//! Comes in: a [`Field`] of an event's schema, and which of the types that not every database has the target knows. Goes
//! out: the type that holds each of its values exactly, as the source declares it where the event says how. Decided from
//! names alone, never from values.

use std::collections::BTreeMap;

use rowkind_formats::{ColumnType, Connector, Field, SourceColumn, Structured, TimeUnit};
use sqlx::PgConnection;

use crate::route::quoted;

/// Types of extensions and of users, by their names in `pg_type`: those that the target has, as SQL names them.
#[derive(Debug, Clone, Default)]
pub struct Present(BTreeMap<String, String>);

/// Extension types that take the source's text as it is, by Debezium's names for them.
const TEXT_TYPES: [&str; 9] = ["CITEXT", "ISBN", "ISSN", "ISMN", "EAN13", "ISBN13", "ISSN13", "ISMN13", "UPC"];

/// The longest `varchar(n)` that Postgres takes.
const MAX_CHARACTERS: i32 = 10_485_760;

impl Present {
    /// Looks up which of the types that columns could have are in the target.
    ///
    /// # Errors
    ///
    /// When Postgres does not answer.
    pub async fn look_up(connection: &mut PgConnection, fields: &[Field]) -> Result<Self, sqlx::Error> {
        let names: Vec<String> = fields.iter().filter_map(|field| wished(&field.ty, &item_source(field))).collect();
        if names.is_empty() {
            return Ok(Self::default());
        }
        let found: Vec<(String, String)> = sqlx::query_as(
            "select distinct on (typname) typname::text, format_type(t.oid, -1) from pg_type t \
              where typname = any($1) and typtype in ('b', 'e') order by typname, pg_type_is_visible(t.oid) desc, t.oid",
        )
        .bind(&names)
        .fetch_all(connection)
        .await?;
        Ok(Self(found.into_iter().collect()))
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// The type of a new column.
///
/// # Errors
///
/// The name of the event's type, when Postgres has none for it.
pub fn sql_type(field: &Field, present: &Present) -> Result<String, String> {
    match &field.ty {
        ColumnType::Array(item) => Ok(format!("{}[]", scalar(item, &item_source(field), present)?)),
        ty => scalar(ty, &field.source, present),
    }
}

/// `"name" type` of a new column.
///
/// # Errors
///
/// The column's name, and the name of the event's type when Postgres has none for it.
pub fn column(field: &Field, present: &Present) -> Result<String, (String, String)> {
    let ty = sql_type(field, present).map_err(|ty| (field.name.clone(), ty))?;
    Ok(format!("{} {ty}", quoted(&field.name)))
}

/// The source's column as that of an array's items, which Postgres calls `_INT4`.
fn item_source(field: &Field) -> SourceColumn {
    let mut source = field.source.clone();
    if let (ColumnType::Array(_), Some(ty)) = (&field.ty, &mut source.ty)
        && let Some(item) = ty.strip_prefix('_')
    {
        *ty = item.to_owned();
    }
    source
}

/// The type that a column would have if the target has it.
fn wished(ty: &ColumnType, source: &SourceColumn) -> Option<String> {
    use ColumnType as T;
    let name = source.ty.as_deref().unwrap_or_default();
    let is_mysql = source.connector == Some(Connector::MySql);
    Some(match ty {
        T::Array(item) => return wished(item, source),
        T::Text if TEXT_TYPES.contains(&name) => name.to_lowercase(),
        T::Enum if !is_mysql && !name.is_empty() => name.to_lowercase(),
        T::Json if name == "HSTORE" => "hstore".to_owned(),
        T::Map if matches!(name, "" | "HSTORE") => "hstore".to_owned(),
        T::Ltree => "ltree".to_owned(),
        T::Point if is_mysql => "geometry".to_owned(),
        T::Geometry if native_shape(source).is_none() => "geometry".to_owned(),
        T::Geography => "geography".to_owned(),
        T::FloatVector if name == "HALFVEC" => "halfvec".to_owned(),
        T::FloatVector | T::DoubleVector => "vector".to_owned(),
        T::SparseVector => "sparsevec".to_owned(),
        _ => return None,
    })
}

/// Postgres's own types that arrive as a geometry.
fn native_shape(source: &SourceColumn) -> Option<&'static str> {
    if source.connector == Some(Connector::MySql) {
        return None;
    }
    ["box", "lseg", "path", "polygon"].into_iter().find(|shape| source.is(&shape.to_uppercase()))
}

fn scalar(ty: &ColumnType, source: &SourceColumn, present: &Present) -> Result<String, String> {
    if let Some(found) = wished(ty, source).and_then(|name| present.get(&name)) {
        return Ok(found);
    }
    if let Some(declared) = declared(ty, source) {
        return Ok(declared);
    }
    semantic(ty, source)
}

/// The type as the source declares it, where its name says more than the event's type.
fn declared(ty: &ColumnType, source: &SourceColumn) -> Option<String> {
    use ColumnType as T;
    let name = source.ty.as_deref()?;
    let characters = || source.length.filter(|n| (1..=MAX_CHARACTERS).contains(n));
    Some(match (ty, name) {
        (T::Int64, "OID") => "oid".to_owned(),
        (
            T::Text,
            "VARCHAR" | "CHARACTER VARYING" | "VARCHAR2" | "NVARCHAR" | "NVARCHAR2" | "CHAR" | "NCHAR" | "CHARACTER",
        ) => format!("varchar({})", characters()?),
        // only Postgres says BPCHAR, and sends it padded
        (T::Text, "BPCHAR") => format!("char({})", characters()?),
        (
            T::Text,
            "INET" | "CIDR" | "MACADDR" | "MACADDR8" | "INT4RANGE" | "INT8RANGE" | "NUMRANGE" | "TSRANGE" | "TSTZRANGE"
            | "DATERANGE" | "UUID",
        ) => name.to_lowercase(),
        (T::Text, "UNIQUEIDENTIFIER") => "uuid".to_owned(),
        // binary.handling.mode: base64 or hex
        (
            T::Text,
            "BYTEA" | "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "RAW" | "IMAGE",
        ) => "bytea".to_owned(),
        // decimal.handling.mode: string or double
        (T::Text | T::Float64 | T::VariableScaleDecimal, "NUMERIC" | "DECIMAL" | "NUMBER") => {
            numeric(source.length, source.scale)
        }
        (T::Decimal { precision: None, scale }, "NUMERIC" | "DECIMAL" | "NUMBER") => {
            numeric(source.length, Some(*scale))
        }
        (T::Text | T::Float64, "MONEY" | "SMALLMONEY") => "numeric".to_owned(),
        (T::Json, "JSONB") => "jsonb".to_owned(),
        (T::VaryingBits { .. }, "VARBIT") => match source.length.filter(|n| (1..=MAX_CHARACTERS).contains(n)) {
            Some(length) => format!("bit varying({length})"),
            None => "bit varying".to_owned(),
        },
        (T::Geometry, _) => native_shape(source)?.to_owned(),
        _ => return None,
    })
}

/// `numeric(p,s)` where both are known and Postgres takes them.
fn numeric(precision: Option<i32>, scale: Option<i32>) -> String {
    match (precision, scale) {
        (Some(precision @ 1..=1_000), Some(scale @ 0..=1_000)) if scale <= precision => {
            format!("numeric({precision},{scale})")
        }
        _ => "numeric".to_owned(),
    }
}

/// The type that holds every value of a semantic type.
fn semantic(ty: &ColumnType, source: &SourceColumn) -> Result<String, String> {
    use ColumnType as T;
    let is_mysql = source.connector == Some(Connector::MySql);
    Ok(match ty {
        T::Boolean => "boolean",
        T::Int16 => "smallint",
        T::Int32 => "integer",
        T::Int64 => "bigint",
        T::UnsignedInt64 => "numeric(20,0)",
        T::Float32 => "real",
        T::Float64 => "double precision",
        T::Text | T::Enum | T::EnumSet | T::Ltree | T::SparseVector => "text",
        T::Decimal { precision, scale } => return Ok(numeric(*precision, Some(*scale))),
        T::VariableScaleDecimal => "numeric",
        T::Date | T::IsoDate | T::Structured(Structured::Date) => "date",
        // MySQL's TIME goes from -838:59:59 to 838:59:59
        T::Time(_) | T::IsoTime if is_mysql => "interval",
        T::Time(TimeUnit::Millis) => "time(3)",
        T::Time(_) | T::IsoTime | T::Structured(Structured::Time) => "time",
        T::Timestamp(TimeUnit::Millis) => "timestamp(3)",
        T::Timestamp(_) | T::IsoTimestamp | T::Structured(Structured::Timestamp) => "timestamp",
        T::ZonedTime | T::Structured(Structured::ZonedTime) => "timetz",
        T::ZonedTimestamp | T::Structured(Structured::ZonedTimestamp) => "timestamptz",
        T::Interval | T::Duration(_) | T::Structured(Structured::Duration) => "interval",
        // json keeps the text as it was; jsonb would drop repeated keys and refuse \u0000
        T::Json | T::Map => "json",
        T::Xml => "xml",
        T::Uuid => "uuid",
        T::TsVector => "tsvector",
        T::Bits { length: Some(length) } | T::VaryingBits { length: Some(length) } => {
            return Ok(format!("bit({length})"));
        }
        T::Bits { length: None } | T::VaryingBits { length: None } => "bit varying",
        // a point of MySQL has an SRID
        T::Point if !is_mysql => "point",
        T::Bytes | T::BytesAsText(_) | T::Point | T::Geometry | T::Geography => "bytea",
        T::Circle => "circle",
        T::Line => "line",
        T::FloatVector => "real[]",
        T::DoubleVector => "double precision[]",
        T::Array(item) => return semantic(item, source).map(|item| format!("{item}[]")),
        T::Unsupported(name) => return Err(name.clone()),
        other => return Err(format!("{other:?}")),
    }
    .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ty: ColumnType, source: (&str, Option<i32>, Option<i32>), present: &[&str]) -> String {
        let (name, length, scale) = source;
        let source = SourceColumn {
            connector: Some(if name.starts_with("my:") { Connector::MySql } else { Connector::Postgres }),
            ty: Some(name.trim_start_matches("my:").to_owned()).filter(|name| !name.is_empty()),
            length,
            scale,
        };
        let field = Field { source, ..Field::new("c", ty) };
        let present = Present(present.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect());
        sql_type(&field, &present).unwrap_or_else(|ty| format!("no type for {ty}"))
    }

    #[test]
    fn the_sources_declaration_goes_first() {
        use ColumnType as T;
        assert_eq!(of(T::Text, ("VARCHAR", Some(120), None), &[]), "varchar(120)");
        assert_eq!(of(T::Text, ("VARCHAR", Some(2_147_483_647), None), &[]), "text");
        assert_eq!(of(T::Text, ("BPCHAR", Some(8), None), &[]), "char(8)");
        assert_eq!(of(T::Text, ("INET", None, None), &[]), "inet");
        assert_eq!(of(T::Int64, ("my:BIGINT UNSIGNED", None, None), &[]), "bigint");
        assert_eq!(of(T::UnsignedInt64, ("my:BIGINT UNSIGNED", None, None), &[]), "numeric(20,0)");
        assert_eq!(of(T::Text, ("NUMERIC", Some(10), Some(2)), &[]), "numeric(10,2)");
        assert_eq!(of(T::Text, ("NUMERIC", Some(131_089), Some(0)), &[]), "numeric");
        assert_eq!(of(T::Array(Box::new(T::Text)), ("_INT4RANGE", None, None), &[]), "int4range[]");
        assert_eq!(of(T::Array(Box::new(T::Enum)), ("_MOOD", None, None), &["mood"]), "mood[]");
        assert_eq!(of(T::Time(TimeUnit::Micros), ("TIME", None, None), &[]), "time");
        assert_eq!(of(T::Time(TimeUnit::Micros), ("my:TIME", None, None), &[]), "interval");
        assert_eq!(of(T::Geometry, ("POLYGON", None, None), &["geometry"]), "polygon");
        assert_eq!(of(T::Geometry, ("my:POLYGON", None, None), &["geometry"]), "geometry");
    }

    #[test]
    fn a_type_that_the_target_lacks_has_another_that_holds_the_value() {
        use ColumnType as T;
        for (ty, source, name, without) in [
            (T::Text, "CITEXT", "citext", "text"),
            (T::Json, "HSTORE", "hstore", "json"),
            (T::Map, "", "hstore", "json"),
            (T::Ltree, "", "ltree", "text"),
            (T::Enum, "MOOD", "mood", "text"),
            (T::Geometry, "", "geometry", "bytea"),
            (T::Geography, "", "geography", "bytea"),
            (T::Point, "my:POINT", "geometry", "bytea"),
            (T::FloatVector, "HALFVEC", "halfvec", "real[]"),
            (T::FloatVector, "my:VECTOR", "vector", "real[]"),
            (T::DoubleVector, "", "vector", "double precision[]"),
            (T::SparseVector, "", "sparsevec", "text"),
        ] {
            assert_eq!(of(ty.clone(), (source, None, None), &[name]), name);
            assert_eq!(of(ty, (source, None, None), &[]), without, "without {name}");
        }
    }
}
