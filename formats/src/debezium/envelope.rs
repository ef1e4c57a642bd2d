//! The envelope itself: one pass over the record, images left as they were sent.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cloud_event::CloudEvent;
use super::image::{Part, Sent};
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json, Members};
use crate::mongodb::Images;
use crate::origin::Origin;
use crate::row::{Aside, RowSchema, Table};
use crate::scan::Scan;
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
#[derive(Debug, Default)]
struct Message<'a> {
    before: Option<Part<'a>>,
    after: Option<Part<'a>>,
    source: Option<&'a str>,
    /// Those of `source`, where they were read with it.
    source_fields: Option<Box<SourceFields<'a>>>,
    transaction: Option<&'a str>,
    op: Option<&'a str>,
    update_description: Option<&'a str>,
    /// What the rest is in, where `source` is no block.
    cloud_event: Option<Box<CloudEvent<'a>>>,
}

/// The same as `serde_json` reads it, which says what is broken and where.
#[derive(Debug, Deserialize)]
struct Parsed<'a> {
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
}

impl<'a> Payload<'a, '_> {
    /// Reads a payload in JSON. Where an envelope names no table, the topic does. `schema` is that of the record before, which
    /// nearly always is this one's too, and is not read again then.
    ///
    /// # Errors
    ///
    /// When it is not JSON, not an object, or no message that a connector is known to write.
    pub(super) fn of_json(payload: &'a [u8], topic: &'a str, schema: Option<&str>) -> Result<Self, Error> {
        if let Some((message, schema)) = Message::scanned(payload, schema) {
            return message.into_payload(topic, schema);
        }
        let parse = |text| json::parse::<Parsed<'a>>(text).map_err(|error| error.under("payload"));
        let top = parse(payload)?;
        let (parsed, schema, text) = match top.payload {
            Some(inner) => (parse(inner.get().as_bytes())?, top.schema.map(RawValue::get), inner.get().as_bytes()),
            None => (top, None, payload),
        };
        let message = Message::from(parsed);
        if message.op.is_some() { message.into_payload(topic, schema) } else { Self::without_op(text, topic) }
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

impl<'a> From<Parsed<'a>> for Message<'a> {
    fn from(parsed: Parsed<'a>) -> Self {
        let Parsed { before, after, source, transaction, op, update_description, .. } = parsed;
        Self {
            before: before.map(Part::from),
            after: after.map(Part::from),
            source: source.map(RawValue::get),
            transaction: transaction.map(RawValue::get),
            op: op.map(RawValue::get),
            update_description: update_description.map(RawValue::get),
            ..Self::default()
        }
    }
}

impl<'a> Message<'a> {
    /// A message with an `op`, and its schema, in one pass that splits its images too; `None` where it is none that can be
    /// read so.
    fn scanned(payload: &'a [u8], known_schema: Option<&str>) -> Option<(Self, Option<&'a str>)> {
        let mut scan = Scan::new(str::from_utf8(payload).ok()?);
        let (mut top, mut inner, mut schema) = (Self::default(), None, None);
        scan.object(|scan, name| match name {
            "schema" => {
                let known = known_schema.and_then(|known| scan.known_object(known));
                once(&mut schema, known.or_else(|| scan.value())?)
            }
            "payload" => {
                let mut message = Self::default();
                scan.object(|scan, name| message.take(scan, name))?;
                once(&mut inner, message)
            }
            name => top.take(scan, name),
        })?;
        let (message, schema) = if let Some(inner) = inner { (inner, schema) } else { (top, None) };
        let message = message.without_nulls();
        (scan.is_at_end() && message.op.is_some()).then(|| (message, present(schema)))
    }

    /// Takes a field. One that is there twice is for `serde_json` to refuse.
    fn take(&mut self, scan: &mut Scan<'a>, name: &str) -> Option<()> {
        let field = match name {
            "before" => return once(&mut self.before, Part::scanned(scan)?),
            "after" => return once(&mut self.after, Part::scanned(scan)?),
            "source" => return self.take_source(scan),
            "transaction" => &mut self.transaction,
            "op" => &mut self.op,
            "updateDescription" => &mut self.update_description,
            _ => return scan.value().map(drop),
        };
        once(field, scan.value()?)
    }

