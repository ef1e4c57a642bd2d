//! librdkafka's consumer, set up for reading ahead of a database.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::{Broker, Statistics};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::config::Kafka;
use crate::records::TopicPartition;
use crate::source::{Reason, SourceError, token};

/// The consumer with its rebalances queued for the thread that polls it.
pub(super) type QueuedConsumer = BaseConsumer<Context>;

/// What the group coordinator wants.
pub(super) enum Rebalance {
    Assign(Vec<TopicPartition>),
    Revoke(Vec<TopicPartition>),
}

/// How far librdkafka has read a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetched {
    /// Where it reads on.
    pub(super) next_offset: i64,
    /// Whether that is the end, and all before it has been handed to us.
    pub(super) is_at_end: bool,
    /// The broker's end.
    pub(super) high: Option<i64>,
}

/// Receives librdkafka's callbacks.
#[derive(Default)]
pub(super) struct Context {
    rebalances: Mutex<VecDeque<Rebalance>>,
    fetched: Mutex<HashMap<TopicPartition, Fetched>>,
    is_closing: AtomicBool,
    /// The file of the token to log in with.
    token_location: Option<PathBuf>,
    reason: Reason,
    /// Since when no broker is reached; `None` while one is.
    alone_since: Mutex<Option<Instant>>,
    /// Brokers that were not reached, until it is seen whether they are a moment later.
    unreached: Mutex<Vec<(KafkaError, String, Instant)>>,
    /// When each error was last said.
    said: Mutex<Vec<(Option<RDKafkaErrorCode>, Instant)>>,
}

/// librdkafka says the same again and again while a broker is away.
const SAY_AGAIN: Duration = Duration::from_secs(30);

/// `localhost` is tried as `::1` first, and a broker that listens as 127.0.0.1 alone is there right afterwards.
const MOMENT: Duration = Duration::from_millis(500);

impl Context {
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// The partitions that the group has taken away and that are still to be given back.
    pub(super) fn revoked(&self) -> Vec<TopicPartition> {
        let rebalances = lock(&self.rebalances);
        let revoked = rebalances.iter().filter_map(|rebalance| match rebalance {
            Rebalance::Revoke(partitions) => Some(partitions),
            Rebalance::Assign(_) => None,
        });
        revoked.flatten().cloned().collect()
    }

    /// Warns of an error that passes; of brokers that were not reached, if they are not a moment later.
    pub(super) fn warn(&self, error: &KafkaError, reason: &str) {
        use RDKafkaErrorCode as C;
        match error.rdkafka_error_code() {
            code @ Some(C::BrokerTransportFailure | C::AllBrokersDown | C::Resolve) => {
                let mut unreached = lock(&self.unreached);
                if !unreached.iter().any(|(known, ..)| known.rdkafka_error_code() == code) {
                    unreached.push((error.clone(), reason.to_owned(), Instant::now()));
                }
            }
            _ => self.say(error, reason),
        }
    }

    /// Unless the same was said a moment ago.
    fn say(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let mut said = lock(&self.said);
        said.retain(|(_, at)| at.elapsed() < SAY_AGAIN);
        if !said.iter().any(|(known, _)| *known == code) {
            said.push((code, Instant::now()));
            tracing::warn!(?code, "Kafka: {reason}");
        }
    }

    /// Since when no broker is reached, and what was told last; `None` while one is.
    pub(super) fn alone_since(&self) -> Option<(Instant, String)> {
        let since = (*lock(&self.alone_since))?;
        let reason = self.reason.last().map_or_else(String::new, |reason| format!(": {reason}"));
        Some((since, format!("no Kafka broker is reached{reason}")))
    }

