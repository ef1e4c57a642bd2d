//! Why an instance is not ready for its work.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock;

/// Why an instance is not ready for its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// The group has not told it its partitions yet.
    #[error("not ready: the consumer group has not assigned its partitions yet")]
    Unassigned,
    /// For so long nothing has gone through, for this reason.
    #[error("not ready: nothing has gone through for {} s: {reason}", since.as_secs())]
    Stuck {
        /// How long.
        since: Duration,
        /// What the last attempt came to.
        reason: String,
    },
}

/// Since when nothing of a lane, or of the source, goes through, and why.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Since>);

#[derive(Debug, Default)]
struct Since {
    /// What is tried again and again.
    failing: Option<(Instant, String)>,
    /// When an attempt began that has no answer yet.
    waiting: Option<Instant>,
}

impl Trouble {
    /// It goes on.
    pub fn end(&self) {
        *lock(&self.0) = Since::default();
    }

    /// An attempt did not go through, for this reason, and is made again.
    pub(super) fn retry(&self, reason: &str) {
        let mut trouble = lock(&self.0);
        let since = trouble.failing.take().map_or_else(Instant::now, |(since, _)| since);
        trouble.failing = Some((since, reason.to_owned()));
    }

    /// Since this moment nobody answers, for this reason.
    pub fn fail_since(&self, since: Instant, reason: &str) {
        lock(&self.0).failing = Some((since, reason.to_owned()));
    }

    /// Postgres has been handed a batch.
    pub fn wait(&self) {
        lock(&self.0).waiting = Some(Instant::now());
    }

    /// It has answered, whatever that was.
    pub fn answered(&self) {
        lock(&self.0).waiting = None;
    }

    /// Since when, and why; `None` while it goes on.
    pub(super) fn reason(&self) -> Option<(Instant, String)> {
        let since = lock(&self.0);
        let waiting = since.waiting.map(|at| (at, WAITING.to_owned()));
        since.failing.clone().into_iter().chain(waiting).min()
    }
}

/// What is said of an attempt that has no answer for long.
pub const WAITING: &str = "Postgres has not answered to a batch yet: somebody may hold a lock (`select * from pg_stat_activity where wait_event_type = 'Lock'`)";

/// What is tried again for longer than this is stuck.
pub const PATIENCE: Duration = Duration::from_secs(30);
