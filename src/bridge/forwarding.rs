//! The thread that forwards rejects to their topic, beside the lanes.

use std::sync::Arc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::RunError;
use super::lane::Backoff;
use crate::config::{Config, Source};
use crate::records::TopicPartition;
use crate::rejects::forward::{Forwarder, Unforwarded};
use crate::rejects::outbox::Outbox;
use crate::shutdown::Shutdown;
use crate::sink::postgres::{Failure, PostgresSink};
use crate::source::SourceError;

/// How the thread ended.
pub(super) type Ended = oneshot::Receiver<Result<(), RunError>>;

/// Starts it. It ends when the outbox is closed and empty, or at the first failure behind a wish to stop; what is left
/// then is forwarded by whoever claims the partition next.
pub(super) fn start(
    config: &Config,
    sink: PostgresSink,
    outbox: Arc<Outbox>,
    shutdown: Shutdown,
) -> Result<Ended, RunError> {
    let (end, ended) = oneshot::channel();
    let Source::Kafka(kafka) = config.source.clone() else {
        return Err(RunError::Config("`rejects.policy` = \"topic\" is for a source with brokers".to_owned()));
    };
    let forwarder = Forwarder::new(&config.name, kafka, config.told.max_record_bytes).map_err(|error| match error {
        SourceError::Config(text) => RunError::Config(text),
        error => RunError::Fatal(error.to_string()),
    })?;
    let runtime = Handle::current();
    let body = move || {
        let outcome = Forwarding { sink, forwarder, outbox, runtime, shutdown: shutdown.clone() }.run();
        if outcome.is_err() {
            shutdown.request();
        }
        let _ = end.send(outcome);
    };
    let started = thread::Builder::new().name("rejects".to_owned()).spawn(body);
    started.map_err(|error| RunError::Fatal(format!("cannot start a thread: {error}")))?;
    Ok(ended)
}

struct Forwarding {
    sink: PostgresSink,
    forwarder: Forwarder,
    outbox: Arc<Outbox>,
    runtime: Handle,
    shutdown: Shutdown,
}

impl Forwarding {
    fn run(mut self) -> Result<(), RunError> {
        let mut backoff = Backoff::default();
        while let Some((partition, epoch)) = self.outbox.next() {
            match self.forward(&partition, epoch) {
                Ok(()) => backoff = Backoff::default(),
                Err(Unforwarded::Fatal(text)) => return Err(RunError::Fatal(text)),
                Err(Unforwarded::Retry(text)) => {
                    tracing::warn!("cannot forward rejects, trying again: {text}");
                    if self.shutdown.is_requested() {
                        return Ok(());
                    }
                    self.outbox.add(&partition);
                    backoff.block(&self.runtime, &self.shutdown);
                }
            }
        }
        Ok(())
    }

    /// Forwards what there is of a partition, as long as it is this instance's.
    fn forward(&mut self, partition: &TopicPartition, epoch: i64) -> Result<(), Unforwarded> {
        let Self { sink, forwarder, runtime, .. } = self;
        loop {
            let waiting = runtime.block_on(sink.to_forward(partition, epoch)).map_err(sort)?;
            let Some(waiting) = waiting.filter(|waiting| !waiting.is_empty()) else { return Ok(()) };
            let next_offset = forwarder.forward(partition, &waiting)?;
            runtime.block_on(sink.note_forwarded(partition, next_offset)).map_err(sort)?;
        }
    }
}

fn sort(failure: Failure) -> Unforwarded {
    match failure {
        Failure::Retry(text) => Unforwarded::Retry(text),
        failure => Unforwarded::Fatal(format!("cannot read or mark rejects in rowkind.rejects: {failure}")),
    }
}
