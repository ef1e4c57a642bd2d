//! Dates and times as Postgres prints them, back to days, ticks and ISO 8601: the inverse of [`crate::calendar`].
//!
//! Nothing is rounded: a text that its target cannot say exactly gives `None`.

use std::fmt::Write;

use crate::calendar::{
    Clock, DATE_INFINITY, SECONDS_PER_DAY, TIMESTAMP_INFINITY_MS, TimeUnit, civil, clock, days, push_clock,
    push_fraction_text, two_digits, zone_offset,
};

/// A day and a time of day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'t> {
    /// Since 1970.
    pub(crate) days: i64,
    /// Since midnight.
    pub(crate) seconds: i64,
    /// The digits behind the point; may be empty.
    pub(crate) fraction: &'t str,
}

impl<'t> Moment<'t> {
    /// `2024-02-29 12:34:56.789`, which is in no time zone; `BC` may stand behind it.
    pub(crate) fn local(text: &'t str) -> Option<Self> {
        let (moment, zone) = Self::parse(text)?;
        zone.is_empty().then_some(moment)
    }

    /// `2024-02-29 14:34:56.789+02` in UTC.
    pub(crate) fn utc(text: &'t str) -> Option<Self> {
        let (moment, zone) = Self::parse(text)?;
        let seconds = moment.seconds - zone_offset(zone)?;
        let days = moment.days + seconds.div_euclid(SECONDS_PER_DAY);
        Some(Self { days, seconds: seconds.rem_euclid(SECONDS_PER_DAY), ..moment })
    }

    fn parse(text: &'t str) -> Option<(Self, &'t str)> {
        let (days, rest) = day(text)?;
        let (Clock { seconds, fraction }, zone) = clock(without_era(rest).strip_prefix(' ')?)?;
        Some((Self { days, seconds, fraction }, zone))
    }

    /// Since 1970. `None` when the unit is too coarse for it, or 64 bits are too few.
    fn ticks(self, unit: TimeUnit) -> Option<i64> {
        let seconds = self.days.checked_mul(SECONDS_PER_DAY)?.checked_add(self.seconds)?;
        let whole = i128::from(seconds) * i128::from(unit.per_second());
        i64::try_from(whole + i128::from(fraction_ticks(self.fraction, unit)?)).ok()
    }

    fn iso(self) -> String {
        let mut out = String::with_capacity(36);
        push_iso_date(&mut out, self.days);
        out.push('T');
        push_clock(&mut out, self.seconds.unsigned_abs());
        push_fraction_text(&mut out, self.fraction);
        out.push('Z');
        out
    }
}

/// `YYYY-MM-DD` in days since 1970, and what follows it. An era counts that stands at the very end.
fn day(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = text.split_once('-')?;
    if !(4..=9).contains(&year.len()) || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i64 = year.parse().ok()?;
    let (month, rest) = two_digits(rest)?;
    let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
    // 1 BC is the year 0; a year 0 there is not
    let year = match (text.ends_with(" BC"), year) {
        (_, 0) => return None,
        (true, year) => 1 - year,
        (false, year) => year,
    };
    Some((days(year, month, day)?, rest))
}

fn without_era(text: &str) -> &str {
    text.strip_suffix(" BC").unwrap_or(text)
}

/// A date in days since 1970, with Debezium's stand-ins for the infinite ones.
pub(crate) fn date(text: &str) -> Option<i64> {
    match text {
        "infinity" => Some(DATE_INFINITY.1),
        "-infinity" => Some(DATE_INFINITY.0),
        _ => {
            let (days, rest) = day(text)?;
            let is_own = i32::try_from(days).is_ok() && days != DATE_INFINITY.0 && days != DATE_INFINITY.1;
            (without_era(rest).is_empty() && is_own).then_some(days)
        }
    }
}

