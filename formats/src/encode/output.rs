//! The records that an event comes to, in one buffer that is used again.

use std::ops::Range;

/// A record to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded<'e> {
    /// `None` for a record without a key.
    pub key: Option<&'e [u8]>,
    /// `None` for a tombstone.
    pub payload: Option<&'e [u8]>,
}

/// The records of one event, in the order in which they are to be written.
#[derive(Debug, Clone)]
pub struct Records<'e> {
    output: &'e Output,
    at: usize,
}

impl<'e> Iterator for Records<'e> {
    type Item = Encoded<'e>;

    fn next(&mut self) -> Option<Encoded<'e>> {
        let spans = self.output.spans.get(self.at)?;
        self.at += 1;
        let bytes = |span: &Option<Range<usize>>| self.output.bytes.get(span.clone()?);
        Some(Encoded { key: bytes(&spans.key), payload: bytes(&spans.payload) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n_left = self.output.spans.len().saturating_sub(self.at);
        (n_left, Some(n_left))
    }
}

impl ExactSizeIterator for Records<'_> {}

/// Where the records of an event are gathered: it has all of them or is not read.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    spans: Vec<Spans>,
}

#[derive(Debug)]
struct Spans {
    key: Option<Range<usize>>,
    payload: Option<Range<usize>>,
}

impl Output {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    pub(super) fn push<T: AsRef<[u8]> + ?Sized>(&mut self, key: Option<&T>, payload: Option<&T>) {
        let mut span = |bytes: Option<&T>| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes?.as_ref());
            Some(start..self.bytes.len())
        };
        let spans = Spans { key: span(key), payload: span(payload) };
        self.spans.push(spans);
    }

    pub(super) fn records(&self) -> Records<'_> {
        Records { output: self, at: 0 }
    }
}
