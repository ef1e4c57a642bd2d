//! JSON that is read once: an object is checked and split into its members in the same pass.
//!
//! Comes in: the text of a record. Goes out: names and the texts of values, borrowed; or `None`, which says nothing but that
//! `serde_json` has to look: at what is broken, and at what is seldom (code points in escapes, escapes in names, deep
//! nesting). So it accepts a part of what `serde_json` accepts, and refuses nothing.

use std::borrow::Cow;
use std::ops::Range;

/// A member: its name, which has no escapes, and the text of its value.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a str);

/// Where reading has come to in a text.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// Of arrays and objects in each other. `serde_json` takes 128.
const MAX_LEVELS: usize = 100;

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Reads an object, with `member` reading the value of each name. `Some` where `member` always said so.
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut at = behind_space(bytes, behind(b'{', bytes, behind_space(bytes, self.at))?);
        if bytes.get(at) == Some(&b'}') {
            self.at = at + 1;
            return Some(());
        }
        loop {
            let (name, value) = name(bytes, at)?;
            self.at = value;
            member(self, self.text.get(name)?)?;
            let (next, goes_on) = separator(b'}', bytes, self.at)?;
            if !goes_on {
                self.at = next;
                return Some(());
            }
            at = next;
        }
    }

    /// Reads a value; its text.
    pub(crate) fn value(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = behind_space(bytes, self.at);
        self.at = behind_value(bytes, start, 0)?;
        self.text.get(start..self.at)
    }

    /// Reads an object that was read before, where its text stands here again; that text.
    pub(crate) fn known_object(&mut self, known: &str) -> Option<&'a str> {
        let start = behind_space(self.text.as_bytes(), self.at);
        // an object ends with its own brace, whatever comes behind
        let is_here = known.starts_with('{') && self.text.get(start..)?.starts_with(known);
        let end = is_here.then_some(start + known.len())?;
        self.at = end;
        self.text.get(start..end)
    }

    /// Reads a value; its text. Where it is an object, each of its members is handed over too.
    pub(crate) fn value_with(&mut self, mut member: impl FnMut(&'a str, &'a str)) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = behind_space(bytes, self.at);
        if bytes.get(start) != Some(&b'{') {
            return self.value();
        }
        self.object(|scan, name| {
            member(name, scan.value()?);
            Some(())
        })?;
        self.text.get(start..self.at)
    }

    /// Reads a value; its text, and its members where it is an object.
    pub(crate) fn value_with_members(&mut self) -> Option<(&'a str, Vec<Member<'a>>)> {
        let mut members = Vec::new();
        let text = self.value_with(|name, value| {
            if members.is_empty() {
                members.reserve(12);
            }
            members.push((Cow::Borrowed(name), value));
        })?;
        Some((text, members))
    }

    /// Whether nothing but space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        behind_space(self.text.as_bytes(), self.at) >= self.text.len()
    }
}

// Each takes where something begins, and says what stands behind it: positions stay in registers.

fn behind_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

fn behind(expected: u8, bytes: &[u8], at: usize) -> Option<usize> {
    (*bytes.get(at)? == expected).then_some(at + 1)
}

/// Behind a member or item: the place of the next one and `true` for a comma, what stands behind and `false` for the end.
fn separator(end: u8, bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let at = behind_space(bytes, at);
    match *bytes.get(at)? {
        b',' => Some((behind_space(bytes, at + 1), true)),
        byte if byte == end => Some((at + 1, false)),
        _ => None,
    }
}

/// A member's name, which has no escapes, and where its value begins.
fn name(bytes: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let start = behind(b'"', bytes, at)?;
    let end = special(bytes, start)?;
    // with a backslash it has an escape
    let at = behind_space(bytes, behind(b'"', bytes, end)?);
    Some((start..end, behind_space(bytes, behind(b':', bytes, at)?)))
}

fn behind_value(bytes: &[u8], at: usize, level: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => behind_string(bytes, at + 1),
        b'{' if level < MAX_LEVELS => behind_object(bytes, at + 1, level + 1),
        b'[' if level < MAX_LEVELS => behind_array(bytes, at + 1, level + 1),
        b't' => behind_word(b"true", bytes, at),
        b'f' => behind_word(b"false", bytes, at),
        b'n' => behind_word(b"null", bytes, at),
        _ => behind_number(bytes, at),
    }
}

/// From behind its brace on.
fn behind_object(bytes: &[u8], at: usize, level: usize) -> Option<usize> {
    let mut at = behind_space(bytes, at);
    if bytes.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        let (_, value) = name(bytes, at)?;
        let (next, goes_on) = separator(b'}', bytes, behind_value(bytes, value, level)?)?;
        if !goes_on {
            return Some(next);
        }
        at = next;
    }
}

