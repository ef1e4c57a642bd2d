//! A record of any format becomes an [`Event`]: one decoder per format, told apart by [`Format`].

use crate::avro::Framed;
use crate::canal;
use crate::debezium::{self, Stated};
use crate::detect::Auto;
use crate::error::{Error, ErrorKind};
use crate::flattened;
use crate::limits::{MAX_RECORD_BYTES, check_size};
use crate::maxwell;
use crate::membership::{self, Membership};
use crate::mongodb::DocumentForm;
use crate::ogg;
use crate::record::Record;
use crate::row::Event;
use crate::unavailable::Placeholder;
use crate::zone::UtcOffset;

/// What the records of a topic are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// Whatever the topic's first record that tells is of: one of the others.
    Auto,
    /// Debezium's envelopes in JSON, with their Connect schema or without it.
    #[default]
    DebeziumJson,
    /// Debezium's envelopes in Avro.
    DebeziumAvro,
    /// Rows that Debezium's `ExtractNewRecordState` took out of their envelopes, in JSON.
    FlattenedJson,
    /// The same in Avro.
    FlattenedAvro,
    /// Canal's flat messages in JSON.
    CanalJson,
    /// Maxwell's messages in JSON.
    MaxwellJson,
    /// Oracle `GoldenGate`'s messages in JSON.
    OggJson,
}

impl Format {
    /// Every format with the word that names it.
    pub const WORDS: [(&'static str, Self); 8] = [
        ("auto", Self::Auto),
        ("debezium-json", Self::DebeziumJson),
        ("debezium-avro", Self::DebeziumAvro),
        ("flattened-json", Self::FlattenedJson),
        ("flattened-avro", Self::FlattenedAvro),
        ("canal-json", Self::CanalJson),
        ("maxwell-json", Self::MaxwellJson),
        ("ogg-json", Self::OggJson),
    ];

    /// The word that names it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, format)| *format == self).map_or("", |(word, _)| word)
    }

    /// Whether payloads are Avro; `None` where only a record can tell.
    fn is_avro(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::DebeziumAvro | Self::FlattenedAvro => Some(true),
            Self::DebeziumJson | Self::FlattenedJson | Self::CanalJson | Self::MaxwellJson | Self::OggJson => {
                Some(false)
            }
        }
    }
}

/// What the source was told and its records do not say.
#[derive(Debug, Clone)]
pub struct Told {
    /// The connector's `unavailable.value.placeholder`.
    pub placeholder: Placeholder,
    /// Types of single columns.
    pub columns: Vec<Stated>,
    /// The zone in which moments are sent without it. Only Canal does so.
    pub time_zone: Option<UtcOffset>,
    /// What documents of `MongoDB` become.
    pub documents: DocumentForm,
    /// The most bytes of a record's key and payload together; one with more is refused.
    pub max_record_bytes: usize,
    /// What is read of rows before their change.
    pub before: Before,
}

/// What is read of the rows before an update, and of those that are deleted, in Debezium's envelopes.
///
/// ```
/// use rowkind_formats::{Before, Decoder, Format, Record, Told, changelog};
///
/// let payload = br#"{"op":"u","source":{"table":"t"},"before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"}}"#;
/// let record = Record { topic: "t", partition: 0, offset: 0, key: Some(br#"{"id":1}"#), payload: Some(payload) };
/// let told = Told { before: Before::Key, ..Told::default() };
/// let event = Decoder::new(Format::DebeziumJson, &told).decode(&record)?;
/// assert_eq!(changelog::text(&event), "-U t {\"id\":1}\n+U t {\"id\":1,\"v\":\"b\"}\n");
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Before {
    /// All that was sent.
    #[default]
    Whole,
    /// The columns of the record's key, where it has one: enough to find the row, at half the cost of an update.
    Key,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            placeholder: Placeholder::default(),
            columns: Vec::new(),
            time_zone: None,
            documents: DocumentForm::default(),
            max_record_bytes: MAX_RECORD_BYTES,
            before: Before::default(),
        }
    }
}

/// Decodes the records of any number of topics. [`Decoder::default`] is for Debezium's JSON.
///
/// It does no IO: a record in Avro whose schema it does not know yet is refused with [`ErrorKind::UnknownSchema`], and can
/// be decoded again when the schema of that id was [learnt](Self::learn_schema).
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    of: Of,
    max_record_bytes: usize,
}

