//! JSON at the edge: raw values told apart by their first byte, strings borrowed where nothing is escaped.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr2};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};

/// A JSON value that has been checked for well-formedness, by kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// The number's own text.
    Number(&'a str),
    /// The text with its quotes and escapes.
    String(&'a str),
    /// The text with its brackets.
    Array(&'a str),
    /// The text with its braces.
    Object(&'a str),
}

impl<'a> Json<'a> {
    pub(crate) fn of(raw: &'a RawValue) -> Self {
        Self::of_text(raw.get())
    }

    /// The same of the text of a raw value.
    pub(crate) fn of_text(text: &'a str) -> Self {
        match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::String(text),
            Some(b'[') => Self::Array(text),
            Some(b'{') => Self::Object(text),
            _ => Self::Number(text),
        }
    }

    /// What stands there, in words for an error.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    pub(crate) fn unexpected(self, expected: &'static str) -> Error {
        Error::new("", ErrorKind::Unexpected { expected, found: self.kind() })
    }
}

/// The content of a JSON string that stands in `quoted` with its quotes.
pub(crate) fn unescape(quoted: &str) -> Result<Cow<'_, str>, Error> {
    let content = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match content.map(|content| (content, memchr(b'\\', content.as_bytes()))) {
        Some((content, None)) => Ok(Cow::Borrowed(content)),
        Some((content, Some(first))) => match simply_unescaped(content, first) {
            Some(text) => Ok(Cow::Owned(text)),
            None => parse::<String>(quoted.as_bytes()).map(Cow::Owned),
        },
        None => parse::<String>(quoted.as_bytes()).map(Cow::Owned),
    }
}

/// The content of a string whose first backslash is at `first`; `None` where a code point is escaped, or the string is broken.
fn simply_unescaped(content: &str, first: usize) -> Option<String> {
    let mut text = String::with_capacity(content.len());
    let (mut rest, mut at) = (content, first);
    loop {
        text.push_str(rest.get(..at)?);
        text.push(char::from(unescaped(*rest.as_bytes().get(at + 1)?)?));
        rest = rest.get(at + 2..)?;
        let Some(next) = memchr(b'\\', rest.as_bytes()) else {
            text.push_str(rest);
            return Some(text);
        };
        at = next;
    }
}

/// What the character behind a backslash stands for, but for `u`.
pub(crate) fn unescaped(escape: u8) -> Option<u8> {
    Some(match escape {
        b'"' | b'\\' | b'/' => escape,
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// Parses `text`, telling broken JSON from JSON of another kind, and never quoting the text in the error.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Data => match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'{') => ErrorKind::Unexpected { expected: "its fields once each", found: "an object" },
                Some(b'[') => ErrorKind::Unexpected { expected: "an object", found: "an array" },
                Some(b'"') => ErrorKind::Unexpected { expected: "an object", found: "a string" },
                Some(b'n') => ErrorKind::Unexpected { expected: "an object", found: "null" },
                Some(b't' | b'f') => ErrorKind::Unexpected { expected: "an object", found: "a boolean" },
                _ => ErrorKind::Unexpected { expected: "an object", found: "a number" },
            },
            serde_json::error::Category::Eof => ErrorKind::BrokenJson { at: text.len() },
            _ => ErrorKind::BrokenJson { at: byte_of(text, error.line(), error.column()) },
        };
        Error::new("", kind)
    })
}

/// `serde_json` counts lines from 1 and columns in bytes.
fn byte_of(text: &[u8], line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

/// The fields of an object in their order, values still raw.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(16);
        while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

/// The fields of an object that is known to be well-formed: names without escapes, and the text of each value.
pub(crate) fn fields_of(object: &str) -> Result<Vec<(Cow<'_, str>, &str)>, Error> {
    let mut fields = Vec::with_capacity(16);
    for (name, value) in Members::of(object) {
        let name = match memchr(b'\\', name.as_bytes()) {
            None => Cow::Borrowed(name),
            Some(_) => Cow::Owned(unescape(&format!("\"{name}\""))?.into_owned()),
        };
        fields.push((name, value));
    }
    Ok(fields)
}

/// The members of an object that is known to be well-formed: names and values as they stand, names without their quotes.
///
/// For a few fields of a block that is looked at for every record: it allocates nothing and reads no value.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    rest: &'a str,
}

impl<'a> Members<'a> {
    /// Of the text of a raw value; none of what is no object.
    pub(crate) fn of(object: &'a str) -> Self {
        Self { rest: object.strip_prefix('{').unwrap_or_default() }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let name = after(self.rest, position(self.rest, |byte| byte == b'"')?)?;
        let (name, rest) = name.split_at_checked(string_end(name)?)?;
        let value = after(rest, position(rest, |byte| byte == b':')?)?.trim_ascii_start();
        let (value, rest) = value.split_at_checked(value_end(value)?)?;
        self.rest = rest;
        Some((name, value))
    }
}

fn position(text: &str, is: impl FnMut(u8) -> bool) -> Option<usize> {
    text.bytes().position(is)
}

/// What follows the ASCII character at `at`.
fn after(text: &str, at: usize) -> Option<&str> {
    text.get(at + 1..)
}

/// Where the quote stands that ends a string whose opening quote is before `text`.
fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = 0;
    loop {
        end += memchr2(b'"', b'\\', bytes.get(end..)?)?;
        if bytes.get(end) == Some(&b'"') {
            return Some(end);
        }
        // what is escaped is one ASCII character, or begins with one
        end += 2;
    }
}

