//! Topics of a Kafka cluster, as a member of a consumer group.
//!
//! The thread that polls also answers rebalances: a partition is taken at its stored offset and under a new epoch, and
//! given back when what was read of it has been handed over. Heartbeats are librdkafka's own; while the lanes are full
//! the group is kept by polling with all partitions paused.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::brokers::{Brokers, There};
use super::consumer::{self, QueuedConsumer, Rebalance};
use super::failure::{self, PollError};
use super::keep_alive::KeepAlive;
use super::{Gatherer, GroupOffsets, Ownership, Reading, SourceError, Stored, gap, headers, start, stop};
use crate::config::{Kafka, Start, Stop};
use crate::progress::{Progress, Trouble};
use crate::records::{Beside, Claim, Claimed, TopicPartition};
use crate::shutdown::Shutdown;

/// Reads topics.
pub struct KafkaSource {
    consumer: Arc<QueuedConsumer>,
    group_offsets: GroupOffsets,
    ownership: Arc<Ownership>,
    settings: Kafka,
    pipeline: String,
    start: Start,
    stop: Stop,
    /// How many records before the stored offset are read again.
    tail: i64,
    progress: Arc<Progress>,
    trouble: Arc<Trouble>,
    /// For how long the lanes may be full before everything is paused.
    pause_after: Duration,
    was_assigned: bool,
    /// When a partition was last read from another place than the one behind its last record.
    moved_at: Instant,
    committed_at: Instant,
    /// Says which partitions are not to be read for now.
    reading: Option<Arc<Reading>>,
    held: BTreeSet<TopicPartition>,
}

const POLL: Duration = Duration::from_millis(100);
const AT_ONCE: usize = 200;
/// So long the group may take to give this instance its partitions, before it is asked whether there are any.
const UNASSIGNED: Duration = Duration::from_secs(10);
const COMMIT_EVERY: Duration = Duration::from_secs(1);
const WATERMARKS_TIMEOUT: Duration = Duration::from_secs(10);
/// Statistics are of up to a second ago: they may speak of an end that was seen before partitions were moved.
const SETTLED: Duration = Duration::from_secs(5);
/// Or a quarter of `max.poll.interval.ms`, whose default is five minutes.
const PAUSE_AFTER: Duration = Duration::from_secs(20);
/// Lanes whose transactions the group refuses go on when what it has to say is heard.
const PAUSE_AFTER_TRANSACTIONS: Duration = Duration::from_secs(3);

impl KafkaSource {
    /// Joins the group. `tail` records before each stored offset are read again, to be learnt from.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take a property, or a pattern is none.
    pub fn new(
        kafka: &Kafka,
        pipeline: &str,
        modes: (&Start, &Stop),
        tail: i64,
        (group_offsets, ownership): (GroupOffsets, Arc<Ownership>),
        progress: Arc<Progress>,
    ) -> Result<Self, SourceError> {
        let consumer = Arc::new(consumer::subscribe(kafka)?);
        ownership.set_consumer(&consumer);
        Ok(Self {
            consumer,
            group_offsets,
            ownership,
            settings: kafka.clone(),
            pipeline: pipeline.to_owned(),
            start: modes.0.clone(),
            stop: modes.1.clone(),
            tail,
            trouble: progress.trouble(),
            progress,
            pause_after: match group_offsets {
                GroupOffsets::StoredByTransactions => PAUSE_AFTER_TRANSACTIONS,
                _ => PAUSE_AFTER.min(kafka.max_poll_interval() / 4),
            },
            was_assigned: false,
            moved_at: Instant::now(),
            committed_at: Instant::now(),
            reading: None,
            held: BTreeSet::new(),
        })
    }

    /// The same, told which partitions are not to be read for now. It keeps all of them until it ends.
    #[must_use]
    pub fn told_by(self, reading: Option<Arc<Reading>>) -> Self {
        Self { reading, ..self }
    }

