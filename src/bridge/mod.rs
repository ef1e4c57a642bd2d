//! The bridge: the one room that knows all others, and calls across.
//!
//! A source thread reads records and hands batches to the lanes. A lane is one task with one connection; it plans its
//! next batch while Postgres applies the last. Whatever ends first — the input, a signal, a failure — the rest drains
//! and ends too.

mod keeper;
mod lane;

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
use crate::records::TopicPartition;
use crate::registry::Registry;
use crate::rejects::Reject;
use crate::shutdown::Shutdown;
use crate::sink::postgres::plan::Planner;
use crate::sink::postgres::{Claim, Failure, PostgresSink};
use crate::source::{FileSource, Gatherer, KafkaSource, Reading, SourceError};
use keeper::Keeper;
use lane::{Backoff, Lane};

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
    let reading = config.transactions.is_some().then(Arc::<Reading>::default);
    let mut lanes = JoinSet::new();
    let mut inboxes = Vec::with_capacity(config.sink.n_lanes);
    for _ in 0..config.sink.n_lanes {
        let (mut inbox, batches) = mpsc::channel(1);
        let planner = Planner::new(&config, Arc::clone(&decoding), dedup.clone());
        let mut lane =
            Lane::new(sink(&config), planner, batches, (Arc::clone(&progress), dedup.clone()), shutdown.clone());
        if let (Some(transactions), Some(reading)) = (&config.transactions, &reading) {
            let (outer, gathered) = mpsc::channel(1);
            let channels = (gathered, std::mem::replace(&mut inbox, outer));
            let (decoding, reading) = (Arc::clone(&decoding), Arc::clone(reading));
            let keeper = Keeper::new((&config, transactions), decoding, channels, reading, shutdown.clone());
            lanes.spawn(keeper.run());
            lane = lane.applying_whole();
        }
        inboxes.push(inbox);
        lanes.spawn(lane.run());
    }
    let (drained, lanes_drained) = thread_channel::channel();
    let gatherer = Gatherer::new(config.batch, inboxes).telling(reading.clone());
    let source = start_source(config, (gatherer, reading), Arc::clone(&progress), shutdown.clone(), lanes_drained)?;

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
    (mut gatherer, reading): (Gatherer, Option<Arc<Reading>>),
    progress: Arc<Progress>,
    shutdown: Shutdown,
    lanes_drained: thread_channel::Receiver<()>,
) -> Result<SourceThread, RunError> {
    let runtime = Handle::current();
    let body = move || {
        let mut claiming = Claiming { sink: sink(&config), runtime, shutdown: shutdown.clone() };
        let is_alone = if reading.is_some() { claiming.wait_for_others() } else { Ok(()) };
        let mut claims = |wanted: &[(TopicPartition, i64)]| claiming.claim(wanted);
        let mut kafka = None;
        let tail = config.dedup.map_or(0, |dedup| dedup.tail);
        let ended = is_alone.and_then(|()| match &config.source {
            Source::File { path, topics } => {
                let file = FileSource {
                    path: path.clone(),
                    topics: topics.clone(),
                    pipeline: config.name.clone(),
                    start: config.start,
                    stop: config.stop,
                    tail,
                    max_record_bytes: config.told.max_record_bytes,
                    tells_topics: reading.is_some(),
                };
                file.run(&mut gatherer, &mut claims, &shutdown)
            }
            Source::Kafka(settings) => {
                KafkaSource::new(settings, &config.name, (config.start, config.stop), tail, progress).and_then(
                    |source| kafka.insert(source.told_by(reading.clone())).run(&mut gatherer, &mut claims, &shutdown),
                )
            }
        });
        if let Some(reading) = &reading
            && ended.is_ok()
            && !shutdown.is_requested()
        {
            reading.finish();
        }
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

/// Claims partitions from the source's thread, for as long as Postgres is away.
struct Claiming {
    sink: PostgresSink,
    runtime: Handle,
    shutdown: Shutdown,
}

impl Claiming {
    fn claim(&mut self, wanted: &[(TopicPartition, i64)]) -> Result<Vec<Claim>, SourceError> {
        self.ask(async |sink| sink.claim(wanted).await)
    }

    /// Waits while another instance of the pipeline is at work: transactions cannot be divided among several.
    fn wait_for_others(&mut self) -> Result<(), SourceError> {
        let mut backoff = Backoff::default();
        let mut is_said = false;
        while !self.ask(async |sink| sink.claim_pipeline().await)? {
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

    /// Asks Postgres, again and again while it is away.
    fn ask<T>(&mut self, mut ask: impl AsyncFnMut(&mut PostgresSink) -> Result<T, Failure>) -> Result<T, SourceError> {
        let mut backoff = Backoff::default();
        loop {
            let Self { sink, runtime, shutdown } = self;
            let attempt = async {
                tokio::select! {
                    answer = ask(sink) => Some(answer),
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
}
