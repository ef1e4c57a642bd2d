//! `rowkind check`: everything that can be known before the start, each with what to do where it would fail.
//!
//! It asks the brokers, reads the last records of each topic, decodes them, and applies them to the target in transactions
//! that are rolled back; for a changelog they are encoded, and where they go is asked for. Nothing is stored, made or joined.

mod changelog;
mod report;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ArgMatches;
use rowkind_formats::{Event, changelog as text};
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};

use crate::config::{self, Config, ConfigError, Fallback, Kafka, RejectPolicy, Sink, Source, Start};
use crate::decode::{self, Undecoded};
use crate::inspect::Output;
use crate::records::{Records, TopicPartition};
use crate::rejects::Rejects;
use crate::route::TargetName;
use crate::sieve::Sieve;
use crate::sink::postgres::plan::Planner;
use crate::sink::postgres::{Failure, PostgresSink};
use crate::source::{Sampled, Sampler, first_records};
use crate::terminal::counted;
use changelog::Target as ChangelogTarget;
use report::Report;

/// How many of the last records of each partition are looked at.
const N_SAMPLED: i64 = 200;
/// How many of the first records of a file.
const N_SAMPLED_OF_FILE: usize = 200;

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    config: Config,
    is_json: bool,
}

impl Options {
    /// Reads the flags of `rowkind check`.
    ///
    /// # Errors
    ///
    /// When the pipeline's settings cannot be used.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let is_json = flags.get_one("output") == Some(&Output::Json);
        Ok(Self { config: Config::read(flags)?, is_json })
    }
}

/// Looks, and says what it finds on standard output.
///
/// # Errors
///
/// When something would fail.
pub fn run(options: Options) -> anyhow::Result<()> {
    let Options { config, is_json } = options;
    let runtime = Runtime::new().context("cannot start threads")?;
    runtime.block_on(async {
        let decoding = Arc::new(decode::Shared::of(&config)?);
        let report = Report::new(is_json);
        let (stored, sources) = (HashMap::new(), BTreeMap::new());
        let mut check = Check { config: &config, decoding, report, stored, sources, sink_cluster: None };
        check.report.good(&format!("configuration: pipeline {}", config.name));
        let target = check.target().await;
        tokio::task::block_in_place(|| check.source(target));
        check.shared_targets();
        match check.report.n_bad() {
            0 => Ok(()),
            1 => bail!("1 thing would fail"),
            n => bail!("{n} things would fail"),
        }
    })
}

struct Check<'c> {
    config: &'c Config,
    decoding: Arc<decode::Shared>,
    report: Report,
    /// The stored next offsets.
    stored: HashMap<TopicPartition, i64>,
    /// The source tables whose rows go into a target table, each with its topic.
    sources: BTreeMap<TargetName, BTreeSet<(String, String)>>,
    /// The id of the cluster that is written to.
    sink_cluster: Option<String>,
}

/// What records are tried on.
enum Target<'c> {
    Postgres(Box<PostgresSink>),
    Changelog(Box<ChangelogTarget<'c>>),
    /// It does not answer.
    Away,
}

