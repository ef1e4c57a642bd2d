//! Where records come from: topics of a Kafka cluster, or a file of recorded records.
//!
//! A source is a thread that hands [`Records`](crate::records::Records) to the lanes through a [`Gatherer`]. It asks for
//! the [`Stored`] offset of each partition before it reads it, and never applies a record below it.

mod brokers;
mod consumer;
mod extent;
pub mod failure;
mod file;
mod gather;
mod headers;
mod kafka;
mod keep_alive;
mod line;
mod members;
mod ownership;
mod ranges;
mod reading;
mod reason;
mod sample;
mod start;
mod stop;
mod survey;
mod token;

use std::collections::HashMap;

use crate::records::{Claim, TopicPartition};

pub(crate) use consumer::not_created;
pub use extent::{Extent, FirstRecord};
pub use file::{FileSource, first_records};
pub use gather::Gatherer;
pub(crate) use headers::add as add_headers;
pub use kafka::KafkaSource;
pub(crate) use line::read_line;
pub use members::{Member, Members};
pub use ownership::{Held, Ownership};
pub(crate) use ranges::RangeSource;
pub use ranges::{Asked, Edge, Range, RangeReader, Read};
pub use reading::Reading;
pub(crate) use reason::Reason;
pub use sample::{Sampled, Sampler};
pub(crate) use token::{give as give_token, of_file as token_of_file};

/// The next offsets that are stored for a pipeline.
///
/// Each waits for as long as the store is away.
///
/// # Errors
///
/// When the store refuses, or the pipeline is being stopped.
pub trait Stored {
    /// All of them, as far as they are of `partitions`, or more.
    fn all(&mut self, partitions: &[TopicPartition]) -> Result<HashMap<TopicPartition, i64>, SourceError>;

    /// Stores these, all or none, if there are none yet.
    fn begin(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), SourceError>;

    /// Claims partitions, each with the offset at which it starts when none is stored.
    fn claim(&mut self, wanted: &[(TopicPartition, i64)]) -> Result<Vec<Claim>, SourceError>;

    /// Waits while another instance of the pipeline is at work, where one alone can be.
    fn wait_for_others(&mut self) -> Result<(), SourceError> {
        Ok(())
    }
}

/// What the offsets are that a group commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupOffsets {
    /// News for lag tools: what counts is stored elsewhere.
    ForLagTools,
    /// What is stored, behind what was written.
    Stored,
    /// What is stored, by the transactions of what was written.
    StoredByTransactions,
}

/// Why a source ended early.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The pipeline is being stopped.
    #[error("stopped")]
    Shutdown,
    /// A setting is none that can be used.
    #[error("{0}")]
    Config(String),
    /// A person has to act.
    #[error("{0}")]
    Fatal(String),
}

/// The stored next offset is not one that the source can go on from.
fn gap(
    partition: &TopicPartition,
    next_offset: i64,
    found: &str,
    (pipeline, group_offsets): (&str, GroupOffsets),
) -> SourceError {
    let TopicPartition { topic, partition: number } = partition;
    let remedy = match group_offsets {
        GroupOffsets::ForLagTools => format!(
            "run: DELETE FROM rowkind.offsets WHERE pipeline = '{}' AND topic = '{}' AND partition = {number}",
            pipeline.replace('\'', "''"),
            topic.replace('\'', "''"),
        ),
        _ => format!(
            "delete what its group has committed for it: kafka-consumer-groups --delete-offsets --topic {topic}:{number} --group …"
        ),
    };
    SourceError::Fatal(format!(
        "{partition}: the stored next offset is {next_offset}, but {found}. Nothing was skipped. To start this partition anew, {remedy}"
    ))
}
