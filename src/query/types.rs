//! The types of Flink SQL, as a column is declared or a value is cast:
//! <https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/table/types/>.

use std::fmt;

use rowkind_formats::{ColumnType, TimeUnit};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

use crate::sink::postgres::kind::{Digits, Kind};

/// The type of a column or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    /// `BOOLEAN`
    Boolean,
    /// `TINYINT`, `SMALLINT`, `INT`, `BIGINT`
    Integer {
        /// 8, 16, 32 or 64.
        bits: u32,
    },
    /// `FLOAT`
    Float,
    /// `DOUBLE`
    Double,
    /// `DECIMAL(p, s)`
    Decimal {
        /// All digits, up to 38.
        precision: u32,
        /// Those behind the point.
        scale: u32,
    },
    /// `STRING`, and `CHAR` and `VARCHAR` of any length, which Flink does not enforce by default either.
    String,
    /// `BYTES`, `BINARY`, `VARBINARY`
    Bytes,
    /// `DATE`
    Date,
    /// `TIME(p)`
    Time(u32),
    /// `TIMESTAMP(p)`, a wall clock
    Timestamp(u32),
    /// `TIMESTAMP_LTZ(p)`, a moment
    TimestampLtz(u32),
    /// `ARRAY`, `MAP`, `MULTISET`, `ROW`: passed on as JSON, and nothing is computed with it.
    Json(String),
    /// That of NULL, which is of all types.
    Null,
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Integer { bits: 8 } => f.write_str("TINYINT"),
            Self::Integer { bits: 16 } => f.write_str("SMALLINT"),
            Self::Integer { bits: 32 } => f.write_str("INT"),
            Self::Integer { .. } => f.write_str("BIGINT"),
            Self::Float => f.write_str("FLOAT"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            Self::String => f.write_str("STRING"),
            Self::Bytes => f.write_str("BYTES"),
            Self::Date => f.write_str("DATE"),
            Self::Time(precision) => write!(f, "TIME({precision})"),
            Self::Timestamp(precision) => write!(f, "TIMESTAMP({precision})"),
            Self::TimestampLtz(precision) => write!(f, "TIMESTAMP_LTZ({precision})"),
            Self::Json(text) => f.write_str(text),
            Self::Null => f.write_str("NULL"),
        }
    }
}

