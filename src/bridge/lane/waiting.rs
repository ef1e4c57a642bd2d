//! What is waited for: an answer of Postgres's, and the time until it is asked again.

use std::time::Duration;

use super::Flow;
use crate::progress::{PATIENCE, Trouble, WAITING};
use crate::shutdown::Shutdown;

/// What Postgres is asked for; where the answer takes long that is told.
pub(super) async fn watched<T>(trouble: &Trouble, work: impl Future<Output = T>) -> T {
    trouble.wait();
    tokio::pin!(work);
    let answer = if let Ok(answer) = tokio::time::timeout(PATIENCE, &mut work).await {
        answer
    } else {
        tracing::warn!("{WAITING}");
        work.await
    };
    trouble.answered();
    answer
}

/// Waits longer each time, up to ten seconds.
pub(in crate::bridge) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Backoff {
    /// Waits once, or until the pipeline is being stopped.
    pub(in crate::bridge) async fn wait(&mut self, shutdown: &Shutdown) -> Flow {
        let delay = self.0;
        self.0 = (delay * 2).min(Duration::from_secs(10));
        tokio::select! {
            () = tokio::time::sleep(delay) => Flow::On,
            () = shutdown.requested() => Flow::End,
        }
    }

    /// Waits once, from a thread.
    pub(in crate::bridge) fn block(&mut self, runtime: &tokio::runtime::Handle, shutdown: &Shutdown) {
        runtime.block_on(self.wait(shutdown));
    }
}
