//! A member of the group that cannot take records for a while.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::consumer::QueuedConsumer;
use crate::progress::Progress;
use crate::records::TopicPartition;

/// For so long a seek is waited for.
const SEEK_TIMEOUT: Duration = Duration::from_millis(100);
const ENDS_EVERY: Duration = Duration::from_secs(10);
const ENDS_TIMEOUT: Duration = Duration::from_secs(2);

/// Keeps the group while the lanes are full for long: polls with everything paused. Since nothing is fetched then, it asks where the
/// partitions end.
pub(super) struct KeepAlive<'c> {
    consumer: &'c QueuedConsumer,
    progress: &'c Progress,
    pause_after: Duration,
    /// Since when they have been full.
    since: Option<Instant>,
    paused: Option<TopicPartitionList>,
    asked_at: Option<Instant>,
}

impl<'c> KeepAlive<'c> {
    pub(super) fn new(consumer: &'c QueuedConsumer, progress: &'c Progress, pause_after: Duration) -> Self {
        Self { consumer, progress, pause_after, since: None, paused: None, asked_at: None }
    }

    /// Called again and again while they are full.
    pub(super) fn wait(&mut self) {
        if self.since.get_or_insert_with(Instant::now).elapsed() < self.pause_after {
            return;
        }
        if self.paused.is_none()
            && let Ok(assignment) = self.consumer.assignment()
            && self.consumer.pause(&assignment).is_ok()
        {
            self.paused = Some(assignment);
        }
        if let Some(paused) = &self.paused {
            if self.asked_at.is_none_or(|at| at.elapsed() > ENDS_EVERY) {
                self.note_ends(paused);
                self.asked_at = Some(Instant::now());
            }
            // rebalances are queued; a record that slipped through is read again
            if let Some(Ok(message)) = self.consumer.poll(Duration::ZERO) {
                let offset = Offset::Offset(message.offset());
                if let Err(error) = self.consumer.seek(message.topic(), message.partition(), offset, SEEK_TIMEOUT) {
                    tracing::warn!("Kafka: cannot seek: {error}");
                }
            }
        }
    }

    /// Whether everything was paused.
    pub(super) fn has_paused(&self) -> bool {
        self.paused.is_some()
    }

    fn note_ends(&self, partitions: &TopicPartitionList) {
        let ends = || {
            let mut wanted = TopicPartitionList::new();
            for partition in partitions.elements() {
                // in place of a moment: see `extent`
                wanted.add_partition_offset(partition.topic(), partition.partition(), Offset::End)?;
            }
            self.consumer.offsets_for_times(wanted, ENDS_TIMEOUT)
        };
        // who does not answer is asked again
        let Ok(ends) = ends() else { return };
        for end in ends.elements() {
            if let Offset::Offset(offset) = end.offset() {
                let partition = TopicPartition { topic: end.topic().into(), partition: end.partition() };
                self.progress.set_end(&partition, offset);
            }
        }
    }
}

impl Drop for KeepAlive<'_> {
    fn drop(&mut self) {
        if let Some(paused) = &self.paused
            && let Err(error) = self.consumer.resume(paused)
        {
            tracing::warn!("Kafka: cannot resume: {error}");
        }
    }
}
