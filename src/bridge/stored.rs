//! The stored next offsets as a source asks for them from its thread: in the target's database, or with the source's group.

use std::collections::HashMap;
use std::sync::Arc;

use rdkafka::error::KafkaError;
use tokio::runtime::Handle;

use super::lane::Backoff;
use crate::config::{ChangelogSink, Config, Sink, Source};
use crate::normalize::State;
use crate::progress::{Progress, Trouble};
use crate::records::{Claim, TopicPartition};
use crate::rejects::Rejects;
use crate::shutdown::Shutdown;
use crate::sink::postgres::{Failure, PostgresSink};
use crate::source::{Ownership, SourceError, Stored};

/// Those of a pipeline.
pub(super) fn stored(
    config: &Config,
    ownership: &Arc<Ownership>,
    (state, rejects): (Option<Arc<State>>, Arc<Rejects>),
    progress: &Arc<Progress>,
    shutdown: Shutdown,
) -> Box<dyn Stored + Send> {
    let runtime = Handle::current();
    match &config.sink {
        Sink::Postgres(postgres) => {
            let sink = PostgresSink::new(&config.name, postgres, &config.rejects);
            let (progress, trouble) = (Arc::clone(progress), progress.trouble());
            Box::new(InPostgres { sink, rejects, progress, trouble, runtime, shutdown })
        }
        Sink::Changelog(changelog) => {
            let has_group = matches!(config.source, Source::Kafka(_)) && config.ranges.is_none();
            // the state is committed behind what was written; a group's offsets that are not sent with it, later still
            let is_with_offsets =
                matches!(&changelog.sink, ChangelogSink::Kafka(kafka) if kafka.is_exactly_once && has_group);
            let (ownership, begun) = (Arc::clone(ownership), HashMap::new());
            Box::new(InGroup { ownership, state, goes_by_state: !is_with_offsets, begun, runtime, shutdown })
        }
    }
}

/// Those in `rowkind.offsets`.
struct InPostgres {
    sink: PostgresSink,
    rejects: Arc<Rejects>,
    progress: Arc<Progress>,
    trouble: Arc<Trouble>,
    runtime: Handle,
    shutdown: Shutdown,
}

impl InPostgres {
    /// Asks until Postgres answers.
    fn ask<T>(
        &mut self,
        what: &str,
        mut question: impl AsyncFnMut(&mut PostgresSink, &Rejects) -> Result<T, Failure>,
    ) -> Result<T, SourceError> {
        let mut backoff = Backoff::default();
        loop {
            let Self { sink, rejects, progress, trouble, runtime, shutdown } = self;
            let attempt = async {
                tokio::select! {
                    answer = question(sink, rejects) => Some(answer),
                    () = shutdown.requested() => None,
                }
            };
            match runtime.block_on(attempt) {
                None => return Err(SourceError::Shutdown),
                Some(Ok(answer)) => {
                    trouble.end();
                    return Ok(answer);
                }
                Some(Err(Failure::Retry(text))) => {
                    tracing::warn!("cannot {what}, trying again: {text}");
                    progress.add_retry(trouble, &format!("cannot {what}: {text}"));
                    backoff.block(runtime, shutdown);
                }
                Some(Err(failure)) => {
                    return Err(SourceError::Fatal(format!("cannot {what} in rowkind.offsets: {failure}")));
                }
            }
        }
    }
}

impl Stored for InPostgres {
    fn all(&mut self, _: &[TopicPartition]) -> Result<HashMap<TopicPartition, i64>, SourceError> {
        self.ask("read next offsets", async |sink, _| sink.next_offsets().await)
    }

    fn begin(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), SourceError> {
        self.ask("store next offsets", async |sink, _| sink.begin(starts).await)
    }

    fn claim(&mut self, wanted: &[(TopicPartition, i64)]) -> Result<Vec<Claim>, SourceError> {
        self.ask("claim partitions", async |sink, rejects| claim(sink, rejects, wanted).await)
    }

    fn wait_for_others(&mut self) -> Result<(), SourceError> {
        let mut backoff = Backoff::default();
        let mut is_said = false;
        while !self.ask("claim the pipeline", async |sink, _| sink.claim_pipeline().await)? {
            if !std::mem::replace(&mut is_said, true) {
                tracing::info!("another instance of this pipeline is at work: waiting until it ends");
            }
            backoff.block(&self.runtime, &self.shutdown);
            if self.shutdown.is_requested() {
                return Err(SourceError::Shutdown);
            }
        }
        Ok(())
    }
}