#[derive(Debug)]
enum Of {
    Auto(Box<Auto>),
    Debezium(Box<debezium::Decoder>),
    Flattened(Box<flattened::Decoder>),
    Canal(Box<canal::Decoder>),
    Maxwell(Box<maxwell::Decoder>),
    Ogg(Box<ogg::Decoder>),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Format::default(), &Told::default())
    }
}

impl Decoder {
    /// A decoder for records of one format.
    pub fn new(format: Format, told: &Told) -> Self {
        let (placeholder, columns) = (told.placeholder.clone(), told.columns.clone());
        let of = match format {
            Format::Auto => Of::Auto(Box::new(Auto::new(told))),
            Format::DebeziumJson | Format::DebeziumAvro => {
                let decoder = debezium::Decoder::new(placeholder, columns);
                Of::Debezium(Box::new(decoder.with_documents(told.documents).with_before(told.before)))
            }
            Format::FlattenedJson | Format::FlattenedAvro => {
                Of::Flattened(Box::new(flattened::Decoder::new(placeholder, columns)))
            }
            Format::CanalJson => Of::Canal(Box::new(canal::Decoder::new(columns).in_time_zone(told.time_zone.clone()))),
            Format::MaxwellJson => Of::Maxwell(Box::new(maxwell::Decoder::new(columns))),
            Format::OggJson => Of::Ogg(Box::new(ogg::Decoder::new(columns))),
        };
        Self { format, of, max_record_bytes: told.max_record_bytes }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is too large or none of its format, or holds a value that is not of its type. No part of it is
    /// decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        check_size(record, self.max_record_bytes)?;
        self.check_encoding(record)?;
        match &mut self.of {
            Of::Auto(auto) => auto.decode(record),
            Of::Debezium(decoder) => decoder.decode(record),
            Of::Flattened(decoder) => decoder.decode(record),
            Of::Canal(decoder) => decoder.decode(record),
            Of::Maxwell(decoder) => decoder.decode(record),
            Of::Ogg(decoder) => decoder.decode(record),
        }
    }

    /// Which of the source's transactions a record belongs to. Rows are not looked at, and nothing is remembered of it.
    ///
    /// # Errors
    ///
    /// When the record cannot be read, or is of a format that does not tell: neither an envelope of Debezium's nor a
    /// message of Maxwell's. [`Format::Auto`] is none, since it may be any.
    pub fn membership<'a>(&self, record: &Record<'a>) -> Result<Membership<'a>, Error> {
        check_size(record, self.max_record_bytes)?;
        self.check_encoding(record)?;
        match &self.of {
            Of::Debezium(decoder) => decoder.membership(record),
            Of::Maxwell(_) => maxwell::membership(record),
            Of::Auto(_) | Of::Flattened(_) | Of::Canal(_) | Of::Ogg(_) => Err(membership::untold_by_format()),
        }
    }

    /// Learns the Avro schema of an id, by its text. `references` are the texts of the schemas that it names and does not
    /// hold, each behind those that it names itself.
    ///
    /// # Errors
    ///
    /// When the text is no Avro schema.
    pub fn learn_schema(&mut self, id: u32, text: &str, references: &[String]) -> Result<(), Error> {
        match &mut self.of {
            Of::Auto(auto) => auto.learn_schema(id, text, references),
            Of::Debezium(decoder) => decoder.learn_schema(id, text, references),
            Of::Flattened(decoder) => decoder.learn_schema(id, text, references),
            Of::Canal(_) | Of::Maxwell(_) | Of::Ogg(_) => Ok(()),
        }
    }

    /// The formats of topics that were found out since the last call: of [`Format::Auto`] alone.
    pub fn take_detected(&mut self) -> Vec<(String, Format)> {
        match &mut self.of {
            Of::Auto(auto) => auto.take_detected(),
            _ => Vec::new(),
        }
    }

    /// A payload in the other encoding is of another format, and that one should be named.
    fn check_encoding(&self, record: &Record<'_>) -> Result<(), Error> {
        let (Some(payload), Some(expects_avro)) = (record.payload, self.format.is_avro()) else {
            return Ok(());
        };
        let kind = match (expects_avro, Framed::of(payload)) {
            (true, None) => ErrorKind::Unexpected {
                expected: "Avro behind a zero byte and a schema id",
                found: "neither (is the format one of JSON?)",
            },
            (false, Some(_)) => ErrorKind::Unexpected {
                expected: "JSON",
                found: "what seems to be Avro behind a schema id (formats debezium-avro, flattened-avro)",
            },
            _ => return Ok(()),
        };
        Err(Error::new("payload", kind))
    }
}
