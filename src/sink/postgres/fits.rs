//! Whether a text fits into its column: looked at here, so that the column can be named. Postgres's own refusal cannot.

use memchr::memchr;
use rowkind_formats::{Error, ErrorKind};

use super::kind::{Digits, Kind};
use super::modes::{ExcessDigits, Modes, NulPolicy};
use super::text::refused;

type Text<'v> = std::borrow::Cow<'v, str>;

/// The text as Postgres can hold it.
///
/// # Errors
///
/// When it is out of the column's range, or holds a zero byte that is not to be stripped.
pub(super) fn fitted<'v>(text: Text<'v>, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    if is_zero_date(&text, kind) {
        return Err(too_much(
            "a date that the calendar has (`sink.zero_date = \"null\"` writes NULL in place of it)",
            "one of zeros",
        ));
    }
    match kind {
        Kind::Integer { min, max } => integer(&text, *min, *max)?,
        Kind::Numeric { digits: Some(digits) } => numeric(&text, *digits, modes)?,
        Kind::Date => year(&text, 5_874_897)?,
        Kind::Timestamp { precision, .. } => {
            year(&text, 294_276)?;
            fraction(&text, *precision, modes)?;
        }
        Kind::Time { precision } => {
            of_day(&text)?;
            fraction(&text, *precision, modes)?;
        }
        Kind::Timetz { precision } => fraction(&text, *precision, modes)?,
        Kind::Interval => fraction(&text, 6, modes)?,
        Kind::Varchar { length } if text.len() > *length && text.chars().count() > *length => {
            return Err(too_much("at most as many characters as the column has", "more"));
        }
        Kind::Jsonb => return jsonb(text, modes),
        _ => {}
    }
    if memchr(0, text.as_bytes()).is_none() {
        return Ok(text);
    }
    match modes.nul {
        NulPolicy::Strip => Ok(text.replace('\0', "").into()),
        NulPolicy::Reject => Err(refused(
            "text without a zero byte, which Postgres cannot hold (`sink.nul = \"strip\"` leaves it out)",
            "a zero byte",
        )),
    }
}

/// `MySQL`'s `0000-00-00`, and dates whose year, month or day is zero. Years before Christ end in `BC`.
pub(super) fn is_zero_date(text: &str, kind: &Kind) -> bool {
    matches!(kind, Kind::Date | Kind::Timestamp { .. })
        && text.as_bytes().get(4) == Some(&b'-')
        && (text.get(..4) == Some("0000") || text.get(5..7) == Some("00") || text.get(8..10) == Some("00"))
}

fn integer(text: &str, min: i64, max: i64) -> Result<(), Error> {
    // what is no integer of 64 bits is Postgres's to judge: it may be 1.0
    let fits = text.len() < 5 || text.parse::<i64>().map_or(text.len() < 19, |value| (min..=max).contains(&value));
    if fits { Ok(()) } else { Err(too_much("an integer in the range of the column", "one out of range")) }
}

fn numeric(text: &str, Digits { precision, scale }: Digits, modes: Modes) -> Result<(), Error> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let Ok(exponent) = exponent.parse::<i32>().map(i64::from) else { return Ok(()) };
    if !mantissa.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        // NaN, Infinity
        return Ok(());
    }
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(decimals.bytes());
    let n_leading = digits().take_while(|digit| *digit == b'0').count();
    let n_trailing = digits().rev().take_while(|digit| *digit == b'0').count();
    if n_leading == whole.len() + decimals.len() {
        return Ok(());
    }
    let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let n_whole = signed(whole.len()) + exponent - signed(n_leading);
    let n_decimals = signed(decimals.len()) - exponent - signed(n_trailing);
    if n_whole > i64::from(precision) - i64::from(scale) {
        return Err(too_much("a number in the range of the column", "one out of range"));
    }
    if n_decimals > i64::from(scale) && modes.excess_digits == ExcessDigits::Reject {
        return Err(too_many_digits());
    }
    Ok(())
}

/// A time's digits behind the point.
fn fraction(text: &str, precision: i32, modes: Modes) -> Result<(), Error> {
    if modes.excess_digits == ExcessDigits::Round {
        return Ok(());
    }
    let Some((_, rest)) = text.split_once('.') else { return Ok(()) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit);
    let n_digits = digits.enumerate().filter(|(_, digit)| *digit != b'0').last().map_or(0, |(at, _)| at + 1);
    if n_digits <= usize::try_from(precision).unwrap_or(0) { Ok(()) } else { Err(too_many_digits()) }
}

/// `MySQL`'s TIME goes from -838:59:59 to 838:59:59.
fn of_day(text: &str) -> Result<(), Error> {
    let hours = text.split(':').next().and_then(|hours| hours.parse::<i32>().ok());
    match hours {
        Some(_) if text.starts_with('-') => {
            Err(too_much("a time of day (a column of type interval holds all)", "less"))
        }
        Some(25..) => Err(too_much("a time of day (a column of type interval holds all)", "more")),
        _ => Ok(()),
    }
}