impl SqlType {
    /// The widest of each kind of integer.
    pub const BIGINT: Self = Self::Integer { bits: 64 };
    /// What a count or a part of a date is.
    pub const INT: Self = Self::Integer { bits: 32 };

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Float | Self::Double | Self::Decimal { .. })
    }

    /// How a value that was sent is read for it.
    pub fn kind(&self) -> Kind {
        let precision = |digits: &u32| i32::try_from(*digits).unwrap_or(6).min(6);
        match self {
            Self::Boolean => Kind::Bool,
            Self::Integer { bits } => {
                let max = i64::MAX >> (64 - bits);
                Kind::Integer { min: -max - 1, max }
            }
            Self::Float | Self::Double => Kind::Float,
            Self::Decimal { precision, scale } => {
                let digits = |n: &u32| i32::try_from(*n).unwrap_or(38);
                Kind::Numeric { digits: Some(Digits { precision: digits(precision), scale: digits(scale) }) }
            }
            Self::String | Self::Null => Kind::Text,
            Self::Bytes => Kind::Bytea,
            Self::Date => Kind::Date,
            Self::Time(digits) => Kind::Time { precision: precision(digits) },
            Self::Timestamp(digits) => Kind::Timestamp { precision: precision(digits), zoned: false },
            Self::TimestampLtz(digits) => Kind::Timestamp { precision: precision(digits), zoned: true },
            Self::Json(_) => Kind::Json,
        }
    }

    /// What a column of it is in an event's schema.
    pub fn column_type(&self) -> ColumnType {
        match self {
            Self::Boolean => ColumnType::Boolean,
            Self::Integer { bits: 8 | 16 } => ColumnType::Int16,
            Self::Integer { bits: 32 } => ColumnType::Int32,
            Self::Integer { .. } => ColumnType::Int64,
            Self::Float => ColumnType::Float32,
            Self::Double => ColumnType::Float64,
            Self::Decimal { precision, scale } => ColumnType::Decimal {
                precision: i32::try_from(*precision).ok(),
                scale: i32::try_from(*scale).unwrap_or_default(),
            },
            Self::String | Self::Null => ColumnType::Text,
            Self::Bytes => ColumnType::Bytes,
            Self::Date => ColumnType::Date,
            Self::Time(0..=3) => ColumnType::Time(TimeUnit::Millis),
            Self::Time(_) => ColumnType::Time(TimeUnit::Micros),
            Self::Timestamp(0..=3) => ColumnType::Timestamp(TimeUnit::Millis),
            Self::Timestamp(_) => ColumnType::Timestamp(TimeUnit::Micros),
            Self::TimestampLtz(_) => ColumnType::ZonedTimestamp,
            Self::Json(_) => ColumnType::Json,
        }
    }

    /// The type of which both are, as of the branches of a CASE; `None` where there is none.
    pub fn common(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::Null, ty) | (ty, Self::Null) => ty.clone(),
            (Self::Integer { bits: a }, Self::Integer { bits: b }) => Self::Integer { bits: *a.max(b) },
            (a, b) if a.is_number() && b.is_number() => match (a.decimal(), b.decimal()) {
                (Some((p1, s1)), Some((p2, s2))) => {
                    let scale = s1.max(s2);
                    Self::Decimal { precision: (scale + (p1 - s1).max(p2 - s2)).min(38), scale }
                }
                _ => Self::Double,
            },
            (Self::Time(a), Self::Time(b)) => Self::Time(*a.max(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Self::Timestamp(*a.max(b)),
            (Self::TimestampLtz(a), Self::TimestampLtz(b)) => Self::TimestampLtz(*a.max(b)),
            (Self::Date, Self::Timestamp(digits)) | (Self::Timestamp(digits), Self::Date) => Self::Timestamp(*digits),
            _ => return None,
        })
    }

    /// Whether there are values of it that are some of another type.
    pub fn casts_to(&self, to: &Self) -> bool {
        let is_moment = |ty: &Self| matches!(ty, Self::Timestamp(_) | Self::TimestampLtz(_));
        match (self, to) {
            (a, b) if a == b => true,
            (Self::Null | Self::String, _) | (_, Self::String) => true,
            (a, b) if a.is_number() && b.is_number() => true,
            (Self::Integer { .. }, Self::Boolean) | (Self::Boolean, Self::Integer { .. }) => true,
            (Self::Date, to) => is_moment(to),
            (from, Self::Date | Self::Time(_)) if is_moment(from) => true,
            (from, to) if is_moment(from) && is_moment(to) => true,
            (Self::Time(_), Self::Time(_)) => true,
            _ => false,
        }
    }

    /// Digits and scale of an exact number.
    pub fn decimal(&self) -> Option<(u32, u32)> {
        match self {
            Self::Decimal { precision, scale } => Some((*precision, *scale)),
            Self::Integer { bits: 8 } => Some((3, 0)),
            Self::Integer { bits: 16 } => Some((5, 0)),
            Self::Integer { bits: 32 } => Some((10, 0)),
            Self::Integer { .. } => Some((19, 0)),
            _ => None,
        }
    }

    /// Reads a type as Flink writes it.
    ///
    /// # Errors
    ///
    /// When there is no such type.
    pub fn parse(parser: &mut Parser<'_>) -> Result<Self, ParserError> {
        let token = parser.next_token();
        let Token::Word(Word { value, .. }) = &token.token else {
            return parser.expected("a type", token);
        };
        let name = value.to_ascii_uppercase();
        if matches!(name.as_str(), "ARRAY" | "MAP" | "MULTISET" | "ROW") {
            return nested(name, parser);
        }
        let numbers = numbers(parser)?;
        let first = |default: u32| numbers.first().copied().unwrap_or(default);
        let ty = match name.as_str() {
            "BOOLEAN" => Self::Boolean,
            "TINYINT" => Self::Integer { bits: 8 },
            "SMALLINT" => Self::Integer { bits: 16 },
            "INT" | "INTEGER" => Self::Integer { bits: 32 },
            "BIGINT" => Self::Integer { bits: 64 },
            "FLOAT" => Self::Float,
            "DOUBLE" => {
                let _ = parser.parse_keyword(Keyword::PRECISION);
                Self::Double
            }
            "DECIMAL" | "DEC" | "NUMERIC" => {
                let (precision, scale) = (first(10), numbers.get(1).copied().unwrap_or(0));
                if precision == 0 || precision > 38 || scale > precision {
                    return parser.expected("DECIMAL(p, s) with p from 1 to 38 and s from 0 to p", token);
                }
                Self::Decimal { precision, scale }
            }
            "STRING" | "VARCHAR" | "CHAR" => Self::String,
            "BYTES" | "BINARY" | "VARBINARY" => Self::Bytes,
            "DATE" => Self::Date,
            "TIME" => {
                without_time_zone(parser)?;
                Self::Time(first(0))
            }
            "TIMESTAMP_LTZ" => Self::TimestampLtz(first(6)),
            "TIMESTAMP" if parser.parse_keyword(Keyword::WITH) => {
                if !parser.parse_keyword(Keyword::LOCAL) {
                    return parser.expected("WITH LOCAL TIME ZONE", token);
                }
                parser.expect_keywords(&[Keyword::TIME, Keyword::ZONE])?;
                Self::TimestampLtz(first(6))
            }
            "TIMESTAMP" => {
                without_time_zone(parser)?;
                Self::Timestamp(first(6))
            }
            _ => return parser.expected("a type of Flink SQL", token),
        };
        Ok(ty)
    }
}

