//! Decimals from their unscaled value, and back to it.

use std::borrow::Cow;

use num_bigint::BigInt;

use crate::connect::bytes;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Json};

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

/// A number's text in its parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal<'t> {
    is_negative: bool,
    whole: &'t str,
    decimals: &'t str,
    exponent: i32,
}

impl<'t> Decimal<'t> {
    /// `None` for what is no JSON number, or beyond what a `numeric` can hold.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        if !json::is_number(text) {
            return None;
        }
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent.parse().ok().filter(|exponent| SCALES.contains(exponent))?;
        Some(Self { is_negative: unsigned.len() < text.len(), whole, decimals, exponent })
    }

    /// Digits behind the point, written out.
    pub(crate) fn scale(&self) -> Option<i32> {
        i32::try_from(self.decimals.len()).ok()?.checked_sub(self.exponent).filter(|scale| SCALES.contains(scale))
    }

    /// The big-endian two's complement, as short as it can be, of the integer that is the number's `10^scale`-fold.
    /// `None` when the number has digits beyond the scale.
    pub(crate) fn unscaled(&self, scale: i32) -> Option<Vec<u8>> {
        let mut digits = format!("{}{}", self.whole, self.decimals);
        let shift = scale.checked_sub(self.scale()?).filter(|_| SCALES.contains(&scale))?;
        let n_digits = usize::try_from(shift.unsigned_abs()).ok()?;
        if shift >= 0 {
            digits.extend(std::iter::repeat_n('0', n_digits));
        } else {
            let (kept, beyond) = digits.split_at_checked(digits.len().saturating_sub(n_digits))?;
            if beyond.bytes().any(|digit| digit != b'0') {
                return None;
            }
            digits.truncate(kept.len());
        }
        let digits = if digits.is_empty() { "0" } else { &digits };
        if let Ok(value) = digits.parse::<i128>() {
            return Some(shortest(if self.is_negative { -value } else { value }));
        }
        let value: BigInt = digits.parse().ok()?;
        Some(if self.is_negative { -value } else { value }.to_signed_bytes_be())
    }
}

fn shortest(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // the bits in front are all the sign's
    let n_sign_bits = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    let n_left_out = usize::try_from((n_sign_bits - 1) / 8).unwrap_or(0);
    bytes.get(n_left_out..).unwrap_or(&bytes).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(unscaled: &[u8], scale: i32) -> String {
        decimal_text(unscaled, scale).expect("it is one")
    }

    #[test]
    fn there_and_back() {
        let nines = "9".repeat(60);
        for (text, scale) in [
            ("1000.50", 2),
            ("-0.01", 2),
            ("1", 0),
            ("0.0000", 4),
            ("5000", -3),
            ("0", -3),
            ("-128", 0),
            ("127", 0),
            ("128", 0),
            ("-170141183460469231731687303715884105728", 0),
            ("170141183460469231731687303715884105728", 0),
            (&format!("-{nines}.{nines}"), 60),
        ] {
            let unscaled = Decimal::parse(text).and_then(|decimal| decimal.unscaled(scale));
            assert_eq!(unscaled.map(|bytes| self::text(&bytes, scale)).as_deref(), Some(text));
        }
        let unscaled = |text, scale| Decimal::parse(text).and_then(|decimal| decimal.unscaled(scale));
        assert_eq!(unscaled("128", 0), Some(vec![0x00, 0x80]));
        assert_eq!(unscaled("-128", 0), Some(vec![0x80]));
        assert_eq!(unscaled("1.5E3", 1), Some(vec![0x3a, 0x98]), "1500.0");
        assert_eq!(unscaled("1.500", 1), Some(vec![0x0f]));
        assert_eq!(unscaled("1.55", 1), None, "it is not rounded");
        assert_eq!(unscaled("1501", -1), None);
        for none in ["", "1e999999999", "NaN", "1,5", "0x10"] {
            assert!(Decimal::parse(none).is_none(), "{none}");
        }
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
