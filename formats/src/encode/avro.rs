//! Debezium's envelopes in Avro, as Kafka Connect's Avro converters write them.
//!
//! Comes in: records in Connect's JSON with their schema, which the encoder of envelopes makes. Goes out: the same in Avro,
//! behind the id that a registry gave to its schema. A name that Avro does not allow is written with `_` in the place of
//! what it does not allow, and the column says its own name beside it, as Debezium does
//! (`field.name.adjustment.mode=avro`).

use std::collections::{BTreeMap, HashMap, HashSet};

use apache_avro::Schema;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, json};

use super::output::Output;
use super::{Envelopes, debezium};
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json};
use crate::row::Event;

/// Encodes envelopes.
#[derive(Debug)]
pub(super) struct Encoder {
    debezium: debezium::Encoder,
    json: Output,
    /// By the text of the Connect schema.
    schemas: HashMap<Box<str>, Known, foldhash::fast::RandomState>,
    /// By the text of the Avro schema.
    ids: HashMap<String, u32>,
    key: Vec<u8>,
    payload: Vec<u8>,
}

/// A schema in both its forms.
#[derive(Debug)]
struct Known {
    connect: Node,
    text: String,
}

/// A table has a handful of schemas in its life.
const MAX_SCHEMAS: usize = 4_096;

/// A schema of Connect's, as its JSON converter writes it.
#[derive(Debug, Deserialize)]
struct Node {
    #[serde(rename = "type")]
    ty: String,
    #[serde(default)]
    optional: bool,
    name: Option<String>,
    version: Option<i64>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    field: Option<String>,
    #[serde(default)]
    fields: Vec<Node>,
    items: Option<Box<Node>>,
    keys: Option<Box<Node>>,
    values: Option<Box<Node>>,
}

/// A record of Connect's JSON.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    schema: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl Encoder {
    pub(super) fn new(envelopes: Envelopes) -> Self {
        Self {
            debezium: debezium::Encoder::new(true, envelopes),
            json: Output::default(),
            schemas: HashMap::default(),
            ids: HashMap::new(),
            key: Vec::new(),
            payload: Vec::new(),
        }
    }

    pub(super) fn register(&mut self, schema: &str, id: u32) {
        self.ids.insert(schema.to_owned(), id);
    }

    pub(super) fn encode(&mut self, event: &Event<'_>, output: &mut Output) -> Result<(), Error> {
        self.json.clear();
        self.debezium.encode(event, &mut self.json)?;
        let mut coder = Coder { schemas: &mut self.schemas, ids: &self.ids };
        for record in self.json.records() {
            let key = coder.part(record.key, &mut self.key).map_err(|error| error.under("key"))?;
            let payload = coder.part(record.payload, &mut self.payload).map_err(|error| error.under("payload"))?;
            output.push(key, payload);
        }
        Ok(())
    }
}

struct Coder<'e> {
    schemas: &'e mut HashMap<Box<str>, Known, foldhash::fast::RandomState>,
    ids: &'e HashMap<String, u32>,
}

impl Coder<'_> {
    /// A key or payload in Avro, behind its schema's id.
    fn part<'o>(&mut self, json: Option<&[u8]>, out: &'o mut Vec<u8>) -> Result<Option<&'o [u8]>, Error> {
        let Some(json) = json else { return Ok(None) };
        let Wrapped { schema, payload } = json::parse(json)?;
        if !self.schemas.contains_key(schema.get()) {
            if self.schemas.len() >= MAX_SCHEMAS {
                self.schemas.clear();
            }
            self.schemas.insert(schema.get().into(), Known::of(schema)?);
        }
        let known = self.schemas.get(schema.get()).expect("it was put in where it was not");
        let id = self.ids.get(&known.text).ok_or_else(|| {
            Error::new("", ErrorKind::UnregisteredSchema { schema: known.text.clone().into_boxed_str() })
        })?;
        out.clear();
        out.push(0);
        out.extend(id.to_be_bytes());
        known.connect.push(payload, out)?;
        Ok(Some(out))
    }
}

impl Known {
    fn of(schema: &RawValue) -> Result<Self, Error> {
        let connect: Node = json::parse(schema.get().as_bytes())?;
        let text = connect.avro(&mut Names::default()).to_string();
        let malformed =
            |_| Error::new("schema", ErrorKind::Malformed { expected: "a schema that Avro can say", found: "value" });
        // two columns whose names Avro cannot tell apart
        Schema::parse_str(&text).map_err(malformed)?;
        Ok(Self { connect, text })
    }
}

/// Names of records that were given so far: the second of a name refers to the first.
#[derive(Default)]
struct Names {
    given: HashSet<String>,
}

impl Node {
    /// The type, in a union with null where it is optional.
    fn avro(&self, names: &mut Names) -> serde_json::Value {
        let ty = self.required(names);
        if self.optional { json!(["null", ty]) } else { ty }
    }

