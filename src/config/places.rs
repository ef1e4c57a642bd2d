//! Where reading starts and where it ends: Flink's modes, by Flink's names.

use std::collections::BTreeMap;

use rowkind_formats::unix_millis;

use super::{ConfigError, Reader};
use crate::records::TopicPartition;

/// Where the partitions start that are there when a pipeline starts for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record that is there.
    Earliest,
    /// Behind the newest.
    Latest,
    /// Where the consumer group has come to.
    Group(Fallback),
    /// At the first record of this time or later, in milliseconds since 1970.
    Timestamp(i64),
    /// At these offsets.
    Specific(Offsets),
}

/// Where a partition starts for which the consumer group has committed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nowhere: a person has to say it.
    Stop,
    /// At the oldest record that is there.
    Earliest,
    /// Behind the newest.
    Latest,
}

/// When reading ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Not before a signal.
    Never,
    /// At the end that each partition has when it is first read.
    Latest,
    /// Where the consumer group has come to when the partition is first read.
    Group,
    /// Before the first record of this time or later, in milliseconds since 1970.
    Timestamp(i64),
    /// Before these offsets.
    Specific(Offsets),
}

/// Offsets of single partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets(BTreeMap<TopicPartition, i64>);

impl Offsets {
    /// Reads Flink's `partition:0,offset:42;partition:1,offset:300`, each with `topic:orders,` before it unless `topic`
    /// is the only one.
    fn parse(text: &str, topic: Option<&str>) -> Option<Self> {
        let mut all = BTreeMap::new();
        for place in text.split(';').map(str::trim).filter(|place| !place.is_empty()) {
            let (mut of_topic, mut partition, mut offset) = (topic, None, None);
            for part in place.split(',') {
                let (name, value) = part.split_once(':')?;
                match (name.trim(), value.trim()) {
                    ("topic", name) => of_topic = Some(name),
                    ("partition", number) => partition = number.parse().ok().filter(|number| *number >= 0),
                    ("offset", number) => offset = number.parse().ok().filter(|number| *number >= 0),
                    _ => return None,
                }
            }
            let partition = TopicPartition { topic: of_topic?.into(), partition: partition? };
            if all.insert(partition, offset?).is_some() {
                return None;
            }
        }
        (!all.is_empty()).then_some(Self(all))
    }

    /// The offset that is given for a partition.
    pub fn get(&self, partition: &TopicPartition) -> Option<i64> {
        self.0.get(partition).copied()
    }

    /// The partitions that are named.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.0.keys()
    }
}

/// `source.start` with what belongs to it. `reset` is `auto.offset.reset` of the properties.
pub(super) fn start(read: &Reader<'_>, reset: Option<Fallback>) -> Result<Start, ConfigError> {
    let key = "source.start";
    let mode = read.need(key)?;
    if reset.is_some() && mode != "group-offsets" {
        return Err(ConfigError::new(format!(
            "auto.offset.reset of `source.properties` belongs to `{key}` = \"group-offsets\", and here it is \"{mode}\": leave it out"
        )));
    }
    let (start, mine) = match mode {
        "earliest-offset" => (Start::Earliest, None),
        "latest-offset" => (Start::Latest, None),
        "group-offsets" => (Start::Group(fallback(read, reset)?), Some("start_fallback")),
        "timestamp" => (Start::Timestamp(time(read, "start")?), Some("start_timestamp")),
        "specific-offsets" => (Start::Specific(offsets(read, "start")?), Some("start_offsets")),
        _ => {
            let expected = "one of earliest-offset, latest-offset, group-offsets, timestamp, specific-offsets";
            return Err(read.invalid(key, expected));
        }
    };
    no_others(read, (key, mode), mine, &["start_timestamp", "start_offsets", "start_fallback"])?;
    Ok(start)
}

/// `source.stop` with what belongs to it.
pub(super) fn stop(read: &Reader<'_>) -> Result<Stop, ConfigError> {
    let key = "source.stop";
    let mode = read.need(key)?;
    let (stop, mine) = match mode {
        "never" => (Stop::Never, None),
        "latest-offset" => (Stop::Latest, None),
        "group-offsets" => (Stop::Group, None),
        "timestamp" => (Stop::Timestamp(time(read, "stop")?), Some("stop_timestamp")),
        "specific-offsets" => (Stop::Specific(offsets(read, "stop")?), Some("stop_offsets")),
        _ => {
            let expected = "one of never, latest-offset, group-offsets, timestamp, specific-offsets";
            return Err(read.invalid(key, expected));
        }
    };
    no_others(read, (key, mode), mine, &["stop_timestamp", "stop_offsets"])?;
    Ok(stop)
}

