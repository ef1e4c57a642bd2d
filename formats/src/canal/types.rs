//! `MySQL`'s names of column types: how Canal writes their values, and which [`ColumnType`] they are.

use std::collections::HashMap;
use std::sync::Arc;

use crate::connect::{ColumnType, field_at};
use crate::error::Error;
use crate::json::{self, Json};
use crate::row::{Connector, Field, RowSchema, SourceColumn};

/// How the text of a column's values is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wire {
    /// Decimal digits; `BIGINT UNSIGNED` goes up to 2⁶⁴ − 1.
    Integer,
    /// Digits behind the point; Canal leaves zeros at the end out.
    Decimal {
        scale: usize,
    },
    Float,
    /// The bits as a decimal integer.
    Bits {
        length: usize,
    },
    /// `bit(1)`
    Bit,
    Date,
    Time,
    DateTime,
    /// Wall clock of the server's time zone.
    Timestamp,
    /// Text, and JSON as text.
    Text,
    /// A byte a character. `BINARY(n)` has lost its zero bytes at the end.
    Bytes {
        padded_to: usize,
    },
    /// The position of the name, from 1; 0 is the empty string of a value that is none.
    Enum(Vec<String>),
    /// A bit for each name, the lowest for the first.
    Set(Vec<String>),
    /// The SRID in 4 bytes and WKB, a byte a character.
    Geometry,
    /// No one knows.
    Unsupported(String),
}

/// The columns of a table as `mysqlType` states them.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) schema: Arc<RowSchema>,
    /// Of the schema's fields, in their order.
    wires: Vec<Wire>,
}

impl Columns {
    fn parse(text: &str, has_time_zone: bool) -> Result<Self, Error> {
        let json::Fields(sent) = json::parse(text.as_bytes())?;
        let (mut fields, mut wires) = (Vec::with_capacity(sent.len()), Vec::with_capacity(sent.len()));
        for (name, raw) in sent {
            let declared = match Json::of(raw) {
                Json::String(quoted) => json::unescape(quoted)?,
                other => return Err(other.unexpected("the name of a type").under(&name)),
            };
            let (wire, ty, source) = column_type(&declared, has_time_zone);
            fields.push(Field { source, ..Field::new(name, ty) });
            wires.push(wire);
        }
        Ok(Self { schema: Arc::new(RowSchema { fields }), wires })
    }

    /// How the column `name` is read, which nearly always stands at `at`.
    pub(super) fn wire(&self, name: &str, at: usize) -> Option<&Wire> {
        self.wires.get(field_at(&self.schema, name, at)?)
    }
}

/// The columns of tables, found again by the text of their `mysqlType`.
#[derive(Debug, Default)]
pub(super) struct KnownColumns {
    by_text: HashMap<Box<str>, Arc<Columns>, foldhash::fast::RandomState>,
}

/// A topic has a handful of tables; a cache that outgrows this is being filled with noise.
const MAX_TABLES: usize = 4_096;

impl KnownColumns {
    /// # Errors
    ///
    /// When the text is no object of names.
    pub(super) fn get(&mut self, text: &str, has_time_zone: bool) -> Result<Arc<Columns>, Error> {
        if let Some(known) = self.by_text.get(text) {
            return Ok(Arc::clone(known));
        }
        let columns = Arc::new(Columns::parse(text, has_time_zone)?);
        if self.by_text.len() >= MAX_TABLES {
            self.by_text.clear();
        }
        self.by_text.insert(text.into(), Arc::clone(&columns));
        Ok(columns)
    }
}

/// A declaration in its parts: `decimal(10,2) unsigned`.
struct Declared<'a> {
    /// In capitals.
    name: String,
    /// What stands in the brackets; empty without any.
    arguments: &'a str,
    is_unsigned: bool,
}