    fn required(&self, names: &mut Names) -> serde_json::Value {
        let plain = match self.ty.as_str() {
            "boolean" => "boolean",
            "int8" | "int16" | "int32" => "int",
            "int64" => "long",
            "float" => "float",
            "double" => "double",
            "string" => "string",
            "bytes" => "bytes",
            "struct" => return self.record(names),
            "map" if self.has_text_keys() => {
                let values = self.values.as_ref().map(|values| values.avro(names));
                return self.annotated(json!({"type": "map", "values": values}));
            }
            "map" => return self.entries(names),
            _ => {
                let items = self.items.as_ref().map(|items| items.avro(names));
                return self.annotated(json!({"type": "array", "items": items}));
            }
        };
        let narrow = matches!(self.ty.as_str(), "int8" | "int16");
        if !narrow && self.name.is_none() && self.version.is_none() && self.parameters.is_empty() {
            return plain.into();
        }
        let mut object = json!({"type": plain});
        if narrow {
            insert(&mut object, "connect.type", self.ty.as_str());
        }
        if self.name.as_deref() == Some("org.apache.kafka.connect.data.Decimal") {
            let number = |name: &str| self.parameters.get(name).and_then(|text| text.parse::<i64>().ok());
            let scale = number("scale").unwrap_or(0);
            if scale >= 0 {
                insert(&mut object, "logicalType", "decimal");
                insert(&mut object, "scale", scale);
                // Connect's converter says 64 where nobody says it
                insert(&mut object, "precision", number("connect.decimal.precision").unwrap_or(64).max(scale).max(1));
            }
        }
        self.annotated(object)
    }

