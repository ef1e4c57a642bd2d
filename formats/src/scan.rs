//! JSON that is read once: an object is checked and split into its members in the same pass.
//!
//! Comes in: the text of a record. Goes out: names and the texts of values, borrowed; or `None`, which says nothing but that
//! `serde_json` has to look: at what is broken, and at what is seldom (code points in escapes, escapes in names, deep
//! nesting). So it accepts a part of what `serde_json` accepts, and refuses nothing.

use std::borrow::Cow;

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
        self.take(b'{')?;
        if self.next() == Some(b'}') {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.name()?;
            self.take(b':')?;
            self.next();
            member(self, name)?;
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    /// Reads a value; its text.
    pub(crate) fn value(&mut self) -> Option<&'a str> {
        self.next();
        let start = self.at;
        self.skip(0)?;
        self.text.get(start..self.at)
    }

    /// Reads a value; its text. Where it is an object, each of its members is handed over too.
    pub(crate) fn value_with(&mut self, mut member: impl FnMut(&'a str, &'a str)) -> Option<&'a str> {
        if self.next() != Some(b'{') {
            return self.value();
        }
        let start = self.at;
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
        self.next().is_none()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over space; the byte behind it.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    fn take(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then(|| self.at += 1)
    }

    /// Whether a comma follows, or the end.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        let byte = self.next()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            byte if byte == end => Some(false),
            _ => None,
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        let rest = self.text.as_bytes().get(start..)?;
        let end = special(rest)?;
        self.at += end + 1;
        // with a backslash it has an escape
        if rest.get(end) == Some(&b'"') { self.text.get(start..start + end) } else { None }
    }

    /// Passes over a value.
    fn skip(&mut self, level: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' if level < MAX_LEVELS => self.object(|scan, _| scan.skip(level + 1)),
            b'[' if level < MAX_LEVELS => self.skip_array(level),
            b't' => self.skip_word("true"),
            b'f' => self.skip_word("false"),
            b'n' => self.skip_word("null"),
            _ => self.skip_number(),
        }
    }

    fn skip_array(&mut self, level: usize) -> Option<()> {
        self.take(b'[')?;
        if self.next() == Some(b']') {
            self.at += 1;
            return Some(());
        }
        loop {
            self.next();
            self.skip(level + 1)?;
            if !self.goes_on(b']')? {
                return Some(());
            }
        }
    }

    fn skip_word(&mut self, word: &str) -> Option<()> {
        let is_there = self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes());
        is_there.then(|| self.at += word.len())
    }

    fn skip_string(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            at += special(bytes.get(at..)?)?;
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => match bytes.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                    _ => return None,
                },
                _ => return None,
            }
        }
        self.at = at + 1;
        Some(())
    }

    fn skip_number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.skip_digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        Some(())
    }

    /// Passes over one digit or more.
    fn skip_digits(&mut self) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += n_digits;
        (n_digits > 0).then_some(())
    }
}

/// Where the first byte stands that cannot be in a string as it is: a quote, a backslash, a control character.
///
/// Eight bytes at once: <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>. A byte below one that is found
/// is never taken for it, so that the lowest is right.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(each(0x20)) & !word & HIGHS;
        let found = controls | zeros(word ^ each(b'"')) | zeros(word ^ each(b'\\'));
        if found != 0 {
            return Some(at * 8 + usize::try_from(found.trailing_zeros() / 8).ok()?);
        }
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
            prop_assert_eq!(special(&bytes), expected);
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
