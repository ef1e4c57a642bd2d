//! Kafka as the sink of a changelog: records and the source's next offsets in one transaction.
//!
//! Comes in: [`Messages`] and how far they move the source. Goes out: a committed transaction, or a [`Failure`] and then
//! `read_committed` readers see nothing of it. A lane has a producer of its own.
//!
//! The offsets go to the source's group as its present member, so that an instance that was away is fenced by the group's
//! generation ([KIP-447](https://cwiki.apache.org/confluence/display/KAFKA/KIP-447%3A+Producer+scalability+for+exactly+once+semantics)).
//! Where a commit was sent and its answer is not known, the group's offsets say whether it came to be.

pub mod failure;
mod headers;
mod probe;
mod producer;
mod topics;

use std::sync::Arc;

use crate::config;
use crate::records::{Advance, Records, TopicPartition};
use crate::reencode::Messages;
use crate::source::Ownership;
pub use failure::Failure;
pub(crate) use headers::of_reject as reject_headers;
pub use probe::Probe;
use producer::{Broken, Producer};
use topics::Topics;

/// Writes to topics.
pub struct KafkaSink {
    settings: config::KafkaSink,
    transactional_id: String,
    pipeline: String,
    ownership: Arc<Ownership>,
    producer: Option<Producer>,
    topics: Topics,
    /// Whether the last transaction may have been committed although we were not told.
    is_in_doubt: bool,
}

impl KafkaSink {
    /// A sink that is not connected yet. `transactional_id` is that of no other producer that lives.
    pub fn new(
        pipeline: &str,
        settings: config::KafkaSink,
        transactional_id: String,
        ownership: Arc<Ownership>,
    ) -> Self {
        let topics = Topics::new(settings.create);
        let pipeline = pipeline.to_owned();
        Self { settings, transactional_id, pipeline, ownership, producer: None, topics, is_in_doubt: false }
    }

    /// Writes what was made of `records`, and moves the source on.
    ///
    /// # Errors
    ///
    /// When Kafka refuses or does not answer, or this instance has lost a partition.
    pub fn write(&mut self, records: &Records, messages: &Messages, advances: &[Advance]) -> Result<(), Failure> {
        self.connect()?;
        if self.is_in_doubt && self.is_committed(advances)? {
            self.is_in_doubt = false;
            self.ownership.hold().move_on(advances);
            return Ok(());
        }
        self.is_in_doubt = false;
        let producer = self.producer.as_ref().expect("it was connected above");
        let mut n_partitions = Vec::with_capacity(messages.topics().len());
        for topic in messages.topics() {
            // as many as the source's topic has, where it has to be made
            let wanted = records.n_partitions(topic.first_origin);
            n_partitions.push(self.topics.n_partitions(producer, &self.settings, &topic.name, wanted)?);
        }
        let written = self.transact(producer, (records, messages, &n_partitions), advances);
        written.map_err(|broken| self.recover(broken))
    }

    /// A producer whose transactional id is no older one's any more.
    fn connect(&mut self) -> Result<(), Failure> {
        if self.producer.is_some() {
            return Ok(());
        }
        let producer = Producer::start(&self.settings, &self.transactional_id)?;
        if self.settings.is_exactly_once {
            let (source, sink) = (self.ownership.cluster_id(), producer.cluster_id());
            if source.is_some() && sink.is_some() && source != sink {
                return Err(Failure::Fatal(
                    "`source.brokers` and `sink.brokers` are two clusters, and a transaction is of one: set `sink.delivery_guarantee` to \"at-least-once\", or write to the source's cluster".to_owned(),
                ));
            }
        }
        self.producer = Some(producer);
        Ok(())
    }

    /// Whether the group stands where these advances lead: nobody else moves it there.
    fn is_committed(&self, advances: &[Advance]) -> Result<bool, Failure> {
        if !self.settings.is_exactly_once || advances.is_empty() {
            return Ok(false);
        }
        let partitions: Vec<TopicPartition> = advances.iter().map(|advance| advance.partition.clone()).collect();
        let committed = self.ownership.committed(&partitions)?;
        Ok(advances.iter().zip(committed).all(|(advance, committed)| committed == Some(advance.to)))
    }

    /// Brings the producer into a state from which it can go on.
    fn recover(&mut self, broken: Broken) -> Failure {
        match broken {
            Broken::Aborted(failure) => failure,
            Broken::Lost { failure, in_doubt } => {
                self.producer = None;
                self.is_in_doubt = in_doubt;
                failure
            }
        }
    }

    /// One transaction.
    fn transact(
        &self,
        producer: &Producer,
        (records, messages, n_partitions): (&Records, &Messages, &[i32]),
        advances: &[Advance],
    ) -> Result<(), Broken> {
        producer.begin()?;
        for message in messages.iter() {
            let origin = records.get(message.origin);
            // what has no key keeps the order of its source's partition
            let partition = message.key.is_none().then(|| origin.partition % n_partitions[message.topic_index]);
            let headers = match message.reason {
                None => headers::of_row(&origin),
                Some(reason) => {
                    headers::of_reject(&self.pipeline, &origin, reason, records.beside(message.origin).headers)
                }
            };
            producer.send(&message, partition, headers)?;
        }
        // nothing takes a partition from us between its offset and the commit
        let held = self.ownership.hold();
        if self.settings.is_exactly_once {
            let lost = held.lost(advances);
            if !lost.is_empty() {
                return Err(producer.abort(Failure::Lost(lost)));
            }
            if let Some((Advance { partition, from, .. }, stands)) = held.gap(advances) {
                return Err(producer.abort(Failure::Fatal(format!(
                    "{partition}: the records from offset {stands} to {from} were not written, and those behind them are to be: this is a bug of rowkind, please report it; nothing is lost, start again"
                ))));
            }
            if let Some(member) = held.member() {
                producer.send_offsets(advances, &member)?;
            }
        }
        producer.commit()?;
        held.move_on(advances);
        Ok(())
    }
}
