//! The envelope itself: one pass over the record, images left as they were sent.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cloud_event::CloudEvent;
use super::image::Sent;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json, Members};
use crate::mongodb::Images;
use crate::origin::Origin;
use crate::row::{Aside, RowSchema, Table};
use crate::stamp::{SourceFields, Stamp};

/// What a record's payload is, before its values are looked at.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every payload is the large one, and none is kept")]
pub(super) enum Payload<'a, 's> {
    Envelope(Envelope<'a, 's>),
    /// Null, wrapped by the converter: `{"schema":…,"payload":null}`.
    Tombstone,
    /// Not about rows.
    Aside(Aside),
}

/// An envelope in its parts.
#[derive(Debug)]
pub(super) struct Envelope<'a, 's> {
    pub(super) op: Cow<'a, str>,
    pub(super) table: Table<'a>,
    pub(super) before: Option<Sent<'a, 's>>,
    pub(super) after: Option<Sent<'a, 's>>,
    pub(super) schema: Option<SchemaOf<'a>>,
    /// The images once more, where they are documents.
    pub(super) documents: Option<Images<'a>>,
    pub(super) origin: Origin<'a>,
}

/// What states the types of an envelope's images.
#[derive(Debug)]
pub(super) enum SchemaOf<'a> {
    /// The text of a Connect schema.
    Text(&'a str),
    /// Avro's own, which was read before.
    Known(Arc<RowSchema>),
}

/// The top of a record's value in JSON: an envelope, another message of a connector, or `{"schema":…,"payload":…}` around one.
///
/// No message has `payload` at its top, so that one pass tells the two forms apart. A field that is null counts as
/// absent.
#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,

    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    transaction: Option<&'a RawValue>,
    #[serde(borrow)]
    op: Option<&'a RawValue>,
    #[serde(borrow, rename = "updateDescription")]
    update_description: Option<&'a RawValue>,
    /// What the rest is in, where `source` is no block.
    #[serde(skip)]
    cloud_event: Option<Box<CloudEvent<'a>>>,
}

impl<'a> Payload<'a, '_> {
    /// Reads a payload in JSON. Where an envelope names no table, the topic does.
    ///
    /// # Errors
    ///
    /// When it is not JSON, not an object, or no message that a connector is known to write.
    pub(super) fn of_json(payload: &'a [u8], topic: &'a str) -> Result<Self, Error> {
        let parse = |text| json::parse::<Message<'a>>(text).map_err(|error| error.under("payload"));
        let top = parse(payload)?;
        let (message, schema, text) = match top.payload {
            Some(inner) => (parse(inner.get().as_bytes())?, top.schema.map(RawValue::get), inner.get().as_bytes()),
            None => (top, None, payload),
        };
        match message.op {
            Some(op) if op.get() == "\"m\"" => Ok(Self::Aside(Aside::Message)),
            Some(_) => message.into_envelope(topic, schema).map(Self::Envelope),
            None => Self::without_op(text, topic),
        }
    }

    /// A message is known by all the names that its connector always writes: a row that lost its envelope may have a
    /// column `status` or `ts_ms`, and must not pass for one.
    fn without_op(text: &'a [u8], topic: &'a str) -> Result<Self, Error> {
        let Fields(fields) = json::parse(text).map_err(|error| error.under("payload"))?;
        if let Some(event) = CloudEvent::of(&fields).map_err(|error| error.under("payload"))? {
            let schema = event.schema;
            return Message::of_cloud_event(event).into_envelope(topic, schema).map(Self::Envelope);
        }
        let value = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, raw)| raw.get());
        let has = |names: &[&str]| names.iter().all(|name| value(name).is_some());
        if has(&["schema", "payload"]) && value("payload") == Some("null") && fields.len() == 2 {
            Ok(Self::Tombstone)
        } else if has(&["ts_ms"]) && fields.len() == 1 {
            Ok(Self::Aside(Aside::Heartbeat))
        } else if has(&["id", "event_count", "data_collections"])
            && matches!(value("status"), Some("\"BEGIN\"" | "\"END\""))
        {
            Ok(Self::Aside(Aside::Transaction))
        } else if has(&["source", "databaseName", "ddl"]) {
            Ok(Self::Aside(Aside::SchemaChange))
        } else if has(&["id", "type", "aggregate_type", "additional_data"]) {
            Ok(Self::Aside(Aside::Notification))
        } else {
            Err(no_op())
        }
    }
}

impl<'a> Message<'a> {
    fn of_cloud_event(event: CloudEvent<'a>) -> Self {
        Self {
            schema: None,
            payload: None,
            before: event.before,
            after: event.after,
            source: None,
            transaction: None,
            op: Some(event.op),
            update_description: event.update_description,
            cloud_event: Some(Box::new(event)),
        }
    }

