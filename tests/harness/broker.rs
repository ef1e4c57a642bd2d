//! The Kafka of a test: a mock cluster of its own, or topics of its own on the real one.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, DeliveryFuture, FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::{RUNTIME, Record, unique};

/// Names a real cluster, as `host:port,host:port`.
const BROKERS: &str = "ROWKIND_TEST_BROKERS";
const TIMEOUT: Duration = Duration::from_secs(30);
/// The default is 1 MB. The mock keeps 5 MB of a partition.
const MAX_MESSAGE_BYTES: &str = "4000000";

pub(crate) struct Broker {
    cluster: Cluster,
    address: String,
    /// In front of the names of topics, where they are shared with other tests.
    prefix: String,
    topics: Mutex<Vec<String>>,
}

enum Cluster {
    Mock(MockCluster<'static, DefaultProducerContext>),
    Real(AdminClient<DefaultClientContext>),
}

impl Broker {
    pub(crate) fn start() -> Self {
        match std::env::var(BROKERS) {
            Ok(address) if !address.is_empty() => Self::real(&address, format!("{}.", unique("rowkind-test"))),
            _ => Self::mock(),
        }
    }

    /// The same with the names of topics as they are.
    pub(crate) fn start_unprefixed() -> Self {
        match std::env::var(BROKERS) {
            Ok(address) if !address.is_empty() => Self::at(&address),
            _ => Self::mock(),
        }
    }

    /// A real cluster, whatever there is else.
    pub(crate) fn at(address: &str) -> Self {
        Self::real(address, String::new())
    }

    fn real(address: &str, prefix: String) -> Self {
        let admin = ClientConfig::new().set("bootstrap.servers", address).create().unwrap();
        Self::new(Cluster::Real(admin), address.to_owned(), prefix)
    }

    /// A mock cluster, even where there is a real one: it can be stopped.
    pub(crate) fn mock() -> Self {
        Self::mock_of(1)
    }

    /// A mock cluster of several brokers, numbered from 1 on.
    pub(crate) fn mock_of(n_brokers: i32) -> Self {
        let mock = MockCluster::new(n_brokers).unwrap();
        let address = mock.bootstrap_servers();
        Self::new(Cluster::Mock(mock), address, String::new())
    }

    fn new(cluster: Cluster, address: String, prefix: String) -> Self {
        Self { cluster, address, prefix, topics: Mutex::default() }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Makes a topic; its full name.
    pub(crate) fn topic(&self, name: &str, n_partitions: i32) -> String {
        let topic = format!("{}{name}", self.prefix);
        match &self.cluster {
            Cluster::Mock(mock) => mock.create_topic(&topic, n_partitions, 1).unwrap(),
            Cluster::Real(admin) => {
                let wanted = NewTopic::new(&topic, n_partitions, TopicReplication::Fixed(1))
                    .set("max.message.bytes", MAX_MESSAGE_BYTES);
                let options = AdminOptions::new().operation_timeout(Some(TIMEOUT));
                let made = RUNTIME.block_on(admin.create_topics([&wanted], &options));
                made.unwrap_or_else(|error| panic!("{BROKERS}={}: {error}", self.address)).remove(0).unwrap();
            }
        }
        self.topics.lock().unwrap().push(topic.clone());
        topic
    }

    /// What the names of this broker's topics begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Writes records to a partition in their order, and waits until they are there.
    pub(crate) fn write(&self, topic: &str, partition: i32, records: &[Record]) {
        // one of its own for every call: the mock loses requests of connections from before it was stopped
        self.writer().write(topic, partition, records);
    }

    /// Writes on and on, and waits while brokers are away. A mock that was stopped needs another one.
    pub(crate) fn writer(&self) -> Writer {
        Writer(producer(&self.address))
    }

    /// Writes records to a partition in one transaction, and commits or aborts it. The mock's readers see both.
    pub(crate) fn write_transaction(&self, topic: &str, partition: i32, records: &[Record], commits: bool) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.address)
            .set("transactional.id", unique("transaction"))
            .create()
            .unwrap();
        producer.init_transactions(TIMEOUT).unwrap();
        producer.begin_transaction().unwrap();
        RUNTIME.block_on(async {
            for record in records {
                send(&producer, topic, partition, record).await.await.unwrap().unwrap();
            }
        });
        let ended = if commits { producer.commit_transaction(TIMEOUT) } else { producer.abort_transaction(TIMEOUT) };
        ended.unwrap();
    }

    /// What a reader of committed records finds in a topic, partition by partition. The mock hides nothing.
    pub(crate) fn read(&self, topic: &str) -> Vec<OwnedMessage> {
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.address)
            .set("group.id", "none")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            // an answered commit would end a poll early
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let metadata = reader.fetch_metadata(Some(topic), TIMEOUT).unwrap();
        let n_partitions = i32::try_from(metadata.topics()[0].partitions().len()).unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..n_partitions {
            all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        reader.assign(&all).unwrap();
        let (mut found, mut n_open) = (Vec::new(), n_partitions);
        while n_open > 0 {
            match reader.poll(TIMEOUT) {
                Some(Ok(message)) => found.push(message.detach()),
                Some(Err(KafkaError::PartitionEOF(_))) => n_open -= 1,
                Some(Err(error)) => panic!("{topic}: {error}"),
                None => panic!("no end of {topic} in {TIMEOUT:?}"),
            }
        }
        found.sort_by_key(Message::partition);
        found
    }

