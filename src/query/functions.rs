//! The functions that expressions call, with Flink's names and meanings:
//! <https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/table/functions/systemfunctions/>. Most give NULL where an argument is NULL.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use super::dates;
use super::datum::{Datum, NoValue};
use super::expr::{Columns, Expr, Missing, integer};
use super::types::SqlType;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Upper,
    Lower,
    Trim(Side),
    Substring,
    CharLength,
    Replace,
    Left,
    Right,
    Lpad,
    Rpad,
    Reverse,
    Concat,
    ConcatWs,
    Position,
    Coalesce,
    NullIf,
    Abs,
    Ceil,
    Floor,
    Round,
    DateFormat,
    ToTimestamp,
    ToTimestampLtz,
    ToDate,
    FromUnixtime,
    UnixTimestamp,
    Extract(Unit),
}

/// Which end is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Leading,
    Trailing,
}

/// A part of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    DayOfYear,
    DayOfWeek,
    Hour,
    Minute,
    Second,
}

impl Function {
    /// Its value, of type `ty`.
    pub(super) fn of(self, arguments: &[Expr], ty: &SqlType, row: &dyn Columns) -> Result<Datum, Missing> {
        if self == Self::Coalesce {
            for argument in arguments {
                match argument.value(row)? {
                    Datum::Null => {}
                    datum => return Ok(datum),
                }
            }
            return Ok(Datum::Null);
        }
        let mut values = arguments.iter().map(|argument| argument.value(row)).collect::<Result<Vec<_>, _>>()?;
        match self {
            Self::ConcatWs => return Ok(concat_ws(&values)),
            Self::NullIf => {
                // the first as it is, and both as they are compared
                let is_equal = values[1].order(&values[2]).is_some_and(std::cmp::Ordering::is_eq);
                return Ok(if is_equal { Datum::Null } else { values.swap_remove(0) });
            }
            _ if values.contains(&Datum::Null) => return Ok(Datum::Null),
            _ => {}
        }
        Ok(self.of_values(&values, arguments, ty)?)
    }

    fn of_values(self, values: &[Datum], arguments: &[Expr], ty: &SqlType) -> Result<Datum, NoValue> {
        let text = |at: usize| match values.get(at) {
            Some(Datum::Text(text)) => text.as_str(),
            _ => "",
        };
        let number = |at: usize, otherwise: i64| match values.get(at) {
            Some(Datum::Int(number)) => *number,
            _ => otherwise,
        };
        let at = |place: usize| match values.get(place) {
            Some(Datum::Timestamp(at)) => Some(*at),
            Some(Datum::Date(date)) => Some(date.and_time(chrono::NaiveTime::MIN)),
            _ => None,
        };
        // Flink has no text of a negative length
        if matches!(self, Self::Substring | Self::Lpad | Self::Rpad)
            && number(if self == Self::Substring { 2 } else { 1 }, 0) < 0
        {
            return Ok(Datum::Null);
        }
        Ok(match self {
            Self::Upper => Datum::Text(text(0).to_uppercase()),
            Self::Lower => Datum::Text(text(0).to_lowercase()),
            Self::Trim(side) => Datum::Text(trim(text(0), if values.len() > 1 { text(1) } else { " " }, side)),
            Self::Substring => Datum::Text(substring(text(0), number(1, 1), values.get(2).map(|_| number(2, 0)))),
            Self::CharLength => Datum::Int(length(text(0))),
            Self::Replace => Datum::Text(text(0).replace(text(1), text(2))),
            Self::Left => Datum::Text(text(0).chars().take(count(number(1, 0))).collect()),
            Self::Right => {
                let n = usize::try_from(length(text(0)) - number(1, 0).max(0)).unwrap_or(0);
                Datum::Text(text(0).chars().skip(n).collect())
            }
            Self::Lpad | Self::Rpad => pad(self, text(0), number(1, 0), text(2)),
            Self::Reverse => Datum::Text(text(0).chars().rev().collect()),
            Self::Concat => Datum::Text((0..values.len()).map(text).collect()),
            Self::Position => {
                let found = text(1).find(text(0)).map(|at| length(&text(1)[..at]) + 1);
                Datum::Int(found.unwrap_or(0))
            }
            Self::Abs => match &values[0] {
                Datum::Int(number) => integer(number.checked_abs(), ty)?,
                Datum::Decimal(decimal) => Datum::Decimal(decimal.abs()),
                Datum::Double(number) => Datum::Double(number.abs()),
                other => other.clone(),
            },
            Self::Ceil => whole(&values[0], RoundingMode::Ceiling, f64::ceil),
            Self::Floor => whole(&values[0], RoundingMode::Floor, f64::floor),
            Self::Round => round(&values[0], number(1, 0), ty)?,
            Self::DateFormat => {
                let at = at(0).or_else(|| timestamp_of(text(0)).ok());
                at.map_or(Ok(Datum::Null), |at| dates::format(&at, text(1)).map(Datum::Text))?
            }
            Self::ToTimestamp | Self::ToDate => {
                let form = if values.len() > 1 { Some(text(1)) } else { None };
                let read = match form {
                    Some(form) => dates::parse(text(0), form)?,
                    None => timestamp_of(text(0)).ok(),
                };
                match (read, ty) {
                    (Some(at), SqlType::Date) => Datum::Date(at.date()),
                    (Some(at), _) => Datum::Timestamp(at),
                    (None, _) => Datum::Null,
                }
            }
            Self::ToTimestampLtz => {
                let millis = if number(1, 3) == 0 { number(0, 0).checked_mul(1_000) } else { Some(number(0, 0)) };
                let moment = millis.and_then(DateTime::from_timestamp_millis);
                moment.map_or(Datum::Null, |moment| Datum::Timestamp(moment.naive_utc()))
            }
            Self::FromUnixtime => {
                let moment =
                    DateTime::from_timestamp(number(0, 0), 0).ok_or_else(|| NoValue::expected("seconds since 1970"))?;
                let form = if values.len() > 1 { text(1) } else { "yyyy-MM-dd HH:mm:ss" };
                Datum::Text(dates::format(&moment.naive_utc(), form)?)
            }
            Self::UnixTimestamp => {
                let form = if values.len() > 1 { text(1) } else { "yyyy-MM-dd HH:mm:ss" };
                dates::parse(text(0), form)?.map_or(Datum::Null, |at| Datum::Int(at.and_utc().timestamp()))
            }
            Self::Extract(unit) => match (&values[0], &arguments[0].ty) {
                (Datum::Time(time), _) => Datum::Int(unit.of(&chrono::NaiveDate::default().and_time(*time))),
                _ => at(0).map_or(Datum::Null, |at| Datum::Int(unit.of(&at))),
            },
            Self::Coalesce | Self::NullIf | Self::ConcatWs => unreachable!("their NULLs are looked at before"),
        })
    }
}

