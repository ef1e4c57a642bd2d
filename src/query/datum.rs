//! Values that are computed with, and how they come from text and go back to it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::str::FromStr;

use bigdecimal::num_bigint::Sign;
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use rowkind_formats::Value;

use super::types::SqlType;

/// A value of one of Flink's types.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum {
    /// SQL NULL.
    Null,
    /// `BOOLEAN`
    Bool(bool),
    /// `TINYINT` to `BIGINT`
    Int(i64),
    /// `DECIMAL`
    Decimal(BigDecimal),
    /// `FLOAT`, `DOUBLE`
    Double(f64),
    /// `STRING`, and JSON of nested types.
    Text(String),
    /// `BYTES`, as `\x…`.
    Bytes(String),
    /// `DATE`
    Date(NaiveDate),
    /// `TIME`
    Time(NaiveTime),
    /// `TIMESTAMP`, and `TIMESTAMP_LTZ` in UTC.
    Timestamp(NaiveDateTime),
}

/// A value is none of a type, or none that can be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoValue(pub String);

impl NoValue {
    pub(super) fn expected(what: &str) -> Self {
        Self(format!("expected {what}"))
    }
}

impl Datum {
    /// The value of text that is of a type, as Postgres prints it.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub(super) fn read(text: &str, ty: &SqlType) -> Result<Self, NoValue> {
        let none = || NoValue(format!("expected {}, found something else", a(ty)));
        Ok(match ty {
            SqlType::Boolean => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Self::Bool(true),
                "false" | "f" | "no" | "n" | "off" | "0" => Self::Bool(false),
                _ => return Err(none()),
            },
            SqlType::Integer { bits } => {
                let number = text.trim().parse().map_err(|_| none())?;
                in_range(number, *bits).ok_or_else(none)?
            }
            SqlType::Decimal { precision, scale } => {
                let decimal = BigDecimal::from_str(text.trim()).map_err(|_| none())?;
                fitted(&decimal, *precision, *scale).ok_or_else(none)?
            }
            SqlType::Float => Self::Double(f64::from(text.trim().parse::<f32>().map_err(|_| none())?)),
            SqlType::Double => Self::Double(text.trim().parse().map_err(|_| none())?),
            SqlType::String | SqlType::Json(_) | SqlType::Null => Self::Text(text.to_owned()),
            SqlType::Bytes => Self::Bytes(text.to_owned()),
            SqlType::Date => Self::Date(timestamp(text.trim()).ok_or_else(none)?.date()),
            SqlType::Time(_) => Self::Time(time(text.trim()).ok_or_else(none)?),
            SqlType::Timestamp(_) | SqlType::TimestampLtz(_) => {
                Self::Timestamp(timestamp(text.trim()).ok_or_else(none)?)
            }
        })
    }

    /// The text of it, as Flink casts it to STRING and Postgres reads it; `None` for NULL.
    pub(super) fn text(&self, ty: &SqlType) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => if *value { "TRUE" } else { "FALSE" }.into(),
            Self::Int(number) => number.to_string().into(),
            Self::Decimal(decimal) => decimal.to_plain_string().into(),
            Self::Double(number) => java_text(*number, ty).into(),
            Self::Text(text) | Self::Bytes(text) => text.into(),
            Self::Date(date) => date.to_string().into(),
            Self::Time(time) => with_fraction(time.format("%H:%M:%S").to_string(), nanos(*time), ty).into(),
            Self::Timestamp(at) => {
                with_fraction(at.format("%Y-%m-%d %H:%M:%S").to_string(), nanos(at.time()), ty).into()
            }
        })
    }

    /// The value of a row's column.
    pub(super) fn into_value(self, ty: &SqlType) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(number) => Value::Number(number.to_string().into()),
            Self::Decimal(decimal) => Value::Number(decimal.to_plain_string().into()),
            Self::Double(number) if number.is_finite() => Value::Number(double_text(number, ty).into()),
            Self::Text(text) if matches!(ty, SqlType::Json(_)) => Value::Json(text.into()),
            Self::Bytes(text) => Value::Text(text.into()),
            ref at @ Self::Timestamp(_) if matches!(ty, SqlType::TimestampLtz(_)) => {
                Value::Text(format!("{}+00", at.text(ty).unwrap_or_default()).into())
            }
            datum => datum.text(ty).map_or(Value::Null, |text| Value::Text(text.into_owned().into())),
        }
    }

    /// Whether it is true; `None` for NULL.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Compares two values of one type, of which neither is NULL.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Decimal(a), Self::Decimal(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) | (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The value as one of another type.
    ///
    /// # Errors
    ///
    /// When there is no such value of it, as of text that is no number.
    pub(super) fn cast(self, from: &SqlType, to: &SqlType) -> Result<Self, NoValue> {
        let none = || NoValue(format!("a value of type {from} is none of {to}"));
        if from == to {
            return Ok(self);
        }
        Ok(match (self, to) {
            (Self::Null, _) => Self::Null,
            (datum, SqlType::String) => Self::Text(datum.text(from).unwrap_or_default().into_owned()),
            // what is behind the point is cut off, as of a number
            (Self::Text(text), SqlType::Integer { bits }) => {
                let decimal = BigDecimal::from_str(text.trim()).map_err(|_| none())?;
                fitted(&decimal.with_prec(60), 38, 19)
                    .ok_or_else(none)?
                    .cast(&SqlType::Decimal { precision: 38, scale: 19 }, &SqlType::Integer { bits: *bits })?
            }
            (Self::Text(text), SqlType::Timestamp(digits) | SqlType::TimestampLtz(digits)) => {
                match Self::read(&text, to)? {
                    Self::Timestamp(at) => Self::Timestamp(cut(at, *digits)),
                    datum => datum,
                }
            }
            (Self::Text(text), _) => Self::read(&text, to)?,
            (Self::Int(number), SqlType::Integer { bits }) => in_range(number, *bits).ok_or_else(none)?,
            (Self::Int(number), SqlType::Boolean) => Self::Bool(number != 0),
            (Self::Bool(value), SqlType::Integer { .. }) => Self::Int(value.into()),
            (Self::Int(number), SqlType::Decimal { precision, scale }) => {
                fitted(&number.into(), *precision, *scale).ok_or_else(none)?
            }
            (Self::Decimal(decimal), SqlType::Decimal { precision, scale }) => {
                fitted(&decimal, *precision, *scale).ok_or_else(none)?
            }
            (Self::Double(number), SqlType::Decimal { precision, scale }) => {
                let decimal = BigDecimal::from_str(&number.to_string()).map_err(|_| none())?;
                fitted(&decimal, *precision, *scale).ok_or_else(none)?
            }
            (Self::Decimal(decimal), SqlType::Integer { bits }) => {
                let whole = decimal.with_scale_round(0, RoundingMode::Down);
                whole.to_i64().and_then(|number| in_range(number, *bits)).ok_or_else(none)?
            }
            (Self::Double(number), SqlType::Integer { bits }) => {
                number.trunc().to_i64().and_then(|number| in_range(number, *bits)).ok_or_else(none)?
            }
            #[expect(clippy::cast_precision_loss, reason = "that is what a DOUBLE is")]
            (Self::Int(number), SqlType::Float | SqlType::Double) => Self::Double(number as f64),
            (Self::Decimal(decimal), SqlType::Float | SqlType::Double) => {
                Self::Double(decimal.to_f64().ok_or_else(none)?)
            }
            #[expect(clippy::cast_possible_truncation, reason = "that is what a FLOAT is")]
            (Self::Double(number), SqlType::Float) => Self::Double(f64::from(number as f32)),
            (Self::Double(number), SqlType::Double) => Self::Double(number),
            (Self::Date(date), SqlType::Timestamp(_) | SqlType::TimestampLtz(_)) => {
                Self::Timestamp(date.and_time(NaiveTime::MIN))
            }
            (Self::Timestamp(at), SqlType::Date) => Self::Date(at.date()),
            (Self::Timestamp(at), SqlType::Time(digits)) => Self::Time(cut(at, *digits).time()),
            (Self::Timestamp(at), SqlType::Timestamp(digits) | SqlType::TimestampLtz(digits)) => {
                Self::Timestamp(cut(at, *digits))
            }
            (Self::Time(time), SqlType::Time(_)) => Self::Time(time),
            _ => return Err(none()),
        })
    }
}

