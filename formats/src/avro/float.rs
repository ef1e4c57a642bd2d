//! Floating-point numbers as Java prints them, so that a row has the same text through Avro as through JSON.

use std::fmt::{LowerExp, Write};

/// Appends the text of Java's `Double.toString` (since version 19, the shortest digits that read back as the number), and
/// for what JSON has no number for the string that Connect's JSON converter writes.
///
/// `number` is an `f32` or an `f64`, and `NaN` or infinite as `special` says.
pub(crate) fn push_float(out: &mut String, number: impl LowerExp, special: Option<&'static str>) {
    if let Some(special) = special {
        let _ = write!(out, "\"{special}\"");
        return;
    }
    // Rust's digits are the shortest too: 1.5e-7, 0e0
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let or_zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
    out.push_str(sign);
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match (exponent, usize::try_from(exponent)) {
        // from 1 up to 10^7: plain
        (0..7, Ok(n_more)) => {
            let (more, rest) = decimals.split_at_checked(n_more).unwrap_or((decimals, ""));
            let _ = write!(out, "{whole}{more:0<n_more$}.{}", or_zero(rest));
        }
        // from 10^-3 up to 1: plain
        (-3..0, _) => {
            let n_zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            let _ = write!(out, "0.{}{whole}{decimals}", "0".repeat(n_zeros));
        }
        _ => {
            let _ = write!(out, "{whole}.{}E{exponent}", or_zero(decimals));
        }
    }
}

/// What `number` is that JSON has no number for.
pub(super) fn special(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number.is_infinite() {
        Some(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_java_prints_them() {
        let text = |number: f64| {
            let mut out = String::new();
            push_float(&mut out, number, special(number));
            out
        };
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (1_234_567.0, "1234567.0"),
            (1_234_567.25, "1234567.25"),
            (9_999_999.0, "9999999.0"),
            (1.0e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (0.001, "0.001"),
            (0.001_25, "0.00125"),
            (0.000_999, "9.99E-4"),
            (1.5e-7, "1.5E-7"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(text(number), expected);
        }
        let mut out = String::new();
        push_float(&mut out, 0.1_f32, None);
        assert_eq!(out, "0.1", "a float keeps its own digits");
    }
}
