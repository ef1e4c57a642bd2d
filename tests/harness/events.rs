//! Change events in Debezium's JSON without schemas, made up by the tests.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A Kafka record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: Vec<(&'static str, &'static [u8])>,
}

impl Record {
    /// A record whose payload is this text, whatever it is.
    pub(crate) fn raw(payload: &str) -> Self {
        Self { payload: Some(payload.as_bytes().to_vec()), ..Self::default() }
    }

    /// Its headers as `kcat -J` prints them.
    pub(crate) fn headers_json(&self) -> Value {
        let value = |bytes: &[u8]| match str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({"base64": STANDARD.encode(bytes)}),
        };
        self.headers.iter().flat_map(|(name, bytes)| [json!(name), value(bytes)]).collect()
    }

    /// The same with this key.
    pub(crate) fn keyed(mut self, key: Value) -> Self {
        self.key = Some(key.to_string().into_bytes());
        self
    }
}

/// A row of table `public.<table>` came. The key is its column `id`.
pub(crate) fn created(table: &str, after: Value) -> Record {
    let key = json!({"id": after["id"]});
    envelope(table, "c", &Value::Null, &after).keyed(key)
}

/// A row changed. The key is that of `after`.
pub(crate) fn updated(table: &str, before: Value, after: Value) -> Record {
    let key = json!({"id": after["id"]});
    envelope(table, "u", &before, &after).keyed(key)
}

/// A row went.
pub(crate) fn deleted(table: &str, before: Value) -> Record {
    let key = json!({"id": before["id"]});
    envelope(table, "d", &before, &Value::Null).keyed(key)
}

/// All rows went.
pub(crate) fn truncated(table: &str) -> Record {
    envelope(table, "t", &Value::Null, &Value::Null)
}

/// A record without a payload.
pub(crate) fn tombstone(key: Value) -> Record {
    Record::default().keyed(key)
}

fn envelope(table: &str, op: &str, before: &Value, after: &Value) -> Record {
    let source = json!({"connector": "postgresql", "db": "shop", "schema": "public", "table": table});
    Record::raw(&json!({"op": op, "source": source, "before": before, "after": after}).to_string())
}

/// A file of recorded records: partition 0 of `topic`, from `first` on.
pub(crate) fn file_of(topic: &str, first: i64, records: &[Record]) -> NamedTempFile {
    let mut lines = String::new();
    let text = |part: &Option<Vec<u8>>| part.as_deref().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
    for (offset, record) in (first..).zip(records) {
        let line = json!({"topic": topic, "partition": 0, "offset": offset, "headers": record.headers_json(),
            "key": text(&record.key), "payload": text(&record.payload)});
        writeln!(lines, "{line}").unwrap();
    }
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    file
}
