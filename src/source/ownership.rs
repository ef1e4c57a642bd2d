//! Which partitions this instance has, and as which member of its group: what a transaction of Kafka's is fenced by.
//!
//! Offsets that are sent with a transaction are checked against the group's generation, and not against who has the
//! partition in it. So a partition is given back only when no transaction that moves it is under way, and one that was
//! assigned anew has another epoch, under which older batches do not count.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::consumer::QueuedConsumer;
use crate::records::{Advance, TopicPartition};

/// The partitions of an instance, shared by its source and its lanes.
#[derive(Default)]
pub struct Ownership(RwLock<Owned>);

#[derive(Default)]
struct Owned {
    taken: HashMap<TopicPartition, Taken>,
    last_epoch: i64,
    /// There is none where records are read from a file.
    consumer: Option<Arc<QueuedConsumer>>,
}

/// A partition that this instance has.
struct Taken {
    epoch: i64,
    /// Up to where its records have been written.
    next_offset: AtomicI64,
}

/// The partitions stay while this lives.
pub struct Held<'o>(RwLockReadGuard<'o, Owned>);

const TIMEOUT: Duration = Duration::from_secs(20);

impl Ownership {
    /// Says who reads.
    pub(super) fn set_consumer(&self, consumer: &Arc<QueuedConsumer>) {
        self.write().consumer = Some(Arc::clone(consumer));
    }

    /// Lets go of who reads, so that it can leave its group.
    pub(super) fn close(&self) {
        *self.write() = Owned::default();
    }

    /// Takes a partition from its next offset on, under an epoch of its own.
    pub fn take(&self, partition: &TopicPartition, next_offset: i64) -> i64 {
        let mut owned = self.write();
        owned.last_epoch += 1;
        let epoch = owned.last_epoch;
        owned.taken.insert(partition.clone(), Taken { epoch, next_offset: next_offset.into() });
        epoch
    }

    /// Lets partitions go, once no transaction that moves them is under way.
    pub(super) fn release(&self, partitions: &[TopicPartition]) {
        if partitions.is_empty() {
            return;
        }
        let mut owned = self.write();
        for partition in partitions {
            owned.taken.remove(partition);
        }
    }

    /// Keeps all partitions until the guard is dropped.
    pub fn hold(&self) -> Held<'_> {
        Held(self.0.read().expect("nothing panics while it holds the lock"))
    }

    /// What the group has committed for each partition; `None` where that is nothing, or nobody reads from Kafka.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer.
    pub fn committed(&self, partitions: &[TopicPartition]) -> Result<Vec<Option<i64>>, KafkaError> {
        match self.consumer() {
            Some(consumer) => committed(&consumer, partitions),
            None => Ok(vec![None; partitions.len()]),
        }
    }

    /// Commits offsets for the group. Nothing happens where nobody reads from Kafka.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer.
    pub fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), KafkaError> {
        let Some(consumer) = self.consumer() else { return Ok(()) };
        let mut list = TopicPartitionList::new();
        for (TopicPartition { topic, partition }, offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        if list.count() > 0 { consumer.commit(&list, CommitMode::Sync) } else { Ok(()) }
    }

    /// The id of the cluster that is read; `None` where it does not say, or nobody reads from Kafka.
    pub fn cluster_id(&self) -> Option<String> {
        self.consumer()?.client().fetch_cluster_id(TIMEOUT)
    }

    fn consumer(&self) -> Option<Arc<QueuedConsumer>> {
        self.hold().0.consumer.clone()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Owned> {
        self.0.write().expect("nothing panics while it holds the lock")
    }
}

impl Held<'_> {
    /// Those advances whose partitions this instance does not have any more.
    pub fn lost(&self, advances: &[Advance]) -> Vec<Advance> {
        advances.iter().filter(|advance| self.taken(advance).is_none()).cloned().collect()
    }

    /// The first of these advances that would leave records out, and where its partition stands.
    pub fn gap<'a>(&self, advances: &'a [Advance]) -> Option<(&'a Advance, i64)> {
        let stands = |advance| Some((advance, self.taken(advance)?.next_offset.load(Ordering::Relaxed)));
        advances.iter().filter_map(stands).find(|(advance, stands)| advance.from != *stands)
    }

    /// Notes what has been written.
    pub fn move_on(&self, advances: &[Advance]) {
        for advance in advances {
            if let Some(taken) = self.taken(advance) {
                taken.next_offset.store(advance.to, Ordering::Relaxed);
            }
        }
    }

    fn taken(&self, advance: &Advance) -> Option<&Taken> {
        self.0.taken.get(&advance.partition).filter(|taken| taken.epoch == advance.epoch)
    }

    /// As whom offsets are sent; `None` where nobody reads from Kafka.
    pub fn member(&self) -> Option<ConsumerGroupMetadata> {
        self.0.consumer.as_ref()?.group_metadata()
    }
}

/// What a consumer's group has committed for each partition. It waits for transactions that are still open.
fn committed(consumer: &QueuedConsumer, partitions: &[TopicPartition]) -> Result<Vec<Option<i64>>, KafkaError> {
    let mut wanted = TopicPartitionList::new();
    for TopicPartition { topic, partition } in partitions {
        wanted.add_partition(topic, *partition);
    }
    let found = consumer.committed_offsets(wanted, TIMEOUT)?;
    let of = |partition: &TopicPartition| {
        let element = found.find_partition(&partition.topic, partition.partition)?;
        match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    };
    Ok(partitions.iter().map(of).collect())
}