/// A time of day, or the interval that a `MySQL` TIME is, in ticks.
pub(crate) fn time(text: &str, unit: TimeUnit) -> Option<i64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (hours, rest) = unsigned.split_once(':')?;
    let (minutes, rest) = two_digits(rest)?;
    let (seconds, rest) = two_digits(rest.strip_prefix(':')?)?;
    let fraction = if rest.is_empty() { "" } else { rest.strip_prefix('.')? };
    let is_clock = hours.len() >= 2 && hours.bytes().all(|byte| byte.is_ascii_digit()) && minutes < 60 && seconds < 60;
    let hours: i64 = hours.parse().ok().filter(|_| is_clock)?;
    let seconds = i128::from(hours) * 3_600 + i128::from(minutes * 60 + seconds);
    let ticks = seconds * i128::from(unit.per_second()) + i128::from(fraction_ticks(fraction, unit)?);
    i64::try_from(if text.starts_with('-') { -ticks } else { ticks }).ok()
}

/// The digits behind the point in ticks. `None` when there are more than the unit has.
pub(crate) fn fraction_ticks(digits: &str, unit: TimeUnit) -> Option<i64> {
    let n_digits = unit.digits();
    let (kept, beyond) = digits.split_at_checked(n_digits).unwrap_or((digits, ""));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || beyond.bytes().any(|byte| byte != b'0') {
        return None;
    }
    format!("{kept:0<n_digits$}").parse().ok()
}

/// A timestamp without time zone in ticks since 1970, with the Postgres driver's stand-ins for the infinite ones.
pub(crate) fn timestamp(text: &str, unit: TimeUnit) -> Option<i64> {
    let (before_all, after_all) = TIMESTAMP_INFINITY_MS;
    match text {
        "infinity" => Some(after_all),
        "-infinity" => Some(before_all),
        _ => {
            let ticks = Moment::local(text)?.ticks(unit)?;
            (![before_all, after_all, i64::MIN, i64::MAX].contains(&ticks)).then_some(ticks)
        }
    }
}

/// A date as ISO 8601 with the `Z` that Debezium puts behind it.
pub(crate) fn iso_date(text: &str) -> Option<String> {
    let mut out = String::with_capacity(16);
    push_iso_date(&mut out, date(text)?);
    out.push('Z');
    Some(out)
}

/// A time of day likewise.
pub(crate) fn iso_time(text: &str) -> Option<String> {
    let (_, rest) = clock(text)?;
    rest.is_empty().then(|| format!("{text}Z"))
}

/// A timestamp without time zone likewise.
pub(crate) fn iso_timestamp(text: &str) -> Option<String> {
    let stand_in = |ms: i64| {
        let seconds = ms / 1_000;
        let (days, seconds) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
        Moment { days, seconds, fraction: "" }.iso()
    };
    match text {
        "infinity" => Some(stand_in(TIMESTAMP_INFINITY_MS.1)),
        "-infinity" => Some(stand_in(TIMESTAMP_INFINITY_MS.0)),
        _ => Moment::local(text).map(Moment::iso),
    }
}

/// A time of day and its distance from UTC in seconds.
pub(crate) fn zoned_clock(text: &str) -> Option<(Clock<'_>, i64)> {
    let (clock, zone) = clock(text)?;
    Some((clock, zone_offset(zone)?))
}

/// A `timetz` as ISO 8601.
pub(crate) fn iso_zoned_time(text: &str) -> Option<String> {
    let (Clock { seconds, fraction }, offset) = zoned_clock(text)?;
    let mut out = String::with_capacity(24);
    push_clock(&mut out, seconds.unsigned_abs());
    push_fraction_text(&mut out, fraction);
    if offset == 0 {
        out.push('Z');
    } else {
        let minutes = offset.unsigned_abs() / 60;
        let sign = if offset < 0 { '-' } else { '+' };
        let _ = write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    }
    Some(out)
}

/// A `timestamptz` as ISO 8601 in UTC. The infinite ones stay as they are.
pub(crate) fn iso_zoned_timestamp(text: &str) -> Option<String> {
    match text {
        "infinity" | "-infinity" => Some(text.to_owned()),
        _ => Moment::utc(text).map(Moment::iso),
    }
}

