//! A replay beside the pipeline's own tables: compared with them, or into them.
//!
//! The range is staged, and behind it what the pipeline has applied since, as far as it concerns the same keys. A comparison
//! then sees tables and offsets as of one moment, and holds nothing. A replay holds the offsets for the last stretch and the
//! merge, so that the two cannot cross.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::bail;
use rowkind_formats::Format;
use tokio::runtime::Handle;

use super::bar::Bar;
use super::ended::Ended;
use super::holds::Holds;
use super::{Differs, print, show};
use crate::config::{self, Config, ConfigError, Dedup as Remembered, Sink};
use crate::decode;
use crate::dedup::Dedup;
use crate::progress::RowCounts;
use crate::records::{Claimed, Records, TopicPartition};
use crate::rejects::Rejects;
use crate::route::TargetName;
use crate::shutdown::Shutdown;
use crate::sieve::Sieve;
use crate::sink::postgres::plan::Planner;
use crate::sink::postgres::{DifferenceKind, Failure, Merged, PostgresSink, Reach, Staging};
use crate::source::{Asked, Range, RangeReader, SourceError};
use crate::terminal;

/// What is done about differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// They are printed.
    Compare,
    /// They are mended.
    Mend { deletes_extra: bool },
}

/// How often a replay begins anew that Postgres did not let through.
const MAX_ATTEMPTS: usize = 3;
/// Records that are staged at once, however small the pipeline's batches are.
const MAX_ROWS: usize = 10_000;
const MAX_BYTES: usize = 2 << 20;
/// What the pipeline may have applied meanwhile when its offsets are seen or held: the fewer, the shorter it waits.
const NEAR: i64 = 2_000;
/// How often a replay tries to come that near.
const MAX_ROUNDS: usize = 20;

/// Compares, or mends.
pub(super) async fn replay(
    config: &Config,
    asked: &Asked,
    aim: Aim,
    is_json: bool,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let Sink::Postgres(postgres) = &config.sink else {
        return Err(ConfigError::new(
            "the pipeline's sink has no tables to replay into: say --print, --into-file, --into-topic or --dump"
                .to_owned(),
        )
        .into());
    };
    for attempt in 1.. {
        let sink = PostgresSink::new(&config.name, postgres, &config.rejects);
        let mut replay = Replay::begin(config, asked, (sink, aim), shutdown).await?;
        let ended = match aim {
            Aim::Compare => replay.compare(is_json).await,
            Aim::Mend { deletes_extra } => replay.mend(deletes_extra).await,
        };
        replay.bar.end();
        match ended {
            Ok(()) => break,
            Err(Ended::Failed(Failure::Retry(text))) if attempt < MAX_ATTEMPTS => {
                tracing::warn!("nothing was changed, beginning anew: {text}");
            }
            Err(ended) => return Err(ended.into_error()),
        }
    }
    Ok(())
}

/// A replay under way.
struct Replay {
    reader: RangeReader,
    /// Plans what is asked for.
    planner: Planner,
    /// Plans all that happens to the same rows, where not all rows are asked for: a row may have other values by then.
    rest: Option<Planner>,
    staging: Staging,
    /// What is replayed, up to what the pipeline has applied.
    ranges: Vec<Range>,
    /// Up to where records were read, of each partition.
    reached: HashMap<TopicPartition, i64>,
    /// Whether all that the topics ever held is in the ranges.
    is_whole: bool,
    /// What other topics that the pipeline reads may bring rows of.
    others: Vec<Holds>,
    /// The same of those that are replayed.
    own: Vec<Holds>,
    bar: Bar,
    rows: RowCounts,
    n_records: usize,
    n_passed: usize,
}

