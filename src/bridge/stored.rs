//! The stored next offsets as a source asks for them: from its thread, for as long as Postgres is away.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

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

/// How often what waits is called, and a signal looked for.
const TICK: Duration = Duration::from_millis(100);

impl InPostgres {
    pub(super) fn new(sink: PostgresSink, runtime: Handle, shutdown: Shutdown) -> Self {
        Self { sink, runtime, shutdown }
    }

    /// Asks until Postgres answers.
    fn ask<T>(
        &mut self,
        what: &str,
        wait: &mut dyn FnMut(),
        mut question: impl AsyncFnMut(&mut PostgresSink) -> Result<T, Failure>,
    ) -> Result<T, SourceError> {
        let mut backoff = Backoff::default();
        loop {
            let Self { sink, runtime, shutdown } = self;
            match block(runtime, shutdown, wait, question(sink))? {
                Ok(answer) => return Ok(answer),
                Err(Failure::Retry(text)) => {
                    tracing::warn!("cannot {what}, trying again: {text}");
                    block(runtime, shutdown, wait, backoff.pause(shutdown))?;
                }
                Err(failure) => {
                    return Err(SourceError::Fatal(format!("cannot {what} in rowkind.offsets: {failure}")));
                }
            }
        }
    }
}

impl Stored for InPostgres {
    fn all(&mut self, wait: &mut dyn FnMut()) -> Result<HashMap<TopicPartition, i64>, SourceError> {
        self.ask("read next offsets", wait, async |sink| sink.next_offsets().await)
    }

    fn begin(
        &mut self,
        starts: &HashMap<TopicPartition, i64>,
        wait: &mut dyn FnMut(),
    ) -> Result<(), SourceError> {
        self.ask("store next offsets", wait, async |sink| sink.begin(starts).await)
    }

    fn claim(&mut self, wanted: &[(TopicPartition, i64)], wait: &mut dyn FnMut()) -> Result<Vec<Claim>, SourceError> {
        self.ask("claim partitions", wait, async |sink| sink.claim(wanted).await)
    }
}

/// Waits for a future from a thread.
fn block<T>(
    runtime: &Handle,
    shutdown: &Shutdown,
    wait: &mut dyn FnMut(),
    future: impl Future<Output = T>,
) -> Result<T, SourceError> {
    let mut future = pin!(future);
    loop {
        let tick = async { tokio::time::timeout(TICK, &mut future).await };
        if let Ok(answer) = runtime.block_on(tick) {
            return Ok(answer);
        }
        if shutdown.is_requested() {
            return Err(SourceError::Shutdown);
        }
        wait();
    }
}