/// As Java prints a `LocalDate`: a sign before years of more than four digits, and before those that are BC.
fn push_iso_date(out: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    let sign = match year {
        ..0 => "-",
        10_000.. => "+",
        _ => "",
    };
    let _ = write!(out, "{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar;

    #[test]
    fn dates() {
        for days in [0, -1, 19_782, 2_932_896, -735_160, -719_163, 2_145_042_905, 2_146_033_979, -2_147_472_691] {
            let text = calendar::date(days);
            assert_eq!(date(&text), Some(days), "{text}");
            assert_eq!(iso_date(&text).as_deref().and_then(calendar::local_date), Some(text));
        }
        for none in ["", "0000-00-00", "2023-02-29", "2024-02-29 ", "2024-2-29", "0000-01-01 BC", "5877611-06-21"] {
            assert_eq!(date(none), None, "{none}");
        }
        assert_eq!(iso_date("0044-03-15 BC").as_deref(), Some("-0043-03-15Z"));
        assert_eq!(iso_date("12024-01-01").as_deref(), Some("+12024-01-01Z"));
    }

    #[test]
    fn times() {
        for unit in [TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos] {
            for text in ["00:00:00", "12:34:56.789", "24:00:00", "-838:59:59", "100:00:00.5", "-00:00:00.001"] {
                assert_eq!(calendar::time(time(text, unit).expect(text), unit), text);
            }
        }
        assert_eq!(time("00:00:00.0001", TimeUnit::Millis), None, "it is not rounded");
        for none in ["", "1:00:00", "00:60:00", "00:00", "00:00:00.x", "--01:00:00", "99999999999999999999:00:00"] {
            assert_eq!(time(none, TimeUnit::Micros), None, "{none}");
        }
        assert_eq!(iso_time("24:00:00").as_deref(), Some("24:00:00Z"));
        assert_eq!(iso_time("-01:00:00"), None);
        assert_eq!(iso_time("25:00:00"), None);
        assert_eq!(iso_zoned_time("10:34:56.789+00").as_deref(), Some("10:34:56.789Z"));
        assert_eq!(iso_zoned_time("10:34:56-02:30").as_deref(), Some("10:34:56-02:30"));
    }

    #[test]
    fn timestamps() {
        for (ticks, unit) in [
            (0, TimeUnit::Millis),
            (-1, TimeUnit::Micros),
            (1_709_210_096_000_000_001, TimeUnit::Nanos),
            (-63_517_824_000_000_000, TimeUnit::Micros),
            (9_223_372_036_825_200_000, TimeUnit::Micros),
            (-9_223_372_036_832_400_000, TimeUnit::Millis),
            (i64::MAX - 1, TimeUnit::Nanos),
        ] {
            let text = calendar::timestamp(ticks, unit);
            assert_eq!(timestamp(&text, unit), Some(ticks), "{text}");
            assert_eq!(iso_timestamp(&text).as_deref().and_then(calendar::local_timestamp), Some(text));
        }
        // it would come back as infinity
        assert_eq!(timestamp("2262-04-11 23:47:16.8252", TimeUnit::Nanos), None);
        assert_eq!(timestamp("294276-12-31 23:59:59.999999", TimeUnit::Micros), None);
        assert_eq!(timestamp("2024-02-29 12:34:56+00", TimeUnit::Micros), None);
        assert_eq!(iso_timestamp("infinity").as_deref(), Some("+292278994-08-16T23:00:00Z"));
        for (text, iso) in [
            ("2024-02-29 12:34:56.7+00", "2024-02-29T12:34:56.7Z"),
            ("2024-01-01 01:00:00+02", "2023-12-31T23:00:00Z"),
            ("0044-03-15 00:00:00+00 BC", "-0043-03-15T00:00:00Z"),
            ("-infinity", "-infinity"),
        ] {
            assert_eq!(iso_zoned_timestamp(text).as_deref(), Some(iso));
        }
        assert_eq!(iso_zoned_timestamp("2024-02-29 12:34:56"), None, "it has no zone");
    }
}
