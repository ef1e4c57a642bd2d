//! Rejects on their way to a topic, each exactly once.
//!
//! `rowkind.rejects` is the outbox: a reject is written there in the transaction of its batch. It is forwarded in a Kafka
//! transaction that also commits, to the group `<pipeline>.rejects`, the offset behind it in the *source's* partition.
//! What stands at or above that offset is still to be forwarded, whatever became of the instance that was at it. Each
//! partition has a transactional id of its own, so that whoever begins with it fences out those before.

use std::collections::VecDeque;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

use rowkind_formats::Record;

use super::kept::Kept;
use crate::config::Kafka;
use crate::records::TopicPartition;
use crate::sink::kafka::reject_headers;
use crate::source::{SourceError, give_token, not_created, token_of_file};

/// Why rejects were not forwarded. They stay in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum Unforwarded {
    /// Kafka is away, or another instance has begun with the partition: try again.
    #[error("{0}")]
    Retry(String),
    /// A person has to act.
    #[error("{0}")]
    Fatal(String),
}

/// Where what a client does not take was set.
const PROPERTIES: &str = "`source.properties`,";
const TIMEOUT: Duration = Duration::from_secs(30);
/// Each holds connections and threads.
const MAX_PRODUCERS: usize = 4;

/// Writes rejects to the topics that they are for.
pub struct Forwarder {
    pipeline: String,
    kafka: Kafka,
    max_bytes: usize,
    /// Asks for what the group has committed; never a member of it.
    group: BaseConsumer<Context>,
    /// The last used is the last.
    producers: VecDeque<Producing>,
}

/// A producer of one partition's rejects.
struct Producing {
    partition: TopicPartition,
    producer: ThreadedProducer<Context>,
    /// The offset behind what it has forwarded.
    next_offset: i64,
}

/// Receives librdkafka's callbacks.
#[derive(Default)]
struct Context {
    /// The file of the token to log in with.
    token_location: Option<PathBuf>,
    /// Why the last record was not delivered.
    undelivered: Mutex<Option<RDKafkaErrorCode>>,
}

impl Context {
    fn new(kafka: &Kafka) -> Self {
        Self { token_location: kafka.token_location.clone(), ..Self::default() }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token_of_file(self.token_location.as_deref())
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("Kafka: {error}: {reason}");
    }

    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }
}

impl ConsumerContext for Context {}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            *self.undelivered.lock().unwrap_or_else(PoisonError::into_inner) = error.rdkafka_error_code();
        }
    }
}

impl Forwarder {
    /// One that writes to the brokers of a source.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take a property.
    pub fn new(pipeline: &str, kafka: Kafka, max_record_bytes: usize) -> Result<Self, SourceError> {
        let group = client(&kafka)
            .set("group.id", format!("{pipeline}.rejects"))
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .create_with_context(Context::new(&kafka))
            .map_err(|error| not_created(error, PROPERTIES))?;
        // keys, headers and the record's frame come on top
        let max_bytes = max_record_bytes.saturating_add(1 << 20).min(1_000_000_000);
        Ok(Self { pipeline: pipeline.to_owned(), kafka, max_bytes, group, producers: VecDeque::new() })
    }

    /// Forwards rejects of a partition, in the order of their offsets, without those that have been. The offset behind
    /// the last.
    ///
    /// # Errors
    ///
    /// When Kafka does not take them. Then none of them is there.
    pub fn forward(&mut self, partition: &TopicPartition, rejects: &[Kept]) -> Result<i64, Unforwarded> {
        let mut producing = match self.producers.iter().position(|producing| producing.partition == *partition) {
            Some(at) => self.producers.remove(at).expect("it was found there"),
            None => self.begin(partition)?,
        };
        let left: Vec<_> = rejects.iter().filter(|reject| reject.place.offset >= producing.next_offset).collect();
        if let Some(last) = left.last() {
            let next_offset = last.place.offset + 1;
            if let Err(error) = self.send(&producing, &left, next_offset) {
                let _ = producing.producer.abort_transaction(TIMEOUT);
                return Err(sort(&error, &producing));
            }
            producing.next_offset = next_offset;
        }
        let next_offset = producing.next_offset;
        self.producers.push_back(producing);
        if self.producers.len() > MAX_PRODUCERS {
            self.producers.pop_front();
        }
        Ok(next_offset)
    }

