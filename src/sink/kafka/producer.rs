//! librdkafka's transactional producer, and how its errors leave it.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::failure::{Failure, is_of_record};
use crate::config;
use crate::records::Advance;
use crate::reencode::Message;
use crate::source::token_of_file;

/// A producer with transactions.
pub(super) struct Producer(ThreadedProducer<Context>);

/// How a transaction broke off.
#[derive(Debug)]
pub(super) enum Broken {
    /// It was aborted; the producer can begin another.
    Aborted(Failure),
    /// The producer cannot be used any more.
    Lost {
        failure: Failure,
        /// Whether the transaction may be committed all the same.
        in_doubt: bool,
    },
}

/// Receives librdkafka's callbacks.
#[derive(Default)]
pub(super) struct Context {
    /// The file of the token to log in with.
    token_location: Option<PathBuf>,
    /// The first record that could not be written, as its index in the batch.
    undelivered: Mutex<Option<(usize, RDKafkaErrorCode)>>,
}

impl Context {
    pub(super) fn new(settings: &config::KafkaSink) -> Self {
        Self { token_location: settings.token_location.clone(), ..Self::default() }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token_of_file(self.token_location.as_deref())
    }

    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "CONFWARN" {
            tracing::warn!("Kafka: {message}");
        } else {
            tracing::debug!(target: "librdkafka", facility, "{message}");
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(code = ?error.rdkafka_error_code(), "Kafka: {reason}");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, origin: usize) {
        if let Err((error, _)) = result
            && let Some(code) = error.rdkafka_error_code()
        {
            self.undelivered.lock().expect("nothing panics while it holds the lock").get_or_insert((origin, code));
        }
    }
}

/// Properties that a user may set otherwise.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "rowkind"),
    // a key goes where Kafka's own clients send it
    ("partitioner", "murmur2_random"),
    // readers wait so long for what a killed instance has left open
    ("transaction.timeout.ms", "15000"),
    ("linger.ms", "5"),
    ("queue.buffering.max.kbytes", "65536"),
    ("compression.type", "lz4"),
    ("socket.keepalive.enable", "true"),
];

const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a call that may be repeated is repeated.
const TRIES: usize = 6;
const QUEUE_FULL: Duration = Duration::from_millis(1);

impl Producer {
    /// Connects, and ends what an older producer of this transactional id has left open.
    pub(super) fn start(settings: &config::KafkaSink, transactional_id: &str) -> Result<Self, Failure> {
        let mut config = client(settings);
        for (key, value) in DEFAULTS {
            if !settings.properties.iter().any(|(known, _)| known == key) {
                config.set(*key, *value);
            }
        }
        config.set("transactional.id", transactional_id).set("enable.idempotence", "true");
        let producer: ThreadedProducer<Context> = config.create_with_context(Context::new(settings))?;
        producer.init_transactions(TIMEOUT)?;
        Ok(Self(producer))
    }

    pub(super) fn cluster_id(&self) -> Option<String> {
        self.0.client().fetch_cluster_id(TIMEOUT)
    }

    pub(super) fn client(&self) -> &rdkafka::client::Client<Context> {
        self.0.client()
    }

    pub(super) fn begin(&self) -> Result<(), Broken> {
        *self.undelivered() = None;
        self.0.begin_transaction().map_err(|error| lost(error, false))
    }

    /// Hands a record over; it is sent by and by.
    pub(super) fn send(
        &self,
        message: &Message<'_>,
        partition: Option<i32>,
        headers: OwnedHeaders,
    ) -> Result<(), Broken> {
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(message.topic, message.origin).headers(headers);
        (record.key, record.payload, record.partition) = (message.key, message.payload, partition);
        let began = Instant::now();
        loop {
            match self.0.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent))
                    if began.elapsed() < TIMEOUT * 6 =>
                {
                    record = unsent;
                    std::thread::sleep(QUEUE_FULL);
                }
                Err((error, _)) => return Err(self.abort(self.cause(&error, Some(message.origin)))),
            }
        }
    }

    /// Makes the source's next offsets part of the transaction.
    pub(super) fn send_offsets(&self, advances: &[Advance], member: &ConsumerGroupMetadata) -> Result<(), Broken> {
        let mut list = TopicPartitionList::new();
        for Advance { partition, to, .. } in advances {
            let added = list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*to));
            added.map_err(|error| self.abort(error.into()))?;
        }
        repeat(|| self.0.send_offsets_to_transaction(&list, member, TIMEOUT))
            .map_err(|error| self.abort(self.cause(&error, None)))
    }

    /// Commits, when all that was handed over has been sent.
    pub(super) fn commit(&self) -> Result<(), Broken> {
        match repeat(|| self.0.commit_transaction(TIMEOUT)) {
            Ok(()) => Ok(()),
            Err(error) if needs_abort(&error) => Err(self.abort(self.cause(&error, None))),
            Err(error) => Err(lost(error, true)),
        }
    }

    /// Aborts the transaction, for this reason.
    pub(super) fn abort(&self, failure: Failure) -> Broken {
        match repeat(|| self.0.abort_transaction(TIMEOUT)) {
            Ok(()) => Broken::Aborted(failure),
            Err(error) => {
                tracing::debug!("Kafka: cannot abort a transaction: {error}");
                Broken::Lost { failure, in_doubt: false }
            }
        }
    }

    /// Why a transaction has to be aborted: a record of it that cannot be written, or what was answered.
    fn cause(&self, error: &KafkaError, sent: Option<usize>) -> Failure {
        let undelivered = *self.undelivered();
        let of_call = sent.zip(error.rdkafka_error_code());
        match undelivered.into_iter().chain(of_call).find(|(_, code)| is_of_record(*code)) {
            Some((index, code)) => Failure::Record(index, format!("cannot be written: Kafka: {code}")),
            None => match undelivered {
                Some((_, code)) => KafkaError::MessageProduction(code).into(),
                None => error.clone().into(),
            },
        }
    }

    fn undelivered(&self) -> std::sync::MutexGuard<'_, Option<(usize, RDKafkaErrorCode)>> {
        self.0.context().undelivered.lock().expect("nothing panics while it holds the lock")
    }
}

/// Calls again what librdkafka says can be called again.
fn repeat(call: impl Fn() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    let mut outcome = call();
    for _ in 1..TRIES {
        match &outcome {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => outcome = call(),
            _ => break,
        }
    }
    outcome
}

/// The settings of any client of the sink's cluster.
pub(super) fn client(settings: &config::KafkaSink) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.brokers);
    for (key, value) in &settings.properties {
        config.set(key, value);
    }
    config
}

fn needs_abort(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.txn_requires_abort())
}

/// What ends a producer asks for another one.
fn lost(error: KafkaError, in_doubt: bool) -> Broken {
    Broken::Lost { failure: error.into(), in_doubt }
}
