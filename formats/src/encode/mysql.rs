//! `MySQL`'s words for the types of columns, and the text that Canal has of their values.

use std::borrow::Cow;

use super::connect::kind;
use crate::calendar::TimeUnit;
use crate::canal::declared_type;
use crate::connect::{ColumnType, Structured};
use crate::decimal::{Decimal, decimal_text};
use crate::error::{Error, ErrorKind};
use crate::json::is_number;
use crate::literal::bits_number;
use crate::mysql_time::{is_date, is_time, is_timestamp, is_zero};
use crate::row::{Connector, Field, Value};

/// A column as `MySQL` would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// `decimal(10,2)`, `int unsigned`.
    pub(super) word: Cow<'static, str>,
    pub(super) form: Form,
}

/// How the text of a column's values is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Integer,
    Decimal,
    Float,
    Bit,
    Bits {
        length: usize,
    },
    Date,
    Time,
    /// A wall clock.
    DateTime,
    /// A moment, as the wall clock in UTC.
    Timestamp,
    Text,
    /// A number of any number of digits behind the point, as text.
    NumberAsText,
    Bytes,
    Geometry,
    /// Postgres's own shape or one of `PostGIS`, as the values tell.
    AnyShape,
}

impl Declared {
    /// What `MySQL` has that holds the values of the column; else text.
    pub(super) fn of(field: &Field) -> Self {
        use ColumnType as T;
        let connector = field.source.connector;
        let is_moment = field.source.is("TIMESTAMP") && connector == Some(Connector::MySql);
        let (word, form): (&'static str, Form) = match &field.ty {
            T::Boolean => ("bit(1)", Form::Bit),
            T::Int16 => ("smallint", Form::Integer),
            T::Int32 => ("int", Form::Integer),
            T::Int64 => ("bigint", Form::Integer),
            T::UnsignedInt64 => ("bigint unsigned", Form::Integer),
            T::Float32 => ("float", Form::Float),
            T::Float64 => ("double", Form::Float),
            T::Decimal { precision, scale } => {
                let word = format!("decimal({},{})", precision.unwrap_or(65), (*scale).max(0));
                return Self { word: word.into(), form: Form::Decimal };
            }
            T::Bits { length: Some(length @ 2..=64) } | T::VaryingBits { length: Some(length @ 2..=64) } => {
                return Self { word: format!("bit({length})").into(), form: Form::Bits { length: *length } };
            }
            T::Date | T::IsoDate | T::Structured(Structured::Date) => ("date", Form::Date),
            T::Time(TimeUnit::Millis) => ("time(3)", Form::Time),
            T::Time(_) | T::IsoTime | T::Structured(Structured::Time) => ("time(6)", Form::Time),
            T::IsoTimestamp if is_moment => ("timestamp(6)", Form::DateTime),
            T::Timestamp(TimeUnit::Millis) => ("datetime(3)", Form::DateTime),
            T::Timestamp(_) | T::IsoTimestamp | T::Structured(Structured::Timestamp) => ("datetime(6)", Form::DateTime),
            T::ZonedTimestamp | T::Structured(Structured::ZonedTimestamp) => ("timestamp(6)", Form::Timestamp),
            T::Bytes | T::BytesAsText(_) => ("blob", Form::Bytes),
            // a decimal has its scale there, by which others would round
            T::VariableScaleDecimal => ("text", Form::NumberAsText),
            T::Json | T::Map | T::FloatVector | T::DoubleVector => ("json", Form::Text),
            T::Point if connector != Some(Connector::Postgres) => ("point", Form::Geometry),
            T::Geometry | T::Geography if connector == Some(Connector::Postgres) => ("geometry", Form::AnyShape),
            T::Geometry | T::Geography => ("geometry", Form::Geometry),
            _ => ("text", Form::Text),
        };
        let word = own_word(field, form).map_or(Cow::Borrowed(word), Cow::Owned);
        Self { word, form }
    }

    /// The word of a column whose values have that form: a shape may be text after all.
    pub(super) fn word_for(&self, form: Form) -> &str {
        if (self.form, form) == (Form::AnyShape, Form::Text) { "text" } else { &self.word }
    }
}

/// The number of a word in `java.sql.Types`, as Canal has them.
pub(super) fn sql_type(word: &str) -> i64 {
    match word.split(['(', ' ']).next().unwrap_or_default() {
        "bit" => -7,
        "tinyint" => -6,
        "bigint" => -5,
        "smallint" => 5,
        "mediumint" | "int" => 4,
        "decimal" => 3,
        "float" => 7,
        "double" => 8,
        "date" => 91,
        "time" => 92,
        "datetime" | "timestamp" => 93,
        "char" => 1,
        "varchar" | "json" | "year" => 12,
        name if name.ends_with("text") => 2005,
        _ => 2004,
    }
}

