//! Settings of whole transactions.

use regex::Regex;
use rowkind_formats::Format;

use super::{ConfigError, Reader, Source, parse_bytes};
use crate::transactions::Reads;

/// How transactions of the source are applied whole.
#[derive(Debug, Clone)]
pub struct Transactions {
    /// The most bytes of one.
    pub max_bytes: usize,
    /// Which tables are read.
    pub reads: Reads,
}

/// Transactions of the source are applied by one lane, one after the other.
pub(super) fn lanes(read: &Reader<'_>, are_whole: bool) -> Result<usize, ConfigError> {
    let n_lanes = read.number("sink.lanes")?;
    match are_whole {
        true if n_lanes != 1 && read.is_typed("sink.lanes") => {
            Err(read.invalid("sink.lanes", "1 beside `sink.apply` = \"transactions\", or nothing"))
        }
        true => Ok(1),
        false => Ok(n_lanes),
    }
}

/// Whether transactions are applied whole, and how.
pub(super) fn transactions(
    read: &Reader<'_>,
    format: Format,
    (source, tables): (&Source, Option<&Regex>),
) -> Result<Option<Transactions>, ConfigError> {
    let max_bytes = read.parsed("batch.max_transaction_bytes", parse_bytes)?;
    if !read.choice("sink.apply", &[("batches", false), ("transactions", true)])? {
        return Ok(None);
    }
    if !matches!(format, Format::DebeziumJson | Format::DebeziumAvro | Format::MaxwellJson) {
        return Err(ConfigError::new(format!(
            "`sink.apply` = \"transactions\" is for `source.format` debezium-json, debezium-avro and maxwell-json: records of \"{}\" do not say \
             which transaction they belong to, and how many it has",
            format.word()
        )));
    }
    let subscription = match source {
        Source::Kafka(kafka) => kafka.subscription.clone(),
        Source::File { topics, .. } => topics.clone(),
    };
    Ok(Some(Transactions { max_bytes, reads: Reads { tables: tables.cloned(), subscription } }))
}