/// A type with its article.
fn a(ty: &SqlType) -> String {
    let text = ty.to_string();
    let article = if text.starts_with(['I', 'A']) { "an" } else { "a" };
    format!("{article} {text}")
}

pub(super) fn in_range(number: i64, bits: u32) -> Option<Datum> {
    let max = i64::MAX >> (64 - bits);
    (-max - 1..=max).contains(&number).then_some(Datum::Int(number))
}

/// Rounded half up to the scale, as Flink does it; `None` when there are too many digits before the point.
pub(super) fn fitted(decimal: &BigDecimal, precision: u32, scale: u32) -> Option<Datum> {
    // looked at before it is rounded, which would write down all digits of 1e999999999
    let n_whole = i64::try_from(decimal.digits()).ok()? - decimal.fractional_digit_count();
    if decimal.sign() == Sign::NoSign || n_whole < -i64::from(scale) {
        return Some(Datum::Decimal(BigDecimal::from(0).with_scale(scale.into())));
    }
    if n_whole > i64::from(precision) {
        return None;
    }
    let rounded = decimal.with_scale_round(i64::from(scale), RoundingMode::HalfUp);
    (rounded.digits() <= u64::from(precision)).then_some(Datum::Decimal(rounded))
}

/// As Java prints it, and so Flink's CAST: with an exponent from 10⁷ on and below 10⁻³.
fn java_text(number: f64, ty: &SqlType) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        return double_text(number, ty);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a FLOAT has no more digits")]
    let text = if *ty == SqlType::Float { format!("{:E}", number as f32) } else { format!("{number:E}") };
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