    /// Whether it is a mock cluster.
    pub(crate) fn is_mock(&self) -> bool {
        matches!(self.cluster, Cluster::Mock(_))
    }

    /// The oldest and the next offset of a partition.
    pub(crate) fn watermarks(&self, topic: &str, partition: i32) -> (i64, i64) {
        self.consumer("none").fetch_watermarks(topic, partition, TIMEOUT).unwrap()
    }

    /// What a consumer group has committed for a partition.
    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(topic, partition);
        let committed = self.consumer(group).committed_offsets(wanted, TIMEOUT).unwrap();
        match committed.elements().first().unwrap().offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// Commits an offset for a consumer group that has no members.
    pub(crate) fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
        self.consumer(group).commit(&list, CommitMode::Sync).unwrap();
    }

    /// Gives a topic of a real cluster more partitions.
    pub(crate) fn add_partitions(&self, topic: &str, n_partitions: usize) {
        let Cluster::Real(admin) = &self.cluster else { panic!("a mock's topics keep their partitions") };
        let wanted = NewPartitions::new(topic, n_partitions);
        RUNTIME.block_on(admin.create_partitions([&wanted], &AdminOptions::new())).unwrap().remove(0).unwrap();
    }

    /// Takes the records below `offset` away, as retention does. The mock keeps 5 MiB a partition; so there, more than
    /// that is written first.
    pub(crate) fn forget_the_oldest(&self, topic: &str, partition: i32) {
        match &self.cluster {
            Cluster::Mock(_) => {
                let large = Record { payload: Some(vec![b' '; 900_000]), ..Record::default() };
                self.write(topic, partition, &vec![large; 8]);
            }
            Cluster::Real(admin) => {
                let (_, end) = self.watermarks(topic, partition);
                let mut until = TopicPartitionList::new();
                until.add_partition_offset(topic, partition, Offset::Offset(end)).unwrap();
                RUNTIME.block_on(admin.delete_records(&until, &AdminOptions::new())).unwrap();
            }
        }
    }

    /// Closes its connections and takes no new ones.
    pub(crate) fn stop(&self) {
        if let Cluster::Mock(mock) = &self.cluster {
            mock.broker_down(1).unwrap();
        }
    }

    pub(crate) fn resume(&self) {
        if let Cluster::Mock(mock) = &self.cluster {
            mock.broker_up(1).unwrap();
        }
    }

    /// The next requests of a kind to a mock are answered with these errors.
    pub(crate) fn answer_with(&self, requests: RDKafkaApiKey, errors: &[RDKafkaRespErr]) {
        self.as_mock().request_errors(requests, errors);
    }

    /// Another broker of a mock leads a partition.
    pub(crate) fn move_leader(&self, topic: &str, partition: i32, broker: i32) {
        self.as_mock().partition_leader(topic, partition, Some(broker)).unwrap();
    }

    fn as_mock(&self) -> &MockCluster<'static, DefaultProducerContext> {
        match &self.cluster {
            Cluster::Mock(mock) => mock,
            Cluster::Real(_) => panic!("it is no mock"),
        }
    }

    /// Deletes a topic of a real cluster, and waits until it is gone.
    pub(crate) fn delete_topic(&self, topic: &str) {
        let Cluster::Real(admin) = &self.cluster else { panic!("a mock keeps its topics") };
        let options = AdminOptions::new().operation_timeout(Some(TIMEOUT));
        RUNTIME.block_on(admin.delete_topics(&[topic], &options)).unwrap().remove(0).unwrap();
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        ClientConfig::new().set("bootstrap.servers", &self.address).set("group.id", group).create().unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Cluster::Real(admin) = &self.cluster {
            let topics = self.topics.lock().unwrap();
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            let _ = RUNTIME.block_on(admin.delete_topics(&names, &AdminOptions::new()));
        }
    }
}

/// What writes to the topics of a broker, for as long as it likes.
pub(crate) struct Writer(FutureProducer);

impl Writer {
    /// Writes records to a partition in their order, and waits until they are there.
    pub(crate) fn write(&self, topic: &str, partition: i32, records: &[Record]) {
        RUNTIME.block_on(write(&self.0, topic, partition, records));
    }
}

/// A producer that writes each record once.
fn producer(address: &str) -> FutureProducer {
    ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("enable.idempotence", "true")
        .set("message.max.bytes", MAX_MESSAGE_BYTES)
        .create()
        .unwrap()
}

/// Writes records to a partition in their order, and waits until they are there.
async fn write(producer: &FutureProducer, topic: &str, partition: i32, records: &[Record]) {
    let mut sent = Vec::with_capacity(records.len());
    for record in records {
        sent.push(send(producer, topic, partition, record).await);
    }
    for delivery in sent {
        delivery.await.unwrap().unwrap();
    }
}

async fn send(producer: &FutureProducer, topic: &str, partition: i32, record: &Record) -> DeliveryFuture {
    let mut message: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).partition(partition);
    message.key = record.key.as_deref();
    message.payload = record.payload.as_deref();
    if !record.headers.is_empty() {
        let headers = record.headers.iter().map(|(key, value)| Header { key, value: Some(*value) });
        message.headers = Some(headers.fold(OwnedHeaders::new(), OwnedHeaders::insert));
    }
    loop {
        match producer.send_result(message) {
            Ok(delivery) => return delivery,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                message = unsent;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}
