//! What a run of records is written as, in one buffer.

use std::collections::HashMap;
use std::ops::Range;

/// Records to be written, in their order.
#[derive(Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    topics: Vec<Topic>,
    /// Index in `topics` by name.
    by_name: HashMap<String, usize>,
    entries: Vec<Entry>,
}

/// A topic that records go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The record that the first of them comes from, as its index in the batch.
    pub first_origin: usize,
}

#[derive(Debug)]
struct Entry {
    /// Index in `topics`.
    topic: usize,
    key: Option<Range<usize>>,
    payload: Option<Range<usize>>,
    origin: usize,
    reason: Option<String>,
}

/// A record to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'m> {
    /// The topic.
    pub topic: &'m str,
    /// Which of all [topics](Messages::topics) that is.
    pub topic_index: usize,
    /// `None` for a record without a key.
    pub key: Option<&'m [u8]>,
    /// `None` for a tombstone.
    pub payload: Option<&'m [u8]>,
    /// The record that it comes from, as its index in the batch.
    pub origin: usize,
    /// Why it was rejected, when it is a reject: then it is the record as it was.
    pub reason: Option<&'m str>,
}

impl Messages {
    /// Adds a record behind all others.
    pub fn push(&mut self, topic: &str, key: Option<&[u8]>, payload: Option<&[u8]>, origin: usize) {
        self.add(topic, (key, payload), origin, None);
    }

    /// Adds a record as it was, with the reason for which it was rejected.
    pub fn push_reject(&mut self, topic: &str, record: (Option<&[u8]>, Option<&[u8]>), origin: usize, reason: String) {
        self.add(topic, record, origin, Some(reason));
    }

    fn add(
        &mut self,
        topic: &str,
        (key, payload): (Option<&[u8]>, Option<&[u8]>),
        origin: usize,
        reason: Option<String>,
    ) {
        let known = self.by_name.get(topic).copied();
        let topic = known.unwrap_or_else(|| {
            self.by_name.insert(topic.to_owned(), self.topics.len());
            self.topics.push(Topic { name: topic.to_owned(), first_origin: origin });
            self.topics.len() - 1
        });
        let mut span = |part: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(part);
            start..self.bytes.len()
        };
        let (key, payload) = (key.map(&mut span), payload.map(&mut span));
        self.entries.push(Entry { topic, key, payload, origin, reason });
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.entries.iter().map(|Entry { topic, key, payload, origin, reason }| {
            let part = |span: &Option<Range<usize>>| span.clone().map(|span| &self.bytes[span]);
            let (name, origin, reason) = (&self.topics[*topic].name, *origin, reason.as_deref());
            Message { topic: name, topic_index: *topic, key: part(key), payload: part(payload), origin, reason }
        })
    }

    /// The topics that they go to.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }
}