fn double_text(number: f64, ty: &SqlType) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a FLOAT has no more digits")]
    let text = if *ty == SqlType::Float { format!("{:?}", number as f32) } else { format!("{number:?}") };
    text
}

/// `12:30:00.5`, of which the zone is not kept.
fn time(text: &str) -> Option<NaiveTime> {
    text.trim_end_matches('Z').parse().ok()
}

/// `2026-11-21 13:26:07.5`, with `T` or a zone too; a moment is in UTC.
fn timestamp(text: &str) -> Option<NaiveDateTime> {
    let moment = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"];
    let moment = moment.iter().find_map(|form| DateTime::parse_from_str(text, form).ok());
    if let Some(moment) = moment {
        return Some(moment.naive_utc());
    }
    let text = text.trim_end_matches('Z');
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let at = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    at.or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)))
}

fn nanos(time: NaiveTime) -> u32 {
    use chrono::Timelike;
    time.nanosecond() % 1_000_000_000
}

/// The digits behind the second that the type has; what was sent with more keeps them.
fn with_fraction(mut text: String, nanos: u32, ty: &SqlType) -> String {
    let digits = match ty {
        SqlType::Time(digits) | SqlType::Timestamp(digits) | SqlType::TimestampLtz(digits) => *digits,
        _ => 0,
    };
    let all = format!("{nanos:09}");
    let sent = all.trim_end_matches('0').len();
    let digits = usize::try_from(digits).unwrap_or(9).min(9).max(sent);
    if digits > 0 {
        text.push('.');
        text.push_str(&all[..digits]);
    }
    text
}

/// Without the digits behind the second that a type of this precision has not.
fn cut(at: NaiveDateTime, digits: u32) -> NaiveDateTime {
    use chrono::Timelike;
    let unit = 10_u32.pow(9_u32.saturating_sub(digits));
    at.with_nanosecond(at.nanosecond() / unit * unit).unwrap_or(at)
}