    /// Says of brokers that were not reached, and are not up now, that they were not.
    fn settle(&self, brokers: &HashMap<String, Broker>) {
        // behind the address there is the broker's number, once that is known
        let address = |name: &str| name.rsplit_once('/').map(|(address, _)| address.to_owned());
        let up: Vec<_> = brokers.values().filter(|broker| broker.state == "UP").map(|up| address(&up.name)).collect();
        let mut alone_since = lock(&self.alone_since);
        *alone_since = up.is_empty().then(|| alone_since.unwrap_or_else(Instant::now));
        let mut unreached = lock(&self.unreached);
        for (error, reason, _) in unreached.extract_if(.., |(_, _, at)| at.elapsed() > MOMENT) {
            let is_up = match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AllBrokersDown) => !up.is_empty(),
                _ => reason.split_once(": ").is_some_and(|(name, _)| up.contains(&address(name))),
            };
            if !is_up {
                self.say(&error, &reason);
            }
        }
    }

    /// What the last statistics said; empty when there were no new ones since the last call.
    pub(super) fn take_fetched(&self) -> HashMap<TopicPartition, Fetched> {
        std::mem::take(&mut *lock(&self.fetched))
    }

    /// From here on a revoked assignment is given back at once.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    /// What is wrong with it comes back as an error.
    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(self.token_location.as_deref())
    }

    fn stats(&self, statistics: Statistics) {
        self.settle(&statistics.brokers);
        let mut fetched = lock(&self.fetched);
        fetched.clear();
        for (topic, of_topic) in statistics.topics {
            let topic: std::sync::Arc<str> = topic.into();
            for (number, of_partition) in of_topic.partitions {
                let (next_offset, high) = (of_partition.next_offset, of_partition.ls_offset);
                let is_at_end =
                    next_offset >= 0 && next_offset == of_partition.eof_offset && of_partition.fetchq_cnt == 0;
                let partition = TopicPartition { topic: topic.clone(), partition: number };
                fetched.insert(partition, Fetched { next_offset, is_at_end, high: (high >= 0).then_some(high) });
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // the end of a partition, where it is asked for, is none
        let is_end = matches!(error, KafkaError::PartitionEOF(_) | KafkaError::Global(RDKafkaErrorCode::PartitionEOF));
        if is_end {
            return;
        }
        self.reason.note(&error, reason);
        self.warn(&error, reason);
    }

    /// What matters of librdkafka's own log comes as an error too; but for settings that it does not like.
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "CONFWARN" {
            tracing::warn!("Kafka: {message}");
        } else {
            tracing::debug!(target: "librdkafka", facility, "{message}");
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = list
            .elements()
            .iter()
            .map(|element| TopicPartition { topic: element.topic().into(), partition: element.partition() })
            .collect();
        if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            lock(&self.rebalances).push_back(Rebalance::Assign(partitions));
        } else if self.is_closing.load(Ordering::Relaxed) {
            unassign(consumer, list);
        } else {
            lock(&self.rebalances).push_back(Rebalance::Revoke(partitions));
        }
    }
}

/// Gives partitions back to the group.
pub(super) fn unassign(consumer: &QueuedConsumer, list: &TopicPartitionList) {
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
        _ => consumer.unassign(),
    };
    if let Err(error) = result {
        tracing::warn!("Kafka: cannot give partitions back: {error}");
    }
}

/// Takes partitions at the offsets in `list`.
pub(super) fn assign(consumer: &QueuedConsumer, list: &TopicPartitionList) -> Result<(), SourceError> {
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
        _ => consumer.assign(list),
    };
    result.map_err(|error| SourceError::Fatal(format!("Kafka: cannot take partitions: {error}")))
}

/// Properties that a user may set otherwise.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "rowkind"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("isolation.level", "read_committed"),
    // librdkafka reads ahead up to this, over all partitions; the answers to its fetches come on top
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.max.bytes", "2097152"),
    ("max.partition.fetch.bytes", "524288"),
    // the default of a second would let the queue run dry
    ("fetch.queue.backoff.ms", "20"),
    // new topics of a pattern are found this soon
    ("topic.metadata.refresh.interval.ms", "30000"),
    ("statistics.interval.ms", "1000"),
    ("socket.keepalive.enable", "true"),
];

