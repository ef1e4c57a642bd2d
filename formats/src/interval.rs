//! Durations as Postgres prints an interval (`IntervalStyle` postgres): `1 year 2 mons 3 days 04:05:06.789`.
//!
//! The rules of the signs are those of `EncodeInterval` in Postgres's `datetime.c`.

use std::fmt::Write;

use crate::calendar::{TimeUnit, time};
use crate::ticks;

/// Months, days and microseconds, which Postgres too keeps apart.
#[derive(Debug, Default)]
pub(crate) struct Interval {
    pub(crate) months: i64,
    pub(crate) days: i64,
    pub(crate) micros: i64,
}

/// The interval of an ISO 8601 duration whose parts have signs of their own: `P-1Y-2M3DT-4H-5M-6.7S` is
/// `-1 years -2 mons +3 days -04:05:06.7`. `None` when the text is no such duration.
pub fn interval(duration: &str) -> Option<String> {
    let (date, clock) = match duration.strip_prefix('P')?.split_once('T') {
        Some((date, clock)) => (date, clock),
        None => (duration.strip_prefix('P')?, ""),
    };
    let mut interval = Interval::default();
    let mut rest = date;
    while !rest.is_empty() {
        let (number, unit, after) = part(rest)?;
        let number: i64 = number.parse().ok()?;
        match unit {
            'Y' => interval.months = number.checked_mul(12)?.checked_add(interval.months)?,
            'M' => interval.months = interval.months.checked_add(number)?,
            'W' => interval.days = number.checked_mul(7)?.checked_add(interval.days)?,
            'D' => interval.days = interval.days.checked_add(number)?,
            _ => return None,
        }
        rest = after;
    }
    rest = clock;
    while !rest.is_empty() {
        let (number, unit, after) = part(rest)?;
        let unit_micros = match unit {
            'H' => 3_600_000_000,
            'M' => 60_000_000,
            'S' => 1_000_000,
            _ => return None,
        };
        interval.micros = millionths(number)?.checked_mul(unit_micros / 1_000_000)?.checked_add(interval.micros)?;
        rest = after;
    }
    (duration.len() > 1).then(|| interval.print())
}

/// `-6.7S…` as `-6.7`, `S` and what follows.
fn part(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, rest) = text.split_at_checked(at)?;
    let unit = rest.chars().next()?;
    Some((number, unit, rest.get(1..)?))
}

/// A decimal number in millionths; `None` when it has digits beyond them.
fn millionths(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (kept, beyond) = fraction.split_at_checked(6).unwrap_or((fraction, ""));
    if beyond.bytes().any(|byte| byte != b'0') {
        return None;
    }
    format!("{whole}{kept:0<6}").parse().ok()
}

impl Interval {
    /// The interval that is printed so; `None` when the text is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut interval = Self::default();
        let mut words = text.split(' ');
        while let Some(word) = words.next() {
            let unsigned = word.strip_prefix('+').unwrap_or(word);
            if word.contains(':') {
                interval.micros = ticks::time(unsigned, TimeUnit::Micros)?;
                return words.next().is_none().then_some(interval);
            }
            let number: i64 = unsigned.parse().ok()?;
            match words.next()? {
                "year" | "years" => interval.months = number.checked_mul(12)?.checked_add(interval.months)?,
                "mon" | "mons" => interval.months = interval.months.checked_add(number)?,
                "day" | "days" => interval.days = number,
                _ => return None,
            }
        }
        Some(interval)
    }

    /// As Debezium writes it, all parts and each with a sign of its own: `P1Y2M3DT4H5M6.789S`.
    pub(crate) fn iso(&self) -> String {
        let Self { months, days, micros } = self;
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        let mut out = format!("P{}Y{}M{days}DT{hours}H{minutes}M", months / 12, months % 12);
        if *micros < 0 && seconds % 60 == 0 && rest != 0 {
            out.push('-');
        }
        let _ = write!(out, "{}", seconds % 60);
        if rest != 0 {
            let digits = format!("{:06}", rest.unsigned_abs());
            let _ = write!(out, ".{}", digits.trim_end_matches('0'));
        }
        out.push('S');
        out
    }

    pub(crate) fn print(&self) -> String {
        let mut out = String::new();
        let mut after_negative = false;
        for (value, unit) in [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")] {
            if value == 0 {
                continue;
            }
            let space = if out.is_empty() { "" } else { " " };
            let plus = if after_negative && value > 0 { "+" } else { "" };
            let plural = if value == 1 { "" } else { "s" };
            let _ = write!(out, "{space}{plus}{value} {unit}{plural}");
            after_negative = value < 0;
        }
        if self.micros != 0 || out.is_empty() {
            let space = if out.is_empty() { "" } else { " " };
            let plus = if after_negative && self.micros > 0 { "+" } else { "" };
            let _ = write!(out, "{space}{plus}{}", time(self.micros, TimeUnit::Micros));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_those_of_postgres() {
        for (duration, text) in [
            ("P1Y2M3DT4H5M6.789S", "1 year 2 mons 3 days 04:05:06.789"),
            ("P-1Y-2M3DT-4H-5M-6.7S", "-1 years -2 mons +3 days -04:05:06.7"),
            ("P0Y0M0DT0H0M0S", "00:00:00"),
            ("P0Y0M-1DT2H0M0S", "-1 days +02:00:00"),
            ("P0Y13M0DT0H0M0S", "1 year 1 mon"),
            ("P100Y11M29DT23H59M59.999999S", "100 years 11 mons 29 days 23:59:59.999999"),
            ("PT-0.5S", "-00:00:00.5"),
            ("PT100H", "100:00:00"),
        ] {
            assert_eq!(interval(duration).as_deref(), Some(text), "{duration}");
            let back = Interval::parse(text).map(|interval| interval.iso());
            assert_eq!(back.as_deref().and_then(interval).as_deref(), Some(text), "{back:?}");
        }
        assert_eq!(
            Interval::parse("-1 years -2 mons +3 days -04:05:06.7").map(|interval| interval.iso()).as_deref(),
            Some("P-1Y-2M3DT-4H-5M-6.7S")
        );
        for none in ["", "P", "1Y", "P1", "P1H", "PT1Y", "PxY", "PT1.0000001S", "P99999999999999999999Y", "PT1.é"] {
            assert_eq!(interval(none), None, "{none}");
            assert!(Interval::parse(none).is_none(), "{none}");
        }
    }
}
