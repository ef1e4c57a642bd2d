//! Days and fractions of seconds since 1970 as Postgres prints them.
//!
//! Own arithmetic, since Postgres's years (4713 BC to 294276 AD, dates to 5874897 AD) leave the range of the date
//! libraries. The day count follows Howard Hinnant's `civil_from_days`.

use std::fmt::Write;

/// What one tick of a numeric time or timestamp is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Thousandths of a second.
    Millis,
    /// Millionths of a second.
    Micros,
    /// Billionths of a second.
    Nanos,
}

impl TimeUnit {
    pub(crate) const fn per_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    pub(crate) const fn digits(self) -> usize {
        match self {
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }
}

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// Debezium's stand-ins for Postgres's infinite dates, in days since 1970.
pub(crate) const DATE_INFINITY: (i64, i64) = (-2_147_472_691, 2_146_033_979);
/// The Postgres driver's stand-ins for infinite timestamps, in milliseconds since 1970.
pub(crate) const TIMESTAMP_INFINITY_MS: (i64, i64) = (-9_223_372_036_832_400_000, 9_223_372_036_825_200_000);

/// A date from days since 1970: `2024-02-29`, `0044-03-15 BC`, `infinity`.
pub fn date(days: i64) -> String {
    match days {
        days if days == DATE_INFINITY.0 => "-infinity".to_owned(),
        days if days == DATE_INFINITY.1 => "infinity".to_owned(),
        days => {
            let mut out = String::with_capacity(16);
            let (year, month, day) = civil(days);
            push_date(&mut out, year, month, day);
            push_era(&mut out, year);
            out
        }
    }
}

/// A time of day from ticks since midnight: `12:34:56.789`. `24:00:00` is one; a `MySQL` TIME may be negative or longer
/// than a day and is printed as the interval that it is (`-838:59:59`).
pub fn time(ticks: i64, unit: TimeUnit) -> String {
    let mut out = String::with_capacity(18);
    if ticks < 0 {
        out.push('-');
    }
    let per_second = unit.per_second().unsigned_abs();
    let ticks = ticks.unsigned_abs();
    push_clock(&mut out, ticks / per_second);
    push_fraction(&mut out, ticks % per_second, unit.digits());
    out
}

/// A timestamp without time zone from ticks since 1970: `2024-02-29 12:34:56.789`.
pub fn timestamp(ticks: i64, unit: TimeUnit) -> String {
    if ticks == i64::MAX || ticks == TIMESTAMP_INFINITY_MS.1 {
        return "infinity".to_owned();
    }
    if ticks == i64::MIN || ticks == TIMESTAMP_INFINITY_MS.0 {
        return "-infinity".to_owned();
    }
    let seconds = ticks.div_euclid(unit.per_second());
    let fraction = ticks.rem_euclid(unit.per_second()).unsigned_abs();
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
    let mut out = String::with_capacity(32);
    push_date(&mut out, year, month, day);
    out.push(' ');
    push_clock(&mut out, seconds.rem_euclid(SECONDS_PER_DAY).unsigned_abs());
    push_fraction(&mut out, fraction, unit.digits());
    push_era(&mut out, year);
    out
}

/// An ISO 8601 timestamp as Postgres prints it in UTC: `2024-02-29T14:34:56.70+02:00` is `2024-02-29 12:34:56.7+00`.
/// `infinity` and `-infinity` stay. `None` when the text is no such timestamp.
pub fn zoned_timestamp(text: &str) -> Option<String> {
    iso_timestamp(text, true)
}

/// An ISO 8601 timestamp whose zone says nothing (Debezium writes a `Z` behind local time): `2024-02-29 12:34:56`.
pub fn local_timestamp(text: &str) -> Option<String> {
    iso_timestamp(text, false)
}

fn iso_timestamp(text: &str, zoned: bool) -> Option<String> {
    if matches!(text, "infinity" | "-infinity") {
        return Some(text.to_owned());
    }
    let (day, rest) = iso_date(text)?;
    let rest = rest.strip_prefix(['T', ' '])?;
    let (clock, zone) = clock(rest)?;
    let offset = if zoned { zone_offset(zone)? } else { 0 };
    if !zoned && !matches!(zone, "" | "Z") {
        return None;
    }
    let seconds = day.checked_mul(SECONDS_PER_DAY)?.checked_add(clock.seconds)?.checked_sub(offset)?;
    // Debezium prints the driver's stand-ins like any other timestamp (time.precision.mode=isostring)
    if seconds == TIMESTAMP_INFINITY_MS.0 / 1_000 || seconds == TIMESTAMP_INFINITY_MS.1 / 1_000 {
        return Some(if seconds < 0 { "-infinity" } else { "infinity" }.to_owned());
    }
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
    let mut out = String::with_capacity(36);
    push_date(&mut out, year, month, day);
    out.push(' ');
    push_clock(&mut out, seconds.rem_euclid(SECONDS_PER_DAY).unsigned_abs());
    push_fraction_text(&mut out, clock.fraction);
    if zoned {
        out.push_str("+00");
    }
    push_era(&mut out, year);
    Some(out)
}

/// Milliseconds since 1970 of an ISO 8601 timestamp with its zone (RFC 3339); a part of a millisecond counts as a whole
/// one: `1970-01-01T01:00:00.0011+01:00` is 2. `None` when the text is no such timestamp.
pub fn unix_millis(text: &str) -> Option<i64> {
    let (day, rest) = iso_date(text)?;
    let (clock, zone) = clock(rest.strip_prefix(['T', ' '])?)?;
    let seconds = day.checked_mul(SECONDS_PER_DAY)?.checked_add(clock.seconds)?.checked_sub(zone_offset(zone)?)?;
    let (whole, rest) = clock.fraction.split_at_checked(3).unwrap_or((clock.fraction, ""));
    let millis: i64 = format!("{whole:0<3}").parse().ok()?;
    let is_more = rest.bytes().any(|digit| digit != b'0');
    seconds.checked_mul(1_000)?.checked_add(millis)?.checked_add(i64::from(is_more))
}

/// An ISO 8601 date, with or without a `Z` behind it: `2024-02-29Z` is `2024-02-29`.
pub fn local_date(text: &str) -> Option<String> {
    let (days, rest) = iso_date(text)?;
    matches!(rest, "" | "Z").then(|| date(days))
}

/// An ISO 8601 time without regard to a `Z` behind it.
pub fn local_time(text: &str) -> Option<String> {
    let (clock, zone) = clock(text)?;
    matches!(zone, "" | "Z").then(|| {
        let mut out = String::with_capacity(18);
        push_clock(&mut out, clock.seconds.unsigned_abs());
        push_fraction_text(&mut out, clock.fraction);
        out
    })
}

/// An ISO 8601 time with its zone as Postgres prints a `timetz`: `10:34:56.70Z` is `10:34:56.7+00`.
pub fn zoned_time(text: &str) -> Option<String> {
    let (clock, zone) = clock(text)?;
    let offset = zone_offset(zone)?;
    let mut out = String::with_capacity(24);
    push_clock(&mut out, clock.seconds.unsigned_abs());
    push_fraction_text(&mut out, clock.fraction);
    let minutes = offset.unsigned_abs() / 60;
    let _ = write!(out, "{}{:02}", if offset < 0 { '-' } else { '+' }, minutes / 60);
    if minutes % 60 != 0 {
        let _ = write!(out, ":{:02}", minutes % 60);
    }
    Some(out)
}

pub(crate) struct Clock<'a> {
    pub(crate) seconds: i64,
    /// The digits behind the point; may be empty.
    pub(crate) fraction: &'a str,
}

