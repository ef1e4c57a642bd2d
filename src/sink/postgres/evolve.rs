//! How a target table follows the columns of its source.
//!
//! Comes in: the target's columns as the catalog has them, the columns of an event's schema, the policy. Goes out: what
//! has to be altered so that no value is refused or loses a digit. Pure. Nothing is ever dropped or narrowed: a column
//! that the source lost stays, and is NULL in new rows.

use rowkind_formats::Field;

use super::catalog::TargetTable;
use super::types::{Present, sql_type};
use crate::config::Evolve;
use crate::route::{quoted, unusable};

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnChange {
    /// A column that the source has and the target has not.
    Add {
        /// Its name.
        column: String,
        /// Its type.
        ty: String,
    },
    /// A column whose type cannot hold all that the source's can.
    Widen {
        /// Its name.
        column: String,
        /// A type that holds the old values and the new.
        ty: String,
    },
}

/// What has to be altered in `table` before rows of these columns are written. `present` decides the types of new columns
/// alone, not whether there are any.
///
/// # Errors
///
/// What a person has to do about a new column that Postgres has no type for.
pub fn changes(
    table: &TargetTable,
    fields: &[Field],
    evolve: Evolve,
    present: &Present,
) -> Result<Vec<ColumnChange>, String> {
    let mut changes = Vec::new();
    if evolve == Evolve::Off {
        return Ok(changes);
    }
    for field in fields {
        let wanted = sql_type(field, present);
        match table.column(&field.name) {
            None => {
                if let Some(unusable) = unusable(&field.name) {
                    return Err(format!(
                        "table {} lacks a column, and none can have its name {unusable}: give it another by `rename` of a `[[route]]`",
                        table.name
                    ));
                }
                let ty = wanted.map_err(|ty| {
                    let (table, column) = (&table.name, quoted(&field.name));
                    format!("table {table} has no column {column}, and its type `{ty}` has no Postgres type: ALTER TABLE {table} ADD COLUMN {column} …")
                })?;
                changes.push(ColumnChange::Add { column: field.name.clone(), ty });
            }
            Some(column) if evolve == Evolve::Widen && !column.is_generated => {
                if let Some(ty) = wanted.ok().and_then(|wanted| widened(&column.declared, &wanted)) {
                    changes.push(ColumnChange::Widen { column: field.name.clone(), ty });
                }
            }
            Some(_) => {}
        }
    }
    Ok(changes)
}

/// A declared type as its family and parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    /// `smallint`, `integer`, `bigint`, by their bytes.
    Integer(u8),
    /// `real`, `double precision`, by their bytes.
    Float(u8),
    /// `numeric`: digits before and behind the point; `None` for any number of both.
    Numeric(Option<(i32, i32)>),
    /// `character varying`, `text`: the length; `None` for any.
    Text(Option<i32>),
    /// `bit varying`.
    Bits(Option<i32>),
    /// `time`: digits of the fraction.
    Time(i32),
    /// `timestamp`: digits of the fraction.
    Timestamp(i32),
}

/// The type that holds what both hold; `None` when the declared one holds all that the wanted one does, and for types
/// that do not grow into each other: whether a value fits those is seen value by value.
fn widened(declared: &str, wanted: &str) -> Option<String> {
    use Declared as D;
    let (old, new) = (parse(declared)?, parse(wanted)?);
    let wider = match (old, new) {
        (D::Integer(old), D::Integer(new)) => D::Integer(old.max(new)),
        (D::Integer(bytes), D::Numeric(limits)) => {
            D::Numeric(limits.map(|(before, behind)| (before.max(n_digits(bytes)), behind)))
        }
        (D::Float(old), D::Float(new)) => D::Float(old.max(new)),
        (D::Numeric(Some(old)), D::Numeric(Some(new))) => D::Numeric(Some((old.0.max(new.0), old.1.max(new.1)))),
        (D::Numeric(Some((before, behind))), D::Integer(bytes)) => {
            D::Numeric(Some((before.max(n_digits(bytes)), behind)))
        }
        (D::Numeric(Some(_)), D::Numeric(None)) => D::Numeric(None),
        (D::Text(Some(old)), D::Text(Some(new))) => D::Text(Some(old.max(new))),
        (D::Bits(Some(old)), D::Bits(new)) => D::Bits(new.map(|new| old.max(new))),
        (D::Time(old), D::Time(new)) => D::Time(old.max(new)),
        (D::Timestamp(old), D::Timestamp(new)) => D::Timestamp(old.max(new)),
        _ => return None,
    };
    (wider != old).then(|| wider.sql())
}

