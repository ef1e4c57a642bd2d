//! How many records are put aside and wait for somebody, for those who look. They outlive the process that put them aside, and
//! somebody else applies or deletes them.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{Config, Sink};
use crate::progress::Progress;
use crate::sink::postgres::PostgresSink;

const EVERY: Duration = Duration::from_secs(15);

/// Counts them again and again, on a connection of its own, until it is aborted; `None` where none are put aside.
pub(super) fn count(config: &Config, progress: &Arc<Progress>) -> Option<JoinHandle<()>> {
    let Sink::Postgres(postgres) = &config.sink else { return None };
    if !config.rejects.policy.keeps() {
        return None;
    }
    let mut sink = PostgresSink::new(&config.name, postgres, &config.rejects);
    let progress = Arc::clone(progress);
    Some(tokio::spawn(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // why Postgres does not answer is for the lanes to say
            let rejects = sink.standing().await.ok().and_then(|standing| standing.rejects);
            let n = rejects.map(|by_partition| by_partition.into_values().sum());
            progress.set_open_rejects(n.and_then(|n: i64| n.try_into().ok()));
        }
    }))
}