/// From behind its bracket on.
fn behind_array(bytes: &[u8], at: usize, level: usize) -> Option<usize> {
    let mut at = behind_space(bytes, at);
    if bytes.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        let (next, goes_on) = separator(b']', bytes, behind_value(bytes, at, level)?)?;
        if !goes_on {
            return Some(next);
        }
        at = next;
    }
}

fn behind_word(word: &[u8], bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.starts_with(word).then_some(at + word.len())
}

/// From behind its quote on.
fn behind_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = special(bytes, at)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn behind_number(bytes: &[u8], mut at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match bytes.get(at)? {
        b'0' => at + 1,
        _ => behind_digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = behind_digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = behind_digits(bytes, at)?;
    }
    Some(at)
}

/// One digit or more.
fn behind_digits(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while bytes.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    (end > at).then_some(end)
}

/// Where, from `at` on, the first byte stands that cannot be in a string as it is: a quote, a backslash, a control character.
///
/// Eight bytes at once: <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>. A byte below one that is found
/// is never taken for it, so that the lowest is right.
fn special(bytes: &[u8], at: usize) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut rest = bytes.get(at..)?;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(each(0x20)) & !word;
        let found = (controls | zeros(word ^ each(b'"')) | zeros(word ^ each(b'\\'))) & HIGHS;
        if found != 0 {
            return Some(bytes.len() - rest.len() + usize::try_from(found.trailing_zeros() / 8).ok()?);
        }
        rest = behind;
    }
    let is_special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    rest.iter().position(is_special).map(|at| bytes.len() - rest.len() + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::{self, Fields};

    /// The members that are found, as text; `None` where `serde_json` has to look.
    fn members(text: &str) -> Option<Vec<(String, String)>> {
        let mut scan = Scan::new(text);
        let (_, members) = scan.value_with_members()?;
        let owned = |(name, value): &Member<'_>| (name.to_string(), (*value).to_owned());
        scan.is_at_end().then(|| members.iter().map(owned).collect())
    }

    fn by_serde(text: &str) -> Option<Vec<(String, String)>> {
        let Fields(fields) = json::parse(text.as_bytes()).ok()?;
        Some(fields.into_iter().map(|(name, raw)| (name.into_owned(), raw.get().to_owned())).collect())
    }

    #[test]
    fn what_is_read_at_once() {
        for text in [
            "{}",
            r#" { "a" : 1 , "b":"x\"},:\\" ,"c":{"d":["]}",{}],"a":[ ]},"é":null,"e":[1,[true,false]] } "#,
            r#"{"a":-0,"b":0.5,"c":1e5,"d":-12.50E-3,"a":1}"#,
        ] {
            assert!(members(text).is_some(), "{text}");
            assert_eq!(members(text), by_serde(text), "{text}");
        }
    }

    #[test]
    fn what_is_known() {
        let known = r#"{"a":1}"#;
        let mut scan = Scan::new(r#" {"a":1} ,{"a":1}"#);
        assert_eq!(scan.known_object(known), Some(known));
        assert_eq!(separator(b'}', scan.text.as_bytes(), scan.at), Some((10, true)));
        for (text, known) in [(r#"{"a":12}"#, known), ("12", "1"), ("null", "null"), (r#"{"a":1"#, known)] {
            let mut scan = Scan::new(text);
            assert_eq!((scan.known_object(known), scan.at), (None, 0), "{text}");
        }
    }

    #[test]
    fn what_is_left_to_serde() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(120), "]".repeat(120));
        for text in [r#"{"a":"\u0041"}"#, r#"{"\n":1}"#, &deep] {
            assert_eq!(members(text), None, "{text}");
            assert!(by_serde(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_broken() {
        for text in [
            "",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":+1}",
            "{\"a\":1e}",
            "{\"a\":-}",
            "{\"a\":tru}",
            "{\"a\":nul}",
            "{\"a\":[1,]}",
            "{\"a\":[1 2]}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{\"a\":1}}",
            "{\"a\":1}x",
            "{\"a\":{\"b\":1]}",
            "{,}",
            "{\"a\":trueé}",
            "{\"a\":1é}",
            "é",
            "{\"\t\":1}",
        ] {
            assert_eq!(members(text), None, "{text}");
            assert_eq!(by_serde(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_first_special_byte(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let expected = bytes.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\');
            prop_assert_eq!(special(&bytes, 0), expected);
        }

        /// Whatever is read at once, `serde_json` reads alike.
        #[test]
        fn nothing_is_read_that_serde_refuses(parts in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\\"", "1", "-", "0", ".5", "e9", "true", "null", " ", "é", "\n", "\u{1}",
            "\"a\":1", "{\"b\":", "\"c\":[", "/", "u0041",
        ]), 0..14)) {
            let text = parts.concat();
            for text in [text.clone(), format!("{{\"k\":{text}}}"), format!("{{\"k\":\"{text}\"}}")] {
                if let Some(found) = members(&text) && text.trim_start().starts_with('{') {
                    prop_assert_eq!(Some(found), by_serde(&text), "{}", text);
                }
            }
        }
    }
}
