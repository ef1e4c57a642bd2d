//! Debezium's placeholder for a value that it could not send (an unchanged `TOAST`ed column).
//!
//! It takes another form for each type of column; `UnchangedToastedPlaceholder` of debezium-connector-postgres makes
//! them. All are compared on the JSON text, so that a column without a schema is recognised too.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md5::{Digest, Md5};

use crate::json;
use crate::literal::{hex_text, unhex};

/// Debezium's default.
pub(crate) const DEFAULT: &str = "__debezium_unavailable_value";

/// `unavailable.value.placeholder` in all its forms, each as the JSON that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// text, varchar, json, jsonb, xml; bytea in hex mode; bytea as base64 or hex digits; hstore as JSON text.
    strings: Vec<String>,
    /// The same where they are sent with escapes: what stands between the quotes.
    contents: Vec<String>,
    /// text[], varchar[], json[] …; bytea[]; uuid[]; int2[], int4[], int8[], date[].
    arrays: Vec<String>,
    /// hstore as a map.
    map: String,
    /// bytea where bytes can be sent (Avro).
    bytes: Vec<u8>,
    /// From the shortest string to the longest, with every character escaped.
    string_lengths: RangeInclusive<usize>,
}

impl Default for Placeholder {
    fn default() -> Self {
        Self::of(DEFAULT.as_bytes())
    }
}

impl Placeholder {
    /// The placeholder of a connector's setting: a text, or bytes as hex digits behind `hex:`. `None` when those are
    /// none, or there is nothing.
    pub fn parse(setting: &str) -> Option<Self> {
        let bytes = match setting.strip_prefix("hex:") {
            Some(digits) => unhex(digits)?,
            None => setting.as_bytes().to_vec(),
        };
        (!bytes.is_empty()).then(|| Self::of(&bytes))
    }

    fn of(bytes: &[u8]) -> Self {
        // Java's `new String(bytes)`
        let text = String::from_utf8_lossy(bytes);
        let quoted = |text: &str| {
            let mut out = String::new();
            json::push_string(&mut out, text);
            out
        };
        let item = quoted(&text);
        let map = format!("{{{item}:{item}}}");
        let base64 = STANDARD.encode(bytes);
        let contents = vec![text.into_owned(), base64.clone(), URL_SAFE.encode(bytes), hex_text(bytes), map.clone()];
        let strings: Vec<String> = contents.iter().map(|content| quoted(content)).collect();
        let numbers: Vec<String> = bytes.iter().map(|byte| byte.cast_signed().to_string()).collect();
        let arrays = vec![
            format!("[{item}]"),
            format!("[{}]", quoted(&base64)),
            format!("[{}]", quoted(&name_based_uuid(bytes))),
            format!("[{}]", numbers.join(",")),
        ];
        let bytes = bytes.to_vec();
        let lengths = || contents.iter().map(String::len);
        let shortest = lengths().min().unwrap_or(0) + 2;
        let longest = lengths().max().unwrap_or(0) * 6 + 2;
        Self { strings, contents, arrays, map, bytes, string_lengths: shortest..=longest }
    }

    /// Whether a string that was sent as such is the placeholder in one of its forms.
    pub(crate) fn is_text(&self, text: &str) -> bool {
        self.contents.iter().any(|form| form == text)
    }

    /// Whether bytes that were sent as such are the placeholder.
    pub(crate) fn is_bytes(&self, bytes: &[u8]) -> bool {
        bytes == self.bytes
    }

    /// Whether the JSON text of a column is the placeholder in one of its forms.
    ///
    /// Space between the tokens of an array or object is passed over: tools that print JSON again add some.
    pub(crate) fn is(&self, raw: &str) -> bool {
        let is = |form: &String| {
            raw.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(form.bytes().filter(
                // a placeholder may have spaces of its own
                |byte| !byte.is_ascii_whitespace(),
            ))
        };
        match raw.as_bytes().first() {
            Some(b'"') if !self.string_lengths.contains(&raw.len()) => false,
            Some(b'"') => {
                self.strings.iter().any(|form| form == raw) || self.contents.iter().any(|form| is_escaped(raw, form))
            }
            Some(b'[') => self.arrays.iter().any(is),
            Some(b'{') => is(&self.map),
            _ => false,
        }
    }
}

/// Whether a JSON string with escapes in it says `form`. Nearly all differ in their first characters.
fn is_escaped(quoted: &str, form: &str) -> bool {
    let (mut quoted_bytes, mut form_bytes) = (quoted.bytes().skip(1), form.bytes());
    let mut escapes = false;
    loop {
        let (sent, expected) = match (quoted_bytes.next(), form_bytes.next()) {
            (Some(b'"'), None) => return escapes,
            (Some(sent), Some(expected)) => (sent, expected),
            _ => return false,
        };
        let sent = if sent == b'\\' {
            escapes = true;
            match quoted_bytes.next() {
                Some(b'u') => return json::unescape(quoted).is_ok_and(|text| text == form),
                escape => escape.and_then(json::unescaped),
            }
        } else {
            Some(sent)
        };
        if sent != Some(expected) {
            return false;
        }
    }
}

/// Java's `UUID.nameUUIDFromBytes`: version 3, of the bytes without a name space.
pub(crate) fn name_based_uuid(bytes: &[u8]) -> String {
    let mut hash: [u8; 16] = Md5::digest(bytes).into();
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut hash;
    *version = *version & 0x0f | 0x30;
    *variant = *variant & 0x3f | 0x80;
    let digits = hex_text(&hash);
    let mut out = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_default() {
        let placeholder = Placeholder::default();
        assert_eq!(placeholder.arrays.get(2).map(String::as_str), Some(r#"["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]"#));
        for form in [
            r#""__debezium_unavailable_value""#,
            r#""X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==""#,
            r#""{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}""#,
            r#"[ "__debezium_unavailable_value" ]"#,
            "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]",
            r#"{"__debezium_unavailable_value": "__debezium_unavailable_value"}"#,
        ] {
            assert!(placeholder.is(form), "{form}");
        }
        assert!(!placeholder.is(r#""__debezium_unavailable_value ""#));
    }

    #[test]
    fn a_placeholder_of_bytes() {
        let placeholder = Placeholder::parse("hex:00ffc3a9").expect("four bytes");
        for form in [r#""AP/DqQ==""#, r#""AP_DqQ==""#, "[0,-1,-61,-87]", r#""\u0000�é""#, r#""00ffc3a9""#] {
            assert!(placeholder.is(form), "{form}");
        }
        assert!(!placeholder.is(r#""__debezium_unavailable_value""#), "it replaces the default");
        assert_eq!(Placeholder::parse("hex:0"), None);
        assert_eq!(Placeholder::parse(""), None);
    }
}