impl Replay {
    async fn begin(
        config: &Config,
        asked: &Asked,
        (sink, aim): (PostgresSink, Aim),
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let (reader, mut ranges) = tokio::task::block_in_place(|| {
            let reader = RangeReader::new(&config.source, config.told.max_record_bytes, shutdown.clone())?;
            let ranges = reader.find(asked)?;
            Ok::<_, SourceError>((reader, ranges))
        })?;
        check_partition(config, asked, &ranges)?;
        let failed = |failure: Failure| anyhow::Error::msg(failure).context("nothing was changed");
        let mut staging = sink.stage(aim == Aim::Compare).await.map_err(failed)?;
        let stored = staging.next_offsets().await.map_err(failed)?;
        if !ranges.iter().any(|range| stored.contains_key(&range.partition)) {
            bail!(
                "pipeline {} has applied nothing of {}: --into SCHEMA replays into tables of another schema",
                config.name,
                asked.title()
            );
        }
        for range in &mut ranges {
            // what the pipeline has not applied yet it will
            range.to = range.to.min(stored.get(&range.partition).copied().unwrap_or(range.from)).max(range.from);
        }
        let stands = |range: &Range| stored.get(&range.partition).copied().unwrap_or(range.low);
        let is_whole = asked.partition.is_none()
            && config.wanted.is_all()
            && ranges.iter().all(|range| range.low == 0 && range.from == 0 && range.to == stands(range));
        let topics: BTreeSet<_> = ranges.iter().map(|range| &range.partition.topic).collect();
        let others = stored.keys().map(|partition| &partition.topic).filter(|topic| !topics.contains(topic));
        let bar = Bar::new(ranges.iter().map(|range| (stands(range) - range.from).max(0)).sum());
        let reached = ranges.iter().map(|range| (range.partition.clone(), range.to)).collect();
        let others: BTreeSet<_> = others.collect();
        let mut routes = config.routes.clone();
        let mut holds = |topic: &&Arc<str>| Holds::of(topic, &mut routes);
        let others = others.iter().map(&mut holds).collect();
        let own = topics.iter().map(&mut holds).collect();
        let rest = config.wanted.of_tables();
        let rest = (rest != config.wanted).then(|| planner(&Config { wanted: rest, ..config.clone() })).transpose()?;
        let planner = planner(config)?;
        let (rows, n_records, n_passed) = (RowCounts::default(), 0, 0);
        Ok(Self {
            reader,
            planner,
            rest,
            staging,
            ranges,
            reached,
            is_whole,
            others,
            own,
            bar,
            rows,
            n_records,
            n_passed,
        })
    }

    /// Stages the range, and what the pipeline has applied behind it, until little of that is left.
    async fn stage(&mut self) -> Result<(), Ended> {
        let ranges = self.ranges.clone();
        self.take(&ranges, Reach::Range)?;
        for round in 0..MAX_ROUNDS {
            let stored = self.staging.next_offsets().await?;
            let behind: i64 = self.ranges.iter().filter_map(|range| self.behind(range, &stored)).map(|r| r.len()).sum();
            if behind <= NEAR {
                break;
            }
            if round > 0 {
                self.bar.lengthen(behind);
            }
            self.follow(&stored)?;
        }
        Ok(())
    }

    /// Reads on to these offsets, if there is a row to read on for.
    fn follow(&mut self, stored: &HashMap<TopicPartition, i64>) -> Result<(), Ended> {
        if !self.staging.is_touched() {
            return Ok(());
        }
        let behind: Vec<Range> = self.ranges.iter().filter_map(|range| self.behind(range, stored)).collect();
        // where all rows are replayed, those that have come since are too
        self.take(&behind, if self.is_whole { Reach::Range } else { Reach::Behind })?;
        for range in behind {
            self.reached.insert(range.partition, range.to);
        }
        Ok(())
    }

    /// What of a range's partition was not read yet.
    fn behind(&self, range: &Range, stored: &HashMap<TopicPartition, i64>) -> Option<Range> {
        let (from, to) = (*self.reached.get(&range.partition)?, *stored.get(&range.partition)?);
        (from < to).then(|| Range { from, to, ..range.clone() })
    }

