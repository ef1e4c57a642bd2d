//! Which format the records of a topic are of, by what stands in them.
//!
//! A topic has the format of its first record that tells. Tombstones, heartbeats and other messages that are not about
//! rows do not tell; what is none of the formats is refused, and nothing is guessed.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::avro::{Framed, Schema, Writers};
use crate::debezium::avro;
use crate::debezium::envelope::wrapped;
use crate::decoder::{Decoder, Format, Told};
use crate::error::{Error, ErrorKind};
use crate::flattened;
use crate::json::{self, Fields, Json};
use crate::record::Record;
use crate::row::Event;

/// A decoder of every format.
#[derive(Debug)]
pub(crate) struct Auto {
    writers: Writers,
    decoders: Vec<(Format, Decoder)>,
    by_topic: HashMap<String, Format>,
    detected: Vec<(String, Format)>,
}

impl Auto {
    pub(crate) fn new(told: &Told) -> Self {
        let others = Format::WORDS.iter().map(|(_, format)| *format).filter(|format| *format != Format::Auto);
        Self {
            writers: Writers::default(),
            decoders: others.map(|format| (format, Decoder::new(format, told))).collect(),
            by_topic: HashMap::new(),
            detected: Vec::new(),
        }
    }

    /// # Errors
    ///
    /// When the topic's format is not known and the record is of none, or its decoder refuses it.
    pub(crate) fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let known = self.by_topic.get(record.topic).copied();
        let found = match known {
            Some(format) => Some(format),
            None => self.detect(record)?,
        };
        // what is not about rows is Debezium's, whose decoders know it all
        let format = found.unwrap_or(match record.payload.and_then(Framed::of) {
            Some(_) => Format::DebeziumAvro,
            None => Format::DebeziumJson,
        });
        let decoder = self.decoders.iter_mut().find(|(of, _)| *of == format);
        let (_, decoder) = decoder.ok_or_else(untold)?;
        let event = decoder.decode(record)?;
        if let (None, Some(format)) = (known, found) {
            self.by_topic.insert(record.topic.to_owned(), format);
            self.detected.push((record.topic.to_owned(), format));
        }
        Ok(event)
    }

    pub(crate) fn learn_schema(&mut self, id: u32, text: &str, references: &[String]) -> Result<(), Error> {
        self.writers.learn(id, text, references)?;
        self.decoders.iter_mut().try_for_each(|(_, decoder)| decoder.learn_schema(id, text, references))
    }

    pub(crate) fn take_detected(&mut self) -> Vec<(String, Format)> {
        std::mem::take(&mut self.detected)
    }

    /// `None` for a record that does not tell.
    fn detect(&self, record: &Record<'_>) -> Result<Option<Format>, Error> {
        let Some(payload) = record.payload else { return Ok(None) };
        if let Some(framed) = Framed::of(payload) {
            let writer = self.writers.get(framed.id).map_err(|error| error.under("payload"))?;
            return of_avro(&writer.schema);
        }
        let raw: &RawValue = json::parse(payload).map_err(|error| error.under("payload"))?;
        of_json(raw, record.key)
    }
}

fn of_avro(schema: &Schema) -> Result<Option<Format>, Error> {
    let name = schema.connect().name.as_deref().unwrap_or_default();
    if schema.has(&["op"]) && (schema.has(&["after"]) || schema.has(&["before"])) {
        Ok(Some(Format::DebeziumAvro))
    } else if name.starts_with("io.debezium.connector.") && (avro::aside(schema).is_some() || schema.has(&["op"])) {
        Ok(None)
    } else if flattened::is_of_row(name) || schema.fields().iter().any(|field| flattened::is_added(&field.name)) {
        Ok(Some(Format::FlattenedAvro))
    } else {
        Err(untold())
    }
}

fn of_json(raw: &RawValue, key: Option<&[u8]>) -> Result<Option<Format>, Error> {
    let Json::Object(text) = Json::of(raw) else {
        // a tombstone as text
        return if matches!(Json::of(raw), Json::Null) { Ok(None) } else { Err(untold()) };
    };
    let Fields(fields) = json::parse(text.as_bytes()).map_err(|error| error.under("payload"))?;
    let Some((schema, payload)) = wrapped(&fields) else {
        return of_fields(&fields, None, key);
    };
    match Json::of(payload) {
        Json::Object(text) => {
            let Fields(fields) = json::parse(text.as_bytes()).map_err(|error| error.under("payload"))?;
            of_fields(&fields, schema_name(schema).as_deref(), key)
        }
        Json::Null => Ok(None),
        _ => Err(untold()),
    }
}

fn of_fields(
    fields: &[(Cow<'_, str>, &RawValue)],
    schema_name: Option<&str>,
    key: Option<&[u8]>,
) -> Result<Option<Format>, Error> {
    let value = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, raw)| Json::of(raw));
    let has = |names: &[&str]| names.iter().all(|name| value(name).is_some());
    let only = |names: &[&str]| fields.iter().all(|(name, _)| names.iter().any(|only| name == only));
    let is_text = |name| matches!(value(name), Some(Json::String(_)));
    let is_named = is_text("database") && is_text("table");
    let ty = match value("type") {
        Some(Json::String(quoted)) => json::unescape(quoted).ok(),
        _ => None,
    };
    let is_upper = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());

    let is_envelope = is_text("op") && (has(&["before"]) || has(&["after"]) || has(&["source"]));
    if is_envelope || has(&["specversion", "iodebeziumop"]) {
        // a logical message tells nothing of the rows beside it
        return Ok(if matches!(value("op"), Some(Json::String("\"m\""))) { None } else { Some(Format::DebeziumJson) });
    }
    if is_text("op_type") && is_text("table") {
        return Ok(Some(Format::OggJson));
    }
    if let Some(ty) = ty.as_deref() {
        // Flink writes `data` and `type` alone
        let is_flinks = has(&["data"]) && only(&["data", "type", "old"]);
        if is_upper(ty) && (has(&["isDdl"]) || is_flinks && matches!(value("data"), Some(Json::Array(_)))) {
            return Ok(Some(Format::CanalJson));
        }
        let is_maxwells = has(&["ts"]) && (is_named || is_text("database"));
        if !is_upper(ty) && (is_maxwells || is_flinks && matches!(value("data"), Some(Json::Object(_)))) {
            return Ok(Some(Format::MaxwellJson));
        }
    }
    if flattened::is_aside(fields, key)? {
        return Ok(None);
    }
    if schema_name.is_some_and(flattened::is_of_row) || fields.iter().any(|(name, _)| flattened::is_added(name)) {
        return Ok(Some(Format::FlattenedJson));
    }
    Err(untold())
}

fn schema_name(schema: &RawValue) -> Option<Cow<'_, str>> {
    let Fields(fields) = json::parse(schema.get().as_bytes()).ok()?;
    let (_, name) = fields.iter().find(|(field, _)| field == "name")?;
    match Json::of(name) {
        Json::String(quoted) => json::unescape(quoted).ok(),
        _ => None,
    }
}

fn untold() -> Error {
    Error::new("payload", ErrorKind::Unstated { what: "the format of the topic's records", setting: "source.format" })
}
