//! A record of any format becomes an [`Event`]: one decoder per format, told apart by [`Format`].

use crate::canal;
use crate::debezium::{self, Stated};
use crate::error::Error;
use crate::flattened;
use crate::maxwell;
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
    /// Debezium's envelopes in JSON, with their Connect schema or without it.
    #[default]
    DebeziumJson,
    /// Rows that Debezium's `ExtractNewRecordState` took out of their envelopes, in JSON.
    FlattenedJson,
    /// Canal's flat messages in JSON.
    CanalJson,
    /// Maxwell's messages in JSON.
    MaxwellJson,
    /// Oracle `GoldenGate`'s messages in JSON.
    OggJson,
}

impl Format {
    /// Every format with the word that names it.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("debezium-json", Self::DebeziumJson),
        ("flattened-json", Self::FlattenedJson),
        ("canal-json", Self::CanalJson),
        ("maxwell-json", Self::MaxwellJson),
        ("ogg-json", Self::OggJson),
    ];
}

/// Decodes the records of any number of topics, all of one format. [`Decoder::default`] is for Debezium's JSON.
#[derive(Debug)]
pub enum Decoder {
    /// For [`Format::DebeziumJson`].
    Debezium(Box<debezium::Decoder>),
    /// For [`Format::FlattenedJson`].
    Flattened(Box<flattened::Decoder>),
    /// For [`Format::CanalJson`].
    Canal(Box<canal::Decoder>),
    /// For [`Format::MaxwellJson`].
    Maxwell(Box<maxwell::Decoder>),
    /// For [`Format::OggJson`].
    Ogg(Box<ogg::Decoder>),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::Debezium(Box::default())
    }
}

impl Decoder {
    /// A decoder for records of one format, for a connector with its own placeholder, and for columns whose types are
    /// stated beside their events.
    pub fn new(format: Format, placeholder: Placeholder, columns: Vec<Stated>) -> Self {
        match format {
            Format::DebeziumJson => Self::Debezium(Box::new(debezium::Decoder::new(placeholder, columns))),
            Format::FlattenedJson => Self::Flattened(Box::new(flattened::Decoder::new(placeholder, columns))),
            Format::CanalJson => Self::Canal(Box::new(canal::Decoder::new(columns))),
            Format::MaxwellJson => Self::Maxwell(Box::new(maxwell::Decoder::new(columns))),
            Format::OggJson => Self::Ogg(Box::new(ogg::Decoder::new(columns))),
        }
    }

    /// The same for a source that sends moments in its own time zone. Only Canal does.
    #[must_use]
    pub fn in_time_zone(self, zone: Option<UtcOffset>) -> Self {
        match self {
            Self::Canal(decoder) => Self::Canal(Box::new(decoder.in_time_zone(zone))),
            other => other,
        }
    }

    /// The same for a source of documents, which become rows of this form. Only Debezium's `MongoDB` connector is one.
    #[must_use]
    pub fn with_documents(self, form: DocumentForm) -> Self {
        match self {
            Self::Debezium(decoder) => Self::Debezium(Box::new(decoder.with_documents(form))),
            other => other,
        }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is none of its format, or holds a value that is not of its type. No part of it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        match self {
            Self::Debezium(decoder) => decoder.decode(record),
            Self::Flattened(decoder) => decoder.decode(record),
            Self::Canal(decoder) => decoder.decode(record),
            Self::Maxwell(decoder) => decoder.decode(record),
            Self::Ogg(decoder) => decoder.decode(record),
        }
    }
}