/// `MySQL`'s own word for a column of its, where the event says it and it states the same type.
fn own_word(field: &Field, form: Form) -> Option<String> {
    let (Some(Connector::MySql), Some(word)) = (field.source.connector, &field.source.ty) else { return None };
    let word = word.to_ascii_lowercase();
    let is_told = match form {
        Form::Integer | Form::Float => true,
        Form::Text => word.ends_with("char") || word.ends_with("text"),
        // BINARY(n) is filled up to a length that nobody says
        Form::Bytes => word.ends_with("blob") || word == "varbinary",
        _ => false,
    };
    let word = match field.source.length {
        Some(length) if word.ends_with("char") || word == "varbinary" => format!("{word}({length})"),
        _ => word,
    };
    (is_told && declared_type(&word) == field.ty).then_some(word)
}

/// The text of a value of the form; `None` for NULL.
///
/// # Errors
///
/// When it is none, or `MySQL` has no such value.
pub(super) fn text<'v>(value: &'v Value<'_>, form: Form) -> Result<Option<Cow<'v, str>>, Error> {
    let text = match (value, form) {
        (Value::Null, _) => return Ok(None),
        (Value::Bool(value), Form::Bit) => Some(Cow::Borrowed(if *value { "1" } else { "0" })),
        (Value::Number(number), _) => of_number(number, form),
        (Value::Text(text) | Value::Untyped(text) | Value::Embedded(text) | Value::WallClock(text), _) => {
            of_text(text, form)
        }
        (Value::Bits(digits), _) => of_text(digits, form),
        (Value::Json(text), Form::Text) => Some(Cow::Borrowed(&**text)),
        (Value::Bytes(bytes), Form::Bytes) => Some(Cow::Owned(latin1(bytes))),
        (Value::Geometry(geometry), Form::Text) => geometry.native().map(Cow::Borrowed),
        (Value::Geometry(geometry), Form::Geometry) => geometry.to_mysql().map(|bytes| Cow::Owned(latin1(&bytes))),
        _ => None,
    };
    let unexpected = || Error::new("", ErrorKind::Unexpected { expected: expected(form), found: kind(value) });
    text.map(Some).ok_or_else(unexpected)
}

fn of_number(number: &str, form: Form) -> Option<Cow<'_, str>> {
    match form {
        Form::Integer => {
            let fits = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
            fits.then_some(Cow::Borrowed(number))
        }
        Form::Float => is_number(number).then_some(Cow::Borrowed(number)),
        Form::Decimal | Form::NumberAsText => plain(number),
        _ => None,
    }
}

/// A decimal without an exponent.
fn plain(number: &str) -> Option<Cow<'_, str>> {
    let decimal = Decimal::parse(number)?;
    if !number.contains(['e', 'E']) {
        return Some(Cow::Borrowed(number));
    }
    let scale = decimal.scale()?.max(0);
    decimal_text(&decimal.unscaled(scale)?, scale).ok().map(Cow::Owned)
}

fn of_text(text: &str, form: Form) -> Option<Cow<'_, str>> {
    let is_one = match form {
        Form::Text => true,
        Form::Date => is_date(text),
        Form::Time => is_time(text),
        Form::DateTime => is_timestamp(text),
        Form::Timestamp => {
            let wall_clock = text.strip_suffix("+00").or_else(|| Some(text).filter(|text| is_zero(text)))?;
            return is_timestamp(wall_clock).then_some(Cow::Borrowed(wall_clock));
        }
        Form::Bits { length } => {
            let number = bits_number(text).filter(|_| text.len() == length)?;
            return Some(Cow::Owned(number.to_string()));
        }
        _ => false,
    };
    is_one.then_some(Cow::Borrowed(text))
}

/// ISO-8859-1: each byte is the character of its number.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// What a column of the form holds.
fn expected(form: Form) -> &'static str {
    match form {
        Form::Integer => "an integer of 64 bits",
        Form::Decimal | Form::NumberAsText => "a decimal",
        Form::Float => "a floating-point number that is one",
        Form::Bit => "a boolean",
        Form::Bits { .. } => "as many binary digits as the column has",
        Form::Date => "a date that MySQL has, from 0000-00-00 to 9999-12-31",
        Form::Time => "a time that MySQL has",
        Form::DateTime => "a date and time that MySQL has, of the years 0000 to 9999",
        Form::Timestamp => "a moment in UTC, of the years 0000 to 9999",
        Form::Text => "text",
        Form::Bytes => "binary",
        Form::Geometry | Form::AnyShape => "a geometry with well-known binary",
    }
}
