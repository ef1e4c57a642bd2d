//! What is valid: the configuration of a pipeline, checked as far as it can be without connecting to anything.
//!
//! Comes in: a file, the environment, flags. Goes out: [`Config`]. The two are kept apart as `layers` (what was typed)
//! and this (what it means); every error says where the value was typed, and never shows a secret.

pub(crate) mod layers;
mod reading;
mod routes;
pub(crate) mod settings;
mod transactions;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ArgMatches;
use regex::Regex;
use rowkind_formats::{Format, Told};
use sqlx::postgres::PgConnectOptions;

use crate::registry;
use crate::route::{Route, Routes, TableTemplate};
use crate::sink::postgres::modes::Modes;
use layers::{Layers, Typed};
use settings::{SETTINGS, Setting};
pub use transactions::Transactions;

/// A pipeline.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its offsets and, unless said otherwise, its consumer group go by this name.
    pub name: String,
    /// Where records come from.
    pub source: Source,
    /// Where a record without a place of its own starts.
    pub start: Start,
    /// When reading ends.
    pub stop: Stop,
    /// What the connector was told and the records do not say.
    pub modes: Modes,
    /// What the records are.
    pub format: Format,
    /// Of which source tables rows are applied, by `namespace.table`; of all when `None`.
    pub tables: Option<Regex>,
    /// Where the schemas of records in Avro are.
    pub registry: Option<registry::Settings>,
    /// What the connector was told, as far as it decides what values are.
    pub told: Told,
    /// Where rows go.
    pub sink: Sink,
    /// Which table each topic's rows go to, and in which shape.
    pub routes: Routes,
    /// What is remembered of rows, to know repeated events by; `None` when every event is applied.
    pub dedup: Option<Dedup>,
    /// When a batch closes.
    pub batch: Limits,
    /// How transactions of the source are applied whole; `None` when batches do not look at them.
    pub transactions: Option<Transactions>,
    /// What happens to a record that cannot be applied.
    pub rejects: RejectPolicy,
}

/// Where records come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Topics of a Kafka cluster.
    Kafka(Kafka),
    /// A file of recorded records.
    File {
        /// The file.
        path: PathBuf,
        /// Only records of these topics; all when empty.
        topics: Vec<String>,
    },
}

/// What is read from Kafka, and as whom.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// `bootstrap.servers`.
    pub brokers: String,
    /// Topic names, and a pattern as librdkafka takes it, with a `^` at its front.
    pub subscription: Vec<String>,
    /// `group.id`.
    pub group: String,
    /// librdkafka's own properties, over everything that rowkind sets.
    pub properties: Vec<(String, String)>,
}

/// Where a partition starts that has no stored offset. Flink's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record that is there.
    Earliest,
    /// Behind the newest.
    Latest,
}

/// When reading ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Not before a signal.
    Never,
    /// At the end that each partition has when it is first read.
    Latest,
}

/// Where rows go.
#[derive(Clone)]
pub struct Sink {
    /// The connection, with its TLS settings.
    pub connect: PgConnectOptions,
    /// Whether missing tables are created.
    pub create: bool,
    /// How tables follow their source.
    pub evolve: Evolve,
    /// Whether sequences are moved on at the end.
    pub sync_sequences: bool,
    /// What a truncate does.
    pub truncate: TruncatePolicy,
    /// Number of connections; 1 or more.
    pub n_lanes: usize,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // without the password
        f.debug_struct("Sink").field("host", &self.connect.get_host()).finish_non_exhaustive()
    }
}

/// How a target table follows records that carry their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evolve {
    /// Not at all.
    Off,
    /// New columns appear.
    Add,
    /// New columns appear, and types grow.
    Widen,
}

/// What a truncate of the source table does to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncatePolicy {
    /// The target table is emptied too. In a topic of several partitions it is a record that cannot be applied.
    Apply,
    /// Its rows stay.
    Ignore,
    /// It is treated as a record that cannot be applied.
    Stop,
}

/// What is remembered of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dedup {
    /// How many rows; the least recently written are forgotten.
    pub max_keys: usize,
    /// How many records of a partition before its stored offset are read again at its start.
    pub tail: i64,
}

/// When a batch closes; whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Records.
    pub max_rows: usize,
    /// Bytes of keys and payloads.
    pub max_bytes: usize,
    /// Time since its first record.
    pub linger: Duration,
}

/// What happens to a record that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectPolicy {
    /// Everything before it is applied, then the pipeline stops with exit code 3.
    Stop,
    /// It is counted, logged and passed over.
    Skip,
}