/// A type that holds everything that the declared one does, and all that is too much for it.
pub fn roomier(declared: &str) -> Option<&'static str> {
    use Declared as D;
    Some(match parse(declared)? {
        D::Integer(2 | 4) => "bigint",
        D::Integer(_) | D::Numeric(Some(_)) => "numeric",
        D::Text(Some(_)) => "text",
        D::Bits(Some(_)) => "bit varying",
        D::Time(digits) if digits < 6 => "time",
        D::Timestamp(digits) if digits < 6 => "timestamp",
        _ => return None,
    })
}

/// The digits of an integer of so many bytes.
fn n_digits(bytes: u8) -> i32 {
    match bytes {
        2 => 5,
        4 => 10,
        _ => 19,
    }
}

fn parse(declared: &str) -> Option<Declared> {
    use Declared as D;
    let (name, parameters) = match declared.split_once('(') {
        Some((name, rest)) => {
            let (inner, after) = rest.split_once(')')?;
            (format!("{}{after}", name.trim_end()), Some(inner))
        }
        None => (declared.to_owned(), None),
    };
    let first = parameters.and_then(|text| text.split(',').next()?.trim().parse::<i32>().ok());
    Some(match name.as_str() {
        "smallint" => D::Integer(2),
        "integer" => D::Integer(4),
        "bigint" => D::Integer(8),
        "real" => D::Float(4),
        "double precision" => D::Float(8),
        "numeric" => D::Numeric(first.map(|precision| {
            let scale = parameters.and_then(|text| text.split(',').nth(1)?.trim().parse().ok()).unwrap_or(0);
            (precision - scale, scale)
        })),
        "character varying" | "varchar" => D::Text(first),
        "text" => D::Text(None),
        "bit varying" => D::Bits(first),
        "time" | "time without time zone" => D::Time(first.unwrap_or(6)),
        "timestamp" | "timestamp without time zone" => D::Timestamp(first.unwrap_or(6)),
        _ => return None,
    })
}

impl Declared {
    fn sql(self) -> String {
        match self {
            Self::Integer(2) => "smallint".to_owned(),
            Self::Integer(4) => "integer".to_owned(),
            Self::Integer(_) => "bigint".to_owned(),
            Self::Float(4) => "real".to_owned(),
            Self::Float(_) => "double precision".to_owned(),
            Self::Numeric(Some((before, behind))) if before + behind <= 1_000 => {
                format!("numeric({},{behind})", before + behind)
            }
            Self::Numeric(_) => "numeric".to_owned(),
            Self::Text(Some(length)) => format!("varchar({length})"),
            Self::Text(None) => "text".to_owned(),
            Self::Bits(Some(length)) => format!("bit varying({length})"),
            Self::Bits(None) => "bit varying".to_owned(),
            Self::Time(digits) => format!("time({digits})"),
            Self::Timestamp(digits) => format!("timestamp({digits})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::widened;

    #[test]
    fn types_grow_and_never_shrink() {
        for (declared, wanted, expected) in [
            ("integer", "bigint", Some("bigint")),
            ("bigint", "integer", None),
            ("smallint", "numeric(10,2)", Some("numeric(10,2)")),
            ("bigint", "numeric(4,2)", Some("numeric(21,2)")),
            ("numeric(10,2)", "numeric(12,4)", Some("numeric(12,4)")),
            ("numeric(10,2)", "numeric(8,4)", Some("numeric(12,4)")),
            ("numeric(10,2)", "bigint", Some("numeric(21,2)")),
            ("numeric(12,2)", "numeric", Some("numeric")),
            ("numeric", "numeric(12,2)", None),
            ("real", "double precision", Some("double precision")),
            ("double precision", "real", None),
            ("character varying(20)", "varchar(120)", Some("varchar(120)")),
            // an event without the source's column type says only that it is text: that is no growth
            ("character varying(20)", "text", None),
            ("timestamp(3) without time zone", "timestamp", Some("timestamp(6)")),
            ("time without time zone", "time(3)", None),
            ("uuid", "text", None),
            ("jsonb", "json", None),
        ] {
            assert_eq!(widened(declared, wanted).as_deref(), expected, "{declared} for {wanted}");
        }
    }
}