    /// Reads until it is stopped, or until every partition is at its end.
    ///
    /// # Errors
    ///
    /// When a person has to act: an offset that is gone, a right that is missing.
    pub fn run(
        &mut self,
        gatherer: &mut Gatherer,
        stored: &mut dyn Stored,
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        let mut unassigned_since = Instant::now();
        while !shutdown.is_requested() {
            while let Some(rebalance) = self.consumer.context().next_rebalance() {
                self.rebalance(rebalance, gatherer, stored, shutdown)?;
            }
            self.hold()?;
            let timeout = gatherer.close_due().unwrap_or(POLL).min(POLL);
            // what else there is to see to can wait for a few records
            let mut n_records = 0;
            while self.poll(if n_records == 0 { timeout } else { Duration::ZERO }, gatherer, shutdown)?
                && n_records < AT_ONCE
            {
                n_records += 1;
            }
            self.note_fetched(gatherer);
            match self.consumer.context().alone_since() {
                Some((since, reason)) => self.trouble.fail_since(since, &reason),
                None => self.trouble.end(),
            }
            if self.committed_at.elapsed() > COMMIT_EVERY {
                self.commit(CommitMode::Async);
            }
            if self.stop != Stop::Never && self.was_assigned && gatherer.is_at_end() {
                return Ok(());
            }
            if self.stop != Stop::Never && !self.was_assigned && unassigned_since.elapsed() > UNASSIGNED {
                self.check_topics(shutdown)?;
                unassigned_since = Instant::now();
            }
        }
        Ok(())
    }

    /// A topic that is to come is waited for, but not where an end was asked for.
    fn check_topics(&self, shutdown: &Shutdown) -> Result<(), SourceError> {
        let Kafka { subscription, group, .. } = &self.settings;
        let brokers = Brokers { consumer: &self.consumer, group, shutdown };
        if brokers.partitions(subscription)?.is_empty() {
            let topics = subscription.join(", ");
            return Err(SourceError::Fatal(format!(
                "Kafka: {topics}: there is no such topic, and so no end at which `source.stop` would stop"
            )));
        }
        Ok(())
    }

    /// Commits what has been applied to the group, for lag tools, and leaves it.
    pub fn close(mut self) {
        self.commit(CommitMode::Sync);
        self.consumer.context().close();
        self.ownership.close();
    }

    /// Takes a record, if there is one; whether there was.
    fn poll(&mut self, timeout: Duration, gatherer: &mut Gatherer, shutdown: &Shutdown) -> Result<bool, SourceError> {
        let Self { consumer, ownership, moved_at, settings, held, pause_after, progress, .. } = self;
        match consumer.poll(timeout) {
            None => Ok(false),
            Some(Err(error)) => match failure::sort(&error) {
                PollError::Passing => {
                    consumer.context().warn(&error, &error.to_string());
                    Ok(false)
                }
                PollError::OutOfRange => Err(self.out_of_range(gatherer)),
                PollError::Fatal => Err(consumer::fatal(&error)),
            },
            Some(Ok(message)) => {
                let place = (message.topic(), message.partition(), message.offset());
                let mut keep_alive = KeepAlive::new(consumer, progress, *pause_after);
                let headers = if settings.keeps_headers { message.headers().map(headers::text) } else { None };
                let headers = headers.unwrap_or_default();
                let beside = Beside { timestamp_ms: message.timestamp().to_millis(), headers: &headers };
                gatherer.push(place, (message.key(), message.payload()), beside, || {
                    keep_alive.wait();
                    // a lane may be full of what the group refuses since it has taken it away
                    ownership.release(&consumer.context().revoked());
                    !shutdown.is_requested()
                });
                if keep_alive.has_paused() {
                    *moved_at = Instant::now();
                    // it goes on with all of them
                    held.clear();
                }
                Ok(true)
            }
        }
    }

