//! A Kafka record, and the JSON line that keeps one in a file.
//!
//! The line has the shape that `kcat -J` prints; records that are not UTF-8 carry `key_base64` and `payload_base64`, and a
//! header's value that is no UTF-8 text is `{"base64": "…"}`.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::json;

/// One record of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The partition's number.
    pub partition: i32,
    /// The record's offset in its partition.
    pub offset: i64,
    /// `None` for a record without a key.
    pub key: Option<&'a [u8]>,
    /// `None` for a tombstone.
    pub payload: Option<&'a [u8]>,
}

/// A record that was read from a line of JSON.
///
/// ```
/// use rowkind_formats::RecordedRecord;
/// let line = br#"{"topic":"t","partition":0,"offset":7,"key":"{\"id\":1}","payload":null}"#;
/// let recorded = RecordedRecord::parse(line)?;
/// assert_eq!(recorded.as_record().offset, 7);
/// assert_eq!(recorded.as_record().key, Some(br#"{"id":1}"#.as_slice()));
/// assert_eq!(recorded.as_record().payload, None);
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordedRecord {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The record's offset in its partition.
    pub offset: i64,
    /// When the broker or the producer stamped it; milliseconds since 1970, `None` where the line has none.
    pub timestamp_ms: Option<i64>,
    /// Its headers as the text of a JSON array, name and value in turn; empty where there are none.
    pub headers: String,
    /// The key's bytes.
    pub key: Option<Vec<u8>>,
    /// The payload's bytes; `None` for a tombstone.
    pub payload: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Line {
    topic: String,
    partition: i32,
    offset: i64,
    ts: Option<i64>,
    headers: Option<Value>,
    key: Option<String>,
    key_base64: Option<String>,
    payload: Option<String>,
    payload_base64: Option<String>,
}

impl RecordedRecord {
    /// The most bytes of a line whose record is of at most `max_record_bytes`: in JSON a byte is six where it is escaped
    /// (`\u0000`). Of names and headers there may be a megabyte.
    pub fn max_line_bytes(max_record_bytes: usize) -> usize {
        max_record_bytes.saturating_mul(6).saturating_add(1 << 20)
    }

    /// Reads one line.
    ///
    /// # Errors
    ///
    /// When the line is not JSON, or has no `topic`, `partition` or `offset` of the right kind.
    pub fn parse(line: &[u8]) -> Result<Self, Error> {
        let line: Line = json::parse(line).map_err(|error| match error.kind() {
            ErrorKind::BrokenJson { .. } => error.under("line"),
            _ => Error::new(
                "line",
                ErrorKind::Missing { expected: "an object with topic, partition, offset, key and payload" },
            ),
        })?;
        Ok(Self {
            topic: line.topic,
            partition: line.partition,
            offset: line.offset,
            timestamp_ms: line.ts.filter(|ms| *ms >= 0),
            headers: headers(line.headers)?,
            key: bytes("key_base64", line.key, line.key_base64)?,
            payload: bytes("payload_base64", line.payload, line.payload_base64)?,
        })
    }

    /// The line, without its end. A key or payload that is no text is written in base64.
    ///
    /// ```
    /// # use rowkind_formats::RecordedRecord;
    /// let line = r#"{"topic":"t","partition":0,"offset":7,"headers":["trace","a"],"key":"{\"id\":1}","payload_base64":"AP8="}"#;
    /// assert_eq!(RecordedRecord::parse(line.as_bytes())?.line(), line);
    /// # Ok::<(), rowkind_formats::Error>(())
    /// ```
    pub fn line(&self) -> String {
        let mut line = String::from("{\"topic\":");
        json::push_string(&mut line, &self.topic);
        let _ = write!(line, ",\"partition\":{},\"offset\":{}", self.partition, self.offset);
        if let Some(timestamp_ms) = self.timestamp_ms {
            let _ = write!(line, ",\"tstype\":\"create\",\"ts\":{timestamp_ms}");
        }
        if !self.headers.is_empty() {
            let _ = write!(line, ",\"headers\":{}", self.headers);
        }
        for (name, part) in [("key", &self.key), ("payload", &self.payload)] {
            let _ = match part.as_deref().map(|bytes| (str::from_utf8(bytes), bytes)) {
                None => write!(line, ",\"{name}\":null"),
                Some((Err(_), bytes)) => write!(line, ",\"{name}_base64\":\"{}\"", STANDARD.encode(bytes)),
                Some((Ok(text), _)) => {
                    let written = write!(line, ",\"{name}\":");
                    json::push_string(&mut line, text);
                    written
                }
            };
        }
        line.push('}');
        line
    }

    /// The record, borrowing from this one.
    pub fn as_record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            key: self.key.as_deref(),
            payload: self.payload.as_deref(),
        }
    }
}

/// The text of headers, where each name has a value.
fn headers(all: Option<Value>) -> Result<String, Error> {
    const EXPECTED: &str = "names and values in turn: strings, null, or base64 in an object";
    let all = match all {
        None => return Ok(String::new()),
        Some(Value::Array(all)) => all,
        Some(_) => {
            return Err(Error::new("headers", ErrorKind::Unexpected { expected: "an array", found: "another value" }));
        }
    };
    let is_base64 = |text: &Value| text.as_str().is_some_and(|text| STANDARD.decode(text).is_ok());
    let is_value = |value: &Value| match value {
        Value::Null | Value::String(_) => true,
        Value::Object(coded) => coded.len() == 1 && coded.get("base64").is_some_and(is_base64),
        _ => false,
    };
    let (pairs, rest) = all.as_chunks::<2>();
    if !rest.is_empty() || !pairs.iter().all(|[name, value]| name.is_string() && is_value(value)) {
        return Err(Error::new("headers", ErrorKind::Malformed { expected: EXPECTED, found: "array" }));
    }
    Ok(if all.is_empty() { String::new() } else { Value::Array(all).to_string() })
}

fn bytes(name: &str, text: Option<String>, base64: Option<String>) -> Result<Option<Vec<u8>>, Error> {
    match (text, base64) {
        (Some(text), _) => Ok(Some(text.into_bytes())),
        (None, Some(base64)) => STANDARD
            .decode(base64)
            .map(Some)
            .map_err(|_| Error::new(name, ErrorKind::Malformed { expected: "base64", found: "string" })),
        (None, None) => Ok(None),
    }
}
