//! What is valid: the configuration of a pipeline, checked as far as it can be without connecting to anything.
//!
//! Comes in: a file, the environment, flags. Goes out: [`Config`]. The two are kept apart as `layers` (what was typed)
//! and this (what it means); every error says where the value was typed, and never shows a secret.

mod kafka;
pub(crate) mod layers;
mod metrics;
mod places;
#[cfg(test)]
mod properties;
mod reading;
mod rejects;
mod routes;
pub mod settings;
mod sinks;
mod transactions;

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use regex::Regex;
use rowkind_formats::{Before, Format, Told};

use crate::near;
use crate::registry;
use crate::route::{Route, Routes, TableTemplate};
use crate::sink::postgres::modes::Modes;
use crate::source::Range;
use crate::wanted::Wanted;
pub use kafka::{Kafka, has_token_login, is_subscribed};
use layers::{Layers, Typed};
pub use metrics::Metrics;
pub use places::{Fallback, Offsets, Start, Stop};
pub use rejects::{RejectPolicy, Rejects};
use settings::{Kind, SETTINGS, Setting};
pub use sinks::{Changelog, ChangelogSink, Evolve, KafkaSink, Postgres, Sink, Written};
pub use transactions::Transactions;

/// A pipeline.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its offsets and, unless said otherwise, its consumer group go by this name.
    pub name: String,
    /// Where records come from.
    pub source: Source,
    /// Where a partition without a stored offset starts.
    pub start: Start,
    /// When reading ends.
    pub stop: Stop,
    /// What the connector was told and the records do not say.
    pub modes: Modes,
    /// What the records are.
    pub format: Format,
    /// Of which source tables rows are applied, by `namespace.table`; of all when `None`.
    pub tables: Option<Regex>,
    /// Which rows of them are asked for; all, but of a replay.
    pub wanted: Wanted,
    /// Which ranges are read, of a replay; `None` where reading goes on from what is stored.
    pub ranges: Option<Vec<Range>>,
    /// Where the schemas of records in Avro are.
    pub registry: Option<registry::Settings>,
    /// What the connector was told, as far as it decides what values are.
    pub told: Told,
    /// Where rows go.
    pub sink: Sink,
    /// How many batches are applied at once; 1 or more.
    pub n_lanes: usize,
    /// What a truncate does.
    pub truncate: TruncatePolicy,
    /// Which table each topic's rows go to, and in which shape.
    pub routes: Routes,
    /// What is remembered of rows, to know repeated events by; `None` when every event is applied.
    pub dedup: Option<Dedup>,
    /// When a batch closes.
    pub batch: Limits,
    /// How transactions of the source are applied whole; `None` when batches do not look at them.
    pub transactions: Option<Transactions>,
    /// What happens to a record that cannot be applied.
    pub rejects: Rejects,
    /// Where it tells of itself; `None` for nowhere.
    pub metrics: Option<Metrics>,
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
    /// Bytes of keys and payloads, of all lanes together.
    pub max_bytes: usize,
    /// Time since its first record.
    pub linger: Duration,
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
        Self::from_layers(&typed(flags)?)
    }

    /// The same with text in place of a file, which came from `origin`.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub(crate) fn read_text(text: &str, origin: &str, flags: &ArgMatches) -> Result<Self, ConfigError> {
        layers::check_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        Self::from_layers(&layers::read_text((text, origin), |name| std::env::var(name).ok(), flags)?)
    }

    /// The same for a topic in place of the sink that is configured, at least once.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn read_into_topic(flags: &ArgMatches, topic: &str) -> Result<Self, ConfigError> {
        let mut layers = typed(flags)?;
        sinks::turn_to_topic(&mut layers, topic);
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
        let ((mut source, start, stop), tables) = (source(&read, &name)?, tables(&read)?);
        let transactions = transactions::transactions(&read, format, (&source, tables.as_ref()))?;
        let sink = sinks::sink(&read, &source)?;
        let rejects = match &source {
            Source::Kafka(kafka) => rejects::read_beside(&read, &sink, &kafka.subscription)?,
            Source::File { .. } => rejects::read(&read, &sink)?,
        };
        if let Source::Kafka(kafka) = &mut source {
            kafka.keeps_headers = rejects.policy.keeps();
        }
        if transactions.is_some() && rejects.block_key {
            let expected = "false beside `sink.apply` = \"transactions\": what is set aside would be missing from later transactions";
            return Err(read.invalid("rejects.block_key", expected));
        }
        let routes = routes(&read, &layers.routes, &sink)?;
        let mut told = reading::told(&read)?;
        if matches!(sink, Sink::Postgres(_)) && routes.go_by_records() {
            // of a row before its change tables need to know which it is
            told.before = Before::Key;
        }
        Ok(Self {
            n_lanes: if sink.has_one_lane() { 1 } else { transactions::lanes(&read, transactions.is_some())? },
            transactions,
            routes,
            sink,
            source,
            name,
            start,
            stop,
            modes: reading::modes(&read)?,
            format,
            tables,
            wanted: Wanted::default(),
            ranges: None,
            registry: reading::registry(&read)?,
            told,
            truncate: read.choice(
                "sink.truncate",
                &[("apply", TruncatePolicy::Apply), ("ignore", TruncatePolicy::Ignore), ("stop", TruncatePolicy::Stop)],
            )?,
            dedup: dedup(&read)?,
            batch: Limits {
                max_rows: read.number("batch.max_rows")?,
                max_bytes: read.parsed("batch.max_bytes", parse_bytes)?,
                linger: read.parsed("batch.linger", parse_duration)?,
            },
            rejects,
            metrics: metrics::metrics(&read, layers)?,
        })
    }
}

