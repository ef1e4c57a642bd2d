//! A lane of a changelog: takes batches in order and writes what is left of each of them once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rowkind_formats::Record;
use tokio::sync::mpsc;

use super::RunError;
use super::lane::{Backoff, Flow};
use crate::config::{Changelog, ChangelogSink};
use crate::decode::Undecoded;
use crate::dedup::Dedup;
use crate::normalize::State;
use crate::progress::{Done, Progress, Trouble};
use crate::records::{Advance, Records, TopicPartition};
use crate::reencode::{Messages, Reencoded, Reencoder};
use crate::rejects::Rejects;
use crate::shutdown::Shutdown;
use crate::sink::kafka::{Failure, KafkaSink};
use crate::sink::stdout::{StdoutSink, Unwritten};
use crate::source::Ownership;

/// One task with one writer.
pub(super) struct Relay {
    pub(super) writer: Writer,
    pub(super) reencoder: Reencoder,
    pub(super) batches: mpsc::Receiver<Records>,
    pub(super) rejects: Arc<Rejects>,
    pub(super) progress: Arc<Progress>,
    pub(super) trouble: Arc<Trouble>,
    pub(super) shutdown: Shutdown,
    /// What is known of rows; `None` when every event is written.
    pub(super) dedup: Option<Arc<Dedup>>,
    /// The last row of each key; `None` when the changelog says what events say.
    pub(super) state: Option<Arc<State>>,
}

/// Who takes the changelog.
pub(super) enum Writer {
    Kafka(Box<KafkaSink>),
    Stdout(StdoutSink),
    Blackhole,
}

/// What was written of a batch, and how far that moves its partitions.
type Written = (Reencoded, Vec<Advance>);

impl Relay {
    /// Writes batches until there are no more.
    pub(super) async fn run(mut self) -> Result<(), RunError> {
        while let Some(records) = self.batches.recv().await {
            let flow = if records.is_tail() { self.learn(&records).await } else { self.complete(records).await };
            if let Flow::End = flow? {
                break;
            }
            self.trouble.end();
        }
        match &self.state {
            Some(state) => state.sync().map_err(|error| RunError::Fatal(error.to_string())),
            None => Ok(()),
        }
    }

    /// Learns from records that were written before, until they have been learnt from.
    async fn learn(&mut self, tail: &Records) -> Result<Flow, RunError> {
        let mut backoff = Backoff::default();
        loop {
            let learnt = tokio::task::block_in_place(|| self.learn_once(tail));
            match learnt {
                Ok(()) => return Ok(Flow::On),
                Err(Undecoded::Away(text)) => {
                    tracing::warn!("cannot read what was written before, trying again: {text}");
                    self.progress.add_retry(&self.trouble, &text);
                }
                Err(Undecoded::Bad(text) | Undecoded::Fatal(text)) => return Err(RunError::Fatal(text)),
            }
            if let Flow::End = backoff.wait(&self.shutdown).await {
                return Ok(Flow::End);
            }
        }
    }

    fn learn_once(&mut self, tail: &Records) -> Result<(), Undecoded> {
        let Some(state) = &self.state else { return self.reencoder.learn(tail, |_| true).map(drop) };
        let place = |record: &Record<'_>| TopicPartition { topic: record.topic.into(), partition: record.partition };
        let mut known = BTreeMap::new();
        let mut next_offsets = BTreeMap::new();
        for record in (0..tail.len()).map(|index| tail.get(index)) {
            let partition = place(&record);
            if !known.contains_key(&partition) {
                known.insert(partition.clone(), state.next_offset(&partition)?.unwrap_or(0));
            }
            next_offsets.insert(partition, record.offset + 1);
        }
        let pending = self.reencoder.learn(tail, |record| record.offset < known[&place(record)])?;
        // those before what the state knows do not take it back
        next_offsets.retain(|partition, next_offset| known[partition] < *next_offset);
        Ok(state.commit(&pending, &next_offsets)?)
    }