    /// Stages records.
    fn take(&mut self, ranges: &[Range], reach: Reach) -> Result<(), Ended> {
        let Self { reader, planner, rest, staging, bar, rows, n_records, n_passed, .. } = self;
        let mut open = Records::default();
        let mut stage = |records: &mut Records| -> Result<(), Ended> {
            let full = std::mem::take(records);
            let mut staged = |planner: &mut _, reach| Handle::current().block_on(staging.take(&full, planner, reach));
            let taken = match reach {
                Reach::Range => staged(planner, reach)?,
                Reach::Behind => staged(rest.as_mut().unwrap_or(planner), reach)?,
            };
            if let (Reach::Range, Some(rest)) = (reach, rest.as_mut()) {
                staged(rest, Reach::Behind)?;
            }
            for reject in &taken.passed {
                tracing::warn!("passed over {reject}");
            }
            if reach == Reach::Range {
                *rows += taken.rows;
                *n_records += full.len();
            }
            *n_passed += taken.passed.len();
            bar.add(full.len(), *rows);
            Ok(())
        };
        tokio::task::block_in_place(|| {
            reader.read(ranges, |(range, offset, parts, beside)| {
                let Range { partition, n_partitions, .. } = range;
                let claimed = Claimed { partition, n_partitions: *n_partitions, epoch: 0, next_offset: offset };
                open.push(claimed, offset, parts, beside);
                if open.len() >= MAX_ROWS || open.n_bytes() >= MAX_BYTES {
                    stage(&mut open)?;
                }
                Ok::<_, Ended>(())
            })?;
            if open.is_empty() { Ok(()) } else { stage(&mut open) }
        })
    }

    async fn compare(&mut self, is_json: bool) -> Result<(), Ended> {
        self.stage().await?;
        let stored = self.staging.see().await?;
        self.follow(&stored)?;
        self.check_whole(&stored);
        self.bar.end();
        let has_colour = terminal::has_colour();
        let mut counts: HashMap<(TargetName, DifferenceKind), u64> = HashMap::new();
        let takes_extra = self.takes_extra();
        let compared = self.staging.compare((takes_extra, self.n_passed == 0), |table, difference| {
            *counts.entry((table.clone(), difference.kind)).or_default() += 1;
            let line = if is_json {
                show::json(table, &difference)
            } else {
                let (line, look) = show::line(table, &difference);
                look.paint(&line, has_colour)
            };
            print(&format!("{line}\n")).map_err(Ended::from)
        });
        let compared = compared.await?;
        let n_different: u64 = counts.values().sum();
        if !is_json {
            let count = |table: &TargetName, kind| counts.get(&(table.clone(), kind)).copied().unwrap_or(0);
            print(
                &compared
                    .iter()
                    .map(|table| show::summary(table, |kind| count(&table.table, kind)))
                    .collect::<String>(),
            )?;
        }
        self.end(compared.is_empty())?;
        match (n_different, compared.iter().any(|table| !table.lacking.is_empty())) {
            (0, false) => Ok(()),
            (0, true) => Err(Ended::Other(Differs::Columns.into())),
            _ => Err(Ended::Other(Differs::Rows(n_different).into())),
        }
    }

    async fn mend(&mut self, deletes_extra: bool) -> Result<(), Ended> {
        self.stage().await?;
        let partitions: Vec<TopicPartition> = self.ranges.iter().map(|range| range.partition.clone()).collect();
        let stored = self.staging.hold(&partitions).await?;
        self.follow(&stored)?;
        let stored = self.staging.next_offsets().await?;
        self.check_whole(&stored);
        let merged = self.staging.merge((self.takes_extra(), self.n_passed == 0), deletes_extra).await;
        let merged = merged.map_err(with_remedy)?;
        self.bar.end();
        print(&merged.iter().map(show::done).collect::<String>())?;
        let keyless = self.staging.keyless();
        for table in &keyless {
            print(&format!("{}: {}\n", show::name(table), show::KEYLESS))?;
        }
        self.end(merged.is_empty() && keyless.is_empty())?;
        let sum = |of: fn(&Merged) -> i64| merged.iter().map(of).sum::<i64>();
        match (sum(|merged| merged.n_unknown), sum(|merged| merged.n_extra)) {
            (0, 0) => Ok(()),
            (0, n_extra) => Err(Ended::Other(Differs::Extra(n_extra).into())),
            (n_unknown, _) => Err(Ended::Other(Differs::Unknown(n_unknown).into())),
        }
    }