impl Unit {
    fn of(self, at: &NaiveDateTime) -> i64 {
        match self {
            Self::Year => at.year().into(),
            Self::Quarter => i64::from(at.month0() / 3 + 1),
            Self::Month => at.month().into(),
            Self::Week => at.iso_week().week().into(),
            Self::Day => at.day().into(),
            Self::DayOfYear => at.ordinal().into(),
            Self::DayOfWeek => i64::from(at.weekday().number_from_sunday()),
            Self::Hour => at.hour().into(),
            Self::Minute => at.minute().into(),
            Self::Second => at.second().into(),
        }
    }
}

fn timestamp_of(text: &str) -> Result<NaiveDateTime, NoValue> {
    match Datum::read(text, &SqlType::Timestamp(3))? {
        Datum::Timestamp(at) => Ok(at),
        _ => Err(NoValue::expected("a timestamp")),
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn count(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

fn trim(text: &str, what: &str, side: Side) -> String {
    // Flink trims a set of characters
    let is_trimmed = |c: char| what.contains(c);
    match side {
        Side::Both => text.trim_matches(is_trimmed),
        Side::Leading => text.trim_start_matches(is_trimmed),
        Side::Trailing => text.trim_end_matches(is_trimmed),
    }
    .to_owned()
}

/// From a place that begins at 1, or, where it is negative, counts from the end.
fn substring(text: &str, start: i64, n: Option<i64>) -> String {
    let all = length(text);
    let start = match start {
        0 => 0,
        1.. => start - 1,
        _ => all + start,
    };
    if start < 0 {
        return String::new();
    }
    text.chars().skip(count(start)).take(n.map_or(usize::MAX, count)).collect()
}

fn pad(function: Function, text: &str, n: i64, with: &str) -> Datum {
    let (n, missing) = (count(n), count(n.saturating_sub(length(text))));
    if n > 100_000 || with.is_empty() {
        return Datum::Null;
    }
    let padding: String = with.chars().cycle().take(missing).collect();
    let kept: String = text.chars().take(n).collect();
    Datum::Text(if function == Function::Lpad { padding + &kept } else { kept + &padding })
}

fn concat_ws(values: &[Datum]) -> Datum {
    let mut texts = values.iter().map(|value| match value {
        Datum::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let Some(Some(separator)) = texts.next() else { return Datum::Null };
    Datum::Text(texts.flatten().collect::<Vec<_>>().join(separator))
}

/// Without what is behind the point.
fn whole(value: &Datum, mode: RoundingMode, of_double: impl Fn(f64) -> f64) -> Datum {
    match value {
        Datum::Decimal(decimal) => Datum::Decimal(decimal.with_scale_round(0, mode)),
        Datum::Double(number) => Datum::Double(of_double(*number)),
        other => other.clone(),
    }
}

/// Half up, to so many digits behind the point, or, where that is negative, before it. No number gets more digits than it had.
fn round(value: &Datum, digits: i64, ty: &SqlType) -> Result<Datum, NoValue> {
    // more digits than any number has would be written down
    let digits = digits.clamp(-400, 400);
    let exact = |decimal: &BigDecimal| {
        let kept = digits.min(decimal.fractional_digit_count());
        decimal.with_scale_round(kept, RoundingMode::HalfUp).with_scale(kept.max(0))
    };
    Ok(match value {
        Datum::Decimal(decimal) => Datum::Decimal(exact(decimal)),
        Datum::Int(number) => integer(exact(&BigDecimal::from(*number)).to_i64(), ty)?,
        Datum::Double(number) if number.is_finite() => {
            let decimal = BigDecimal::from_str(&number.to_string()).map_err(|_| NoValue::expected("a number"))?;
            Datum::Double(exact(&decimal).to_f64().unwrap_or(*number))
        }
        other => other.clone(),
    })
}
