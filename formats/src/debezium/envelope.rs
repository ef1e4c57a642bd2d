//! The envelope itself: one pass over the record, values left raw.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};
use crate::json::{self, Json};
use crate::row::{Aside, Table};

/// The top of a record's value: an envelope, another message of a connector, or `{"schema":…,"payload":…}` around one.
///
/// No message has `schema` or `payload` at its top, so that one pass tells the two forms apart. A field that is null
/// counts as absent.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,

    #[serde(borrow)]
    pub(super) before: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) after: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    op: Option<&'a RawValue>,

    #[serde(borrow)]
    ts_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    ddl: Option<&'a RawValue>,
    #[serde(borrow, rename = "databaseName")]
    database_name: Option<&'a RawValue>,
    #[serde(borrow, rename = "tableChanges")]
    table_changes: Option<&'a RawValue>,
    #[serde(borrow)]
    aggregate_type: Option<&'a RawValue>,
}

/// `source`, as far as it says where a row belongs.
#[derive(Debug, Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    db: Option<Cow<'a, str>>,
    #[serde(borrow)]
    schema: Option<Cow<'a, str>>,
    #[serde(borrow)]
    table: Option<Cow<'a, str>>,
}

impl<'a> Message<'a> {
    /// The message in `payload`, and the text of its schema where it has one. `None` when the payload is null: a
    /// tombstone of a converter that wraps it.
    ///
    /// # Errors
    ///
    /// When it is not JSON or not an object.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<(Self, Option<&'a str>)>, Error> {
        let top: Self = json::parse(payload).map_err(|error| error.under("payload"))?;
        match (top.payload, top.schema) {
            (Some(inner), schema) => {
                let message = json::parse(inner.get().as_bytes()).map_err(|error| error.under("payload"))?;
                Ok(Some((message, schema.map(RawValue::get))))
            }
            (None, Some(_)) if top.op.is_none() => Ok(None),
            (None, _) => Ok(Some((top, None))),
        }
    }

    /// What the message is when it is not about rows.
    pub(super) fn aside(&self) -> Option<Aside> {
        match self.op {
            Some(op) if op.get() == "\"m\"" => Some(Aside::Message),
            Some(_) => None,
            None if self.status.is_some() => Some(Aside::Transaction),
            None if self.ddl.is_some() || self.table_changes.is_some() || self.database_name.is_some() => {
                Some(Aside::SchemaChange)
            }
            None if self.aggregate_type.is_some() => Some(Aside::Notification),
            None if self.ts_ms.is_some() && self.before.is_none() && self.after.is_none() && self.source.is_none() => {
                Some(Aside::Heartbeat)
            }
            None => None,
        }
    }

    /// # Errors
    ///
    /// When there is none, as in a record that is no envelope at all.
    pub(super) fn op(&self) -> Result<Cow<'a, str>, Error> {
        let raw = self.op.ok_or_else(|| {
            Error::new("op", ErrorKind::Missing { expected: "a Debezium envelope with its `op` (is the format debezium-json?)" })
        })?;
        match Json::of(raw) {
            Json::String(quoted) => json::unescape(quoted).map_err(|error| error.under("op")),
            other => Err(other.unexpected("a string").under("op")),
        }
    }

    /// Where the rows belong: `source`, or the topic's own name where there is no `source` (Flink writes none).
    ///
    /// # Errors
    ///
    /// When `source` does not name a table.
    pub(super) fn table(&self, topic: &'a str) -> Result<Table<'a>, Error> {
        let Some(raw) = self.source else {
            return Ok(Table { database: None, schema: None, name: Cow::Borrowed(topic) });
        };
        let expected = "an object that names db, schema and table as strings";
        let source: Source<'a> = json::parse(raw.get().as_bytes())
            .map_err(|_| Json::of(raw).unexpected(expected).under("source"))?;
        let name = source.table.filter(|name| !name.is_empty());
        let missing = || Error::new("source.table", ErrorKind::Missing { expected: "the table's name" });
        Ok(Table { database: source.db, schema: source.schema, name: name.ok_or_else(missing)? })
    }
}

/// A key in `{"schema":…,"payload":…}`: the text of its schema, and its payload. `None` for a bare key, which may have
/// columns of these names, but not as two objects.
pub(super) fn key_payload(object: &str) -> Result<Option<(&str, &RawValue)>, Error> {
    let json::Fields(fields) = json::parse(object.as_bytes())?;
    match fields.as_slice() {
        [(schema, schema_raw), (payload, payload_raw)]
            if schema == "schema" && payload == "payload" && schema_raw.get().starts_with('{') =>
        {
            Ok(Some((schema_raw.get(), payload_raw)))
        }
        _ => Ok(None),
    }
}
