//! What is read from Kafka, as whom, and over which connection.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use super::places::Fallback;
use super::{ConfigError, Reader};

/// What is read from Kafka, and as whom.
#[derive(Clone)]
pub struct Kafka {
    /// `bootstrap.servers`.
    pub brokers: String,
    /// Topic names, and a pattern as librdkafka takes it, with a `^` at its front.
    pub subscription: Vec<String>,
    /// `group.id`.
    pub group: String,
    /// librdkafka's own properties, over everything that rowkind sets; those among them that have settings of their own.
    pub properties: Vec<(String, String)>,
    /// The file that holds the token of SASL OAUTHBEARER.
    pub token_location: Option<PathBuf>,
    /// Whether the records' headers are read: rejects are kept with them.
    pub keeps_headers: bool,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // without the properties, which may be secrets
        f.debug_struct("Kafka").field("brokers", &self.brokers).field("group", &self.group).finish_non_exhaustive()
    }
}

/// The settings that are properties of librdkafka, with the names that these have there.
const PROPERTIES: &[(&str, &[&str])] = &[
    ("source.instance", &["group.instance.id"]),
    ("source.security_protocol", &["security.protocol"]),
    ("source.sasl_mechanism", &["sasl.mechanism", "sasl.mechanisms"]),
    ("source.sasl_username", &["sasl.username"]),
    ("source.sasl_password", &["sasl.password"]),
    ("source.ssl_ca_location", &["ssl.ca.location"]),
    ("source.ssl_certificate_location", &["ssl.certificate.location"]),
    ("source.ssl_key_location", &["ssl.key.location"]),
    ("source.ssl_key_password", &["ssl.key.password"]),
];

/// librdkafka's default.
const MAX_POLL_INTERVAL: Duration = Duration::from_mins(5);

impl Kafka {
    /// How long the group waits for a member that does not poll.
    pub fn max_poll_interval(&self) -> Duration {
        let typed = self.properties.iter().rev().find(|(key, _)| key == "max.poll.interval.ms");
        typed.and_then(|(_, ms)| ms.parse().ok()).map_or(MAX_POLL_INTERVAL, Duration::from_millis)
    }
}

/// Whether a client with these properties logs in with a token (SASL OAUTHBEARER).
pub fn has_token_login(properties: &[(String, String)]) -> bool {
    let is_mechanism = |(key, _): &&(String, String)| matches!(key.as_str(), "sasl.mechanism" | "sasl.mechanisms");
    properties.iter().rev().find(is_mechanism).is_some_and(|(_, word)| word == "OAUTHBEARER")
}

/// What there is to read from Kafka, and what its properties say of where to start.
pub(super) fn kafka(read: &Reader<'_>, brokers: &str, name: &str) -> Result<(Kafka, Option<Fallback>), ConfigError> {
    let (mut properties, mut reset) = (Vec::new(), None);
    for text in read.list("source.properties") {
        let (key, value) = text.split_once('=').ok_or_else(|| read.invalid("source.properties", "key=value"))?;
        match (key.trim(), value.trim()) {
            ("auto.offset.reset", word) => reset = Some(fallback(read, word)?),
            (key, value) => properties.push((key.to_owned(), value.to_owned())),
        }
    }
    for (setting, names) in PROPERTIES {
        let Some(value) = read.text(setting) else { continue };
        if let Some((key, _)) = properties.iter().find(|(key, _)| names.contains(&key.as_str())) {
            return Err(ConfigError::new(format!(
                "`{setting}` and {key} of `source.properties` exclude each other: set one"
            )));
        }
        properties.push((names[0].to_owned(), value.to_owned()));
    }
    let kafka = Kafka {
        brokers: brokers.to_owned(),
        subscription: subscription(read)?,
        group: read.text("source.group").unwrap_or(name).to_owned(),
        properties,
        token_location: read.text("source.sasl_oauthbearer_token_location").map(Into::into),
        // the policy for rejects decides that
        keeps_headers: false,
    };
    Ok((kafka, reset))
}

/// Whether a topic is the one that is wanted by its name, or by a pattern with a `^` at its front. What librdkafka's patterns
/// have and these do not matches nothing.
pub fn is_subscribed(wanted: &str, topic: &str) -> bool {
    let matches = || Regex::new(wanted).is_ok_and(|pattern| pattern.is_match(topic));
    wanted == topic || (wanted.starts_with('^') && matches())
}

fn subscription(read: &Reader<'_>) -> Result<Vec<String>, ConfigError> {
    let mut subscription = read.list("source.topics");
    if let Some(pattern) = read.text("source.topic_pattern") {
        // librdkafka takes a name that begins with ^ for a pattern
        subscription.push(if pattern.starts_with('^') { pattern.to_owned() } else { format!("^.*{pattern}") });
    }
    if subscription.is_empty() {
        return Err(ConfigError::new("no topics: set `source.topics` or `source.topic_pattern`".to_owned()));
    }
    Ok(subscription)
}

/// `auto.offset.reset`, in Kafka's words and librdkafka's.
fn fallback(read: &Reader<'_>, word: &str) -> Result<Fallback, ConfigError> {
    match word {
        "earliest" | "beginning" | "smallest" => Ok(Fallback::Earliest),
        "latest" | "end" | "largest" => Ok(Fallback::Latest),
        "none" | "error" => Ok(Fallback::Stop),
        _ => Err(read.invalid("source.properties", "auto.offset.reset as earliest, latest or none")),
    }
}