/// A configuration that cannot be used: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(message: String) -> Self {
        Self(message)
    }
}

impl Config {
    /// Reads the configuration from a file, the environment and flags.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, a value is not what its setting takes, or a setting that is needed is missing.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let file = flags.get_one::<PathBuf>("config");
        let layers = layers::read(file.map(PathBuf::as_path), |name| std::env::var(name).ok(), flags)?;
        Self::from_layers(&layers)
    }

    /// Reads the settings of decoding alone, from the environment and flags.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub(crate) fn read_decoding(flags: &ArgMatches) -> Result<(Told, Option<registry::Settings>), ConfigError> {
        let layers = layers::read_some(settings::decoding(), |name| std::env::var(name).ok(), flags)?;
        let read = Reader(&layers);
        Ok((reading::told(&read)?, reading::registry(&read)?))
    }

    fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        let read = Reader(layers);
        let name = read.need("name")?.to_owned();
        let format = read.choice("source.format", &Format::WORDS)?;
        let (source, tables) = (source(&read, &name)?, tables(&read)?);
        let transactions = transactions::transactions(&read, format, (&source, tables.as_ref()))?;
        Ok(Self {
            source,
            name,
            start: read
                .choice("source.start", &[("earliest-offset", Start::Earliest), ("latest-offset", Start::Latest)])?,
            stop: read.choice("source.stop", &[("never", Stop::Never), ("latest-offset", Stop::Latest)])?,
            modes: reading::modes(&read)?,
            format,
            tables,
            registry: reading::registry(&read)?,
            told: reading::told(&read)?,
            sink: Sink { n_lanes: transactions::lanes(&read, transactions.is_some())?, ..sink(&read)? },
            transactions,
            routes: routes(&read, &layers.routes)?,
            dedup: dedup(&read)?,
            batch: Limits {
                max_rows: read.number("batch.max_rows")?,
                max_bytes: read.parsed("batch.max_bytes", parse_bytes)?,
                linger: read.parsed("batch.linger", parse_duration)?,
            },
            rejects: read.choice("rejects.policy", &[("stop", RejectPolicy::Stop), ("skip", RejectPolicy::Skip)])?,
        })
    }
}

fn tables(read: &Reader<'_>) -> Result<Option<Regex>, ConfigError> {
    let key = "source.table_pattern";
    let pattern = |text: &str| Regex::new(text).map_err(|_| read.invalid(key, "a regular expression"));
    read.text(key).map(pattern).transpose()
}

fn dedup(read: &Reader<'_>) -> Result<Option<Dedup>, ConfigError> {
    let is_enabled = read.choice("dedup.enabled", &[("true", true), ("false", false)])?;
    let tail = i64::try_from(read.number("dedup.tail")?).unwrap_or(i64::MAX);
    let dedup = Dedup { max_keys: read.number("dedup.max_keys")?, tail };
    Ok(is_enabled.then_some(dedup))
}

fn source(read: &Reader<'_>, name: &str) -> Result<Source, ConfigError> {
    let topics = read.list("source.topics");
    if let Some(path) = read.text("source.file") {
        if read.text("source.brokers").is_some() {
            return Err(ConfigError::new("`source.file` and `source.brokers` exclude each other: set one".to_owned()));
        }
        return Ok(Source::File { path: path.into(), topics });
    }
    let brokers = read.text("source.brokers").ok_or_else(|| {
        ConfigError::new("nothing to read from: set `source.brokers` and `source.topics`, or `source.file`".to_owned())
    })?;
    let mut subscription = topics;
    if let Some(pattern) = read.text("source.topic_pattern") {
        // librdkafka takes a name that begins with ^ for a pattern
        subscription.push(if pattern.starts_with('^') { pattern.to_owned() } else { format!("^.*{pattern}") });
    }
    if subscription.is_empty() {
        return Err(ConfigError::new("no topics: set `source.topics` or `source.topic_pattern`".to_owned()));
    }
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(read.invalid("source.properties", "key=value")),
    };
    let properties = read.list("source.properties").iter().map(pair).collect::<Result<_, _>>()?;
    let group = read.text("source.group").unwrap_or(name).to_owned();
    Ok(Source::Kafka(Kafka { brokers: brokers.to_owned(), subscription, group, properties }))
}