fn without_time_zone(parser: &mut Parser<'_>) -> Result<(), ParserError> {
    if parser.parse_keyword(Keyword::WITHOUT) {
        parser.expect_keywords(&[Keyword::TIME, Keyword::ZONE])?;
    }
    Ok(())
}

/// `(12, 2)` behind a type's name.
fn numbers(parser: &mut Parser<'_>) -> Result<Vec<u32>, ParserError> {
    if !parser.consume_token(&Token::LParen) {
        return Ok(Vec::new());
    }
    let number = |parser: &mut Parser<'_>| {
        let token = parser.next_token();
        match &token.token {
            Token::Number(text, _) => match text.parse() {
                Ok(number) => Ok(number),
                Err(_) => parser.expected("a length", token),
            },
            _ => parser.expected("a length", token),
        }
    };
    let numbers = parser.parse_comma_separated(number)?;
    parser.expect_token(&Token::RParen)?;
    Ok(numbers)
}

/// A type with others in it, to the end of its brackets.
fn nested(name: String, parser: &mut Parser<'_>) -> Result<SqlType, ParserError> {
    let (mut text, mut depth) = (name, 0_usize);
    loop {
        let token = parser.next_token();
        match token.token {
            Token::Lt | Token::LParen => depth += 1,
            Token::Gt | Token::RParen if depth > 0 => depth -= 1,
            Token::ShiftRight if depth > 1 => depth -= 2,
            Token::EOF => return parser.expected("the end of a type", token),
            _ if depth == 0 => return parser.expected("a type in < >", token),
            _ => {}
        }
        text.push_str(&token.token.to_string());
        if matches!(token.token, Token::Word(_)) {
            text.push(' ');
        }
        if depth == 0 {
            return Ok(SqlType::Json(text));
        }
    }
}
