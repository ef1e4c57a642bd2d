//! Where rows go: tables of Postgres, topics of Kafka, or standard output.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use rowkind_formats::{Encoding, Envelopes, Updates};
use sqlx::postgres::PgConnectOptions;

use super::layers::{Layers, Typed};
use super::{ConfigError, Reader, Source};
use crate::route::TopicTemplate;

/// Where rows go.
#[derive(Debug, Clone)]
pub enum Sink {
    /// Into tables: the last change of each key in a batch.
    Postgres(Box<Postgres>),
    /// On to a reader of changelogs: every change.
    Changelog(Box<Changelog>),
}

/// Tables of Postgres.
#[derive(Clone)]
pub struct Postgres {
    /// The connection, with its TLS settings.
    pub connect: PgConnectOptions,
    /// Whether missing tables are created.
    pub create: bool,
    /// How tables follow their source.
    pub evolve: Evolve,
    /// Whether sequences are moved on at the end.
    pub sync_sequences: bool,
    /// The schema that a replay writes to, into tables like the target's.
    pub into: Option<String>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // without the password
        f.debug_struct("Postgres").field("host", &self.connect.get_host()).finish_non_exhaustive()
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

/// A changelog.
#[derive(Debug, Clone)]
pub struct Changelog {
    /// Who takes it.
    pub sink: ChangelogSink,
    /// As what its rows are written.
    pub written: Written,
    /// Where the last row of each key is kept, so that the changelog has what events do not say; `None` when it says what
    /// they say.
    pub state_dir: Option<PathBuf>,
}

/// Who takes a changelog.
#[derive(Debug, Clone)]
pub enum ChangelogSink {
    /// Topics.
    Kafka(KafkaSink),
    /// Standard output.
    Stdout,
    /// Nobody: what it costs to read and decode.
    Blackhole,
}

/// Topics of a Kafka cluster.
#[derive(Clone)]
pub struct KafkaSink {
    /// `bootstrap.servers`.
    pub brokers: String,
    /// The topic of a table's rows.
    pub topic: TopicTemplate,
    /// librdkafka's own properties, over everything that rowkind sets.
    pub properties: Vec<(String, String)>,
    /// The file that holds the token of SASL OAUTHBEARER.
    pub token_location: Option<PathBuf>,
    /// Whether the source's offsets are sent with each transaction. Else they are committed behind it.
    pub is_exactly_once: bool,
    /// Whether missing topics are created.
    pub create: bool,
}

impl fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // without the properties, among which are secrets
        f.debug_struct("KafkaSink").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

/// As what rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Changelog text.
    Text,
    /// Changelog rows as JSON objects, each with where it comes from.
    Json,
    /// Records of a format.
    Records(Encoding),
}

impl Sink {
    /// Whether several batches at once would be no use, or would mix what has an order.
    pub(super) fn has_one_lane(&self) -> bool {
        match self {
            Self::Postgres(_) => false,
            Self::Changelog(changelog) => {
                changelog.state_dir.is_some() || matches!(changelog.sink, ChangelogSink::Stdout)
            }
        }
    }
}

/// The settings that only some sinks have.
const OF_SINKS: [(&str, &[&str]); 16] = [
    ("sink.url", &["postgres"]),
    ("sink.table", &["postgres"]),
    ("sink.evolve", &["postgres"]),
    ("sink.delete", &["postgres"]),
    ("sink.deleted_column", &["postgres"]),
    ("sink.metadata", &["postgres"]),
    ("sink.sync_sequences", &["postgres"]),
    ("sink.apply", &["postgres"]),
    ("sink.brokers", &["kafka"]),
    ("sink.topic", &["kafka"]),
    ("sink.properties", &["kafka"]),
    ("sink.delivery_guarantee", &["kafka"]),
    ("sink.create", &["postgres", "kafka"]),
    ("sink.format", &["kafka", "stdout", "blackhole"]),
    ("sink.changelog", &["kafka", "stdout", "blackhole"]),
    ("sink.state_dir", &["kafka", "stdout", "blackhole"]),
];

/// Turns the settings of any sink into those of a topic: those that are not for topics are left out.
pub(super) fn turn_to_topic(layers: &mut Layers, topic: &str) {
    let is_for_topics = |key: &str| OF_SINKS.iter().all(|(known, words)| *known != key || words.contains(&"kafka"));
    layers.values.retain(|key, _| is_for_topics(key));
    let set = [("sink.type", "kafka"), ("sink.topic", topic), ("sink.delivery_guarantee", "at-least-once")];
    for (key, value) in set {
        let typed = Typed { values: vec![value.to_owned()], origin: "--into-topic".to_owned() };
        layers.values.insert(key, typed);
    }
    // what is put aside is put aside by the pipeline
    let policy = layers.values.get("rejects.policy").and_then(|typed| typed.values.first());
    if policy.is_some_and(|policy| policy != "stop") {
        let typed = Typed { values: vec!["skip".to_owned()], origin: "--into-topic".to_owned() };
        layers.values.insert("rejects.policy", typed);
    }
    for key in ["rejects.block_key", "rejects.topic", "sink.changelog", "sink.state_dir"] {
        layers.values.remove(key);
    }
    layers.routes.iter_mut().for_each(|(route, _)| route.leave_to_topic());
}