/// Claims partitions, and learns which of their keys are blocked.
async fn claim(
    sink: &mut PostgresSink,
    rejects: &Rejects,
    wanted: &[(TopicPartition, i64)],
) -> Result<Vec<Claim>, Failure> {
    let claims = sink.claim(wanted).await?;
    if let Some(outbox) = rejects.outbox() {
        for ((partition, _), claim) in wanted.iter().zip(&claims) {
            outbox.own(partition, claim.epoch);
        }
    }
    if let Some(blocked) = rejects.blocked() {
        for (partition, _) in wanted {
            blocked.replace(partition, &sink.open_keys(partition).await?);
        }
    }
    Ok(claims)
}

/// Those that the source's group has committed; beside it there may be a state of rows. A file has no group.
struct InGroup {
    ownership: Arc<Ownership>,
    state: Option<Arc<State>>,
    /// Whether the state knows better than the group what was written.
    goes_by_state: bool,
    /// Where the pipeline starts.
    begun: HashMap<TopicPartition, i64>,
    runtime: Handle,
    shutdown: Shutdown,
}

impl InGroup {
    /// Asks until the brokers answer.
    fn ask<T>(&self, what: &str, question: impl Fn(&Ownership) -> Result<T, KafkaError>) -> Result<T, SourceError> {
        let mut backoff = Backoff::default();
        while !self.shutdown.is_requested() {
            match question(&self.ownership) {
                Ok(answer) => return Ok(answer),
                Err(error) => tracing::warn!("Kafka: cannot {what}, trying again: {error}"),
            }
            backoff.block(&self.runtime, &self.shutdown);
        }
        Err(SourceError::Shutdown)
    }

    fn claim_one(&self, partition: &TopicPartition, start: i64, committed: Option<i64>) -> Result<Claim, SourceError> {
        let state = self.state.as_deref();
        let learnt = state.map(|state| state.next_offset(partition)).transpose();
        let learnt = learnt.map_err(|error| SourceError::Fatal(error.to_string()))?.flatten();
        let stored = if self.goes_by_state { learnt.or(committed) } else { committed };
        let next_offset = stored.or(self.begun.get(partition).copied()).unwrap_or(start);
        if let Some(learnt) = learnt.filter(|learnt| *learnt > next_offset) {
            return Err(SourceError::Fatal(format!(
                "{partition}: the state of rows in `sink.state_dir` has learnt its records up to offset {learnt}, and the group stands at {next_offset}: were its offsets reset? Remove the folder, and the state is built anew from the topic"
            )));
        }
        // of a partition that was never read there is nothing to learn
        let learnt = state.map(|_| learnt.unwrap_or(if stored.is_some() { 0 } else { next_offset }));
        let epoch = self.ownership.take(partition, next_offset);
        Ok(Claim { next_offset, epoch, learnt })
    }
}

impl Stored for InGroup {
    fn all(&mut self, partitions: &[TopicPartition]) -> Result<HashMap<TopicPartition, i64>, SourceError> {
        let committed = self.ask("read the group's offsets", |ownership| ownership.committed(partitions))?;
        let known = partitions.iter().cloned().zip(committed);
        Ok(known.filter_map(|(partition, offset)| Some((partition, offset?))).chain(self.begun.clone()).collect())
    }

    fn begin(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), SourceError> {
        self.ask("commit the group's offsets", |ownership| ownership.commit(starts))?;
        self.begun.extend(starts.iter().cloned());
        Ok(())
    }

    fn claim(&mut self, wanted: &[(TopicPartition, i64)]) -> Result<Vec<Claim>, SourceError> {
        let partitions: Vec<TopicPartition> = wanted.iter().map(|(partition, _)| partition.clone()).collect();
        let committed = self.ask("read the group's offsets", |ownership| ownership.committed(&partitions))?;
        let claim =
            |((partition, start), committed): (&(TopicPartition, i64), _)| self.claim_one(partition, *start, committed);
        wanted.iter().zip(committed).map(claim).collect()
    }
}
