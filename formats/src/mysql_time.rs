//! `MySQL`'s dates and times as texts, as Canal and Maxwell write them.
//!
//! A day need not exist: there is a 31st of February when the server is told so, and `0000-00-00`.

use std::borrow::Cow;

use crate::digits::is_digits;

/// `YYYY-MM-DD` and what follows it. The day need not exist: `MySQL` has a 31st of February when it is told to.
fn after_date(text: &str) -> Option<&str> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let is_one = [4, 2, 2].iter().all(|n| parts.next().is_some_and(|part| part.len() == *n && is_digits(part)));
    is_one.then_some(rest)
}

/// `:MM:SS[.f]`
fn is_minutes(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    parts.next() == Some("")
        && (0..2).all(|_| parts.next().is_some_and(|part| part.len() == 2 && is_digits(part)))
        && parts.next().is_none()
        && is_digits(fraction)
}

pub(crate) fn is_date(text: &str) -> bool {
    after_date(text) == Some("")
}

pub(crate) fn is_timestamp(text: &str) -> bool {
    let clock = after_date(text).and_then(|rest| rest.strip_prefix(' ')).and_then(|clock| clock.split_at_checked(2));
    clock.is_some_and(|(hours, rest)| is_digits(hours) && is_minutes(rest))
}

/// `MySQL`'s TIME goes from -838:59:59 to 838:59:59.
pub(crate) fn is_time(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let clock = unsigned.find(':').and_then(|at| unsigned.split_at_checked(at));
    clock.is_some_and(|(hours, rest)| (2..=3).contains(&hours.len()) && is_digits(hours) && is_minutes(rest))
}

/// The text without the zeros at the end of its fraction, which Postgres does not print.
pub(crate) fn checked(text: Cow<'_, str>, is_one: fn(&str) -> bool) -> Option<Cow<'_, str>> {
    if !is_one(&text) {
        return None;
    }
    if !text.contains('.') {
        return Some(text);
    }
    let short = |text: &str| text.trim_end_matches('0').trim_end_matches('.').len();
    Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..short(text))?),
        Cow::Owned(mut text) => {
            text.truncate(short(&text));
            Cow::Owned(text)
        }
    })
}

/// `0000-00-00`, and dates without a month or day.
pub(crate) fn is_zero(date: &str) -> bool {
    date.get(..4) == Some("0000") || date.get(5..7) == Some("00") || date.get(8..10) == Some("00")
}
