//! A topic read once, from its oldest record to its end, by nobody's group: for looking at it.

use std::collections::HashSet;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rowkind_formats::Record;

use super::SourceError;
use super::consumer;
use super::failure::{self, PollError};

const METADATA_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(500);

/// Hands every record of a topic to `each`, partition by partition in order, with the record's timestamp in milliseconds
/// since 1970. `each` ends it by `false`.
///
/// # Errors
///
/// When the brokers do not answer, the topic is not there, or a property is none of librdkafka's.
pub fn read_topic(
    brokers: &str,
    topic: &str,
    properties: &[(String, String)],
    mut each: impl FnMut(&Record<'_>, Option<i64>) -> bool,
) -> Result<(), SourceError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("isolation.level", "read_committed");
    for (key, value) in properties {
        config.set(key, value);
    }
    // a group is asked for, and never joined
    config.set("group.id", "rowkind inspect").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    let failed = |error: KafkaError| SourceError::Fatal(format!("Kafka: {error}"));
    let reader: BaseConsumer = config.create().map_err(|error| consumer::not_created(error, "property"))?;
    let metadata = reader.fetch_metadata(Some(topic), METADATA_TIMEOUT).map_err(failed)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(rdkafka::metadata::MetadataTopic::partitions)
        .map(rdkafka::metadata::MetadataPartition::id)
        .collect();
    if partitions.is_empty() {
        return Err(SourceError::Fatal(format!("Kafka: topic {topic} is not there")));
    }
    let mut list = TopicPartitionList::new();
    for partition in &partitions {
        list.add_partition_offset(topic, *partition, Offset::Beginning).map_err(failed)?;
    }
    reader.assign(&list).map_err(failed)?;
    let mut open: HashSet<i32> = partitions.into_iter().collect();
    while !open.is_empty() {
        match reader.poll(POLL) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(Err(error)) => match failure::sort(&error) {
                PollError::Passing => tracing::debug!("Kafka: {error}"),
                _ => return Err(failed(error)),
            },
            Some(Ok(message)) => {
                let record = Record {
                    topic: message.topic(),
                    partition: message.partition(),
                    offset: message.offset(),
                    key: message.key(),
                    payload: message.payload(),
                };
                if !each(&record, message.timestamp().to_millis()) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
