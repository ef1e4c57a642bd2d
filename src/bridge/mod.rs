//! The bridge: the one room that knows all others, and calls across.
//!
//! A source thread reads records and hands batches to the lanes. A lane is one task with one connection; it plans its
//! next batch while Postgres applies the last. Whatever ends first — the input, a signal, a failure — the rest drains
//! and ends too.

mod forwarding;
mod keeper;
mod lane;
mod open_rejects;
mod relay;
mod stored;

use std::hash::BuildHasher;
use std::sync::{Arc, mpsc as thread_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::config::{self, ChangelogSink, Config, Sink, Source};
use crate::decode;
use crate::dedup::Dedup;
use crate::metrics::otel::Sending;
use crate::metrics::{self, Told};
use crate::normalize::State;
use crate::progress::Progress;
use crate::reencode::Reencoder;
use crate::rejects::{self, Reject, Rejects};
use crate::shutdown::Shutdown;
use crate::sieve::Sieve;
use crate::sink::postgres::PostgresSink;
use crate::sink::postgres::plan::Planner;
use crate::source::{
    FileSource, Gatherer, GroupOffsets, KafkaSource, Ownership, RangeReader, RangeSource, Reading, SourceError, Stored,
};
use keeper::Keeper;
use lane::Lane;
use relay::{Relay, Writer};
use stored::stored;

/// Why a pipeline ended without having been asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It stopped at a record that cannot be applied; everything before it is in the target.
    #[error("stopped at {0}{rest}", rest = way_on(.0))]
    Rejected(Reject),
    /// A setting is none that can be used.
    #[error("{0}")]
    Config(String),
    /// The target has gone back behind what was applied to it.
    #[error("{0}")]
    WentBack(String),
    /// A person has to act.
    #[error("{0}")]
    Fatal(String),
}

/// What a person may do who does not mend the record, or the target.
fn way_on(reject: &Reject) -> &'static str {
    if reject.reason.stops { "" } else { "; `rejects.policy` says whether such records are put aside, or skipped" }
}

/// Time from the wish to stop until the lanes are cut off. What they had open is rolled back and read again next time.
const DRAIN: Duration = Duration::from_millis(3_500);

/// Runs a pipeline until its input ends or `shutdown` is requested. Where the target goes back it begins again at what the target
/// has, and knows nothing of what it was.
///
/// # Errors
///
/// When it stops at a reject, or a person has to act.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), RunError> {
    let progress = Arc::<Progress>::default();
    let settings = config.metrics.as_ref().map(|asked| asked.settings.clone()).unwrap_or_default();
    let told = Arc::new(Told { pipeline: config.name.clone(), settings, progress: Arc::clone(&progress) });
    let sending = Sending::start(&told).map_err(|error| RunError::Config(error.to_string()))?;
    let server = match &config.metrics {
        None => None,
        Some(asked) => Some(tell(asked, told).await?),
    };
    let is_watched = server.is_some() || sending.is_some();
    let counting = is_watched.then(|| open_rejects::count(&config, &progress)).flatten();
    let outcome = loop {
        match run_watched(config.clone(), Arc::clone(&progress), shutdown.part()).await {
            Err(RunError::WentBack(text)) if !shutdown.is_requested() => {
                tracing::warn!("{text}; beginning again there");
                progress.begin_again();
            }
            outcome => break outcome,
        }
    };
    progress.summarize();
    for task in [server, counting].into_iter().flatten() {
        task.abort();
    }
    if let Some(sending) = sending {
        sending.end().await;
    }
    outcome
}

/// Tells of a pipeline over HTTP.
async fn tell(asked: &config::Metrics, told: Arc<Told>) -> Result<JoinHandle<()>, RunError> {
    let cannot = |error| RunError::Fatal(format!("cannot listen on {}: {error}: see `metrics.listen`", asked.listen));
    metrics::serve(asked.listen, told).await.map_err(cannot)
}