impl<'a> Declared<'a> {
    fn parse(text: &'a str) -> Self {
        let (before, arguments, after) = match text.split_once('(') {
            // names in the brackets may hold brackets
            Some((before, rest)) => match rest.rsplit_once(')') {
                Some((arguments, after)) => (before, arguments, after),
                None => (text, "", ""),
            },
            None => (text, "", ""),
        };
        let words = |text: &str| text.to_ascii_uppercase();
        let (before, after) = (words(before), words(after));
        let attributes = [" UNSIGNED", " SIGNED", " ZEROFILL", " CHARACTER SET", " COLLATE"];
        let end = attributes.iter().filter_map(|attribute| before.find(attribute)).min().unwrap_or(before.len());
        // ZEROFILL makes a column unsigned
        let is_unsigned = [&before, &after].iter().any(|part| part.contains("UNSIGNED") || part.contains("ZEROFILL"));
        let name = before.get(..end).unwrap_or_default().trim().to_owned();
        Self { name, arguments, is_unsigned }
    }

    /// The number at a place of the brackets.
    fn number(&self, at: usize) -> Option<i32> {
        self.arguments.split(',').nth(at)?.trim().parse().ok().filter(|number| *number >= 0)
    }

    fn size(&self, at: usize) -> Option<usize> {
        self.number(at).and_then(|number| usize::try_from(number).ok())
    }
}

/// What a declaration states.
pub(crate) fn declared_type(text: &str) -> ColumnType {
    column_type(text, true).1
}

fn column_type(text: &str, has_time_zone: bool) -> (Wire, ColumnType, SourceColumn) {
    use ColumnType as T;
    let declared = Declared::parse(text);
    let by_sign = |signed, unsigned| if declared.is_unsigned { unsigned } else { signed };
    let unsupported = || (Wire::Unsupported(text.to_owned()), T::Unsupported(text.to_owned()));
    let (wire, ty) = match declared.name.as_str() {
        "TINYINT" | "INT1" | "BOOL" | "BOOLEAN" => (Wire::Integer, T::Int16),
        "SMALLINT" | "INT2" => (Wire::Integer, by_sign(T::Int16, T::Int32)),
        "MEDIUMINT" | "INT3" | "MIDDLEINT" | "YEAR" => (Wire::Integer, T::Int32),
        "INT" | "INTEGER" | "INT4" => (Wire::Integer, by_sign(T::Int32, T::Int64)),
        "BIGINT" | "INT8" => (Wire::Integer, by_sign(T::Int64, T::UnsignedInt64)),
        "SERIAL" => (Wire::Integer, T::UnsignedInt64),
        "DECIMAL" | "DEC" | "NUMERIC" | "FIXED" => {
            let (precision, scale) = (declared.number(0).unwrap_or(10), declared.number(1).unwrap_or(0));
            (
                Wire::Decimal { scale: declared.size(1).unwrap_or(0).min(30) },
                T::Decimal { precision: Some(precision), scale },
            )
        }
        // FLOAT(25) and above is a double
        "FLOAT" | "FLOAT4" if declared.number(0).is_none_or(|digits| digits <= 24) || declared.number(1).is_some() => {
            (Wire::Float, T::Float32)
        }
        "FLOAT" | "DOUBLE" | "FLOAT8" | "REAL" | "DOUBLE PRECISION" => (Wire::Float, T::Float64),
        "BIT" => match declared.size(0).unwrap_or(1) {
            1 => (Wire::Bit, T::Boolean),
            length @ 2..=64 => (Wire::Bits { length }, T::Bits { length: Some(length) }),
            _ => unsupported(),
        },
        "DATE" => (Wire::Date, T::IsoDate),
        "TIME" => (Wire::Time, T::IsoTime),
        "DATETIME" => (Wire::DateTime, T::IsoTimestamp),
        "TIMESTAMP" => (Wire::Timestamp, if has_time_zone { T::ZonedTimestamp } else { T::IsoTimestamp }),
        "CHAR" | "VARCHAR" | "NCHAR" | "NVARCHAR" | "CHARACTER" | "CHARACTER VARYING" | "NATIONAL CHAR"
        | "NATIONAL VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "LONG" | "LONG VARCHAR" => {
            (Wire::Text, T::Text)
        }
        "JSON" => (Wire::Text, T::Json),
        "BINARY" | "CHAR BYTE" => (Wire::Bytes { padded_to: declared.size(0).unwrap_or(1).min(255) }, T::Bytes),
        "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "LONG VARBINARY" => {
            (Wire::Bytes { padded_to: 0 }, T::Bytes)
        }
        "ENUM" => names(declared.arguments).map_or_else(unsupported, |names| (Wire::Enum(names), T::Enum)),
        "SET" => names(declared.arguments).map_or_else(unsupported, |names| (Wire::Set(names), T::EnumSet)),
        "POINT" => (Wire::Geometry, T::Point),
        "GEOMETRY" | "LINESTRING" | "POLYGON" | "MULTIPOINT" | "MULTILINESTRING" | "MULTIPOLYGON"
        | "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" => (Wire::Geometry, T::Geometry),
        _ => unsupported(),
    };
    let has_length = matches!(ty, T::Text) && !declared.arguments.is_empty();
    let source = SourceColumn {
        connector: Some(Connector::MySql),
        ty: Some(format!("{}{}", declared.name, if declared.is_unsigned { " UNSIGNED" } else { "" })),
        length: declared.number(0).filter(|_| has_length),
        scale: None,
    };
    (wire, ty, source)
}

