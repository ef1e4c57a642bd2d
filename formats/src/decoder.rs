//! A record of any format becomes an [`Event`]: one decoder per format, told apart by [`Format`].

use crate::debezium::{self, Stated};
use crate::error::Error;
use crate::flattened;
use crate::record::Record;
use crate::row::Event;
use crate::unavailable::Placeholder;

/// What the records of a topic are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// Debezium's envelopes in JSON, with their Connect schema or without it.
    #[default]
    DebeziumJson,
    /// Rows that Debezium's `ExtractNewRecordState` took out of their envelopes, in JSON.
    FlattenedJson,
}

impl Format {
    /// Every format with the word that names it.
    pub const WORDS: [(&'static str, Self); 2] =
        [("debezium-json", Self::DebeziumJson), ("flattened-json", Self::FlattenedJson)];
}

/// Decodes the records of any number of topics, all of one format. [`Decoder::default`] is for Debezium's JSON.
#[derive(Debug)]
pub enum Decoder {
    /// For [`Format::DebeziumJson`].
    Debezium(debezium::Decoder),
    /// For [`Format::FlattenedJson`].
    Flattened(flattened::Decoder),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::Debezium(debezium::Decoder::default())
    }
}

impl Decoder {
    /// A decoder for records of one format, for a connector with its own placeholder, and for columns whose types are
    /// stated beside their events.
    pub fn new(format: Format, placeholder: Placeholder, columns: Vec<Stated>) -> Self {
        match format {
            Format::DebeziumJson => Self::Debezium(debezium::Decoder::new(placeholder, columns)),
            Format::FlattenedJson => Self::Flattened(flattened::Decoder::new(placeholder, columns)),
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
        }
    }
}