    fn into_envelope<'s>(self, topic: &'a str, schema: Option<&'a str>) -> Result<Envelope<'a, 's>, Error> {
        let (table, stamp) = self.table(topic)?;
        let op = match Json::of(self.op.ok_or_else(no_op)?) {
            Json::String(quoted) => json::unescape(quoted).map_err(|error| error.under("op"))?,
            other => return Err(other.unexpected("a string").under("op")),
        };
        let origin = match &self.cloud_event {
            Some(event) => event.origin(op.clone()),
            None => Origin::new(op.clone(), self.source, self.transaction, stamp),
        };
        let documents = self.documents()?;
        let (before, after) = (self.before.map(Sent::Json), self.after.map(Sent::Json));
        Ok(Envelope { op, table, before, after, schema: schema.map(SchemaOf::Text), documents, origin })
    }

    /// The images where they are documents: texts, in an envelope whose source names a collection.
    ///
    /// # Errors
    ///
    /// When a text holds a broken escape.
    fn documents(&self) -> Result<Option<Images<'a>>, Error> {
        let is_text = |raw: &RawValue| matches!(Json::of(raw), Json::String(_));
        if !self.before.into_iter().chain(self.after).all(is_text) || !self.names_collection() {
            return Ok(None);
        }
        let image = |path: &str, raw: Option<&'a RawValue>| {
            raw.map(|raw| json::unescape(raw.get())).transpose().map_err(|error| error.under(path))
        };
        let (before, after) = (image("before", self.before)?, image("after", self.after)?);
        Ok(Some(Images { before, after, update: self.update_description.map(|raw| Cow::Borrowed(raw.get())) }))
    }

    fn names_collection(&self) -> bool {
        match &self.cloud_event {
            Some(event) => event.names_collection(),
            None => self.source.is_some_and(|raw| {
                Members::of(raw.get()).any(|(name, text)| name == "collection" && text.starts_with('"'))
            }),
        }
    }

    /// Where the rows belong: `source`, or the topic's own name where there is no `source` (Flink writes none). And the
    /// stamp of the event, which the same pass reads.
    ///
    /// # Errors
    ///
    /// When `source` does not name a table.
    fn table(&self, topic: &'a str) -> Result<(Table<'a>, Stamp), Error> {
        if let Some(event) = &self.cloud_event {
            return Ok((event.table()?, SourceFields::default().stamp()));
        }
        let Some(raw) = self.source else {
            let table = Table { database: None, schema: None, name: Cow::Borrowed(topic) };
            return Ok((table, SourceFields::default().stamp()));
        };
        let Json::Object(source) = Json::of(raw) else {
            return Err(Json::of(raw).unexpected("an object that names db, schema and table").under("source"));
        };
        let fields = SourceFields::of(source);
        let name = |told: Option<&'a str>, name| {
            match told.map(Json::of_text) {
                None => Ok(None),
                Some(Json::String(quoted)) => json::unescape(quoted).map(Some),
                Some(other) => Err(other.unexpected("a string")),
            }
            .map_err(|error: Error| error.under(name).under("source"))
        };
        let (database, schema) = (name(fields.db, "db")?, name(fields.schema, "schema")?);
        // `MongoDB`'s table is a collection
        let table = name(fields.table, "table")?.or(name(fields.collection, "collection")?);
        let table = table.filter(|name| !name.is_empty());
        let missing = || Error::new("source.table", ErrorKind::Missing { expected: "the table's name" });
        Ok((Table { database, schema, name: table.ok_or_else(missing)? }, fields.stamp()))
    }
}

pub(super) fn no_op() -> Error {
    let expected = "a Debezium envelope with its `op` (is the format debezium-json?)";
    Error::new("op", ErrorKind::Missing { expected })
}

/// What the converter wrapped in `{"schema":…,"payload":…}`: the schema, which may be null, and the payload. `None` for
/// bare fields, which may be columns of these names, but then no `schema` that is an object or null.
pub(crate) fn wrapped<'a>(fields: &[(Cow<'a, str>, &'a RawValue)]) -> Option<(&'a RawValue, &'a RawValue)> {
    match fields {
        [(name, schema), (payload_name, payload)] | [(payload_name, payload), (name, schema)]
            if name == "schema" && payload_name == "payload" =>
        {
            let wraps = matches!(Json::of(schema), Json::Object(_) | Json::Null);
            wraps.then_some((*schema, *payload))
        }
        _ => None,
    }
}