/// How long the value is that `text` begins with.
fn value_end(text: &str) -> Option<usize> {
    match text.bytes().next()? {
        b'"' => string_end(after(text, 0)?).map(|end| end + 2),
        b'{' | b'[' => nested_end(text),
        _ => position(text, |byte| matches!(byte, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t')),
    }
}

/// The same of an object or array.
fn nested_end(text: &str) -> Option<usize> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let at = position(rest, |byte| matches!(byte, b'{' | b'[' | b'}' | b']' | b'"'))?;
        let token = rest.as_bytes().get(at);
        rest = after(rest, at)?;
        match token {
            Some(b'"') => rest = after(rest, string_end(rest)?)?,
            Some(b'{' | b'[') => depth += 1,
            _ => depth = depth.checked_sub(1)?,
        }
        if depth == 0 {
            return text.len().checked_sub(rest.len());
        }
    }
}

/// A name that borrows from the record unless it holds an escape.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Appends `text` as a JSON string, quotes and escapes included.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some((plain, escaped, after)) = split_at_escape(rest) {
        out.push_str(plain);
        match escaped {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                use fmt::Write;
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out.push('"');
}

/// What stands before the first character that has to be escaped, that character, which is one of ASCII, and the rest.
fn split_at_escape(text: &str) -> Option<(&str, u8, &str)> {
    let at = text.bytes().position(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\'))?;
    let (plain, rest) = text.split_at_checked(at)?;
    Some((plain, *rest.as_bytes().first()?, rest.get(1..)?))
}

/// Whether the text is a JSON number.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_whole = digits(whole) && (whole.len() == 1 || !whole.starts_with('0'));
    is_whole && digits(decimals) && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn members_are_told_apart_without_reading_them() {
        let object = r#"{ "a" : 1 ,"b":"x\"},:\\","c":{"d":["]}",{}],"a":2},"e":[ ],
            "f":null,"":-0.5e3 , "\u0061":true }"#;
        let found: Vec<_> = Members::of(object).collect();
        let expected = [
            ("a", "1"),
            ("b", r#""x\"},:\\""#),
            ("c", r#"{"d":["]}",{}],"a":2}"#),
            ("e", "[ ]"),
            ("f", "null"),
            ("", "-0.5e3"),
            (r"\u0061", "true"),
        ];
        assert_eq!(found, expected);
        let Fields(fields) = parse(object.as_bytes()).expect("the object is well-formed");
        assert_eq!(
            found.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            fields.iter().map(|(_, raw)| raw.get()).collect::<Vec<_>>()
        );
    }

    /// JSON text with white space anywhere, and in its strings whatever could be taken for its structure.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            select(vec!["0", "-1.5e+3", "true", "false", "null", "[]", "{}"]).prop_map(str::to_owned),
            string(),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            let array = (space(), vec(inner.clone(), 0..4))
                .prop_map(|(space, values)| format!("[{space}{}{space}]", values.join(&format!("{space},{space}"))));
            prop_oneof![array, object(inner)]
        })
    }

    fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        (space(), vec((string(), value), 0..5)).prop_map(|(space, members)| {
            let member = |(name, value): &(String, String)| format!("{name}{space}:{space}{value}{space}");
            let members: Vec<_> = members.iter().map(member).collect();
            format!("{{{space}{}}}", members.join(&format!(",{space}")))
        })
    }

    fn string() -> impl Strategy<Value = String> {
        let part = select(vec!["a", "é", "{", "}", "[", "]", ",", ":", " ", "\\\"", "\\\\", "\\n", "\\u0022"]);
        vec(part, 0..6).prop_map(|parts| format!("\"{}\"", parts.concat()))
    }

    fn space() -> impl Strategy<Value = &'static str> {
        select(vec!["", " ", "\n\t"])
    }

    proptest! {
        #[test]
        fn members_are_the_fields_of_the_object(text in object(value())) {
            let Fields(fields) = parse(text.as_bytes()).expect("it is an object");
            let found: Vec<_> = Members::of(&text).collect();
            prop_assert_eq!(found.len(), fields.len());
            for ((name, value), (expected, raw)) in found.into_iter().zip(fields) {
                let quoted = format!("\"{name}\"");
                prop_assert_eq!(unescape(&quoted).expect("it is a string"), expected);
                prop_assert_eq!(value, raw.get());
            }
        }
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in
            ["", "{", "{}", "[]", "null", "\"a\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":{", "{\"a\":]"]
        {
            assert_eq!(Members::of(text).next(), None, "{text}");
        }
    }

    #[test]
    fn escapes() {
        for quoted in [
            r#""""#,
            r#""plain é😀""#,
            r#""a\"b\\c\/d\b\f\n\r\té""#,
            r#""\u0022\ud83d\ude00 \n""#,
            r#""\n\u0041""#,
            r#""\\u0041\\""#,
        ] {
            let expected: String = serde_json::from_str(quoted).expect("it is a string");
            assert_eq!(unescape(quoted).expect("it is a string"), expected, "{quoted}");
        }
        for quoted in [r#""\x""#, r#""\u12""#, r#""\ud800""#, "\"\\\"", "\"", "a"] {
            assert!(unescape(quoted).is_err(), "{quoted}");
        }
    }

    #[test]
    fn strings_are_escaped() {
        for (text, expected) in [
            ("", r#""""#),
            ("plain é😀", r#""plain é😀""#),
            ("a\"b\\c\n\r\t\u{1}\u{1f}\u{7f}", "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\u{7f}\""),
        ] {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(out, expected);
            assert_eq!(serde_json::from_str::<String>(&out).ok().as_deref(), Some(text));
        }
    }

    #[test]
    fn numbers() {
        for text in ["0", "-0", "10", "0.50", "-1.5E+10", "1e-7", "12345678901234567890123"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "NaN", "0x1", "1 ", "1e1.5", "--1"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