impl<'c> Check<'c> {
    /// What of the target can be looked at without records.
    async fn target(&mut self) -> Target<'c> {
        let postgres = match &self.config.sink {
            Sink::Postgres(postgres) => postgres,
            Sink::Changelog(changelog) => {
                return Target::Changelog(Box::new(tokio::task::block_in_place(|| self.changelog(changelog))));
            }
        };
        let mut sink = PostgresSink::new(&self.config.name, postgres, &self.config.rejects);
        let host = postgres.connect.get_host();
        match sink.look_at_offsets().await {
            Ok((stored, may)) => {
                self.report.good(&format!("target: Postgres at {host} answers"));
                if may {
                    let are = are(stored.len());
                    let n_partitions = counted(stored.len(), "partition");
                    self.report.good(&format!("rowkind.offsets: {n_partitions} of this pipeline {are} stored"));
                } else {
                    self.report.bad(
                        "rowkind.offsets: the role cannot store offsets",
                        "grant it CREATE on the database, or make the schema with another role and grant USAGE on schema rowkind and SELECT, INSERT, UPDATE on its tables",
                    );
                }
                self.stored = stored;
                Target::Postgres(Box::new(sink))
            }
            Err(failure) => {
                self.report.bad(
                    &format!("target: Postgres at {host}: {failure}"),
                    "see `sink.url`: host, port, database, role, password, sslmode",
                );
                Target::Away
            }
        }
    }

    fn source(&mut self, mut target: Target<'_>) {
        match &self.config.source {
            Source::Kafka(kafka) => self.topics(kafka, &mut target),
            Source::File { path, topics } => self.file(path, topics, &mut target),
        }
    }

    fn file(&mut self, path: &Path, topics: &[String], target: &mut Target<'_>) {
        let name = path.display();
        match first_records(path, topics, self.config.told.max_record_bytes, N_SAMPLED_OF_FILE) {
            Ok(found) if found.is_empty() => {
                self.report
                    .doubtful(&format!("source: `{name}` holds no records of these topics"), "see `source.topics`");
            }
            Ok(found) => {
                self.report.good(&format!("source: `{name}` can be read"));
                for (topic, records) in found {
                    self.records(&topic, (&records, "first"), target);
                }
            }
            Err(error) => self.report.bad(
                &format!("source: {error}"),
                "see `source.file`: recorded records, a line each, as `kcat -J` prints them",
            ),
        }
    }

    fn topics(&mut self, kafka: &Kafka, target: &mut Target<'_>) {
        let topics = Sampler::new(kafka).and_then(|sampler| Ok((sampler.topics()?, sampler)));
        let (topics, sampler) = match topics {
            Ok(found) => found,
            Err(error) => {
                let remedy = "see `source.brokers`, and `source.security_protocol`, `source.sasl_…`, `source.ssl_…`";
                self.report.bad(&format!("brokers {}: {error}", kafka.brokers), remedy);
                return;
            }
        };
        self.report.good(&format!("brokers {} answer", kafka.brokers));
        if let Sink::Changelog(changelog) = &self.config.sink {
            self.clusters(sampler.cluster_id(), changelog);
        }
        if topics.is_empty() {
            self.report.doubtful(
                "topics: the pattern matches none yet",
                "see `source.topic_pattern`; topics that come are read from their beginning",
            );
        }
        for (topic, n_partitions) in topics {
            if n_partitions == 0 {
                let remedy = "create it, or see `source.topics`: a connector names it `prefix.schema.table`";
                self.report.bad(&format!("topic {topic}: it is not there"), remedy);
                continue;
            }
            match sampler.sample(&topic, n_partitions, N_SAMPLED) {
                Ok((partitions, records)) => {
                    self.offsets(&topic, &partitions);
                    self.records(&topic, (&records, "last"), target);
                }
                Err(error) => self.report.bad(
                    &format!("topic {topic}: {error}"),
                    "see the rights of the login: READ and DESCRIBE on the topic and the group",
                ),
            }
        }
    }

    /// Whether the stored offsets are still there.
    fn offsets(&mut self, topic: &str, partitions: &[Sampled]) {
        let is_postgres = matches!(self.config.sink, Sink::Postgres(_));
        let mut is_good = true;
        for Sampled { partition, low, high, committed } in partitions {
            let stored = if is_postgres { self.stored.get(partition).copied() } else { *committed };
            let Some(stored) = stored.filter(|stored| !(low..=high).contains(&stored)) else { continue };
            is_good = false;
            self.report.bad(
                &format!("{partition}: the stored next offset is {stored}, and the broker has {low} to {high}"),
                "a gap: rowkind does not jump over it. Bring the records back, or start the partition anew as the error of `rowkind run` says",
            );
        }
        if is_good {
            let lag = |of: &Sampled| {
                let stored = if is_postgres { self.stored.get(&of.partition).copied() } else { of.committed };
                of.high - stored.unwrap_or_else(|| self.begins(of))
            };
            let n_left: i64 = partitions.iter().map(lag).sum();
            let n_partitions = counted(partitions.len(), "partition");
            self.report.good(&format!("topic {topic}: {n_partitions}, {n_left} records to read"));
        }
    }

    /// Where a partition starts for which nothing is stored. Of a moment that is not known here.
    fn begins(&self, of: &Sampled) -> i64 {
        match &self.config.start {
            Start::Earliest | Start::Timestamp(_) => of.low,
            Start::Latest => of.high,
            Start::Group(fallback) => of.committed.unwrap_or(match fallback {
                Fallback::Latest => of.high,
                Fallback::Earliest | Fallback::Stop => of.low,
            }),
            Start::Specific(offsets) => offsets.get(&of.partition).unwrap_or(of.low),
        }
    }

    /// What some records are, and whether the target takes them. `which` of their topic they are: the last, or the first.
    fn records(&mut self, topic: &str, (records, which): (&Records, &str), target: &mut Target<'_>) {
        if records.is_empty() {
            self.report.doubtful(&format!("topic {topic}: it holds no records to look at"), "");
            return;
        }
        if !self.decode(topic, (records, which)) {
            return;
        }
        match target {
            Target::Postgres(sink) => self.try_out(topic, (records, which), sink),
            Target::Changelog(changelog) => self.encode(topic, (records, which), changelog),
            Target::Away => {}
        }
    }

    /// Whether Postgres takes records.
    fn try_out(&mut self, topic: &str, (records, which): (&Records, &str), sink: &mut PostgresSink) {
        let Sink::Postgres(postgres) = &self.config.sink else { return };
        // each record is judged, and none is kept
        let judging = config::Rejects { policy: RejectPolicy::Stop, block_key: false, ..self.config.rejects.clone() };
        let sieve = Sieve::new(self.config, Arc::clone(&self.decoding), None);
        let mut planner = Planner::new(self.config, postgres.evolve, sieve, Arc::new(Rejects::new(&judging)));
        match Handle::current().block_on(sink.try_out(records, &mut planner)) {
            Ok(trial) => {
                for statement in &trial.altered {
                    self.report.good(&format!("topic {topic}: the first rows would run: {statement}"));
                }
                match trial.stopped {
                    None => {
                        let fit = if records.len() == 1 { "fits" } else { "fit" };
                        let n_records = counted(records.len(), "record");
                        self.report.good(&format!("topic {topic}: its {which} {n_records} {fit} the target"));
                    }
                    Some((partition, offset, reason)) => self.report.bad(
                        &format!("topic {topic}, partition {partition}, offset {offset}: {reason}"),
                        "the pipeline stops there, unless `rejects.policy` says otherwise",
                    ),
                }
            }
            // a sample begins in the middle: parents and earlier changes of its rows are before it
            Err(Failure::Data { text, remedy, sqlstate })
                if sqlstate.as_ref().is_none_or(|code| code.starts_with("23")) =>
            {
                self.report.doubtful(
                    &format!("topic {topic}: its {which} records alone do not fit the target: {text}"),
                    remedy,
                );
            }
            Err(failure) => self.report.bad(&format!("topic {topic}: {failure}"), ""),
        }
    }

    /// Names target tables that several source tables go into.
    fn shared_targets(&mut self) {
        if !matches!(self.config.sink, Sink::Postgres(_)) {
            return;
        }
        for (target, sources) in self.sources.iter().filter(|(_, sources)| sources.len() > 1) {
            let sources: Vec<_> = sources.iter().map(|(table, topic)| format!("{table} of topic {topic}")).collect();
            self.report.doubtful(
                &format!("table {target}: the rows of {} all go into it, and replace each other where their keys are equal", sources.join(", ")),
                "right for the parts of one table; otherwise tell them apart by {database}, {schema} or {topic} in `sink.table`, or by a `[[route]]`",
            );
        }
    }

    /// Whether the records can be read.
    fn decode(&mut self, topic: &str, (records, which): (&Records, &str)) -> bool {
        let mut sieve = Sieve::new(self.config, Arc::clone(&self.decoding), None);
        let (mut tables, mut n_rows, mut not_sent) = (BTreeSet::new(), 0, BTreeSet::new());
        let mut routes = self.config.routes.clone();
        for index in 0..records.len() {
            let record = records.get(index);
            match sieve.decode(&record) {
                Ok(Event::Change(change)) => {
                    n_rows += change.rows.len();
                    if let Ok(target) = routes.of(topic).target(&change.table, topic) {
                        let source = (text::table_name(&change.table), topic.to_owned());
                        self.sources.entry(target).or_default().insert(source);
                    }
                    tables.insert(text::table_name(&change.table));
                    not_sent.extend(change.rows.iter().flat_map(|row| &row.not_sent).map(ToString::to_string));
                }
                Ok(_) => {}
                Err(Undecoded::Bad(reason)) => {
                    let place = format!("topic {topic}, partition {}, offset {}", record.partition, record.offset);
                    let remedy =
                        "see `source.format` (auto finds it out); `rowkind inspect` prints the topic's records";
                    self.report.bad(&format!("{place}: {reason}"), remedy);
                    return false;
                }
                Err(undecoded) => {
                    self.report.bad(&format!("topic {topic}: {undecoded}"), "see `[registry]`");
                    return false;
                }
            }
        }
        let tables: Vec<String> = tables.into_iter().collect();
        let are = are(records.len());
        self.report.good(&format!(
            "topic {topic}: the {which} {} {are} {} of {}",
            counted(records.len(), "record"),
            counted(n_rows, "row"),
            tables.join(", ")
        ));
        if !not_sent.is_empty() {
            let columns: Vec<String> = not_sent.into_iter().collect();
            self.report.doubtful(
                &format!("topic {topic}: columns that were not sent where they did not change: {}", columns.join(", ")),
                "they keep what the target holds; a row whose key changes needs them: REPLICA IDENTITY FULL on the source table sends all",
            );
        }
        let defaulted = (0..records.len()).find_map(|index| column_with_default(records.get(index).payload?));
        if let Some(column) = defaulted {
            self.report.doubtful(
                &format!("topic {topic}: column {column} can be null and has a default: Connect's converter may have written the default in place of NULL"),
                "set `value.converter.replace.null.with.default=false` at the connector",
            );
        }
        true
    }
}

/// A column whose NULL Connect's JSON converter may have replaced, by the schema of an envelope.
fn column_with_default(payload: &[u8]) -> Option<String> {
    let message: Value = serde_json::from_slice(payload).ok()?;
    let fields = message.get("schema")?.get("fields")?.as_array()?;
    let after = fields.iter().find(|field| field.get("field").and_then(Value::as_str) == Some("after"))?;
    let columns = after.get("fields")?.as_array()?;
    let is_it = |column: &&Value| {
        column.get("optional").and_then(Value::as_bool) == Some(true)
            && column.get("default").is_some_and(|default| !default.is_null())
    };
    Some(columns.iter().find(is_it)?.get("field")?.as_str()?.to_owned())
}

/// The verb of so many.
fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}
