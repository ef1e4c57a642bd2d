//! Numbers from texts, for sources that write every value as one.
//!
//! Comes in: a text. Goes out: the number's text as JSON has it, every digit kept; `None` for what is no such number.

use std::borrow::Cow;

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Without the zeros in front that `ZEROFILL` and YEAR have.
pub(crate) fn integer(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let fits = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    if !is_digits(digits) || !fits {
        return None;
    }
    if digits.len() == 1 || !digits.starts_with('0') {
        return Some(text);
    }
    let significant = digits.trim_start_matches('0');
    let sign = if text.starts_with('-') && !significant.is_empty() { "-" } else { "" };
    Some(Cow::Owned(format!("{sign}{}", if significant.is_empty() { "0" } else { significant })))
}

/// With all the digits behind the point that the column has.
pub(crate) fn decimal(text: Cow<'_, str>, scale: usize) -> Option<Cow<'_, str>> {
    let unsigned = text.strip_prefix('-').unwrap_or(&text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let has_point = unsigned.len() > whole.len();
    if !is_digits(whole) || (has_point && !is_digits(decimals)) {
        return None;
    }
    // a JSON number has no zeros in front
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    match scale.checked_sub(decimals.len()) {
        None | Some(0) => Some(text),
        Some(n_missing) => {
            let mut padded = String::with_capacity(text.len() + n_missing + 1);
            padded.push_str(&text);
            if !has_point {
                padded.push('.');
            }
            padded.extend(std::iter::repeat_n('0', n_missing));
            Some(Cow::Owned(padded))
        }
    }
}

/// As JSON and Java print it: `1.0E10`.
pub(crate) fn float(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    serde_json::from_str::<serde::de::IgnoredAny>(&text).ok()?;
    let starts_as_one = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    starts_as_one.then_some(text)
}

pub(crate) fn bits(text: &str, length: usize) -> Option<String> {
    let value: u64 = text.parse().ok().filter(|_| is_digits(text))?;
    let digits = format!("{value:0length$b}");
    (digits.len() == length).then_some(digits)
}