pub(super) fn sink(read: &Reader<'_>, source: &Source) -> Result<Sink, ConfigError> {
    let types = ["postgres", "kafka", "stdout", "blackhole"];
    let word = read.choice("sink.type", &types.map(|word| (word, word)))?;
    for (key, words) in OF_SINKS {
        if !words.contains(&word) && read.is_typed(key) {
            return Err(read.invalid(key, &format!("`sink.type` to be {}, and it is {word}", words.join(" or "))));
        }
    }
    let sink = match word {
        "postgres" => return Ok(Sink::Postgres(Box::new(postgres(read)?))),
        "kafka" => ChangelogSink::Kafka(kafka(read, source)?),
        "blackhole" => ChangelogSink::Blackhole,
        _ => ChangelogSink::Stdout,
    };
    let (written, state_dir) = (written(read, &sink)?, state_dir(read)?);
    Ok(Sink::Changelog(Box::new(Changelog { sink, written, state_dir })))
}

/// Prepared statements that a connection keeps. Each table has one per shape of its rows and way to write them; sqlx's own
/// 100 are too few for a hundred tables, and to prepare a statement costs more than to run it for a few rows.
const MAX_STATEMENTS: usize = 2_000;

fn postgres(read: &Reader<'_>) -> Result<Postgres, ConfigError> {
    let url = read.need("sink.url")?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) {
        return Err(read.invalid("sink.url", "postgres://user:password@host/database"));
    }
    // sqlx's own error is not shown: it may quote the URL
    let connect = PgConnectOptions::from_str(url)
        .map_err(|_| read.invalid("sink.url", "postgres://user:password@host:port/database?sslmode=…"))?;
    let sets_cache = url.contains("statement-cache-capacity=");
    Ok(Postgres {
        connect: if sets_cache { connect } else { connect.statement_cache_capacity(MAX_STATEMENTS) },
        create: read.flag("sink.create")?,
        evolve: read.choice("sink.evolve", &[("off", Evolve::Off), ("add", Evolve::Add), ("widen", Evolve::Widen)])?,
        sync_sequences: read.flag("sink.sync_sequences")?,
        into: None,
    })
}

/// What a client needs to reach a cluster, whatever it does there.
const OF_CONNECTIONS: [&str; 6] = ["security.", "sasl.", "ssl.", "enable.ssl.", "broker.address.", "client.dns."];

fn kafka(read: &Reader<'_>, source: &Source) -> Result<KafkaSink, ConfigError> {
    let source = match source {
        Source::Kafka(kafka) => Some(kafka),
        Source::File { .. } => None,
    };
    let own = read.text("sink.brokers");
    let brokers = own.or(source.map(|source| source.brokers.as_str())).ok_or_else(|| {
        ConfigError::new("`sink.brokers` is missing: there is no `source.brokers` to write to either".to_owned())
    })?;
    let is_of_connection = |(key, _): &&(String, String)| OF_CONNECTIONS.iter().any(|start| key.starts_with(start));
    // the source's cluster is reached as the source is
    let shared = source.filter(|_| own.is_none()).map_or(&[][..], |source| &source.properties);
    let mut properties: Vec<_> = shared.iter().filter(is_of_connection).cloned().collect();
    properties.extend(read.pairs("sink.properties")?);
    let topic = read.need("sink.topic")?;
    Ok(KafkaSink {
        brokers: brokers.to_owned(),
        topic: TopicTemplate::parse(topic).ok_or_else(|| {
            read.invalid(
                "sink.topic",
                "a name with {database}, {schema}, {table} or {topic} in it, as out.{schema}.{table}",
            )
        })?,
        properties,
        token_location: source.and_then(|source| source.token_location.clone()),
        is_exactly_once: read.choice("sink.delivery_guarantee", &[("exactly-once", true), ("at-least-once", false)])?,
        create: read.flag("sink.create")?,
    })
}

fn written(read: &Reader<'_>, sink: &ChangelogSink) -> Result<Written, ConfigError> {
    let schema = read.flag("sink.schema_include")?;
    let updates =
        read.choice("sink.updates", &[("update", Updates::Update), ("delete-create", Updates::CreateDelete)])?;
    let envelopes = Envelopes { updates, tombstones: read.flag("sink.tombstones")? };
    let default = match sink {
        ChangelogSink::Kafka(_) => "debezium-json",
        ChangelogSink::Stdout | ChangelogSink::Blackhole => "text",
    };
    let written = match read.text("sink.format").unwrap_or(default) {
        "text" => Written::Text,
        "json" => Written::Json,
        "debezium-json" => Written::Records(Encoding::DebeziumJson { schema, envelopes }),
        "debezium-avro" => Written::Records(Encoding::DebeziumAvro { envelopes }),
        "flattened-json" => Written::Records(Encoding::UpsertJson { schema }),
        "canal-json" => Written::Records(Encoding::CanalJson),
        "maxwell-json" => Written::Records(Encoding::MaxwellJson),
        _ => {
            let expected = "text, json, debezium-json, debezium-avro, flattened-json, canal-json or maxwell-json";
            return Err(read.invalid("sink.format", expected));
        }
    };
    match (sink, written) {
        (ChangelogSink::Kafka(_), Written::Text | Written::Json) => {
            Err(read
                .invalid("sink.format", "a format of records, since text and json are for `sink.type` = \"stdout\""))
        }
        (_, Written::Records(Encoding::DebeziumAvro { .. })) if !read.is_typed("registry.url") => {
            Err(read.invalid("sink.format", "`registry.url`, where the schemas of debezium-avro are registered"))
        }
        _ => Ok(written),
    }
}

fn state_dir(read: &Reader<'_>) -> Result<Option<PathBuf>, ConfigError> {
    match (read.choice("sink.changelog", &[("sent", false), ("all", true)])?, read.text("sink.state_dir")) {
        (true, Some(path)) => Ok(Some(path.into())),
        (true, None) => {
            Err(read
                .invalid("sink.changelog", "`sink.state_dir` beside \"all\": a folder for the last row of each key"))
        }
        (false, Some(_)) => Err(read.invalid("sink.state_dir", "`sink.changelog` to be \"all\"")),
        (false, None) => Ok(None),
    }
}
