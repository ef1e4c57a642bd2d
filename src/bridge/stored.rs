//! The stored next offsets as a source asks for them: from its thread, for as long as Postgres is away.

use std::collections::HashMap;

use tokio::runtime::Handle;

use super::lane::Backoff;
use crate::records::TopicPartition;
use crate::shutdown::Shutdown;
use crate::sink::postgres::{Claim, Failure, PostgresSink};
use crate::source::{SourceError, Stored};

/// Those in `rowkind.offsets`.
pub(super) struct InPostgres {
    sink: PostgresSink,
    runtime: Handle,
    shutdown: Shutdown,
}

impl InPostgres {
    pub(super) fn new(sink: PostgresSink, runtime: Handle, shutdown: Shutdown) -> Self {
        Self { sink, runtime, shutdown }
    }

    /// Asks until Postgres answers.
    fn ask<T>(
        &mut self,
        what: &str,
        mut question: impl AsyncFnMut(&mut PostgresSink) -> Result<T, Failure>,
    ) -> Result<T, SourceError> {
        let mut backoff = Backoff::default();
        loop {
            let Self { sink, runtime, shutdown } = self;
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
                    tracing::warn!("cannot {what}, trying again: {text}");
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
    fn all(&mut self) -> Result<HashMap<TopicPartition, i64>, SourceError> {
        self.ask("read next offsets", async |sink| sink.next_offsets().await)
    }

    fn begin(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), SourceError> {
        self.ask("store next offsets", async |sink| sink.begin(starts).await)
    }

    fn claim(&mut self, wanted: &[(TopicPartition, i64)]) -> Result<Vec<Claim>, SourceError> {
        self.ask("claim partitions", async |sink| sink.claim(wanted).await)
    }
}