/// The same, with its counters in `progress`.
///
/// # Errors
///
/// As for [`run`].
pub async fn run_watched(config: Config, progress: Arc<Progress>, shutdown: Shutdown) -> Result<(), RunError> {
    let decoding = decode::Shared::of(&config).map_err(|error| RunError::Config(error.to_string()))?;
    let decoding = Arc::new(decoding);
    let dedup = config.dedup.map(|dedup| Arc::new(Dedup::new(dedup.max_keys)));
    if let Some(dedup) = &dedup {
        progress.watch(Arc::clone(dedup));
    }
    if let Source::File { .. } = config.source {
        progress.set_assigned();
    }
    let rejects = Arc::new(Rejects::new(&config.rejects));
    let state = open_state(&config)?;
    let ownership = Arc::new(Ownership::default());
    let reading = config.transactions.is_some().then(Arc::<Reading>::default);
    let instance = instance();
    let mut lanes = JoinSet::new();
    let mut inboxes = Vec::with_capacity(config.n_lanes);
    for number in 0..config.n_lanes {
        let (mut inbox, batches) = mpsc::channel(1);
        let sieve = Sieve::new(&config, Arc::clone(&decoding), dedup.clone());
        match &config.sink {
            Sink::Postgres(postgres) => {
                let planner = Planner::new(&config, postgres.evolve, sieve, Arc::clone(&rejects));
                let sink = PostgresSink::new(&config.name, postgres, &config.rejects);
                let shared = (Arc::clone(&progress), dedup.clone(), Arc::clone(&rejects));
                let mut lane = Lane::new(sink, planner, batches, shared, shutdown.clone());
                if number == 0 {
                    lane = lane.asking();
                }
                if let (Some(transactions), Some(reading)) = (&config.transactions, &reading) {
                    let (outer, gathered) = mpsc::channel(1);
                    let channels = (gathered, std::mem::replace(&mut inbox, outer));
                    let (decoding, reading) = (Arc::clone(&decoding), Arc::clone(reading));
                    let keeper = Keeper::new((&config, transactions), decoding, channels, reading, shutdown.clone());
                    lanes.spawn(keeper.run());
                    lane = lane.applying_whole();
                }
                lanes.spawn(lane.run());
            }
            Sink::Changelog(changelog) => {
                let reencoder = Reencoder::new(
                    &config,
                    changelog,
                    (sieve, Arc::clone(&decoding)),
                    (state.clone(), Arc::clone(&rejects)),
                );
                let transactional_id = format!("rowkind.{}.{instance}.{number}", config.name);
                let relay = Relay {
                    writer: Writer::new(&config.name, changelog, transactional_id, &ownership),
                    reencoder,
                    batches,
                    rejects: Arc::clone(&rejects),
                    progress: Arc::clone(&progress),
                    trouble: progress.trouble(),
                    shutdown: shutdown.clone(),
                    dedup: dedup.clone(),
                    state: state.clone(),
                };
                lanes.spawn(relay.run());
            }
        }
        inboxes.push(inbox);
    }
    let forwarding = match (rejects.outbox(), &config.sink) {
        (Some(outbox), Sink::Postgres(postgres)) => {
            let sink = PostgresSink::new(&config.name, postgres, &config.rejects);
            Some(forwarding::start(&config, sink, Arc::clone(outbox), shutdown.clone())?)
        }
        _ => None,
    };
    let (drained, lanes_drained) = thread_channel::channel();
    let gatherer = Gatherer::new(config.batch, inboxes).telling(reading.clone());
    let stored = stored(&config, &ownership, (state, Arc::clone(&rejects)), &progress, shutdown.clone());
    let told = (Arc::clone(&progress), ownership);
    let source = start_source(config, (gatherer, reading), stored, told, shutdown.clone(), lanes_drained)?;

    let report = tokio::spawn({
        let progress = Arc::clone(&progress);
        async move { progress.report().await }
    });
    let outcome = drain(&mut lanes, &shutdown).await;
    report.abort();
    let _ = drained.send(());
    let outcome = match (forwarding, rejects.outbox()) {
        (Some(ended), Some(outbox)) => outcome.and(end_forwarding(ended, outbox, &shutdown).await),
        _ => outcome,
    };
    let ended = tokio::task::spawn_blocking(move || source.join()).await;
    outcome?;
    match ended {
        Ok(Ok(Ok(()) | Err(SourceError::Shutdown))) => Ok(()),
        Ok(Ok(Err(SourceError::Config(text)))) => Err(RunError::Config(text)),
        Ok(Ok(Err(SourceError::Fatal(text)))) => Err(RunError::Fatal(text)),
        Ok(Err(_)) | Err(_) => Err(RunError::Fatal("the source's thread panicked".to_owned())),
    }
}

