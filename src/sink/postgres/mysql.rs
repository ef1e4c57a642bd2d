//! Texts of values as Canal and Maxwell send them of `MySQL`.

use rowkind_formats::{BytesText, Error, Geometry, bytes_of, literal::bytea_text, local_timestamp};

use super::kind::Kind;
use super::modes::Modes;
use super::text::{Text, refused, typed_text, unstated};

/// A string of Maxwell's. A JSON column of `MySQL` is embedded, so that a string is JSON's; one of `MariaDB` is its text.
pub(super) fn embedded_text<'v>(text: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    match kind {
        Kind::Json | Kind::Jsonb if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            Err(unstated("whether a string for JSON is the text of JSON or a JSON string", "source.columns"))
        }
        Kind::Json | Kind::Jsonb => {
            serde_json::to_string(text).map(Text::Owned).map_err(|_| refused(kind.expected(), "a string"))
        }
        // no text of a geometry is base64
        Kind::Bytea => match Geometry::of_wkt(text).as_ref().and_then(Geometry::ewkb) {
            Some(ewkb) => Ok(bytea_text(ewkb).into()),
            None => bytes_of(text, BytesText::Base64).map(|bytes| bytea_text(&bytes).into()),
        },
        Kind::Timestamp { zoned: true, .. } => {
            Ok(local_timestamp(text).map_or(text.into(), |local| Text::Owned(local + "+00")))
        }
        _ => typed_text(text, kind, modes),
    }
}

/// A timestamp of an unknown time zone is no moment.
pub(super) fn wall_clock_text<'v>(text: &'v str, kind: &Kind) -> Result<Text<'v>, Error> {
    match kind {
        Kind::Timestamp { zoned: false, .. } | Kind::Date | Kind::Text | Kind::Varchar { .. } => Ok(text.into()),
        Kind::Timestamp { zoned: true, .. } => Err(unstated("the time zone of a TIMESTAMP", "source.timezone")),
        other => Err(refused(other.expected(), "a timestamp")),
    }
}

/// Bits that were sent as the number that they are.
pub(super) fn bits_of_number(text: &str, length: usize) -> Result<String, Error> {
    let value: u64 = text.parse().map_err(|_| refused("bits", "a number that is no integer of 64 bits"))?;
    let digits = format!("{value:b}");
    // a width of `format!` has 16 bits; a column can have more
    match length.checked_sub(digits.len()) {
        Some(n_zeros) => Ok("0".repeat(n_zeros) + &digits),
        None => Err(refused("at most as many bits as the column has", "more")),
    }
}

#[cfg(test)]
mod tests {
    use super::bits_of_number;

    #[test]
    fn a_number_is_as_many_bits_as_its_column() {
        let bits = |text, length| bits_of_number(text, length).map_err(|error| error.kind().to_string());
        assert_eq!(bits("5", 4), Ok("0101".to_owned()));
        assert_eq!(bits("0", 1), Ok("0".to_owned()));
        assert_eq!(bits("5", 2), Err("expected at most as many bits as the column has, found more".to_owned()));
        assert_eq!(bits("5", 70_000).map(|bits| bits.len()), Ok(70_000));
    }
}
