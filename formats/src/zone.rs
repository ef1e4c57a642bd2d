//! A fixed distance from UTC, for sources that send local time and do not say where.

use std::str::FromStr;

use crate::calendar::zoned_timestamp;

/// A time zone that has the same distance from UTC all year: `UTC`, `Z`, `+02:00`, `-03:30`.
///
/// A zone with summer time cannot be one: an hour of its autumn happens twice, and nobody says which of the two it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UtcOffset(Box<str>);

/// A text that is no fixed distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected UTC or a fixed distance from it, as +02:00")]
pub struct UnknownOffset;

impl FromStr for UtcOffset {
    type Err = UnknownOffset;

    fn from_str(text: &str) -> Result<Self, UnknownOffset> {
        if matches!(text, "UTC" | "utc" | "Z") {
            return Ok(Self::utc());
        }
        let part = |digits: &str| -> Option<u8> {
            (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
        };
        let hours_and_minutes =
            text.strip_prefix(['+', '-']).and_then(|rest| rest.split_once(':')).map(|(h, m)| (part(h), part(m)));
        match hours_and_minutes {
            // MySQL's time_zone goes from -13:59 to +14:00
            Some((Some(0..=13), Some(0..=59)) | (Some(14), Some(0))) => Ok(Self(text.into())),
            _ => Err(UnknownOffset),
        }
    }
}

impl UtcOffset {
    /// No distance.
    pub(crate) fn utc() -> Self {
        Self("Z".into())
    }

    /// A wall clock `YYYY-MM-DD hh:mm:ss[.f]` of this zone as Postgres prints it in UTC: `2024-02-29 12:34:56.7+00`.
    /// `None` when the text is none, or its day does not exist.
    pub fn to_utc(&self, local: &str) -> Option<String> {
        let mut text = String::with_capacity(local.len() + self.0.len());
        text.push_str(local);
        text.push_str(&self.0);
        zoned_timestamp(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fixed_distances() {
        for text in ["UTC", "Z", "+00:00", "+14:00", "-13:59", "+05:45"] {
            assert!(text.parse::<UtcOffset>().is_ok(), "{text}");
        }
        for text in ["", "CET", "Europe/Berlin", "SYSTEM", "+2", "+14:01", "+15:00", "02:00", "+02:60", "+0é:00"] {
            assert_eq!(text.parse::<UtcOffset>(), Err(UnknownOffset), "{text}");
        }
    }

    #[test]
    fn local_time_in_utc() {
        let to_utc = |zone: &str, local| zone.parse::<UtcOffset>().ok().and_then(|zone| zone.to_utc(local));
        assert_eq!(to_utc("UTC", "2024-02-29 12:34:56.700").as_deref(), Some("2024-02-29 12:34:56.7+00"));
        assert_eq!(to_utc("+02:00", "2024-01-01 01:00:00").as_deref(), Some("2023-12-31 23:00:00+00"));
        assert_eq!(to_utc("-03:30", "2024-02-29 23:00:00").as_deref(), Some("2024-03-01 02:30:00+00"));
        assert_eq!(to_utc("UTC", "0000-00-00 00:00:00"), None);
        assert_eq!(to_utc("UTC", "2024-01-01 01:00:00+02:00"), None, "it has a zone of its own");
    }
}
