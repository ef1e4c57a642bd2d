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
mod topic;

use crate::records::TopicPartition;
use crate::sink::postgres::Claim;

pub(crate) use consumer::not_created;
pub use file::FileSource;
pub use gather::Gatherer;
pub(crate) use headers::add as add_headers;
pub use kafka::KafkaSource;
pub(crate) use line::read_line;
pub use topic::read_topic;

/// Claims partitions, each with the offset at which it starts when none is stored.
pub type Claims<'c> = dyn FnMut(&[(TopicPartition, i64)]) -> Result<Vec<Claim>, SourceError> + 'c;

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
fn gap(pipeline: &str, partition: &TopicPartition, next_offset: i64, found: &str) -> SourceError {
    let TopicPartition { topic, partition: number } = partition;
    SourceError::Fatal(format!(
        "{partition}: the stored next offset is {next_offset}, but {found}. Nothing was skipped. To start this partition anew by `source.start`, \
         run: DELETE FROM rowkind.offsets WHERE pipeline = '{}' AND topic = '{}' AND partition = {number}",
        pipeline.replace('\'', "''"),
        topic.replace('\'', "''"),
    ))
}