/// `HH:MM[:SS[.fraction]]` and what follows it. Java leaves seconds out when they are zero.
pub(crate) fn clock(text: &str) -> Option<(Clock<'_>, &str)> {
    let (hours, rest) = two_digits(text)?;
    let (minutes, rest) = two_digits(rest.strip_prefix(':')?)?;
    let (seconds, rest) = match rest.strip_prefix(':') {
        Some(rest) => two_digits(rest)?,
        None => (0, rest),
    };
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(digits) => digits.split_at(digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())),
        None => ("", rest),
    };
    let valid = (hours < 24 || (hours == 24 && minutes == 0 && seconds == 0)) && minutes < 60 && seconds < 61;
    valid.then_some((Clock { seconds: hours * 3_600 + minutes * 60 + seconds, fraction }, rest))
}

/// `Z`, `+02`, `+0230`, `+02:30` or `+02:30:15` in seconds east of UTC.
pub(crate) fn zone_offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, mut rest) = two_digits(zone.get(1..)?)?;
    let mut seconds = hours * 3_600;
    for unit in [60, 1] {
        if rest.is_empty() {
            break;
        }
        let (value, after) = two_digits(rest.strip_prefix(':').unwrap_or(rest))?;
        seconds += value * unit;
        rest = after;
    }
    rest.is_empty().then_some(sign * seconds)
}

pub(crate) fn two_digits(text: &str) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    Some((digits.parse().ok()?, rest))
}

/// `[+-]Y…-MM-DD` in days since 1970, years astronomical (0 is 1 BC), and what follows it.
fn iso_date(text: &str) -> Option<(i64, &str)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (year, rest) = rest.split_once('-')?;
    if year.len() < 4 || year.len() > 9 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i64 = year.parse().ok()?;
    let year = if negative { -year } else { year };
    let (month, rest) = two_digits(rest)?;
    let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
    let days = days(year, month, day)?;
    Some((days, rest))
}

/// Days since 1970 of a date that exists.
pub(crate) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    (civil(days) == (year, month, day)).then_some(days)
}

