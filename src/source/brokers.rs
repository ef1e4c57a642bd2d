//! Questions to the brokers, asked until they answer.

use std::fmt::Display;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use regex::Regex;

use super::SourceError;
use super::consumer::QueuedConsumer;
use super::failure::{self, PollError};
use crate::records::TopicPartition;
use crate::shutdown::Shutdown;

/// Asks as the consumer that it is given.
pub(super) struct Brokers<'c> {
    pub(super) consumer: &'c QueuedConsumer,
    /// `group.id`.
    pub(super) group: &'c str,
    pub(super) shutdown: &'c Shutdown,
}

/// A partition with the oldest and the next offset that the broker has of it.
#[derive(Debug, Clone)]
pub(super) struct There {
    pub(super) partition: TopicPartition,
    pub(super) low: i64,
    pub(super) high: i64,
}

const TIMEOUT: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(100);

impl Brokers<'_> {
    /// What the brokers have of these partitions.
    pub(super) fn there(&self, partitions: &[TopicPartition]) -> Result<Vec<There>, SourceError> {
        let there = |partition: &TopicPartition| {
            let (low, high) = self.ask(partition, || {
                self.consumer.fetch_watermarks(&partition.topic, partition.partition, TIMEOUT).map(Some)
            })?;
            Ok(There { partition: partition.clone(), low, high })
        };
        partitions.iter().map(there).collect()
    }

    /// How many partitions a topic has.
    pub(super) fn n_partitions(&self, topic: &str) -> Result<usize, SourceError> {
        self.ask(&format!("topic {topic}"), || {
            let metadata = self.consumer.fetch_metadata(Some(topic), TIMEOUT)?;
            let n_partitions = metadata.topics().iter().map(|topic| topic.partitions().len()).sum();
            Ok((n_partitions > 0).then_some(n_partitions))
        })
    }

    /// All partitions that a subscription has at the moment.
    pub(super) fn partitions(&self, subscription: &[String]) -> Result<Vec<TopicPartition>, SourceError> {
        let patterns = patterns(subscription)?;
        let metadata = self.ask(&"metadata", || self.consumer.fetch_metadata(None, TIMEOUT).map(Some))?;
        let mut partitions = Vec::new();
        for topic in metadata.topics() {
            let name = topic.name();
            if subscription.iter().any(|named| named == name) || patterns.iter().any(|pattern| pattern.is_match(name)) {
                let of_topic = topic.partitions().iter();
                partitions.extend(of_topic.map(|p| TopicPartition { topic: name.into(), partition: p.id() }));
            }
        }
        Ok(partitions)
    }

    /// The offsets that the group has committed; `None` for a partition without.
    pub(super) fn committed(&self, there: &[There]) -> Result<Vec<Option<i64>>, SourceError> {
        self.offsets(&format!("group {}", self.group), there, || {
            self.consumer.committed_offsets(list(there, Offset::Invalid)?, TIMEOUT)
        })
    }

    /// The offset of each partition's first record of a moment or later; `None` where there is none.
    pub(super) fn first_since(&self, unix_ms: i64, there: &[There]) -> Result<Vec<Option<i64>>, SourceError> {
        self.offsets(&"offsets by their time", there, || {
            self.consumer.offsets_for_times(list(there, Offset::Offset(unix_ms))?, TIMEOUT)
        })
    }

    fn offsets(
        &self,
        what: &dyn Display,
        there: &[There],
        mut question: impl FnMut() -> KafkaResult<TopicPartitionList>,
    ) -> Result<Vec<Option<i64>>, SourceError> {
        self.ask(what, || {
            let answer = question()?;
            let mut offsets = Vec::with_capacity(there.len());
            for There { partition, .. } in there {
                let Some(found) = answer.find_partition(&partition.topic, partition.partition) else {
                    return Ok(None);
                };
                found.error()?;
                offsets.push(match found.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                });
            }
            Ok(Some(offsets))
        })
    }

    /// Asks until there is an answer, or an error that does not pass.
    fn ask<T>(
        &self,
        what: &dyn Display,
        mut question: impl FnMut() -> KafkaResult<Option<T>>,
    ) -> Result<T, SourceError> {
        while !self.shutdown.is_requested() {
            match question() {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(error) if matches!(failure::sort(&error), PollError::Fatal) => return Err(fatal(what, &error)),
                Err(error) => self.consumer.context().warn(&error, &format!("{what}: {error}")),
            }
            std::thread::sleep(AGAIN);
        }
        Err(SourceError::Shutdown)
    }
}

fn fatal(what: &dyn Display, error: &KafkaError) -> SourceError {
    SourceError::Fatal(format!("Kafka: {what}: {error}"))
}

/// The patterns of a subscription.
fn patterns(subscription: &[String]) -> Result<Vec<Regex>, SourceError> {
    let compiled = |pattern: &String| {
        Regex::new(pattern)
            .map_err(|_| SourceError::Config("`source.topic_pattern`: expected a regular expression".to_owned()))
    };
    subscription.iter().filter(|topic| topic.starts_with('^')).map(compiled).collect()
}

fn list(there: &[There], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(there.len());
    for There { partition, .. } in there {
        list.add_partition_offset(&partition.topic, partition.partition, offset)?;
    }
    Ok(list)
}
