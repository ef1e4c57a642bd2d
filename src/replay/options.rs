//! What was asked for: a range, which rows of it, and where they go.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::ArgMatches;
use rowkind_formats::unix_millis;

use crate::config::{Config, ConfigError, Source};
use crate::inspect::Output;
use crate::source::{Asked, Edge};
use crate::wanted::Wanted;

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    pub(super) config: Config,
    pub(super) asked: Asked,
    pub(super) destination: Destination,
    pub(super) is_json: bool,
}

/// Where a range goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// Into the pipeline's own tables: what they hold of its rows becomes what it should be.
    Live {
        /// Rows that are in the target, and not in a topic that was read as a whole, are deleted.
        deletes_extra: bool,
    },
    /// Nowhere: the differences from the pipeline's tables are printed.
    Compared,
    /// Into tables of this schema.
    Schema {
        schema: String,
        /// Whether one that was interrupted goes on.
        resumes: bool,
    },
    /// To these topics.
    Topic(String),
    /// To standard output or a file, as a changelog.
    Changelog(Option<PathBuf>),
    /// To standard output or a file, as recorded records.
    Recorded(Option<PathBuf>),
}

impl Options {
    /// Reads the flags of `rowkind replay`.
    ///
    /// # Errors
    ///
    /// When the pipeline's settings cannot be used, or a place is none.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let text = |name: &str| flags.get_one::<String>(name).cloned();
        let destination = destination(flags);
        let mut config = match &destination {
            Destination::Topic(topic) => Config::read_into_topic(flags, topic)?,
            _ => Config::read(flags)?,
        };
        let topics: Vec<String> = flags.get_many::<String>("topic").unwrap_or_default().cloned().collect();
        let topics = match (&config.source, topics.is_empty()) {
            (_, false) => topics,
            (Source::Kafka(kafka), true) => kafka.subscription.clone(),
            (Source::File { topics, .. }, true) => topics.clone(),
        };
        let edge = |name: &str| text(name).map(|text| edge(&text, name)).transpose();
        let asked = Asked {
            topics,
            partition: flags.get_one("partition").copied(),
            from: edge("from")?.flatten(),
            to: edge("to")?.flatten(),
        };
        config.wanted = Wanted::read(flags)?;
        let is_json = flags.get_one("output") == Some(&Output::Json);
        Ok(Self { config, asked, destination, is_json })
    }
}

fn destination(flags: &ArgMatches) -> Destination {
    let text = |name: &str| flags.get_one::<String>(name).cloned();
    let file = |name: &str| flags.get_one::<PathBuf>(name).filter(|path| path.as_os_str() != "-").cloned();
    let has = |name: &str| flags.contains_id(name);
    match (text("into"), text("into-topic")) {
        (Some(schema), _) => Destination::Schema { schema, resumes: flags.get_flag("resume") },
        (_, Some(topic)) => Destination::Topic(topic),
        _ if flags.get_flag("print") => Destination::Changelog(None),
        _ if has("into-file") => Destination::Changelog(file("into-file")),
        _ if has("dump") => Destination::Recorded(file("dump")),
        _ if flags.get_flag("dry-run") => Destination::Compared,
        _ => Destination::Live { deletes_extra: flags.get_flag("delete-extra") },
    }
}

/// An offset, a moment, `2h ago`; `None` for the place where a range is anyway.
fn edge(text: &str, name: &str) -> Result<Option<Edge>, ConfigError> {
    let text = text.trim();
    let otherwise = if name == "from" { ["beginning", "earliest-offset"] } else { ["end", "latest-offset"] };
    if otherwise.contains(&text) {
        return Ok(None);
    }
    let is_offset = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let edge = if is_offset {
        text.parse().ok().map(Edge::Offset)
    } else {
        ago(text).or_else(|| unix_millis(text)).map(Edge::Moment)
    };
    edge.map(Some).ok_or_else(|| {
        let [word, _] = otherwise;
        ConfigError::new(format!(
            "--{name}: expected an offset, a moment with its zone such as 2026-11-21T13:26:07Z, a time such as \"2h ago\" (s, m, h, d), or {word}"
        ))
    })
}

/// `2h`, `2h ago`, `last 2h`: that long before now, in milliseconds since 1970.
fn ago(text: &str) -> Option<i64> {
    let text = text.strip_prefix("last ").or_else(|| text.strip_suffix(" ago")).unwrap_or(text).trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let ago = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?);
    let then = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.checked_sub(ago)?;
    i64::try_from(then.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_topic() {
        let read = |text: &str| edge(text, "from").ok().flatten();
        assert_eq!(read("42"), Some(Edge::Offset(42)));
        assert_eq!(read("2026-11-21T13:26:07Z"), Some(Edge::Moment(1_795_267_567_000)));
        assert_eq!(edge("beginning", "from").ok(), Some(None));
        assert_eq!(edge("end", "to").ok(), Some(None));
        for text in ["2h", "2h ago", "last 2h", "last 120 m", "7200s"] {
            let Some(Edge::Moment(then)) = read(text) else { panic!("{text} is a moment") };
            let Some(now) = ago("0s") else { panic!("now is a moment") };
            assert!((7_199_000..7_210_000).contains(&(now - then)), "{text}");
        }
        for text in ["", "-1", "end", "yesterday", "2 weeks", "last", "h", "2026-11-21"] {
            assert!(edge(text, "from").is_err(), "{text}");
        }
    }
}