    /// Pauses and resumes what is to be.
    fn hold(&mut self) -> Result<(), SourceError> {
        let Some(reading) = &self.reading else { return Ok(()) };
        let wanted = reading.held();
        if wanted == self.held {
            return Ok(());
        }
        let list = |partitions: &mut dyn Iterator<Item = &TopicPartition>| {
            let mut list = TopicPartitionList::new();
            partitions.for_each(|partition| {
                list.add_partition(&partition.topic, partition.partition);
            });
            list
        };
        let (paused, resumed) = (list(&mut wanted.difference(&self.held)), list(&mut self.held.difference(&wanted)));
        let outcome = self.consumer.pause(&paused).and_then(|()| self.consumer.resume(&resumed));
        outcome.map_err(|error| SourceError::Fatal(format!("Kafka: cannot pause partitions: {error}")))?;
        tracing::debug!(partitions = wanted.len(), "held back");
        (self.held, self.moved_at) = (wanted, Instant::now());
        Ok(())
    }

    fn rebalance(
        &mut self,
        rebalance: Rebalance,
        gatherer: &mut Gatherer,
        stored: &mut dyn Stored,
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        match rebalance {
            Rebalance::Assign(partitions) => {
                tracing::info!(partitions = partitions.len(), "assigned");
                let list = self.take(&partitions, gatherer, stored, shutdown)?;
                consumer::assign(&self.consumer, &list)?;
                self.progress.add_rebalance();
                (self.was_assigned, self.moved_at) = (true, Instant::now());
            }
            // what waits of them has to be read again, and what waits with it
            Rebalance::Revoke(partitions) if self.reading.is_some() && !partitions.is_empty() => {
                return Err(SourceError::Fatal(format!(
                    "Kafka: the group has taken {} partitions away, and transactions that wait for records of them cannot be completed: start \
                     again; with `sink.apply` = \"transactions\" one instance alone can be in the group",
                    partitions.len()
                )));
            }
            Rebalance::Revoke(partitions) => {
                tracing::info!(partitions = partitions.len(), "revoked");
                self.progress.add_rebalance();
                let mut list = TopicPartitionList::new();
                for partition in &partitions {
                    gatherer.revoke(partition);
                    self.progress.revoke(partition);
                    list.add_partition(&partition.topic, partition.partition);
                }
                self.ownership.release(&partitions);
                consumer::unassign(&self.consumer, &list);
            }
        }
        Ok(())
    }