    /// Begins with a partition: nobody who began before can commit any more, and what they have committed is known.
    fn begin(&self, partition: &TopicPartition) -> Result<Producing, Unforwarded> {
        let TopicPartition { topic, partition: number } = partition;
        let context = Context::new(&self.kafka);
        let producer: ThreadedProducer<Context> = client(&self.kafka)
            .set("transactional.id", format!("rowkind.{}.{topic}.{number}", self.pipeline))
            .set("message.max.bytes", self.max_bytes.to_string())
            // as the Java clients do it
            .set("partitioner", "murmur2_random")
            .create_with_context(context)
            .map_err(|error| Unforwarded::Fatal(not_created(error, PROPERTIES).to_string()))?;
        let mut producing = Producing { partition: partition.clone(), producer, next_offset: 0 };
        let failed = |error: KafkaError| sort(&error, &producing);
        producing.producer.init_transactions(TIMEOUT).map_err(failed)?;
        // nobody else polls it: its token may have come to its end
        give_token(&self.group, &self.kafka.properties);
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(topic, *number);
        let committed = self.group.committed_offsets(wanted, TIMEOUT).map_err(failed)?;
        if let Some(Offset::Offset(offset)) = committed.elements().first().map(TopicPartitionListElem::offset) {
            producing.next_offset = offset;
        }
        Ok(producing)
    }

    fn send(&self, producing: &Producing, rejects: &[&Kept], next_offset: i64) -> Result<(), KafkaError> {
        let Producing { partition, producer, .. } = producing;
        producer.begin_transaction()?;
        for reject in rejects {
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(topic_of(reject)).headers(headers(&self.pipeline, reject));
            (record.key, record.payload) = (reject.key.as_deref(), reject.payload.as_deref());
            while let Err((error, unsent)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error);
                }
                record = unsent;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(next_offset))?;
        let group = self.group.group_metadata().ok_or(KafkaError::Canceled)?;
        producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT)?;
        producer.commit_transaction(TIMEOUT)
    }
}

fn topic_of(reject: &Kept) -> &str {
    reject.forwarded.as_ref().map_or("", |(topic, _)| topic)
}

fn client(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    // an instance's name is for members of its group
    for (key, value) in kafka.properties.iter().filter(|(key, _)| key != "group.instance.id") {
        config.set(key, value);
    }
    config.set("bootstrap.servers", &kafka.brokers);
    config
}

fn headers(pipeline: &str, reject: &Kept) -> OwnedHeaders {
    let TopicPartition { topic, partition } = &reject.place.partition;
    let origin = Record { topic, partition: *partition, offset: reject.place.offset, key: None, payload: None };
    reject_headers(pipeline, &origin, &reject.reason, &reject.headers)
}

/// What a person has to do about each code, in writing; what is not here is tried again.
pub const CODES: &[(RDKafkaErrorCode, &str)] = &[
    (RDKafkaErrorCode::TopicAuthorizationFailed, "allow WRITE and DESCRIBE on the topic"),
    (RDKafkaErrorCode::TransactionalIdAuthorizationFailed, TRANSACTIONS),
    (RDKafkaErrorCode::ClusterAuthorizationFailed, TRANSACTIONS),
    (RDKafkaErrorCode::GroupAuthorizationFailed, "allow READ on the group `<name>.rejects`"),
    (RDKafkaErrorCode::SaslAuthenticationFailed, "see `sasl.*` and `ssl.*` in `source.properties`"),
    (RDKafkaErrorCode::Authentication, "see `sasl.*` and `ssl.*` in `source.properties`"),
    (RDKafkaErrorCode::InvalidTopic, "see `rejects.topic`"),
    (RDKafkaErrorCode::UnknownTopic, "create the topic"),
    (RDKafkaErrorCode::UnknownTopicOrPartition, "create the topic"),
    (RDKafkaErrorCode::UnknownPartition, "create the topic"),
    (RDKafkaErrorCode::MessageSizeTooLarge, "raise the topic's `max.message.bytes`"),
];

const TRANSACTIONS: &str = "allow WRITE and DESCRIBE on the transactional ids `rowkind.<name>.*`";

fn sort(error: &KafkaError, producing: &Producing) -> Unforwarded {
    let undelivered = *producing.producer.context().undelivered.lock().unwrap_or_else(PoisonError::into_inner);
    let partition = &producing.partition;
    let code = undelivered.or(error.rdkafka_error_code());
    let Some((code, remedy)) = CODES.iter().find(|(known, _)| Some(*known) == code) else {
        return Unforwarded::Retry(format!("{partition}: Kafka: {error}"));
    };
    Unforwarded::Fatal(format!(
        "cannot write rejects of {partition} to `rejects.topic`: Kafka: {code}: {remedy}. They are kept in rowkind.rejects"
    ))
}