fn sink(read: &Reader<'_>) -> Result<Sink, ConfigError> {
    let url = read.need("sink.url")?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) {
        return Err(read.invalid("sink.url", "postgres://user:password@host/database"));
    }
    // sqlx's own error is not shown: it may quote the URL
    let connect = PgConnectOptions::from_str(url)
        .map_err(|_| read.invalid("sink.url", "postgres://user:password@host:port/database?sslmode=…"))?;
    Ok(Sink {
        connect,
        create: read.choice("sink.create", &[("true", true), ("false", false)])?,
        evolve: read.choice("sink.evolve", &[("off", Evolve::Off), ("add", Evolve::Add), ("widen", Evolve::Widen)])?,
        sync_sequences: read.choice("sink.sync_sequences", &[("true", true), ("false", false)])?,
        truncate: read.choice(
            "sink.truncate",
            &[("apply", TruncatePolicy::Apply), ("ignore", TruncatePolicy::Ignore), ("stop", TruncatePolicy::Stop)],
        )?,
        n_lanes: read.number("sink.lanes")?,
    })
}

fn routes(read: &Reader<'_>, typed: &[(routes::TypedRoute, String)]) -> Result<Routes, ConfigError> {
    let table = read.parsed("sink.table", TableTemplate::parse)?;
    let (delete, deleted_column) = (read.need("sink.delete")?, read.need("sink.deleted_column")?);
    let column = |pair: &String| {
        let (name, word) = pair.split_once('=').ok_or_else(|| read.invalid("sink.metadata", "column=what"))?;
        routes::metadata_column(name.trim(), word.trim())
            .ok_or_else(|| ConfigError::new(format!("`sink.metadata`: {}", routes::expected_metadata(name))))
    };
    let metadata = read.list("sink.metadata").iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let defaults = routes::Defaults { table: &table, delete, deleted_column, metadata: &metadata };
    let routes = typed.iter().map(|(route, origin)| route.read(origin, &defaults)).collect::<Result<_, _>>()?;
    let delete = routes::delete_policy(delete, deleted_column)
        .ok_or_else(|| read.invalid("sink.delete", "one of hard, soft, ignore"))?;
    Ok(Routes::new(routes, Route { delete, metadata: metadata.clone(), ..Route::to(table.clone()) }))
}

/// Reads single settings, falling back to their defaults.
struct Reader<'a>(&'a Layers);

impl Reader<'_> {
    fn setting(key: &str) -> &'static Setting {
        SETTINGS.iter().find(|setting| setting.key == key).expect("keys are those of the table")
    }

    fn text(&self, key: &str) -> Option<&str> {
        let typed = self.0.values.get(key).and_then(|typed| typed.values.last()).map(String::as_str);
        typed.or(Self::setting(key).default).filter(|text| !text.is_empty())
    }

    fn is_typed(&self, key: &str) -> bool {
        self.0.values.contains_key(key)
    }

    fn need(&self, key: &str) -> Result<&str, ConfigError> {
        self.text(key).ok_or_else(|| {
            let setting = Self::setting(key);
            let (flag, variable) = (setting.flag(), setting.variable());
            ConfigError::new(format!("`{key}` is missing: set it in the file, or with --{flag} or {variable}"))
        })
    }

    fn list(&self, key: &str) -> Vec<String> {
        self.0.values.get(key).map(|typed| typed.values.clone()).unwrap_or_default()
    }

    fn invalid(&self, key: &str, expected: &str) -> ConfigError {
        let origin = self.0.values.get(key).map_or(key, |typed: &Typed| typed.origin.as_str());
        ConfigError::new(format!("{origin}: expected {expected}"))
    }

    fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ConfigError> {
        parse(self.need(key)?).ok_or_else(|| self.invalid(key, &layers::expected(Self::setting(key).kind)))
    }

    fn number(&self, key: &str) -> Result<usize, ConfigError> {
        self.parsed(key, |text| text.parse().ok().filter(|number| *number > 0))
    }

    fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<T, ConfigError> {
        self.parsed(key, |text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
    }

    fn optional_choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        if self.text(key).is_none() { Ok(None) } else { self.choice(key, words).map(Some) }
    }
}

/// `65536`, `64KB`, `4MB`, `1GB`; powers of 1024, as librdkafka and Postgres count.
fn parse_bytes(text: &str) -> Option<usize> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" | "k" => 1 << 10,
        "mb" | "m" => 1 << 20,
        "gb" | "g" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0)
}

/// `0ms`, `100ms`, `5s`, `2min`; a bare number is milliseconds.
fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        _ => return None,
    };
    Some(Duration::from_millis(u64::try_from(number.checked_mul(factor)?).ok()?))
}

fn number_and_unit(text: &str) -> Option<(usize, &str)> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    Some((number.parse().ok()?, unit.trim()))
}