    /// Claims partitions and finds where each one is read from.
    fn take(
        &mut self,
        partitions: &[TopicPartition],
        gatherer: &mut Gatherer,
        stored: &mut dyn Stored,
        shutdown: &Shutdown,
    ) -> Result<TopicPartitionList, SourceError> {
        let brokers = Brokers { consumer: &self.consumer, group: &self.settings.group, shutdown };
        let there = brokers.there(partitions)?;
        let mut n_partitions = HashMap::new();
        for TopicPartition { topic, .. } in partitions {
            if !n_partitions.contains_key(topic) {
                n_partitions.insert(topic, brokers.n_partitions(topic)?);
            }
        }
        let starts = start::starts(&self.start, &self.settings.subscription, &brokers, &mut *stored, &there)?;
        let ends = stop::ends(&self.stop, &brokers, &there)?;
        let wanted: Vec<_> = partitions.iter().cloned().zip(starts).collect();
        let claimed = stored.claim(&wanted)?;
        let mut list = TopicPartitionList::new();
        for ((There { partition, low, high }, claim), end) in there.iter().zip(claimed).zip(ends) {
            let Claim { epoch, next_offset, learnt, .. } = claim;
            if next_offset < *low {
                let found = format!("the oldest record that the broker still has is {low}");
                return Err(self.gap(partition, next_offset, &found));
            }
            if next_offset > *high {
                let found = format!("the topic ends at {high}: was it deleted and created again?");
                return Err(self.gap(partition, next_offset, &found));
            }
            if let Some(learnt) = learnt.filter(|learnt| learnt < low && next_offset > *low) {
                return Err(SourceError::Fatal(format!(
                    "{partition}: the state of rows in `sink.state_dir` has learnt its records up to offset {learnt}, and the oldest that the broker still has is {low}: what rows were is not known. Nothing was written. Bring back the folder that goes with the group's offset {next_offset}, or write the changelog anew under another `name`"
                )));
            }
            let tail = next_offset.saturating_sub(self.tail).min(learnt.unwrap_or(i64::MAX)).max(*low);
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(tail))
                .map_err(|error| SourceError::Fatal(format!("Kafka: {partition}: {error}")))?;
            let n_partitions = n_partitions[&partition.topic];
            gatherer.assign(Claimed { partition, n_partitions, epoch, next_offset }, tail, end);
            self.progress.assign(partition, next_offset, *high);
            tracing::debug!(topic = %partition.topic, partition = partition.partition, offset = next_offset, epoch, "reading");
        }
        Ok(list)
    }

    fn gap(&self, partition: &TopicPartition, next_offset: i64, found: &str) -> SourceError {
        gap(partition, next_offset, found, (&self.pipeline, self.group_offsets))
    }

    /// Uses librdkafka's statistics: an end that was reached moves a partition past what only the broker sees there.
    fn note_fetched(&mut self, gatherer: &mut Gatherer) {
        let fetched = self.consumer.context().take_fetched();
        if fetched.is_empty() {
            return;
        }
        let mut n_partitions: HashMap<&str, usize> = HashMap::new();
        for partition in fetched.keys().filter(|partition| partition.partition >= 0) {
            *n_partitions.entry(&partition.topic).or_default() += 1;
        }
        for (topic, n_partitions) in n_partitions {
            gatherer.add_partitions(topic, n_partitions);
        }
        let partitions: Vec<_> = gatherer.next_offsets().map(|(partition, _)| partition.clone()).collect();
        for partition in partitions {
            let Some(fetched) = fetched.get(&partition) else {
                continue;
            };
            if let Some(high) = fetched.high {
                self.progress.set_end(&partition, high);
            }
            // what was fetched of a paused partition was thrown away, and counts as read
            if fetched.is_at_end && self.held.is_empty() && self.moved_at.elapsed() > SETTLED {
                gatherer.advance(&partition, fetched.next_offset);
            }
        }
    }

    /// The broker refused an offset that it had when the partition was assigned.
    fn out_of_range(&self, gatherer: &Gatherer) -> SourceError {
        for (partition, next_offset) in gatherer.next_offsets() {
            let watermarks = self.consumer.fetch_watermarks(&partition.topic, partition.partition, WATERMARKS_TIMEOUT);
            if let Ok((low, high)) = watermarks
                && !(low..=high).contains(&next_offset)
            {
                let found = format!("the broker has the records from {low} to {high}");
                return self.gap(partition, next_offset, &found);
            }
        }
        SourceError::Fatal("Kafka: an offset is out of range on the broker".to_owned())
    }

    fn commit(&mut self, mode: CommitMode) {
        self.committed_at = Instant::now();
        if self.group_offsets == GroupOffsets::StoredByTransactions {
            return;
        }
        if self.stop == Stop::Group && self.group_offsets == GroupOffsets::ForLagTools {
            // what the group has committed is another's, and the end
            return;
        }
        let mut list = TopicPartitionList::new();
        for (partition, next_offset) in self.progress.take_applied() {
            let _ = list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(next_offset));
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, mode)
        {
            if self.group_offsets == GroupOffsets::ForLagTools {
                tracing::debug!("Kafka: cannot commit the group's offsets, which only lag tools read: {error}");
            } else {
                tracing::warn!(
                    "Kafka: cannot commit the group's offsets; what was written since is written again at the next start: {error}"
                );
            }
        }
    }
}