/// What was typed: in a file, the environment, flags.
fn typed(flags: &ArgMatches) -> Result<Layers, ConfigError> {
    let file = flags.get_one::<PathBuf>("config");
    layers::check_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    layers::read(file.map(PathBuf::as_path), |name| std::env::var(name).ok(), flags)
}

fn tables(read: &Reader<'_>) -> Result<Option<Regex>, ConfigError> {
    let key = "source.table_pattern";
    let pattern = |text: &str| Regex::new(text).map_err(|_| read.invalid(key, "a regular expression"));
    read.text(key).map(pattern).transpose()
}

fn dedup(read: &Reader<'_>) -> Result<Option<Dedup>, ConfigError> {
    let is_enabled = read.flag("dedup.enabled")?;
    let tail = i64::try_from(read.number("dedup.tail")?).unwrap_or(i64::MAX);
    let dedup = Dedup { max_keys: read.number("dedup.max_keys")?, tail };
    Ok(is_enabled.then_some(dedup))
}

fn source(read: &Reader<'_>, name: &str) -> Result<(Source, Start, Stop), ConfigError> {
    let (brokers, file) = (read.text("source.brokers"), read.text("source.file"));
    let (source, reset) = match (brokers, file) {
        (Some(brokers), None) => {
            let (kafka, reset) = kafka::kafka(read, brokers, name)?;
            (Source::Kafka(kafka), reset)
        }
        (None, Some(path)) => (Source::File { path: path.into(), topics: read.list("source.topics") }, None),
        (Some(_), Some(_)) => {
            return Err(ConfigError::new("`source.file` and `source.brokers` exclude each other: set one".to_owned()));
        }
        (None, None) => {
            return Err(ConfigError::new(
                "nothing to read from: set `source.brokers` and `source.topics`, or `source.file`".to_owned(),
            ));
        }
    };
    let (start, stop) = (places::start(read, reset)?, places::stop(read)?);
    if let Source::File { .. } = source {
        places::check_file(&start, &stop)?;
    }
    Ok((source, start, stop))
}

fn routes(read: &Reader<'_>, typed: &[(routes::TypedRoute, String)], sink: &Sink) -> Result<Routes, ConfigError> {
    let table = read.parsed("sink.table", TableTemplate::parse)?;
    let (delete, deleted_column) = (read.need("sink.delete")?, read.need("sink.deleted_column")?);
    let column = |pair: &String| {
        let (name, word) = pair.split_once('=').ok_or_else(|| read.invalid("sink.metadata", "column=what"))?;
        routes::metadata_column(name.trim(), word.trim())
            .ok_or_else(|| ConfigError::new(format!("`sink.metadata`: {}", routes::expected_metadata(name))))
    };
    let metadata = read.list("sink.metadata").iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let modes = reading::modes(read)?;
    let defaults = routes::Defaults { table: &table, delete, deleted_column, metadata: &metadata, modes };
    let read_route = |(route, origin): &(routes::TypedRoute, String)| route.read(origin, &defaults, sink);
    let routes = typed.iter().map(read_route).collect::<Result<_, _>>()?;
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

    fn pairs(&self, key: &str) -> Result<Vec<(String, String)>, ConfigError> {
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            None => Err(self.invalid(key, "key=value")),
        };
        self.list(key).iter().map(pair).collect()
    }

    fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        self.choice(key, &[("true", true), ("false", false)])
    }

    fn invalid(&self, key: &str, expected: &str) -> ConfigError {
        let origin = self.0.values.get(key).map_or(key, |typed: &Typed| typed.origin.as_str());
        let hint = match (Self::setting(key).kind, self.text(key)) {
            (Kind::Choice(words), Some(typed)) if !words.contains(&typed) => near::hint(typed, words.iter().copied()),
            (Kind::Bool, Some(typed)) => near::hint(typed, ["true", "false"]),
            _ => String::new(),
        };
        ConfigError::new(format!("{origin}: expected {expected}{hint}"))
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
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
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
