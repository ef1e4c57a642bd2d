//! Where records come from: topics of a Kafka cluster, or a file of recorded records.
//!
//! A source is a thread that hands [`Records`](crate::records::Records) to the lanes through a [`Gatherer`]. It asks for
//! the stored offset of each partition before it reads it, by a function that it is given, and never reads a record
//! below it.

mod consumer;
pub mod failure;
mod file;
mod gather;
mod headers;
mod kafka;
mod line;
mod ownership;
mod reading;
mod topic;

use crate::records::{Claim, TopicPartition};

pub use file::FileSource;
pub use gather::Gatherer;
pub(crate) use headers::add as add_headers;
pub use kafka::KafkaSource;
pub(crate) use line::read_line;
pub use ownership::{Held, Ownership};
pub use reading::Reading;
pub use topic::read_topic;

/// Claims partitions.
pub type Claims<'c> = dyn FnMut(&[Wanted]) -> Result<Vec<Claim>, SourceError> + 'c;

/// A partition that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset at which it starts when none is stored.
    pub start: i64,
    /// What the group has committed, where that is what is stored.
    pub committed: Option<i64>,
}

/// What the offsets that a group commits are.
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
        "{partition}: the stored next offset is {next_offset}, but {found}. Nothing was skipped. To start this partition anew by `source.start`, {remedy}"
    ))
}
