//! A Kafka broker inside this process: librdkafka's mock cluster, and a producer for it.

use std::time::Duration;

use anyhow::Context;

use rdkafka::config::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rowkind_formats::RecordedRecord;

const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The broker. It goes with the process.
pub(super) struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: FutureProducer,
}

impl Broker {
    /// A broker with topics of one partition each.
    pub(super) fn start(topics: &[&str]) -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1).context("cannot start the mock Kafka")?;
        for topic in topics {
            cluster.create_topic(topic, 1, 1).with_context(|| format!("cannot make topic {topic}"))?;
        }
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "0")
            .create()
            .context("cannot make a producer")?;
        Ok(Self { cluster, producer })
    }

    /// `host:port`.
    pub(super) fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Writes a record, and waits until it is there.
    pub(super) async fn publish(&self, record: &RecordedRecord) -> anyhow::Result<()> {
        let record = record.as_record();
        let mut message: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(record.topic).partition(record.partition);
        message.key = record.key;
        message.payload = record.payload;
        match self.producer.send(message, SEND_TIMEOUT).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error).context("cannot write to the mock Kafka"),
        }
    }
}
