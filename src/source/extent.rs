//! From where to where the log of each partition goes, what the group has committed of it, and how old a record is.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::SourceError;
use super::failure::{self, PollError};
use super::sample::{POLL, Sampler, failed};
use crate::records::TopicPartition;

/// From where to where a partition's log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The oldest offset that is there.
    pub low: i64,
    /// The next offset.
    pub high: i64,
}

/// What there is at an offset or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstRecord {
    /// A record of this moment, in milliseconds since 1970; `None` where it carries none.
    At(Option<i64>),
    /// Nothing that is read, up to the end: what is there only the broker sees.
    Nothing,
}

impl Sampler {
    /// The extents of partitions that are there.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer.
    pub fn extents(&self, partitions: &[TopicPartition]) -> Result<HashMap<TopicPartition, Extent>, SourceError> {
        let (lows, highs) = (self.at(partitions, Offset::Beginning)?, self.at(partitions, Offset::End)?);
        let extent = |partition: &TopicPartition| {
            let (low, high) = (*lows.get(partition)?, *highs.get(partition)?);
            Some((partition.clone(), Extent { low, high }))
        };
        Ok(partitions.iter().filter_map(extent).collect())
    }

    /// Asks for all partitions at once.
    fn at(&self, partitions: &[TopicPartition], place: Offset) -> Result<HashMap<TopicPartition, i64>, SourceError> {
        if partitions.is_empty() {
            return Ok(HashMap::new());
        }
        // in place of a moment: a request for offsets has the numbers for the two ends that lists of librdkafka have
        let list = list(partitions.iter().map(|partition| (partition, place)))?;
        Ok(offsets(&self.consumer.offsets_for_times(list, self.timeout).map_err(failed)?))
    }

    /// What the group has committed of these partitions; those are left out of which it has nothing.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer.
    pub fn committed(&self, partitions: &[TopicPartition]) -> Result<HashMap<TopicPartition, i64>, SourceError> {
        if partitions.is_empty() {
            return Ok(HashMap::new());
        }
        let list = list(partitions.iter().map(|partition| (partition, Offset::Invalid)))?;
        Ok(offsets(&self.consumer.committed_offsets(list, self.timeout).map_err(failed)?))
    }

    /// The first record of each partition at an offset or behind it. Those are left out that were not read in time.
    ///
    /// # Errors
    ///
    /// When a topic may not be read.
    pub fn first_records(
        &self,
        wanted: &[(TopicPartition, i64)],
    ) -> Result<HashMap<TopicPartition, FirstRecord>, SourceError> {
        let began = Instant::now();
        let mut found = HashMap::new();
        let mut topics: Vec<&str> = wanted.iter().map(|(partition, _)| &*partition.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        // one after the other: the end of a partition is told by its number alone
        for topic in topics {
            let of_topic: Vec<_> = wanted.iter().filter(|(partition, _)| *partition.topic == *topic).collect();
            self.read_first(topic, &of_topic, began, &mut found)?;
        }
        self.consumer.unassign().map_err(failed)?;
        Ok(found)
    }

    fn read_first(
        &self,
        topic: &str,
        wanted: &[&(TopicPartition, i64)],
        began: Instant,
        found: &mut HashMap<TopicPartition, FirstRecord>,
    ) -> Result<(), SourceError> {
        let starts = wanted.iter().map(|(partition, offset)| (partition, Offset::Offset(*offset)));
        self.consumer.assign(&list(starts)?).map_err(failed)?;
        let mut open: HashSet<i32> = wanted.iter().map(|(partition, _)| partition.partition).collect();
        while !open.is_empty() && began.elapsed() < self.timeout {
            let (number, first) = match self.consumer.poll(POLL) {
                Some(Ok(message)) if message.topic() == topic => {
                    (message.partition(), FirstRecord::At(message.timestamp().to_millis()))
                }
                Some(Err(KafkaError::PartitionEOF(number))) => (number, FirstRecord::Nothing),
                Some(Err(error)) if failure::sort(&error) == PollError::Fatal => return Err(failed(error)),
                passing => {
                    if let Some(Err(error)) = passing {
                        tracing::debug!("Kafka: {error}");
                    }
                    continue;
                }
            };
            if open.remove(&number) {
                let partition = TopicPartition { topic: topic.into(), partition: number };
                // no more of it
                self.consumer.pause(&list([(&partition, Offset::Invalid)])?).map_err(failed)?;
                found.insert(partition, first);
            }
        }
        Ok(())
    }
}

fn list<'p>(
    partitions: impl IntoIterator<Item = (&'p TopicPartition, Offset)>,
) -> Result<TopicPartitionList, SourceError> {
    let mut list = TopicPartitionList::new();
    for (TopicPartition { topic, partition }, offset) in partitions {
        list.add_partition_offset(topic, *partition, offset).map_err(failed)?;
    }
    Ok(list)
}

fn offsets(list: &TopicPartitionList) -> HashMap<TopicPartition, i64> {
    let elements = list.elements();
    let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        Offset::Offset(offset) => {
            let partition = TopicPartition { topic: element.topic().into(), partition: element.partition() };
            Some((partition, offset))
        }
        _ => None,
    };
    elements.iter().filter_map(offset).collect()
}