/// Postgres's calendar begins in 4714 BC.
fn year(text: &str, last: u32) -> Result<(), Error> {
    if text.as_bytes().get(4) == Some(&b'-') && !text.ends_with(" BC") {
        return Ok(());
    }
    let year = text.split('-').next().and_then(|year| year.parse::<u32>().ok());
    let last = if text.ends_with(" BC") { 4_714 } else { last };
    match year {
        Some(year) if year > last => Err(too_much("a date in the range of Postgres", "one out of range")),
        _ => Ok(()),
    }
}

/// jsonb holds no U+0000, not even as an escape.
fn jsonb(text: Text<'_>, modes: Modes) -> Result<Text<'_>, Error> {
    const ESCAPE: &str = "\\u0000";
    if !text.contains(ESCAPE) {
        return Ok(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    let mut is_changed = false;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        if let Some(after) = escape.strip_prefix(ESCAPE) {
            is_changed = true;
            rest = after;
            continue;
        }
        // the backslash and what it escapes
        let length = escape.chars().take(2).map(char::len_utf8).sum();
        let (pair, after) = escape.split_at(length);
        out.push_str(pair);
        rest = after;
    }
    out.push_str(rest);
    match (is_changed, modes.nul) {
        (false, _) => Ok(text),
        (true, NulPolicy::Strip) => Ok(out.into()),
        (true, NulPolicy::Reject) => {
            Err(refused("JSON without \\u0000, which jsonb cannot hold (`sink.nul = \"strip\"` leaves it out)", "one"))
        }
    }
}

/// Whether Postgres reads the text as a number.
pub(super) fn is_number(text: &str) -> bool {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole) && digits(decimals) && whole.len() + decimals.len() > 0 && !exponent.is_empty() && digits(exponent)
}

fn too_many_digits() -> Error {
    too_much(
        "at most as many digits behind the point as the column has (`sink.excess_digits = \"round\"` rounds)",
        "more",
    )
}

fn too_much(expected: &'static str, found: &'static str) -> Error {
    Error::new("", ErrorKind::NoRoom { expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, kind: &Kind, modes: Modes) -> String {
        fitted(text.into(), kind, modes).map_or_else(|error| error.kind().to_string(), Text::into_owned)
    }

    fn fits(text: &str, kind: &Kind) -> bool {
        shown(text, kind, Modes::default()) == text
    }

    #[test]
    fn numbers() {
        let numeric = Kind::Numeric { digits: Some(Digits { precision: 5, scale: 2 }) };
        for text in ["999.99", "-999.99", "0.10000", "000999.99", "1e2", "1.5E-1", "NaN", "0", "0.000", "9.9999E2"] {
            assert!(fits(text, &numeric), "{text}");
        }
        for text in ["1000", "1e3", "0.001", "1.5e-2", "-1000.00", "99999"] {
            assert!(!fits(text, &numeric), "{text}");
        }
        let thousands = Kind::Numeric { digits: Some(Digits { precision: 2, scale: -3 }) };
        assert!(fits("99000", &thousands) && fits("0", &thousands));
        assert!(!fits("99500", &thousands) && !fits("100000", &thousands));
        let smallint = Kind::of("int2", -1);
        assert!(fits("-32768", &smallint) && fits("32767", &smallint) && fits("1.0", &smallint));
        assert!(!fits("32768", &smallint));
        assert!(!fits("9223372036854775808", &Kind::of("int8", -1)));
        assert!(!fits("4294967296", &Kind::of("oid", -1)));
    }

    #[test]
    fn times() {
        let millis = Kind::Timestamp { precision: 3, zoned: false };
        assert!(fits("2024-02-29 12:34:56.789000", &millis));
        assert!(!fits("2024-02-29 12:34:56.789012", &millis));
        let round = Modes { excess_digits: ExcessDigits::Round, ..Modes::default() };
        assert_eq!(shown("12:34:56.7890121", &Kind::Time { precision: 6 }, round), "12:34:56.7890121");
        assert!(!fits("294277-01-01 00:00:00", &millis));
        assert!(fits("294276-12-31 23:59:59", &millis) && fits("infinity", &millis) && fits("-infinity", &millis));
        assert!(fits("4713-01-01 00:00:00 BC", &millis) && !fits("4715-01-01 00:00:00 BC", &millis));
        assert!(fits("5874897-12-31", &Kind::Date) && !fits("5874898-01-01", &Kind::Date));
    }

    #[test]
    fn zeros() {
        let strip = Modes { nul: NulPolicy::Strip, ..Modes::default() };
        assert_eq!(shown("a\0b", &Kind::Text, strip), "ab");
        assert!(!fits("a\0b", &Kind::Text));
        assert!(fits(r#"{"a":"\u0000"}"#, &Kind::Json), "json keeps the escape");
        assert!(!fits(r#"{"a":"\u0000"}"#, &Kind::Jsonb));
        assert_eq!(shown(r#"{"a":"x\u0000\n\\u0000"}"#, &Kind::Jsonb, strip), r#"{"a":"x\n\\u0000"}"#);
        assert!(fits(r#"{"a":"\\u0000"}"#, &Kind::Jsonb), "an escaped backslash before u0000");
        assert!(fits("äöü", &Kind::Varchar { length: 3 }) && !fits("abcd", &Kind::Varchar { length: 3 }));
    }
}
