//! Dates by patterns as Java writes them: `yyyy-MM-dd HH:mm:ss.SSS`
//! (<https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/time/format/DateTimeFormatter.html>).

use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::datum::NoValue;

/// A part of a pattern: a letter and how often it stands there, or text.
enum Part {
    Letter(char, usize),
    Text(String),
}

const LETTERS: &str = "yuMdHhmsSEaDQ";

fn parts(pattern: &str) -> Result<Vec<Part>, NoValue> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        Some('\'') if chars.peek() == Some(&'\'') => text.push(chars.next().unwrap_or('\'')),
                        Some('\'') => break,
                        Some(c) => text.push(c),
                        None => return Err(NoValue::expected("a date pattern whose quotes end")),
                    }
                }
                parts.push(Part::Text(if text.is_empty() { "'".to_owned() } else { text }));
            }
            c if LETTERS.contains(c) => {
                let mut n = 1;
                while chars.next_if_eq(&c).is_some() {
                    n += 1;
                }
                parts.push(Part::Letter(c, n));
            }
            c if c.is_ascii_alphabetic() => {
                return Err(NoValue(format!("a date pattern has the letter {c}, and {LETTERS} are known")));
            }
            c => parts.push(Part::Text(c.to_string())),
        }
    }
    Ok(parts)
}

/// Whether a pattern can be used.
pub(super) fn check(pattern: &str) -> Result<(), NoValue> {
    parts(pattern).map(drop)
}

/// The date as the pattern says.
pub(super) fn format(at: &NaiveDateTime, pattern: &str) -> Result<String, NoValue> {
    let mut text = String::new();
    for part in parts(pattern)? {
        let number = match part {
            Part::Text(literal) => {
                text.push_str(&literal);
                continue;
            }
            Part::Letter('M', 3) => {
                let _ = write!(text, "{}", at.format("%b"));
                continue;
            }
            Part::Letter('M', 4..) => {
                let _ = write!(text, "{}", at.format("%B"));
                continue;
            }
            Part::Letter('E', n) => {
                let _ = write!(text, "{}", at.format(if n < 4 { "%a" } else { "%A" }));
                continue;
            }
            Part::Letter('a', _) => {
                text.push_str(if at.hour() < 12 { "AM" } else { "PM" });
                continue;
            }
            Part::Letter('S', n) => {
                let nanos = format!("{:09}", at.nanosecond() % 1_000_000_000);
                text.push_str(&nanos[..n.min(9)]);
                continue;
            }
            Part::Letter('y' | 'u', 2) => (at.year().rem_euclid(100).into(), 2),
            Part::Letter(letter, n) => (number(at, letter), n),
        };
        let (value, width): (i64, usize) = number;
        let _ = write!(text, "{value:0width$}");
    }
    Ok(text)
}

fn number(at: &NaiveDateTime, letter: char) -> i64 {
    match letter {
        'y' | 'u' => at.year().into(),
        'M' => at.month().into(),
        'd' => at.day().into(),
        'D' => at.ordinal().into(),
        'Q' => i64::from(at.month0() / 3 + 1),
        'H' => at.hour().into(),
        'h' => at.hour12().1.into(),
        'm' => at.minute().into(),
        _ => at.second().into(),
    }
}

/// The date that text says by a pattern; `None` where it says none.
pub(super) fn parse(text: &str, pattern: &str) -> Result<Option<NaiveDateTime>, NoValue> {
    let parts = parts(pattern)?;
    Ok(read(text.trim(), &parts))
}

fn read(mut text: &str, parts: &[Part]) -> Option<NaiveDateTime> {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let (mut hour, mut minute, mut second, mut nanos, mut is_afternoon) = (0, 0, 0, 0, None);
    for (at, part) in parts.iter().enumerate() {
        let (letter, n) = match part {
            Part::Text(literal) => {
                text = text.strip_prefix(literal.as_str())?;
                continue;
            }
            Part::Letter('a', _) => {
                let half = text.get(..2)?.to_ascii_uppercase();
                is_afternoon = Some(half == "PM");
                text = text.get(2..)?;
                continue;
            }
            Part::Letter(letter, n) => (*letter, *n),
        };
        // where another number stands right behind it, a number has as many digits as letters
        let is_fixed = matches!(parts.get(at + 1), Some(Part::Letter(..))) || letter == 'S' || n > 2;
        let max = if is_fixed { n } else { 10 };
        let n_digits = text.chars().take(max).take_while(char::is_ascii_digit).count();
        let digits = text.get(..n_digits).filter(|digits| !digits.is_empty())?;
        text = text.get(n_digits..)?;
        let number: u32 = digits.parse().ok()?;
        match letter {
            'y' | 'u' if n == 2 => year = 2_000 + i32::try_from(number).ok()?,
            'y' | 'u' => year = i32::try_from(number).ok()?,
            'M' => month = number,
            'd' => day = number,
            'H' | 'h' => hour = number,
            'm' => minute = number,
            's' => second = number,
            'S' => nanos = format!("{digits:0<9}").parse().ok()?,
            _ => return None,
        }
    }
    hour = match is_afternoon {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    let is_read = text.is_empty();
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?;
    is_read.then(|| date.and_time(time))
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn there_and_back() {
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2026-11-21 09:05:07.120"),
            ("yyyyMMdd", "20261121"),
            ("dd.MM.yy", "21.11.26"),
            ("yyyy-MM-dd'T'HH:mm", "2026-11-21T09:05"),
            ("h:mm a, d/M/yyyy", "9:05 AM, 21/11/2026"),
        ] {
            let at = parse(text, pattern).expect("a pattern").unwrap_or_else(|| panic!("{text} by {pattern}"));
            assert_eq!(format(&at, pattern).expect("a pattern"), text);
        }
        assert_eq!(parse("2026-13-01", "yyyy-MM-dd"), Ok(None));
        assert_eq!(parse("2026-12-01 x", "yyyy-MM-dd"), Ok(None));
        assert!(parse("x", "yyyy-ZZ").is_err());
    }
}