/// Year (astronomical), month and day of a count of days since 1970.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn push_date(out: &mut String, year: i64, month: i64, day: i64) {
    let year = if year > 0 { year } else { 1 - year };
    if (0..10_000).contains(&year) {
        push_padded(out, year.unsigned_abs(), 1_000);
    } else {
        let _ = write!(out, "{year:04}");
    }
    out.push('-');
    push_padded(out, month.unsigned_abs(), 10);
    out.push('-');
    push_padded(out, day.unsigned_abs(), 10);
}

/// The digits of `n` from that of `power` on, with zeros in front: what `format!` does, for a fraction of its cost.
fn push_padded(out: &mut String, n: u64, mut power: u64) {
    while power > 0 {
        let digit = u32::try_from(n / power % 10).ok().and_then(|digit| char::from_digit(digit, 10));
        out.push(digit.unwrap_or('0'));
        power /= 10;
    }
}

fn push_era(out: &mut String, year: i64) {
    if year <= 0 {
        out.push_str(" BC");
    }
}

pub(crate) fn push_clock(out: &mut String, seconds: u64) {
    let hours = seconds / 3_600;
    if hours < 100 {
        push_padded(out, hours, 10);
    } else {
        let _ = write!(out, "{hours}");
    }
    out.push(':');
    push_padded(out, seconds / 60 % 60, 10);
    out.push(':');
    push_padded(out, seconds % 60, 10);
}

fn push_fraction(out: &mut String, fraction: u64, digits: usize) {
    if fraction > 0 {
        out.push('.');
        push_padded(out, fraction, 10_u64.pow(u32::try_from(digits).unwrap_or(1) - 1));
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Postgres prints no zeros at the end of a fraction.
pub(crate) fn push_fraction_text(out: &mut String, digits: &str) {
    let digits = digits.trim_end_matches('0');
    if !digits.is_empty() {
        out.push('.');
        out.push_str(digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (2_932_896, "9999-12-31"),
            (-735_160, "0044-03-15 BC"),
            (-719_163, "0001-12-31 BC"),
            (2_145_042_905, "5874897-12-31"),
            (2_146_033_979, "infinity"),
            (-2_147_472_691, "-infinity"),
        ] {
            assert_eq!(date(days), text, "{days}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(time(45_296_789, TimeUnit::Millis), "12:34:56.789");
        assert_eq!(time(86_400_000, TimeUnit::Millis), "24:00:00");
        assert_eq!(time(1, TimeUnit::Micros), "00:00:00.000001");
        assert_eq!(time(-3_020_399_000_000, TimeUnit::Micros), "-838:59:59");
        assert_eq!(zoned_time("10:34:56.789012Z").as_deref(), Some("10:34:56.789012+00"));
        assert_eq!(zoned_time("10:34-02:30").as_deref(), Some("10:34:00-02:30"));
        assert_eq!(zoned_time("25:00:00Z"), None);
    }

    #[test]
    fn timestamps() {
        assert_eq!(timestamp(-1, TimeUnit::Micros), "1969-12-31 23:59:59.999999");
        assert_eq!(timestamp(1_709_210_096_700, TimeUnit::Millis), "2024-02-29 12:34:56.7");
        assert_eq!(timestamp(1_709_210_096_000_000_001, TimeUnit::Nanos), "2024-02-29 12:34:56.000000001");
        assert_eq!(timestamp(9_223_372_036_825_200_000, TimeUnit::Micros), "infinity");
        assert_eq!(zoned_timestamp("2024-02-29T14:34:56.70+02:00").as_deref(), Some("2024-02-29 12:34:56.7+00"));
        assert_eq!(zoned_timestamp("-0043-03-15T00:00:00Z").as_deref(), Some("0044-03-15 00:00:00+00 BC"));
        assert_eq!(zoned_timestamp("2024-02-30T00:00:00Z"), None);
        assert_eq!(zoned_timestamp("2024-02-29T00:00:00"), None, "a zoned timestamp has a zone");
        assert_eq!(local_timestamp("2024-02-29T12:34:56Z").as_deref(), Some("2024-02-29 12:34:56"));
    }

    #[test]
    fn milliseconds_since_1970() {
        assert_eq!(unix_millis("2024-02-29T14:34:56.7+02:00"), Some(1_709_210_096_700));
        assert_eq!(unix_millis("1969-12-31T23:59:59.9991Z"), Some(0));
        assert_eq!(unix_millis("1970-01-01T00:00:00.001000Z"), Some(1));
        assert_eq!(unix_millis("2024-02-29T14:34:56"), None, "it has no zone");
        assert_eq!(unix_millis("1709210096700"), None);
    }

    #[test]
    fn every_day_of_800_years_is_there_and_back() {
        for day in -146_097..146_097 {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), Some(day));
        }
    }
}