    fn take_source(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        let mut fields = SourceFields::default();
        let source = scan.value_with(|name, value| fields.take(name, value))?;
        self.source_fields = Some(Box::new(fields));
        once(&mut self.source, source)
    }

    fn without_nulls(self) -> Self {
        let part = |part: Option<Part<'a>>| part.filter(|part| part.text != "null");
        Self {
            before: part(self.before),
            after: part(self.after),
            source: present(self.source),
            transaction: present(self.transaction),
            op: present(self.op),
            update_description: present(self.update_description),
            ..self
        }
    }

    fn of_cloud_event(event: CloudEvent<'a>) -> Self {
        Self {
            before: event.before.map(Part::from),
            after: event.after.map(Part::from),
            op: Some(event.op.get()),
            update_description: event.update_description.map(RawValue::get),
            cloud_event: Some(Box::new(event)),
            ..Self::default()
        }
    }

    fn into_payload<'s>(self, topic: &'a str, schema: Option<&'a str>) -> Result<Payload<'a, 's>, Error> {
        match self.op {
            Some("\"m\"") => Ok(Payload::Aside(Aside::Message)),
            _ => self.into_envelope(topic, schema).map(Payload::Envelope),
        }
    }

    fn into_envelope<'s>(self, topic: &'a str, schema: Option<&'a str>) -> Result<Envelope<'a, 's>, Error> {
        let (table, stamp) = self.table(topic)?;
        let op = match Json::of_text(self.op.ok_or_else(no_op)?) {
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
        let is_text = |part: &Part<'_>| matches!(Json::of_text(part.text), Json::String(_));
        if !self.before.iter().chain(&self.after).all(is_text) || !self.names_collection() {
            return Ok(None);
        }
        let image = |path: &str, part: Option<&Part<'a>>| {
            part.map(|part| json::unescape(part.text)).transpose().map_err(|error| error.under(path))
        };
        let (before, after) = (image("before", self.before.as_ref())?, image("after", self.after.as_ref())?);
        Ok(Some(Images { before, after, update: self.update_description.map(Cow::Borrowed) }))
    }

    fn names_collection(&self) -> bool {
        match &self.cloud_event {
            Some(event) => event.names_collection(),
            None => self.source.is_some_and(|source| {
                Members::of(source).any(|(name, text)| name == "collection" && text.starts_with('"'))
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
        let Json::Object(source) = Json::of_text(raw) else {
            return Err(Json::of_text(raw).unexpected("an object that names db, schema and table").under("source"));
        };
        let read;
        let fields = if let Some(fields) = &self.source_fields {
            fields
        } else {
            read = SourceFields::of(source);
            &read
        };
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

/// Sets what is not set yet.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| *text != "null")
}

pub(super) fn no_op() -> Error {
    let expected = "a Debezium envelope with its `op` (is the format debezium-json?)";
    Error::new("op", ErrorKind::Missing { expected })
}

/// What the converter wrapped in `{"schema":…,"payload":…}`: the schema, which may be null, and the payload. `None` for
/// bare fields, which may be columns of these names, but then no `schema` that is an object or null.
pub(crate) fn wrapped<'a>(fields: &[(Cow<'a, str>, &'a RawValue)]) -> Option<(&'a RawValue, &'a RawValue)> {
    wrapped_of(fields, RawValue::get)
}

/// The same of fields whose values are in another form.
pub(super) fn wrapped_of<'a, T: Copy>(fields: &[(Cow<'a, str>, T)], text: impl Fn(T) -> &'a str) -> Option<(T, T)> {
    match fields {
        [(name, schema), (payload_name, payload)] | [(payload_name, payload), (name, schema)]
            if name == "schema" && payload_name == "payload" =>
        {
            let wraps = matches!(Json::of_text(text(*schema)), Json::Object(_) | Json::Null);
            wraps.then_some((*schema, *payload))
        }
        _ => None,
    }
}
