//! Decimals from their unscaled value.

use std::borrow::Cow;

use num_bigint::BigInt;

use crate::connect::bytes;
use crate::error::{Error, ErrorKind};
use crate::json::Json;

/// Digits behind the point that Postgres's `numeric` can hold; of those that a negative scale leaves out in front of it,
/// what can be declared.
const SCALES: std::ops::RangeInclusive<i32> = -1_000..=16_383;

/// No more digits fit into a `numeric`: 131,072 before the point and 16,383 behind it.
const MAX_BYTES: usize = 61_230;

/// A decimal as Connect's JSON converter writes it: base64 of the unscaled value (`decimal.format=BASE64`), or a number
/// (`NUMERIC`).
pub(crate) fn decimal_of(found: Json<'_>, scale: i32) -> Result<Cow<'_, str>, Error> {
    match found {
        Json::Number(text) => Ok(Cow::Borrowed(text)),
        Json::String(_) => decimal_text(&bytes(found)?, scale).map(Cow::Owned),
        _ => Err(found.unexpected("a decimal")),
    }
}

/// The text of `unscaled × 10^-scale`, where `unscaled` is a big-endian two's complement integer.
///
/// Keeps every digit, zeros behind the point included. A negative scale appends zeros.
///
/// # Errors
///
/// When no `numeric` has that scale or so many digits.
pub fn decimal_text(unscaled: &[u8], scale: i32) -> Result<String, Error> {
    let malformed = |expected| Err(Error::new("", ErrorKind::Malformed { expected, found: "string" }));
    if !SCALES.contains(&scale) {
        return malformed("a decimal with a scale from -1000 to 16383");
    }
    if unscaled.len() > MAX_BYTES {
        return malformed("a decimal of at most 147455 digits");
    }
    let digits = integer_text(unscaled);
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    let n_decimals = usize::try_from(scale.unsigned_abs()).unwrap_or(usize::MAX);
    if scale <= 0 {
        let zeros = if digits == "0" { 0 } else { n_decimals };
        return Ok(format!("{sign}{digits}{}", "0".repeat(zeros)));
    }
    Ok(match digits.len().checked_sub(n_decimals) {
        None | Some(0) => format!("{sign}0.{digits:0>n_decimals$}"),
        Some(n_whole) => {
            let (whole, decimals) = digits.split_at_checked(n_whole).unwrap_or((digits, ""));
            format!("{sign}{whole}.{decimals}")
        }
    })
}

fn integer_text(bytes: &[u8]) -> String {
    if bytes.len() > 16 {
        return BigInt::from_signed_bytes_be(bytes).to_string();
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start: i128 = if negative { -1 } else { 0 };
    bytes.iter().fold(start, |value, byte| (value << 8) | i128::from(*byte)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(unscaled: &[u8], scale: i32) -> String {
        decimal_text(unscaled, scale).expect("it is one")
    }

    #[test]
    fn digits_stay() {
        assert_eq!(text(&[0x01, 0x86, 0xd2], 2), "1000.50");
        assert_eq!(text(&[0xff], 2), "-0.01");
        assert_eq!(text(&[0x01], 0), "1");
        assert_eq!(text(&[0x00], 4), "0.0000");
        assert_eq!(text(&[0x05], -3), "5000");
        assert_eq!(text(&[0x00], -3), "0");
        assert_eq!(text(&[], 1), "0.0");
    }

    #[test]
    fn more_than_128_bits() {
        // 2^136 and its negative
        let mut power = vec![0x01];
        power.extend([0x00; 17]);
        assert_eq!(text(&power, 10), "8711228593176024664662389950253.2662132736");
        let mut negative = vec![0xff];
        negative.extend([0x00; 17]);
        assert_eq!(text(&negative, 0), "-87112285931760246646623899502532662132736");
    }

    #[test]
    fn what_no_numeric_holds() {
        assert_eq!(text(&vec![0x01; 61_230], 16_383).len(), 147_455 + ".".len());
        let largest = decimal_text(&vec![0x7f; 61_231], 0).map_err(|error| error.kind().to_string());
        assert_eq!(largest, Err("expected a decimal of at most 147455 digits, found a string that is none".to_owned()));
        assert_eq!(text(&[0x01], -1_000).len(), 1_001);
        assert!(decimal_text(&[0x01], -1_001).is_err());
        assert!(decimal_text(&[0x01], 16_384).is_err());
    }
}