    /// Sees a batch through.
    async fn complete(&mut self, mut records: Records) -> Result<Flow, RunError> {
        let mut backoff = Backoff::default();
        let mut refused = BTreeMap::new();
        loop {
            let began = Instant::now();
            match tokio::task::block_in_place(|| self.write(&records, &refused)) {
                Ok(Some((done, advances))) => {
                    self.note(done, &advances, (&records, began.elapsed()))?;
                    return Ok(Flow::On);
                }
                Ok(None) => {
                    self.shutdown.request();
                    return Ok(Flow::End);
                }
                Err(Failure::Retry(text)) => {
                    tracing::warn!("cannot write a batch, trying again: {text}");
                    self.progress.add_retry(&self.trouble, &text);
                    if let Flow::End = backoff.wait(&self.shutdown).await {
                        return Ok(Flow::End);
                    }
                }
                Err(Failure::Record(index, reason)) => drop(refused.insert(index, reason)),
                Err(Failure::Lost(lost)) => {
                    for Advance { partition, .. } in &lost {
                        tracing::info!(
                            "{partition}: the group has taken it away; its records are left to whoever has it"
                        );
                    }
                    records = records.without(|advance| lost.iter().any(|lost| lost.is_of_claim(advance)), 0);
                    refused.clear();
                    if records.is_empty() {
                        return Ok(Flow::On);
                    }
                }
                Err(Failure::Fatal(text)) => return Err(RunError::Fatal(text)),
            }
        }
    }

    fn write(&mut self, records: &Records, refused: &BTreeMap<usize, String>) -> Result<Option<Written>, Failure> {
        let done = self.reencoder.encode(records, refused).map_err(|undecoded| match undecoded {
            Undecoded::Away(text) => Failure::Retry(text),
            Undecoded::Bad(text) | Undecoded::Fatal(text) => Failure::Fatal(text),
        })?;
        let advances = records.advances(&done.range);
        if self.writer.write(records, &done.messages, &advances)?.is_none() {
            return Ok(None);
        }
        if let Some(state) = &self.state {
            let next_offsets = advances.iter().map(|advance| (advance.partition.clone(), advance.to)).collect();
            state.commit(&done.pending, &next_offsets).map_err(|error| Failure::Fatal(error.to_string()))?;
        }
        Ok(Some((done, advances)))
    }

    /// Counts what was written; an error when the pipeline stops behind it.
    fn note(
        &mut self,
        done: Reencoded,
        advances: &[Advance],
        (records, took): (&Records, Duration),
    ) -> Result<(), RunError> {
        for reject in &done.passed {
            tracing::warn!("skipped {reject}");
        }
        if let Some(dedup) = &self.dedup {
            for begun in dedup.commit(&done.seen) {
                tracing::warn!("{begun}");
            }
        }
        self.rejects.note(done.passed.iter());
        let tables: Vec<_> = done.tables.into_iter().collect();
        self.progress.add(Done {
            n_records: done.range.len(),
            tables: &tables,
            rejects: done.passed.iter().collect(),
            n_duplicates: done.seen.n_duplicates(),
            advances,
            written_at: records.written_at(&done.range),
            changed_at: done.changed_at,
            took,
        });
        done.stopped.map_or(Ok(()), |reject| Err(RunError::Rejected(reject)))
    }
}

impl Writer {
    pub(super) fn new(
        pipeline: &str,
        changelog: &Changelog,
        transactional_id: String,
        ownership: &Arc<Ownership>,
    ) -> Self {
        match &changelog.sink {
            ChangelogSink::Kafka(settings) => {
                let sink = KafkaSink::new(pipeline, settings.clone(), transactional_id, Arc::clone(ownership));
                Self::Kafka(Box::new(sink))
            }
            ChangelogSink::Stdout => Self::Stdout(StdoutSink::new(changelog.written)),
            ChangelogSink::Blackhole => Self::Blackhole,
        }
    }

    /// `None` when nobody reads any more.
    fn write(&mut self, records: &Records, messages: &Messages, advances: &[Advance]) -> Result<Option<()>, Failure> {
        match self {
            Self::Kafka(sink) => sink.write(records, messages, advances).map(Some),
            Self::Blackhole => Ok(Some(())),
            Self::Stdout(sink) => match sink.write(messages) {
                Ok(()) => Ok(Some(())),
                Err(Unwritten::Closed) => Ok(None),
                Err(Unwritten::Failed(error)) => {
                    Err(Failure::Fatal(format!("cannot write to standard output: {error}")))
                }
            },
        }
    }
}