/// Properties that exactly-once hangs on.
const FIXED: &[(&str, &str)] =
    &[("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error")];

/// A consumer that is subscribed.
///
/// # Errors
///
/// When librdkafka does not take a property, or a pattern is none.
pub(super) fn subscribe(kafka: &Kafka) -> Result<QueuedConsumer, SourceError> {
    let consumer = unsubscribed(kafka)?;
    let topics: Vec<&str> = kafka.subscription.iter().map(String::as_str).collect();
    consumer.subscribe(&topics).map_err(|error| SourceError::Fatal(format!("Kafka: cannot subscribe: {error}")))?;
    Ok(consumer)
}

/// A consumer that reads nothing yet.
///
/// # Errors
///
/// When librdkafka does not take a property.
pub(super) fn unsubscribed(kafka: &Kafka) -> Result<QueuedConsumer, SourceError> {
    with(kafka, &[])
}

/// For looking at single records of all that is there: transactions that are open or were aborted are not left out, a
/// partition's end is told, and little is read ahead.
const OF_ALL: &[(&str, &str)] = &[
    ("isolation.level", "read_uncommitted"),
    ("enable.partition.eof", "true"),
    ("queued.min.messages", "1"),
    ("max.partition.fetch.bytes", "65536"),
    // a fetch that waits for records keeps the next topic's waiting
    ("fetch.wait.max.ms", "10"),
];

/// A consumer that reads nothing yet, to look at all that is there.
///
/// # Errors
///
/// As for [`unsubscribed`].
pub(super) fn of_all(kafka: &Kafka) -> Result<QueuedConsumer, SourceError> {
    with(kafka, OF_ALL)
}

/// For ranges: a partition's end is told, and a fetch at it does not hold the next range up.
const OF_RANGES: &[(&str, &str)] = &[("enable.partition.eof", "true"), ("fetch.wait.max.ms", "10")];

/// A consumer that reads nothing yet, to read ranges.
///
/// # Errors
///
/// As for [`unsubscribed`].
pub(super) fn of_ranges(kafka: &Kafka) -> Result<QueuedConsumer, SourceError> {
    with(kafka, OF_RANGES)
}

/// A consumer with some properties over those of the user.
fn with(kafka: &Kafka, fixed: &[(&str, &str)]) -> Result<QueuedConsumer, SourceError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.brokers).set("group.id", &kafka.group);
    for (key, value) in DEFAULTS {
        config.set(*key, *value);
    }
    for (key, value) in &kafka.properties {
        config.set(key, value);
    }
    for (key, value) in FIXED.iter().chain(fixed) {
        config.set(*key, *value);
    }
    let context = Context { token_location: kafka.token_location.clone(), ..Context::default() };
    let consumer = config.create_with_context(context).map_err(|error| not_created(error, "`source.properties`,"))?;
    token::give(&consumer, &kafka.properties);
    Ok(consumer)
}

/// Why the brokers do not answer a question.
pub(super) fn unanswered(consumer: &QueuedConsumer, error: &KafkaError) -> SourceError {
    SourceError::Fatal(format!("Kafka: {}", consumer.context().reason.of(error, consumer)))
}

/// Why there is no consumer. A property is named as one of `properties`; its value may be a secret.
pub(crate) fn not_created(error: KafkaError, properties: &str) -> SourceError {
    match error {
        KafkaError::ClientConfig(_, reason, key, _) => SourceError::Config(format!("{properties} {key}: {reason}")),
        other => SourceError::Fatal(format!("Kafka: {other}")),
    }
}

/// The error of `poll` that a person has to act on.
pub(super) fn fatal(error: &KafkaError) -> SourceError {
    SourceError::Fatal(match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::FencedInstanceId) => {
            "Kafka: another instance of the group has the same `source.instance`: give each one of its own".to_owned()
        }
        _ => format!("Kafka: {error}"),
    })
}
