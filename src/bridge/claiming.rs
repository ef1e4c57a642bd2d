//! Claims partitions from the source's thread: where each one goes on, and under which epoch.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::lane::Backoff;
use crate::config::{ChangelogSink, Config, Sink, Source};
use crate::normalize::State;
use crate::records::{Claim, TopicPartition};
use crate::rejects::Rejects;
use crate::shutdown::Shutdown;
use crate::sink::postgres::{Failure, PostgresSink};
use crate::source::{Ownership, SourceError, Wanted};

/// Who has the stored offsets.
pub(super) enum Claiming {
    /// The target's database, for which it waits.
    Database { sink: Box<PostgresSink>, rejects: Arc<Rejects>, runtime: Handle, shutdown: Shutdown },
    /// The source's group; beside it there may be a state of rows.
    Group { ownership: Arc<Ownership>, state: Option<Arc<State>>, goes_by_state: bool },
}

impl Claiming {
    pub(super) fn new(
        config: &Config,
        ownership: &Arc<Ownership>,
        (state, rejects): (Option<Arc<State>>, Arc<Rejects>),
        shutdown: Shutdown,
    ) -> Self {
        match &config.sink {
            Sink::Postgres(postgres) => Self::Database {
                sink: Box::new(PostgresSink::new(&config.name, postgres, &config.rejects)),
                rejects,
                runtime: Handle::current(),
                shutdown,
            },
            Sink::Changelog(changelog) => {
                let has_group = matches!(config.source, Source::Kafka(_));
                // the state is committed behind what was written; a group's offsets that are not sent with it, later still
                let is_with_offsets =
                    matches!(&changelog.sink, ChangelogSink::Kafka(kafka) if kafka.is_exactly_once && has_group);
                Self::Group { ownership: Arc::clone(ownership), state, goes_by_state: !is_with_offsets }
            }
        }
    }

    /// Waits while another instance of the pipeline is at work: transactions cannot be divided among several.
    ///
    /// # Errors
    ///
    /// As for [`claim`](Self::claim).
    pub(super) fn wait_for_others(&mut self) -> Result<(), SourceError> {
        let Self::Database { sink, runtime, shutdown, .. } = self else { return Ok(()) };
        let mut backoff = Backoff::default();
        let mut is_said = false;
        while !ask(sink, (runtime, shutdown), async |sink| sink.claim_pipeline().await)? {
            if !std::mem::replace(&mut is_said, true) {
                tracing::info!("another instance of this pipeline is at work: waiting until it ends");
            }
            backoff.block(runtime, shutdown);
            if shutdown.is_requested() {
                return Err(SourceError::Shutdown);
            }
        }
        Ok(())
    }

    /// Claims partitions.
    ///
    /// # Errors
    ///
    /// When a person has to act, or the pipeline is being stopped.
    pub(super) fn claim(&mut self, wanted: &[Wanted]) -> Result<Vec<Claim>, SourceError> {
        match self {
            Self::Database { sink, rejects, runtime, shutdown } => {
                let partitions: Vec<(TopicPartition, i64)> =
                    wanted.iter().map(|wanted| (wanted.partition.clone(), wanted.start)).collect();
                ask(sink, (runtime, shutdown), async |sink| claim(sink, rejects, &partitions).await)
            }
            Self::Group { ownership, state, goes_by_state } => {
                let state = state.as_deref();
                wanted.iter().map(|wanted| claim_of_group(wanted, ownership, state, *goes_by_state)).collect()
            }
        }
    }
}

/// Asks Postgres, again and again while it is away.
fn ask<T>(
    sink: &mut PostgresSink,
    (runtime, shutdown): (&Handle, &Shutdown),
    mut question: impl AsyncFnMut(&mut PostgresSink) -> Result<T, Failure>,
) -> Result<T, SourceError> {
    let mut backoff = Backoff::default();
    loop {
        let attempt = async {
            tokio::select! {
                answer = question(sink) => Some(answer),
                () = shutdown.requested() => None,
            }
        };
        match runtime.block_on(attempt) {
            None => return Err(SourceError::Shutdown),
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(Failure::Retry(text))) => {
                tracing::warn!("cannot claim partitions, trying again: {text}");
                backoff.block(runtime, shutdown);
            }
            Some(Err(failure)) => {
                return Err(SourceError::Fatal(format!("cannot claim partitions in rowkind.offsets: {failure}")));
            }
        }
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

fn claim_of_group(
    wanted: &Wanted,
    ownership: &Ownership,
    state: Option<&State>,
    goes_by_state: bool,
) -> Result<Claim, SourceError> {
    let Wanted { partition, start, committed } = wanted;
    let learnt = state.map(|state| state.next_offset(partition)).transpose();
    let learnt = learnt.map_err(|error| SourceError::Fatal(error.to_string()))?.flatten();
    let stored = if goes_by_state { learnt.or(*committed) } else { *committed };
    let next_offset = stored.unwrap_or(*start);
    if let Some(learnt) = learnt.filter(|learnt| *learnt > next_offset) {
        return Err(SourceError::Fatal(format!(
            "{partition}: the state of rows in `sink.state_dir` has learnt its records up to offset {learnt}, and the group stands at {next_offset}: were its offsets reset? Remove the folder, and the state is built anew from the topic"
        )));
    }
    // of a partition that was never read there is nothing to learn
    let learnt = state.map(|_| learnt.unwrap_or(if stored.is_some() { 0 } else { next_offset }));
    Ok(Claim { next_offset, epoch: ownership.take(partition), was_stored: stored.is_some(), learnt })
}