/// The state of rows, where the changelog is to be complete.
fn open_state(config: &Config) -> Result<Option<Arc<State>>, RunError> {
    let Sink::Changelog(changelog) = &config.sink else { return Ok(None) };
    let Some(folder) = &changelog.state_dir else { return Ok(None) };
    let state = State::open(folder, &config.name).map_err(|error| RunError::Fatal(error.to_string()))?;
    Ok(Some(Arc::new(state)))
}

/// A word that no other process has: two with one transactional id would end each other's transactions.
fn instance() -> String {
    format!("{:016x}", foldhash::quality::RandomState::default().hash_one(std::process::id()))
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
                tracing::warn!("the open batches were not taken in time: they are rolled back, and read again at the next start");
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

/// What the offsets are that the source's group commits.
fn group_offsets(config: &Config) -> GroupOffsets {
    match &config.sink {
        Sink::Postgres(_) => GroupOffsets::ForLagTools,
        Sink::Changelog(changelog) => match &changelog.sink {
            ChangelogSink::Kafka(kafka) if kafka.is_exactly_once => GroupOffsets::StoredByTransactions,
            _ => GroupOffsets::Stored,
        },
    }
}

/// Waits until all rejects are forwarded, but not for long when the pipeline is to stop.
async fn end_forwarding(
    ended: forwarding::Ended,
    outbox: &rejects::outbox::Outbox,
    shutdown: &Shutdown,
) -> Result<(), RunError> {
    outbox.close();
    let cut_off = async {
        shutdown.requested().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = ended => ended.unwrap_or_else(|_| Err(RunError::Fatal("the thread that forwards rejects panicked".to_owned()))),
        () = cut_off => {
            tracing::warn!("Kafka did not take the open rejects in time: they are forwarded at the next start");
            Ok(())
        }
    }
}

type SourceThread = thread::JoinHandle<Result<(), SourceError>>;

/// Starts the thread that reads. It hands over what is open when it ends, lets go of the lanes, and leaves the group
/// when they are done.
fn start_source(
    config: Config,
    (mut gatherer, reading): (Gatherer, Option<Arc<Reading>>),
    mut stored: Box<dyn Stored + Send>,
    (progress, ownership): (Arc<Progress>, Arc<Ownership>),
    shutdown: Shutdown,
    lanes_drained: thread_channel::Receiver<()>,
) -> Result<SourceThread, RunError> {
    let group_offsets = group_offsets(&config);
    let body = move || {
        let is_alone = if reading.is_some() { stored.wait_for_others() } else { Ok(()) };
        let mut kafka = None;
        let tail = config.dedup.map_or(0, |dedup| dedup.tail);
        let ended = is_alone.and_then(|()| match (&config.source, config.ranges) {
            (source, Some(ranges)) => {
                let reader = RangeReader::new(source, config.told.max_record_bytes, shutdown.clone())?;
                RangeSource { reader, ranges, progress }.run(&mut gatherer, &mut *stored, &shutdown)
            }
            (Source::File { path, topics }, None) => {
                let file = FileSource {
                    path: path.clone(),
                    topics: topics.clone(),
                    pipeline: config.name.clone(),
                    start: config.start.clone(),
                    stop: config.stop.clone(),
                    tail,
                    max_record_bytes: config.told.max_record_bytes,
                    tells_topics: reading.is_some(),
                    group_offsets,
                };
                file.run(&mut gatherer, &mut *stored, &shutdown)
            }
            (Source::Kafka(settings), None) => {
                let offsets = (group_offsets, ownership);
                let places = (&config.start, &config.stop);
                KafkaSource::new(settings, &config.name, places, tail, offsets, progress).and_then(|source| {
                    kafka.insert(source.told_by(reading.clone())).run(&mut gatherer, &mut *stored, &shutdown)
                })
            }
        });
        if let Some(reading) = &reading
            && ended.is_ok()
            && !shutdown.is_requested()
        {
            reading.finish();
        }
        let has_failed = ended.is_err();
        gatherer.close_all(|| has_failed || shutdown.is_requested(), DRAIN);
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