    fn has_text_keys(&self) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.ty == "string" && !keys.optional)
    }

    fn record(&self, names: &mut Names) -> serde_json::Value {
        let said = self.name.clone().unwrap_or_else(|| format!("ConnectDefault{}", names.given.len()));
        let name = said.split('.').map(allowed).collect::<Vec<_>>().join(".");
        if !names.given.insert(name.clone()) {
            return name.into();
        }
        let fields: Vec<_> = self.fields.iter().map(|field| field.avro_field(names)).collect();
        self.annotated(json!({"type": "record", "name": name, "fields": fields}))
    }

    /// A map whose keys are no strings.
    fn entries(&self, names: &mut Names) -> serde_json::Value {
        let name = format!("io.confluent.connect.avro.MapEntry{}", names.given.len());
        names.given.insert(name.clone());
        let part = |node: &Option<Box<Node>>, names: &mut Names| node.as_ref().map(|node| node.avro(names));
        let (key, value) = (part(&self.keys, names), part(&self.values, names));
        let fields = json!([{"name": "key", "type": key}, {"name": "value", "type": value}]);
        let entry = json!({"type": "record", "name": name, "fields": fields, "connect.internal.type": "MapEntry"});
        self.annotated(json!({"type": "array", "items": entry}))
    }

    fn avro_field(&self, names: &mut Names) -> serde_json::Value {
        let said = self.field.as_deref().unwrap_or_default();
        let name = allowed(said);
        let mut ty = self.avro(names);
        if name != said && !self.parameters.contains_key(OWN_NAME) {
            let branch = if self.optional { ty.get_mut(1) } else { Some(&mut ty) };
            if let Some(branch) = branch {
                if !branch.is_object() {
                    *branch = json!({"type": branch.take()});
                }
                insert_parameter(branch, OWN_NAME, said);
            }
        }
        let mut field = json!({"name": name, "type": ty});
        if self.optional {
            insert(&mut field, "default", serde_json::Value::Null);
        }
        field
    }

    /// With what Connect says of it.
    fn annotated(&self, mut object: serde_json::Value) -> serde_json::Value {
        if let Some(version) = self.version {
            insert(&mut object, "connect.version", version);
        }
        if !self.parameters.is_empty() {
            insert(&mut object, "connect.parameters", json!(self.parameters));
        }
        if let Some(name) = &self.name {
            insert(&mut object, "connect.name", name.as_str());
        }
        object
    }

    /// Appends the datum of a value in JSON.
    fn push(&self, raw: &RawValue, out: &mut Vec<u8>) -> Result<(), Error> {
        let found = Json::of(raw);
        if self.optional {
            let is_there = !matches!(found, Json::Null);
            push_long(out, i64::from(is_there));
            if !is_there {
                return Ok(());
            }
        }
        self.push_required(found, out)
    }

    fn push_required(&self, found: Json<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let wrong = || found.unexpected("a value of its schema");
        match (self.ty.as_str(), found) {
            ("boolean", Json::Bool(value)) => out.push(u8::from(value)),
            ("int8" | "int16" | "int32", Json::Number(text)) => {
                push_long(out, text.parse::<i32>().map_err(|_| wrong())?.into());
            }
            ("int64", Json::Number(text)) => push_long(out, text.parse().map_err(|_| wrong())?),
            ("float", found) => {
                let text = number(found)?;
                let value: f32 = text.parse().map_err(|_| wrong())?;
                out.extend(in_range(value, text, value.is_infinite())?.to_le_bytes());
            }
            ("double", found) => {
                let text = number(found)?;
                let value: f64 = text.parse().map_err(|_| wrong())?;
                out.extend(in_range(value, text, value.is_infinite())?.to_le_bytes());
            }
            ("string", Json::String(quoted)) => push_bytes(out, json::unescape(quoted)?.as_bytes()),
            ("bytes", Json::String(quoted)) => {
                push_bytes(out, &STANDARD.decode(json::unescape(quoted)?.as_bytes()).map_err(|_| wrong())?);
            }
            ("struct", Json::Object(text)) => return self.push_record(text, out),
            ("array", Json::Array(text)) => {
                let item = self.items.as_ref().ok_or_else(wrong)?;
                let items: Vec<&RawValue> = json::parse(text.as_bytes())?;
                push_block(out, items.len());
                items.iter().try_for_each(|raw| item.push(raw, out))?;
                push_end(out, items.len());
            }
            ("map", Json::Object(text)) => {
                let ty = self.values.as_ref().ok_or_else(wrong)?;
                let Fields(entries) = json::parse(text.as_bytes())?;
                push_block(out, entries.len());
                for (name, raw) in &entries {
                    push_bytes(out, name.as_bytes());
                    ty.push(raw, out)?;
                }
                push_end(out, entries.len());
            }
            ("map", Json::Array(text)) => {
                let (Some(keys), Some(values)) = (&self.keys, &self.values) else { return Err(wrong()) };
                let entries: Vec<(&RawValue, &RawValue)> = json::parse(text.as_bytes())?;
                push_block(out, entries.len());
                for (key, value) in &entries {
                    keys.push(key, out)?;
                    values.push(value, out)?;
                }
                push_end(out, entries.len());
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// A field that is not there is null, which it has to be able to be.
    fn push_record(&self, object: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        let Fields(fields) = json::parse(object.as_bytes())?;
        let is_said = |name: &str| self.fields.iter().any(|node| node.field.as_deref() == Some(name));
        if let Some((name, _)) = fields.iter().find(|(name, _)| !is_said(name)) {
            return Err(Error::new(&**name, ErrorKind::Missing { expected: "the column in the event's schema" }));
        }
        for (at, node) in self.fields.iter().enumerate() {
            let name = node.field.as_deref().unwrap_or_default();
            let here = fields.get(at).filter(|(field, _)| field == name);
            let raw = here.or_else(|| fields.iter().find(|(field, _)| field == name)).map(|(_, raw)| *raw);
            let pushed = match raw {
                Some(raw) => node.push(raw, out),
                None if node.optional => {
                    push_long(out, 0);
                    Ok(())
                }
                None => Err(Error::new("", ErrorKind::Missing { expected: "a value, which may not be null" })),
            };
            pushed.map_err(|error| error.under(name))?;
        }
        Ok(())
    }
}

/// A column's own name, where it is sent under another.
const OWN_NAME: &str = "__debezium.source.column.name";

/// A name that Avro allows.
fn allowed(name: &str) -> String {
    let mut out: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// The text of a number, and of what JSON has no number for as Rust reads it.
fn number(found: Json<'_>) -> Result<&str, Error> {
    match found {
        Json::Number(text) => Ok(text),
        Json::String("\"NaN\"") => Ok("NaN"),
        Json::String("\"Infinity\"") => Ok("inf"),
        Json::String("\"-Infinity\"") => Ok("-inf"),
        other => Err(other.unexpected("a number")),
    }
}

/// A number that is beyond all of its type would be read as infinite.
fn in_range<T>(value: T, text: &str, is_infinite: bool) -> Result<T, Error> {
    if is_infinite && !text.ends_with("inf") {
        let expected = "a floating-point number of its type's range";
        return Err(Error::new("", ErrorKind::Malformed { expected, found: "number" }));
    }
    Ok(value)
}

/// A variable-length zig-zag integer.
fn push_long(out: &mut Vec<u8>, value: i64) {
    let mut bits = (value << 1 ^ value >> 63).cast_unsigned();
    loop {
        let [low, ..] = (bits & 0x7f).to_le_bytes();
        bits >>= 7;
        if bits == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_long(out, i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(bytes);
}

/// The items of an array or map are one block, where there are any.
fn push_block(out: &mut Vec<u8>, n_items: usize) {
    push_long(out, i64::try_from(n_items).unwrap_or(i64::MAX));
}

/// Behind the items stands a block of none.
fn push_end(out: &mut Vec<u8>, n_items: usize) {
    if n_items > 0 {
        out.push(0);
    }
}

fn insert(object: &mut serde_json::Value, name: &str, value: impl Into<serde_json::Value>) {
    if let serde_json::Value::Object(object) = object {
        object.insert(name.to_owned(), value.into());
    }
}

fn insert_parameter(object: &mut serde_json::Value, name: &str, value: &str) {
    if let serde_json::Value::Object(object) = object {
        let parameters = object.entry("connect.parameters").or_insert_with(|| Map::new().into());
        insert(parameters, name, value);
    }
}