    /// Whether all was read after all: no partition has come meanwhile, and no record was passed over.
    fn check_whole(&mut self, stored: &HashMap<TopicPartition, i64>) {
        let is_of = |topic: &Arc<str>| self.ranges.iter().any(|range| range.partition.topic == *topic);
        let mut partitions = stored.keys().filter(|partition| is_of(&partition.topic));
        self.is_whole &= self.n_passed == 0 && partitions.all(|partition| self.reached.contains_key(partition));
    }

    /// Of which tables rows are too many that nothing was read about: those of which all was read.
    fn takes_extra(&self) -> impl Fn(&TargetName) -> bool + use<> {
        let (is_whole, others, own) = (self.is_whole, self.others.clone(), self.own.clone());
        move |table| {
            let may_be_of = |all: &[Holds]| all.iter().any(|holds| holds.may_be(table));
            is_whole && (others.is_empty() || (may_be_of(&own) && !may_be_of(&others)))
        }
    }

    fn end(&self, is_empty: bool) -> anyhow::Result<()> {
        if is_empty {
            print(&format!("{} records, and no row of a table among them\n", self.n_records))?;
        } else {
            tracing::info!(records = self.n_records, rows = %self.rows, "replayed");
        }
        if self.n_passed > 0 {
            let n_passed = i64::try_from(self.n_passed).unwrap_or(i64::MAX);
            eprintln!("rowkind: {} could not be applied: passed over", terminal::counted(n_passed, "record"));
        }
        Ok(())
    }
}

/// What a person can do about a unique value that another row of the target has.
fn with_remedy(failure: Failure) -> Failure {
    match failure {
        Failure::Data { mut text, remedy, sqlstate } => {
            if sqlstate.as_deref() == Some("23505") {
                text.push_str(": a row of the target has the value of another one; delete it, by --delete-extra where it is extra, and replay again");
            }
            Failure::Data { text, remedy, sqlstate }
        }
        failure => failure,
    }
}

/// With Canal and Maxwell, what has become of a row may stand in another partition than the row.
fn check_partition(config: &Config, asked: &Asked, ranges: &[Range]) -> Result<(), ConfigError> {
    let moves_rows = matches!(config.format, Format::CanalJson | Format::MaxwellJson | Format::Auto);
    if asked.partition.is_some() && moves_rows && ranges.iter().any(|range| range.n_partitions > 1) {
        return Err(ConfigError::new(
            "--partition: a row whose key changes moves to another partition in Canal's and Maxwell's topics; leave it out, so that all are read, or set `source.format` where it is auto"
                .to_owned(),
        ));
    }
    Ok(())
}

/// A planner of which repeats are known, and that passes over what the pipeline passes over.
fn planner(config: &Config) -> anyhow::Result<Planner> {
    let decoding = Arc::new(decode::Shared::of(config)?);
    // between partitions only what is known of rows gives an order
    let remembered = config.dedup.unwrap_or(Remembered { max_keys: MAX_KEYS, tail: 0 });
    let config = Config { transactions: None, ..config.clone() };
    let sieve = Sieve::new(&config, decoding, Some(Arc::new(Dedup::new(remembered.max_keys))));
    let rejects = config::Rejects { max_per_minute: usize::MAX, ..config.rejects.passing_over() };
    let Sink::Postgres(postgres) = &config.sink else { bail!("the sink is not Postgres") };
    Ok(Planner::new(&config, postgres.evolve, sieve, Arc::new(Rejects::new(&rejects))))
}

const MAX_KEYS: usize = 900_000;
