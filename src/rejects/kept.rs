//! A reject that is kept, and how it is printed.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use crate::records::TopicPartition;

/// Where a record stands, as `topic:partition:offset`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its partition.
    pub partition: TopicPartition,
    /// Its offset.
    pub offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.partition.topic, self.partition.partition, self.offset)
    }
}

/// Not a place.
#[derive(Debug, thiserror::Error)]
#[error("expected topic:partition:offset, as `rowkind rejects list` prints it")]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let mut parts = text.rsplitn(3, ':');
        let (offset, partition, topic) = (parts.next(), parts.next(), parts.next());
        let (Some(offset), Some(partition), Some(topic)) = (offset, partition, topic) else { return Err(NoPlace) };
        Ok(Self {
            partition: TopicPartition { topic: topic.into(), partition: partition.parse().map_err(|_| NoPlace)? },
            offset: offset.parse().map_err(|_| NoPlace)?,
        })
    }
}

/// A row of `rowkind.rejects`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where its record stands.
    pub place: Place,
    /// When the producer or the broker stamped it; milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// The Kafka key; `None` also where it was not asked for.
    pub key: Option<Vec<u8>>,
    /// The payload; `None` also where it was not asked for.
    pub payload: Option<Vec<u8>>,
    /// Its headers as the text of a JSON array; empty where it has none.
    pub headers: String,
    /// Why it cannot be applied.
    pub reason: String,
    /// With what Postgres refused it.
    pub sqlstate: Option<String>,
    /// The offset of the reject of its key behind which it is set aside.
    pub behind: Option<i64>,
    /// What later records are told by that have been set aside behind it; `None` when none has been.
    pub keys: Option<Vec<String>>,
    /// When it was put aside, in UTC.
    pub rejected_at: String,
    /// How often it was tried again.
    pub n_retries: i32,
    /// The topic it is written to, and since when it is there.
    pub forwarded: Option<(String, Option<String>)>,
}

impl Kept {
    /// One line of a list: where, when and why.
    pub fn line(&self) -> String {
        format!("{}  {}  {}\n", self.place, self.rejected_at, escaped(&self.reason))
    }

    /// What a list says of it, as JSON.
    pub fn summary(&self) -> Value {
        let mut all = json!({
            "topic": &*self.place.partition.topic,
            "partition": self.place.partition.partition,
            "offset": self.place.offset,
            "rejected_at": self.rejected_at,
            "reason": self.reason,
            "retries": self.n_retries,
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                all[name] = value;
            }
        };
        set("sqlstate", self.sqlstate.clone().map(Value::from));
        set("behind", self.behind.map(Value::from));
        set("keys", self.keys.clone().map(Value::from));
        set("forward_to", self.forwarded.as_ref().map(|(topic, _)| topic.clone().into()));
        set("forwarded_at", self.forwarded.as_ref().and_then(|(_, at)| at.clone()).map(Value::from));
        all
    }

    /// All of it as one line of JSON: a recorded record, and why it was put aside.
    pub fn json(&self) -> String {
        let mut all = self.summary();
        all["ts"] = self.timestamp_ms.into();
        if let Ok(headers) = serde_json::from_str::<Value>(&self.headers) {
            all["headers"] = headers;
        }
        if let Value::Object(all) = &mut all {
            insert(all, "key", self.key.as_deref());
            insert(all, "payload", self.payload.as_deref());
        }
        format!("{all}\n")
    }

    /// All of it for a person.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, text: &str| {
            let _ = writeln!(out, "{name:<12} {text}");
        };
        line("place", &self.place.to_string());
        line("rejected at", &self.rejected_at);
        line("reason", &escaped(&self.reason));
        if let Some(sqlstate) = &self.sqlstate {
            line("sqlstate", sqlstate);
        }
        if let Some(keys) = &self.keys {
            line("blocks", &escaped(&keys.join(", ")));
        }
        if self.n_retries > 0 {
            line("retries", &self.n_retries.to_string());
        }
        if let Some((topic, at)) = &self.forwarded {
            line("forwarded", &format!("to {topic}, {}", at.as_deref().unwrap_or("not yet")));
        }
        if let Some(timestamp_ms) = self.timestamp_ms {
            line("timestamp", &timestamp_ms.to_string());
        }
        if !self.headers.is_empty() {
            line("headers", &escaped(&self.headers));
        }
        line("key", &bytes(self.key.as_deref()));
        line("payload", &bytes(self.payload.as_deref()));
        out
    }
}

fn insert(all: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(std::str::from_utf8) {
        None => all.insert(name.to_owned(), Value::Null),
        Some(Ok(text)) => all.insert(name.to_owned(), text.into()),
        Some(Err(_)) => all.insert(format!("{name}_base64"), BASE64_STANDARD.encode(bytes.unwrap_or_default()).into()),
    };
}

/// Text, else base64.
fn bytes(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "null".to_owned() };
    match std::str::from_utf8(bytes) {
        Ok(text) => escaped(text),
        Err(_) => format!("base64 {}", BASE64_STANDARD.encode(bytes)),
    }
}

/// Without characters that a terminal would act on.
fn escaped(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().map(|c| if is_plain(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_printed() {
        let place: Place = "shop.public.items:0:17".parse().expect("it is a place");
        assert_eq!((&*place.partition.topic, place.partition.partition, place.offset), ("shop.public.items", 0, 17));
        assert_eq!(place.to_string(), "shop.public.items:0:17");
        for text in ["", "t", "t:1", "t:x:1", "t:1:", "0:17"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_terminal_is_not_told_what_to_do() {
        assert_eq!(bytes(Some(b"a\n\x1b[2Jb")), "a\n\\u{1b}[2Jb");
        assert_eq!(bytes(Some(b"\xFF")), "base64 /w==");
        assert_eq!(bytes(None), "null");
    }
}
