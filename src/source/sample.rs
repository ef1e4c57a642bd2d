//! What the brokers have of a pipeline's topics, and the last records of each: for looking at them before the start.
//!
//! Nobody's group is joined, and nothing is waited for longer than a person would.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use regex::Regex;

use super::SourceError;
use super::consumer::{self, QueuedConsumer};
use super::failure::{self, PollError};
use crate::config::Kafka;
use crate::records::{Beside, Claimed, Records, TopicPartition};

/// Asks the brokers of a source.
pub struct Sampler {
    pub(super) consumer: QueuedConsumer,
    subscription: Vec<String>,
    pub(super) group: String,
    pub(super) timeout: Duration,
    /// Whether a token is logged in with.
    has_token: bool,
}

/// A partition as the broker has it.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// The partition.
    pub partition: TopicPartition,
    /// The oldest offset that is there.
    pub low: i64,
    /// The next offset.
    pub high: i64,
    /// What the group has committed.
    pub committed: Option<i64>,
}

const TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const POLL: Duration = Duration::from_millis(100);

impl Sampler {
    /// A sampler that has not asked yet.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take a property.
    pub fn new(kafka: &Kafka) -> Result<Self, SourceError> {
        Ok(Self::by(consumer::unsubscribed(kafka)?, kafka, TIMEOUT))
    }

    /// A sampler that sees all that is there: records of transactions that are open or were aborted too.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take a property.
    pub fn of_all(kafka: &Kafka, timeout: Duration) -> Result<Self, SourceError> {
        Ok(Self::by(consumer::of_all(kafka)?, kafka, timeout))
    }

    fn by(consumer: QueuedConsumer, kafka: &Kafka, timeout: Duration) -> Self {
        let (subscription, group) = (kafka.subscription.clone(), kafka.group.clone());
        Self { consumer, subscription, group, timeout, has_token: kafka.token_location.is_some() }
    }

    /// The cluster's id; `None` where it does not say.
    pub fn cluster_id(&self) -> Option<String> {
        self.consumer.client().fetch_cluster_id(TIMEOUT)
    }

    /// The topics that are read, each with the number of its partitions: 0 where one that is named is not there.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer, or a pattern is none.
    pub fn topics(&self) -> Result<Vec<(String, usize)>, SourceError> {
        self.log_in()?;
        let metadata = self
            .consumer
            .fetch_metadata(None, self.timeout)
            .map_err(|error| consumer::unanswered(&self.consumer, &error))?;
        let there = || metadata.topics().iter().map(|topic| (topic.name().to_owned(), topic.partitions().len()));
        let mut topics = Vec::new();
        for wanted in &self.subscription {
            if wanted.starts_with('^') {
                let pattern = Regex::new(wanted).map_err(|_| {
                    SourceError::Config("`source.topic_pattern`: expected a regular expression".to_owned())
                })?;
                topics.extend(there().filter(|(name, _)| pattern.is_match(name)));
            } else {
                topics.push(there().find(|(name, _)| name == wanted).unwrap_or((wanted.clone(), 0)));
            }
        }
        topics.sort();
        topics.dedup();
        Ok(topics)
    }

    /// librdkafka asks for a token, or for a new one, only where it is polled.
    fn log_in(&self) -> Result<(), SourceError> {
        match self.consumer.poll(if self.has_token { POLL } else { Duration::ZERO }) {
            Some(Err(error)) if failure::sort(&error) == PollError::Fatal => Err(consumer::fatal(&error)),
            _ => Ok(()),
        }
    }

    /// The partitions of a topic, and up to `n` of the last records of each.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer.
    pub fn sample(&self, topic: &str, n_partitions: usize, n: i64) -> Result<(Vec<Sampled>, Records), SourceError> {
        let mut sampled = Vec::with_capacity(n_partitions);
        let (mut asked, mut list) = (TopicPartitionList::new(), TopicPartitionList::new());
        for number in (0..).take(n_partitions) {
            let (low, high) = self.consumer.fetch_watermarks(topic, number, self.timeout).map_err(failed)?;
            let partition = TopicPartition { topic: topic.into(), partition: number };
            asked.add_partition(topic, number);
            if high > low {
                list.add_partition_offset(topic, number, Offset::Offset((high - n).max(low))).map_err(failed)?;
            }
            sampled.push(Sampled { partition, low, high, committed: None });
        }
        let committed = self.consumer.committed_offsets(asked, self.timeout).map_err(failed)?;
        for of in &mut sampled {
            let found = committed.find_partition(topic, of.partition.partition).map(|found| found.offset());
            of.committed = if let Some(Offset::Offset(offset)) = found { Some(offset) } else { None };
        }
        let records = self.read(&sampled, &list)?;
        Ok((sampled, records))
    }

    fn read(&self, sampled: &[Sampled], list: &TopicPartitionList) -> Result<Records, SourceError> {
        self.consumer.assign(list).map_err(failed)?;
        let mut records = Records::default();
        let mut open: Vec<&Sampled> = sampled.iter().filter(|of| of.high > of.low).collect();
        let (began, mut passing) = (Instant::now(), None);
        // behind the last record there may be what only the broker sees: then the time runs out
        while !open.is_empty() && began.elapsed() < self.timeout {
            match self.consumer.poll(POLL) {
                None if began.elapsed() > self.timeout / 3 && !records.is_empty() => break,
                None => {}
                // another broker, or the same by another address, may have the records
                Some(Err(error)) if failure::sort(&error) == PollError::Passing => passing = Some(error),
                Some(Err(error)) => return Err(consumer::fatal(&error)),
                Some(Ok(message)) => {
                    let (number, offset) = (message.partition(), message.offset());
                    let of = sampled.iter().find(|of| of.partition.partition == number);
                    let Some(of) = of.filter(|of| offset < of.high) else { continue };
                    let n_partitions = sampled.len();
                    let claimed = Claimed { partition: &of.partition, n_partitions, epoch: 0, next_offset: offset };
                    records.push(claimed, offset, (message.key(), message.payload()), Beside::default());
                    if offset + 1 >= of.high {
                        open.retain(|of| of.partition.partition != number);
                    }
                }
            }
        }
        self.consumer.unassign().map_err(failed)?;
        match passing {
            Some(error) if records.is_empty() && !open.is_empty() => Err(consumer::unanswered(&self.consumer, &error)),
            _ => Ok(records),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn failed(error: KafkaError) -> SourceError {
    SourceError::Fatal(format!("Kafka: {error}"))
}