/// The names of `'a','b''c'`. `None` for what is no such list, and for names with a backslash: some versions of Canal
/// write it twice and others once.
fn names(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list.trim();
    loop {
        rest = rest.strip_prefix('\'')?;
        let mut name = String::new();
        loop {
            let (plain, after) = rest.split_once('\'')?;
            name.push_str(plain);
            let Some(quoted) = after.strip_prefix('\'') else {
                rest = after.trim_start();
                break;
            };
            name.push('\'');
            rest = quoted;
        }
        if name.contains('\\') {
            return None;
        }
        names.push(name);
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ColumnType {
        column_type(text, true).1
    }

    #[test]
    fn declarations() {
        use ColumnType as T;
        for (text, ty) in [
            ("tinyint(1)", T::Int16),
            ("tinyint(3) unsigned", T::Int16),
            ("smallint(5) unsigned zerofill", T::Int32),
            ("int", T::Int32),
            ("INT UNSIGNED", T::Int64),
            ("int(10) zerofill", T::Int64),
            ("bigint(20)", T::Int64),
            ("bigint unsigned", T::UnsignedInt64),
            ("decimal(10,2) unsigned", T::Decimal { precision: Some(10), scale: 2 }),
            ("decimal", T::Decimal { precision: Some(10), scale: 0 }),
            ("float(7,2)", T::Float32),
            ("float(53)", T::Float64),
            ("double precision", T::Float64),
            ("bit(1)", T::Boolean),
            ("bit(8)", T::Bits { length: Some(8) }),
            ("year(4)", T::Int32),
            ("timestamp(6)", T::ZonedTimestamp),
            ("varchar(60) CHARACTER SET latin1", T::Text),
            ("geomcollection", T::Geometry),
            ("enum('a)b','(')", T::Enum),
        ] {
            assert_eq!(of(text), ty, "{text}");
        }
        for text in ["", "uuid", "vector(3)", "bit(65)", "enum(a)", r"enum('a\\b')", "enum('a'", "set('a',)"] {
            assert_eq!(of(text), ColumnType::Unsupported(text.to_owned()));
        }
    }

    #[test]
    fn names_of_an_enum() {
        let names = |list| names(list).map(|names| names.join("|"));
        assert_eq!(names("'a','b c', 'com,ma','it''s','','(x)'").as_deref(), Some("a|b c|com,ma|it's||(x)"));
        assert_eq!(names("'a' 'b'"), None);
        assert_eq!(names(""), None);
    }
}