/// What asks for the brokers' answer is not for a file.
pub(super) fn check_file(start: &Start, stop: &Stop) -> Result<(), ConfigError> {
    let invalid = |key: &str, mode: &str| {
        Err(ConfigError::new(format!("`{key}` = \"{mode}\" is for Kafka, and not for `source.file`")))
    };
    match (start, stop) {
        (Start::Latest, _) => invalid("source.start", "latest-offset"),
        (Start::Group(_), _) => invalid("source.start", "group-offsets"),
        (_, Stop::Group) => invalid("source.stop", "group-offsets"),
        _ => Ok(()),
    }
}

/// Refuses those of `settings` that belong to another mode.
fn no_others(
    read: &Reader<'_>,
    (key, mode): (&str, &str),
    mine: Option<&str>,
    settings: &[&str],
) -> Result<(), ConfigError> {
    for setting in settings.iter().filter(|setting| mine != Some(**setting)) {
        let setting = format!("source.{setting}");
        if read.text(&setting).is_some() {
            return Err(ConfigError::new(format!("`{setting}` does not belong to `{key}` = \"{mode}\": leave it out")));
        }
    }
    Ok(())
}

fn fallback(read: &Reader<'_>, reset: Option<Fallback>) -> Result<Fallback, ConfigError> {
    let words =
        [("stop", Fallback::Stop), ("earliest-offset", Fallback::Earliest), ("latest-offset", Fallback::Latest)];
    match (read.optional_choice("source.start_fallback", &words)?, reset) {
        (Some(_), Some(_)) => Err(ConfigError::new(
            "`source.start_fallback` and auto.offset.reset of `source.properties` exclude each other: set one"
                .to_owned(),
        )),
        (typed, reset) => Ok(typed.or(reset).unwrap_or(Fallback::Stop)),
    }
}

fn time(read: &Reader<'_>, word: &str) -> Result<i64, ConfigError> {
    let key = format!("source.{word}_timestamp");
    let parse = |text: &str| text.parse().ok().filter(|ms| *ms >= 0).or_else(|| unix_millis(text));
    needed(read, &key, word, "timestamp").and_then(|()| read.parsed(&key, parse))
}

fn offsets(read: &Reader<'_>, word: &str) -> Result<Offsets, ConfigError> {
    let key = format!("source.{word}_offsets");
    needed(read, &key, word, "specific-offsets")?;
    let topics = read.list("source.topics");
    let only = match (topics.as_slice(), read.text("source.topic_pattern")) {
        ([topic], None) => Some(topic.as_str()),
        _ => None,
    };
    Offsets::parse(read.need(&key)?, only).ok_or_else(|| {
        let form = "partition:0,offset:42;partition:1,offset:300, each partition once";
        match only {
            Some(_) => read.invalid(&key, form),
            None => {
                read.invalid(&key, &format!("{form}, with topic:NAME, before each where not just one topic is read"))
            }
        }
    })
}

fn needed(read: &Reader<'_>, key: &str, word: &str, mode: &str) -> Result<(), ConfigError> {
    match read.text(key) {
        Some(_) => Ok(()),
        None => Err(ConfigError::new(format!("`source.{word}` = \"{mode}\" needs `{key}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::Offsets;

    fn parsed(text: &str, topic: Option<&str>) -> Option<Vec<(String, i32, i64)>> {
        let offsets = Offsets::parse(text, topic)?;
        Some(offsets.0.iter().map(|(p, offset)| (p.topic.to_string(), p.partition, *offset)).collect())
    }

    #[test]
    fn offsets_as_flink_writes_them() {
        let expected = [("t".to_owned(), 0, 42), ("t".to_owned(), 1, 300)];
        let text = "partition:0,offset:42;partition:1,offset:300";
        assert_eq!(parsed(text, Some("t")).as_deref(), Some(expected.as_slice()));
        let text = "topic:t,partition:1,offset:300; topic:t, partition:0, offset:42;";
        assert_eq!(parsed(text, None).as_deref(), Some(expected.as_slice()));
        for text in [
            "",
            "partition:0",
            "partition:0,offset:-1",
            "partition:0,offset:4;partition:0,offset:5",
            "partition:0,offset:4,at:5",
            "0:42",
        ] {
            assert_eq!(parsed(text, Some("t")), None, "{text}");
        }
        assert_eq!(parsed("partition:0,offset:42", None), None, "which topic's?");
    }
}
