//! The bridge: the one room that knows all others, and calls across.
//!
//! A source thread reads records and hands batches to the lanes. A lane is one task with one connection; it plans its
//! next batch while Postgres applies the last. Whatever ends first — the input, a signal, a failure — the rest drains
//! and ends too.

mod lane;
mod stored;

use std::sync::{Arc, mpsc as thread_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::{Config, Source};
use crate::decode;
use crate::dedup::Dedup;
use crate::progress::Progress;
use crate::registry::Registry;
use crate::rejects::Reject;
use crate::shutdown::Shutdown;
use crate::sink::postgres::PostgresSink;
use crate::sink::postgres::plan::Planner;
use crate::source::{FileSource, Gatherer, KafkaSource, SourceError};
use lane::Lane;
use stored::InPostgres;

/// Why a pipeline ended without having been asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It stopped at a record that cannot be applied; everything before it is in the target.
    #[error("stopped at {0}")]
    Rejected(Reject),
    /// A setting is none that can be used.
    #[error("{0}")]
    Config(String),
    /// A person has to act.
    #[error("{0}")]
    Fatal(String),
}

/// Time from the wish to stop until the lanes are cut off. What they had open is rolled back and read again next time.
const DRAIN: Duration = Duration::from_millis(3_500);

/// Runs a pipeline until its input ends or `shutdown` is requested.
///
/// # Errors
///
/// When it stops at a reject, or a person has to act.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), RunError> {
    let progress = Arc::new(Progress::default());
    let registry = config.registry.as_ref().map(|settings| Registry::new(settings, Handle::current())).transpose();
    let decoding = Arc::new(decode::Shared::new(registry.map_err(|error| RunError::Config(error.to_string()))?));
    let dedup = config.dedup.map(|dedup| Arc::new(Dedup::new(dedup.max_keys)));
    let mut lanes = JoinSet::new();
    let mut inboxes = Vec::with_capacity(config.sink.n_lanes);
    for _ in 0..config.sink.n_lanes {
        let (inbox, batches) = mpsc::channel(1);
        inboxes.push(inbox);
        let planner = Planner::new(&config, Arc::clone(&decoding), dedup.clone());
        let lane = Lane::new(sink(&config), planner, batches, (Arc::clone(&progress), dedup.clone()), shutdown.clone());
        lanes.spawn(lane.run());
    }
    let (drained, lanes_drained) = thread_channel::channel();
    let gatherer = Gatherer::new(config.batch, inboxes);
    let source = start_source(config, gatherer, Arc::clone(&progress), shutdown.clone(), lanes_drained)?;

    let report = tokio::spawn({
        let progress = Arc::clone(&progress);
        async move { progress.report().await }
    });
    let outcome = drain(&mut lanes, &shutdown).await;
    report.abort();
    let _ = drained.send(());
    let ended = tokio::task::spawn_blocking(move || source.join()).await;
    progress.summarize();
    outcome?;
    match ended {
        Ok(Ok(Ok(()) | Err(SourceError::Shutdown))) => Ok(()),
        Ok(Ok(Err(SourceError::Config(text)))) => Err(RunError::Config(text)),
        Ok(Ok(Err(SourceError::Fatal(text)))) => Err(RunError::Fatal(text)),
        Ok(Err(_)) | Err(_) => Err(RunError::Fatal("the source's thread panicked".to_owned())),
    }
}

fn sink(config: &Config) -> PostgresSink {
    PostgresSink::new(&config.name, &config.sink)
}

/// Waits for the lanes: they end when the source has let go of them. The first error stops the pipeline.
async fn drain(lanes: &mut JoinSet<Result<(), RunError>>, shutdown: &Shutdown) -> Result<(), RunError> {
    let mut outcome = Ok(());
    let cut_off = async {
        shutdown.requested().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::pin!(cut_off);
    loop {
        let ended = tokio::select! {
            ended = lanes.join_next() => ended,
            () = &mut cut_off => {
                tracing::warn!("Postgres did not take the open batches in time: they are rolled back, and read again at the next start");
                lanes.shutdown().await;
                return outcome;
            }
        };
        match ended {
            None => return outcome,
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => {
                shutdown.request();
                outcome = outcome.and(Err(error));
            }
            Some(Err(_)) => {
                shutdown.request();
                outcome = outcome.and(Err(RunError::Fatal("a lane panicked".to_owned())));
            }
        }
    }
}

type SourceThread = thread::JoinHandle<Result<(), SourceError>>;

/// Starts the thread that reads. It hands over what is open when it ends, lets go of the lanes, and leaves the group
/// when they are done.
fn start_source(
    config: Config,
    mut gatherer: Gatherer,
    progress: Arc<Progress>,
    shutdown: Shutdown,
    lanes_drained: thread_channel::Receiver<()>,
) -> Result<SourceThread, RunError> {
    let runtime = Handle::current();
    let body = move || {
        let mut stored = InPostgres::new(sink(&config), runtime, shutdown.clone());
        let mut kafka = None;
        let tail = config.dedup.map_or(0, |dedup| dedup.tail);
        let ended = match &config.source {
            Source::File { path, topics } => {
                let file = FileSource {
                    path: path.clone(),
                    topics: topics.clone(),
                    pipeline: config.name.clone(),
                    start: config.start.clone(),
                    stop: config.stop.clone(),
                    tail,
                    max_record_bytes: config.told.max_record_bytes,
                };
                file.run(&mut gatherer, &mut stored, &shutdown)
            }
            Source::Kafka(settings) => {
                KafkaSource::new(settings, &config.name, (&config.start, &config.stop), tail, progress)
                    .and_then(|source| kafka.insert(source).run(&mut gatherer, &mut stored, &shutdown))
            }
        };
        gatherer.close_all(Instant::now() + DRAIN);
        drop(gatherer);
        let _ = lanes_drained.recv();
        if let Some(kafka) = kafka {
            kafka.close();
        }
        ended
    };
    thread::Builder::new()
        .name("source".to_owned())
        .spawn(body)
        .map_err(|error| RunError::Fatal(format!("cannot start a thread: {error}")))
}
