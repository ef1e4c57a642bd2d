//! What would keep a pipeline from writing to a cluster, asked before its start. Nothing is written or made, and nobody is
//! fenced.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::failure::Failure;
use super::producer::{self, Producer};
use crate::config;
use crate::source::{Reason, give_token, token_of_file};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks the brokers of a sink. It is a consumer that reads nothing: a producer that asks for a topic may make it.
pub struct Probe {
    consumer: BaseConsumer<Context>,
    settings: config::KafkaSink,
}

/// Receives librdkafka's callbacks.
struct Context {
    token_location: Option<PathBuf>,
    reason: Reason,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token_of_file(self.token_location.as_deref())
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reason.note(&error, reason);
    }

    /// That what producers alone can be told is of no use to a consumer is no news.
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }
}

impl ConsumerContext for Context {}

impl Probe {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer, or librdkafka does not take a property.
    pub fn connect(settings: &config::KafkaSink) -> Result<Self, Failure> {
        let context = Context { token_location: settings.token_location.clone(), reason: Reason::default() };
        let consumer: BaseConsumer<Context> =
            producer::client(settings).set("group.id", "rowkind check").create_with_context(context)?;
        give_token(&consumer, &settings.properties);
        consumer.fetch_metadata(None, TIMEOUT).map_err(|error| {
            let reason = consumer.context().reason.of(&error, &consumer);
            match Failure::from(error) {
                Failure::Retry(_) => Failure::Retry(format!("Kafka: {reason}")),
                failure => failure,
            }
        })?;
        Ok(Self { consumer, settings: settings.clone() })
    }

    /// The cluster's id; `None` where it does not say.
    pub fn cluster_id(&self) -> Option<String> {
        self.consumer.client().fetch_cluster_id(TIMEOUT)
    }

    /// Begins as a transactional producer does, under an id that is none of the pipeline's instances.
    ///
    /// # Errors
    ///
    /// When the brokers refuse or do not answer.
    pub fn try_transactions(&self, pipeline: &str) -> Result<(), Failure> {
        Producer::start(&self.settings, &format!("rowkind.{pipeline}.check")).map(drop)
    }

    /// How many partitions a topic has; `None` where it is not there.
    ///
    /// # Errors
    ///
    /// When the brokers refuse or do not answer.
    pub fn n_partitions(&self, topic: &str) -> Result<Option<usize>, Failure> {
        let metadata = self.consumer.fetch_metadata(Some(topic), TIMEOUT)?;
        let Some(found) = metadata.topics().first() else { return Ok(None) };
        match found.error().map(RDKafkaErrorCode::from) {
            None => Ok(Some(found.partitions().len())),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
            Some(code) => Err(KafkaError::MetadataFetch(code).into()),
        }
    }

    /// Why a topic that is missing will not be made; `None` where it will.
    pub fn not_created(&self) -> Option<&'static str> {
        if !self.settings.create {
            Some("`sink.create` is off: create it")
        } else if config::has_token_login(&self.settings.properties) {
            Some(super::topics::NOT_BY_TOKEN)
        } else {
            None
        }
    }
}
