//! `io.debezium.time.Structured…` (Debezium 3.7, `time.precision.mode=structured`): a date, time or duration as its
//! parts, each of them optional.

use serde::Deserialize;
use std::borrow::Cow;

use super::types::Structured;
use crate::calendar;
use crate::error::Error;
use crate::interval::Interval;
use crate::json::{self, Json};

use super::value::malformed;

/// The parts of every structured type together.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Parts<'a> {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i64>,
    /// In place of `nanos` in later versions.
    picoseconds: Option<i64>,
    offset_seconds: Option<i64>,
    #[serde(borrow)]
    special_value: Option<Cow<'a, str>>,
    years: Option<i64>,
    months: Option<i64>,
    days: Option<i64>,
    hours: Option<i64>,
    minutes: Option<i64>,
    seconds: Option<i64>,
}

/// The text of a structured value. A zone's name is left out: Postgres keeps the moment alone.
///
/// # Errors
///
/// When the parts are no date or time: `MySQL`'s `0000-00-00` and `2024-00-00` are none that Postgres could hold.
pub fn structured_text(object: &str, ty: Structured) -> Result<String, Error> {
    let expected = match ty {
        Structured::Date => "the parts of a date that exists",
        Structured::Time | Structured::ZonedTime => "the parts of a time",
        Structured::Timestamp | Structured::ZonedTimestamp => "the parts of a timestamp that exists",
        Structured::Duration => "the parts of a duration of whole microseconds",
    };
    let none = || malformed(expected, Json::Object(object));
    let parts: Parts<'_> = json::parse(object.as_bytes()).map_err(|_| none())?;
    parts.text(ty).ok_or_else(none)
}

impl Parts<'_> {
    /// The part of a second; `None` where it is finer than nanoseconds.
    fn nanos(&self) -> Option<i64> {
        match (self.nanos, self.picoseconds) {
            (Some(nanos), _) => Some(nanos),
            (None, Some(picos)) => (picos % 1_000 == 0).then_some(picos / 1_000),
            (None, None) => Some(0),
        }
    }

    fn text(&self, ty: Structured) -> Option<String> {
        match self.special_value.as_deref() {
            None => {}
            Some("POSITIVE_INFINITY") => return Some("infinity".to_owned()),
            Some("NEGATIVE_INFINITY") => return Some("-infinity".to_owned()),
            Some(_) => return None,
        }
        match ty {
            Structured::Date => calendar::local_date(&self.iso_date()?),
            Structured::Time => calendar::local_time(&self.iso_time()?),
            Structured::Timestamp => calendar::local_timestamp(&format!("{}T{}", self.iso_date()?, self.iso_time()?)),
            Structured::ZonedTime => calendar::zoned_time(&format!("{}{}", self.iso_time()?, self.iso_offset()?)),
            Structured::ZonedTimestamp => {
                calendar::zoned_timestamp(&format!("{}T{}{}", self.iso_date()?, self.iso_time()?, self.iso_offset()?))
            }
            Structured::Duration => self.duration(),
        }
    }

    fn iso_date(&self) -> Option<String> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        let sign = if year < 0 { "-" } else { "" };
        let in_range = (0..100).contains(&month) && (0..100).contains(&day);
        in_range.then(|| format!("{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs()))
    }

    fn iso_time(&self) -> Option<String> {
        let (hour, minute, second) = (self.hour?, self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let nanos = self.nanos()?;
        let in_range =
            [hour, minute, second].iter().all(|part| (0..100).contains(part)) && (0..1_000_000_000).contains(&nanos);
        in_range.then(|| format!("{hour:02}:{minute:02}:{second:02}.{nanos:09}"))
    }

    fn iso_offset(&self) -> Option<String> {
        let offset = self.offset_seconds?;
        let sign = if offset < 0 { '-' } else { '+' };
        let offset = offset.unsigned_abs();
        let text = format!("{sign}{:02}:{:02}:{:02}", offset / 3_600, offset / 60 % 60, offset % 60);
        (offset < 360_000).then_some(text)
    }

    fn duration(&self) -> Option<String> {
        let [years, months, days, hours, minutes, seconds] =
            [self.years, self.months, self.days, self.hours, self.minutes, self.seconds].map(Option::unwrap_or_default);
        let nanos = self.nanos()?;
        let seconds = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
        let micros = seconds.checked_mul(1_000_000)?.checked_add(nanos / 1_000)?;
        let months = years.checked_mul(12)?.checked_add(months)?;
        (nanos % 1_000 == 0).then(|| Interval { months, days, micros }.print())
    }
}
