//! How many partitions the target topics have. Missing ones are made.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use tokio::runtime::Handle;

use super::failure::Failure;
use super::producer::{self, Context, Producer};
use crate::config;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The topics that are known.
pub(super) struct Topics {
    creates: bool,
    n_partitions: HashMap<String, i32>,
}

impl Topics {
    pub(super) fn new(creates: bool) -> Self {
        Self { creates, n_partitions: HashMap::new() }
    }

    /// How many partitions a topic has. One that is missing is made with `wanted`, and else as the brokers are set up.
    pub(super) fn n_partitions(
        &mut self,
        producer: &Producer,
        settings: &config::KafkaSink,
        topic: &str,
        wanted: usize,
    ) -> Result<i32, Failure> {
        if let Some(known) = self.n_partitions.get(topic) {
            return Ok(*known);
        }
        let found = match lookup(producer, topic)? {
            0 if self.creates => {
                create(settings, topic, wanted)?;
                lookup(producer, topic)?
            }
            found => found,
        };
        if found == 0 {
            let text = format!("Kafka: topic {topic} is not there");
            return Err(if self.creates {
                Failure::Retry(text)
            } else {
                Failure::Fatal(text + ", and `sink.create` is off")
            });
        }
        self.n_partitions.insert(topic.to_owned(), found);
        Ok(found)
    }
}

/// 0 where it is not there. All topics are asked for: asking for one may make it, as the brokers like.
fn lookup(producer: &Producer, topic: &str) -> Result<i32, Failure> {
    let metadata = producer.client().fetch_metadata(None, TIMEOUT)?;
    let found = metadata.topics().iter().find(|known| known.name() == topic);
    Ok(found.map_or(0, |found| i32::try_from(found.partitions().len()).unwrap_or(i32::MAX)))
}

/// rdkafka's admin client is never given a token.
pub(super) const NOT_BY_TOKEN: &str =
    "with OAUTHBEARER rowkind cannot create it: create it, with as many partitions as its source has";

fn create(settings: &config::KafkaSink, topic: &str, n_partitions: usize) -> Result<(), Failure> {
    if config::has_token_login(&settings.properties) {
        return Err(Failure::Fatal(format!("Kafka: topic {topic} is not there, and {NOT_BY_TOKEN}")));
    }
    let admin: AdminClient<Context> = producer::client(settings).create_with_context(Context::new(settings))?;
    let n_partitions = i32::try_from(n_partitions).unwrap_or(1).max(1);
    // -1: as many replicas as the brokers are set up to
    let wanted = NewTopic::new(topic, n_partitions, TopicReplication::Fixed(-1));
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT));
    let made = Handle::current().block_on(admin.create_topics([&wanted], &options))?;
    match made.into_iter().next() {
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => {
            Err(Failure::Fatal(format!("Kafka: cannot create topic {topic}: {code}; create it, or grant CREATE on it")))
        }
        _ => {
            tracing::info!(partitions = n_partitions, "created topic {topic}");
            Ok(())
        }
    }
}
