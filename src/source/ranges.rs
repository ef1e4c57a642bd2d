//! Ranges of offsets, read once and by nobody's group: for replays, for printing, for looking at what is there.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::brokers::{Brokers, There};
use super::consumer::{self, QueuedConsumer};
use super::failure::{self, PollError};
use super::line::Recorded;
use super::sample::failed;
use super::survey::Survey;
use super::{Gatherer, SourceError, Stored, headers};
use crate::config::{Source, Start, Stop, is_subscribed};
use crate::progress::Progress;
use crate::records::{Beside, Claim, Claimed, TopicPartition};
use crate::shutdown::Shutdown;

/// Where a range begins, or ends: the first offset that is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// At this offset.
    Offset(i64),
    /// At the first record of this moment or later; milliseconds since 1970.
    Moment(i64),
}

/// Which records are asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Topics, and patterns with a `^` at their front; of a file all when empty.
    pub topics: Vec<String>,
    /// One partition of each; all when `None`.
    pub partition: Option<i32>,
    /// Where to begin; at the oldest record when `None`.
    pub from: Option<Edge>,
    /// Where to end; at the end that is there when `None`.
    pub to: Option<Edge>,
}

impl Asked {
    /// What is asked for, in words.
    pub fn title(&self) -> String {
        if self.topics.is_empty() { "the file".to_owned() } else { self.topics.join(", ") }
    }
}

/// A range of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The partition.
    pub partition: TopicPartition,
    /// How many its topic has.
    pub n_partitions: usize,
    /// The oldest offset that is there.
    pub low: i64,
    /// The offset behind the newest.
    pub high: i64,
    /// The first offset of the range.
    pub from: i64,
    /// The first behind it; `from` where nothing is in it.
    pub to: i64,
}

impl Range {
    /// How many offsets it has.
    pub fn len(&self) -> i64 {
        (self.to - self.from).max(0)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A record that was read: its range, its offset, its key and payload, and what stands beside them.
pub type Read<'r> = (&'r Range, i64, (Option<&'r [u8]>, Option<&'r [u8]>), Beside<'r>);

/// Reads ranges of a source.
pub struct RangeReader {
    shutdown: Shutdown,
    from: From,
}

enum From {
    Kafka { consumer: Box<QueuedConsumer>, group: String },
    File { path: PathBuf, max_record_bytes: usize },
}

const ANSWER: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

impl RangeReader {
    /// A reader that has not asked yet. What it waits for ends with `shutdown`.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take a property.
    pub fn new(source: &Source, max_record_bytes: usize, shutdown: Shutdown) -> Result<Self, SourceError> {
        let from = match source {
            Source::File { path, .. } => From::File { path: path.clone(), max_record_bytes },
            Source::Kafka(kafka) => {
                From::Kafka { consumer: Box::new(consumer::of_ranges(kafka)?), group: kafka.group.clone() }
            }
        };
        Ok(Self { shutdown, from })
    }

    /// The ranges that are asked for, as the offsets stand now.
    ///
    /// # Errors
    ///
    /// When a topic is not there, a range begins before the oldest record that is there, or the source cannot be read.
    pub fn find(&self, asked: &Asked) -> Result<Vec<Range>, SourceError> {
        let mut ranges = match &self.from {
            From::Kafka { consumer, group } => {
                // a person waits: brokers that do not answer are an error, and not waited for
                consumer.fetch_metadata(None, ANSWER).map_err(|error| consumer::unanswered(consumer, &error))?;
                found(&Brokers { consumer, group, shutdown: &self.shutdown }, asked)?
            }
            From::File { path, max_record_bytes } => self.surveyed((path, *max_record_bytes), asked)?,
        };
        if let Some(number) = asked.partition {
            ranges.retain(|range| range.partition.partition == number);
        }
        if let (Some(number), true) = (asked.partition, ranges.is_empty()) {
            return Err(SourceError::Fatal(format!("partition {number} of {} is not there", asked.title())));
        }
        ranges.sort_by(|a, b| a.partition.cmp(&b.partition));
        ranges.iter().try_for_each(|range| begins(range, asked))?;
        Ok(ranges)
    }

    fn surveyed(&self, (path, max_bytes): (&Path, usize), asked: &Asked) -> Result<Vec<Range>, SourceError> {
        let start = if let Some(Edge::Moment(since)) = asked.from { Start::Timestamp(since) } else { Start::Earliest };
        let stop = if let Some(Edge::Moment(until)) = asked.to { Stop::Timestamp(until) } else { Stop::Latest };
        let survey = Survey::of(Recorded::open(path, max_bytes)?, &[], (&start, &stop), &self.shutdown)?;
        let mut ranges = survey.ranges();
        let is_asked = |wanted: &String, range: &Range| is_subscribed(wanted, &range.partition.topic);
        let is_missing =
            |wanted: &&String| !wanted.starts_with('^') && !ranges.iter().any(|range| is_asked(wanted, range));
        if let Some(topic) = asked.topics.iter().find(is_missing) {
            return Err(SourceError::Fatal(format!("`{}`: no record of topic {topic} is in it", path.display())));
        }
        ranges.retain(|range| asked.topics.is_empty() || asked.topics.iter().any(|wanted| is_asked(wanted, range)));
        let partitions: Vec<_> = ranges.iter().map(|range| range.partition.clone()).collect();
        for range in &mut ranges {
            let is_of_topic = |partition: &&TopicPartition| partition.topic == range.partition.topic;
            range.n_partitions = partitions.iter().filter(is_of_topic).count();
            if let Some(Edge::Offset(offset)) = asked.from {
                range.from = offset;
            }
            if let Some(Edge::Offset(offset)) = asked.to {
                range.to = offset.min(range.high);
            }
        }
        Ok(ranges)
    }

    /// Hands over the records of ranges, those of a partition in their order, until `each` returns an error. Records of
    /// transactions that were aborted, and what is none, are not among them.
    ///
    /// # Errors
    ///
    /// As `each`, and when the source cannot be read.
    pub fn read<E>(&self, ranges: &[Range], mut each: impl FnMut(Read<'_>) -> Result<(), E>) -> Result<(), E>
    where
        E: std::convert::From<SourceError>,
    {
        let ranges: Vec<&Range> = ranges.iter().filter(|range| !range.is_empty()).collect();
        match &self.from {
            From::Kafka { consumer, .. } => {
                let mut topics: BTreeMap<&str, Vec<&Range>> = BTreeMap::new();
                for range in ranges {
                    topics.entry(&range.partition.topic).or_default().push(range);
                }
                // the end of a partition is told by its number alone
                topics.values().try_for_each(|ranges| self.read_topic(consumer, ranges, &mut each))
            }
            From::File { path, max_record_bytes } => {
                let mut lines = Recorded::open(path, *max_record_bytes)?;
                while let Some(record) = lines.next(true)? {
                    if self.shutdown.is_requested() {
                        return Err(SourceError::Shutdown.into());
                    }
                    let (topic, number, offset) = (record.topic.as_str(), record.partition, record.offset);
                    let is_of =
                        |range: &&&Range| *range.partition.topic == *topic && range.partition.partition == number;
                    let range = ranges.iter().find(is_of).filter(|range| (range.from..range.to).contains(&offset));
                    if let Some(range) = range {
                        let beside = Beside { timestamp_ms: record.timestamp_ms, headers: &record.headers };
                        each((range, offset, (record.key.as_deref(), record.payload.as_deref()), beside))?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Hands over the records of ranges as long as `each` says so.
    ///
    /// # Errors
    ///
    /// When the source cannot be read.
    pub fn read_while(&self, ranges: &[Range], mut each: impl FnMut(Read<'_>) -> bool) -> Result<(), SourceError> {
        /// Why reading ended early; `None` where nobody wants more.
        struct Early(Option<SourceError>);
        impl std::convert::From<SourceError> for Early {
            fn from(error: SourceError) -> Self {
                Self(Some(error))
            }
        }
        match self.read(ranges, |read| if each(read) { Ok(()) } else { Err(Early(None)) }) {
            Ok(()) | Err(Early(None)) => Ok(()),
            Err(Early(Some(error))) => Err(error),
        }
    }

    fn read_topic<E>(
        &self,
        consumer: &QueuedConsumer,
        ranges: &[&Range],
        each: &mut impl FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        E: std::convert::From<SourceError>,
    {
        let partitions = list(ranges.iter().copied())?;
        // what an earlier range has paused stays so
        consumer.assign(&partitions).and_then(|()| consumer.resume(&partitions)).map_err(failed)?;
        let mut open: HashMap<i32, &Range> = ranges.iter().map(|range| (range.partition.partition, *range)).collect();
        while !open.is_empty() {
            if self.shutdown.is_requested() {
                return Err(SourceError::Shutdown.into());
            }
            match consumer.poll(POLL) {
                None => {}
                Some(Err(KafkaError::PartitionEOF(number))) => drop(open.remove(&number)),
                Some(Err(error)) => match failure::sort(&error) {
                    PollError::Passing => consumer.context().warn(&error, &error.to_string()),
                    PollError::OutOfRange => {
                        let text = "records of the range are not there any more: the topic's retention, or somebody, has deleted them meanwhile";
                        return Err(SourceError::Fatal(format!("Kafka: {text}")).into());
                    }
                    PollError::Fatal => return Err(consumer::fatal(&error).into()),
                },
                Some(Ok(message)) => {
                    let (number, offset) = (message.partition(), message.offset());
                    let Some(range) = open.get(&number).copied() else { continue };
                    if offset < range.to {
                        let headers = message.headers().map(headers::text).unwrap_or_default();
                        let beside = Beside { timestamp_ms: message.timestamp().to_millis(), headers: &headers };
                        each((range, offset, (message.key(), message.payload()), beside))?;
                    }
                    if offset + 1 >= range.to {
                        open.remove(&number);
                        consumer.pause(&list([range])?).map_err(failed)?;
                    }
                }
            }
        }
        consumer.unassign().map_err(failed)?;
        Ok(())
    }
}

/// What the brokers have of what is asked for.
fn found(brokers: &Brokers<'_>, asked: &Asked) -> Result<Vec<Range>, SourceError> {
    let partitions = brokers.partitions(&asked.topics)?;
    let mut n_partitions: HashMap<&str, usize> = HashMap::new();
    for partition in &partitions {
        *n_partitions.entry(&partition.topic).or_default() += 1;
    }
    let is_missing = |topic: &&String| !topic.starts_with('^') && !n_partitions.contains_key(topic.as_str());
    if let Some(topic) = asked.topics.iter().find(is_missing) {
        return Err(SourceError::Fatal(format!("Kafka: topic {topic} is not there")));
    }
    let there = brokers.there(&partitions)?;
    let at = |edge: Option<Edge>, otherwise: fn(&There) -> i64| match edge {
        None => Ok(there.iter().map(otherwise).collect()),
        Some(Edge::Offset(offset)) => Ok(vec![offset; there.len()]),
        Some(Edge::Moment(unix_ms)) => {
            let first = brokers.first_since(unix_ms, &there)?;
            Ok(first.into_iter().zip(&there).map(|(first, there)| first.unwrap_or(there.high)).collect())
        }
    };
    let (from, to): (Vec<i64>, Vec<i64>) = (at(asked.from, |there| there.low)?, at(asked.to, |there| there.high)?);
    let range = |(there, (from, to)): (&There, (i64, i64))| {
        let There { partition, low, high } = there.clone();
        Range { n_partitions: n_partitions[&*partition.topic], partition, low, high, from, to: to.min(high) }
    };
    Ok(there.iter().zip(from.into_iter().zip(to)).map(range).collect())
}

/// A range that begins before what is there would not be what was asked for.
fn begins(range: &Range, asked: &Asked) -> Result<(), SourceError> {
    let Range { partition, low, high, from, .. } = range;
    if let (Some(Edge::Offset(from)), Some(Edge::Offset(to))) = (asked.from, asked.to)
        && to < from
    {
        return Err(SourceError::Config(format!("the range would end at offset {to}, before it begins at {from}")));
    }
    if matches!(asked.from, Some(Edge::Offset(_))) && from > high {
        return Err(SourceError::Fatal(format!(
            "{partition}: the range is to begin at offset {from}, and the topic ends at {high}"
        )));
    }
    if matches!(asked.from, Some(Edge::Offset(_))) && from < low {
        return Err(SourceError::Fatal(format!(
            "{partition}: the range is to begin at offset {from}, and the oldest record that is there is {low}"
        )));
    }
    Ok(())
}

fn list<'r>(ranges: impl IntoIterator<Item = &'r Range>) -> Result<TopicPartitionList, SourceError> {
    let mut list = TopicPartitionList::new();
    for Range { partition, from, .. } in ranges {
        list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*from)).map_err(failed)?;
    }
    Ok(list)
}

/// Ranges as a source of lanes: read from what is stored of them, to their ends.
pub(crate) struct RangeSource {
    pub(crate) reader: RangeReader,
    pub(crate) ranges: Vec<Range>,
    pub(crate) progress: Arc<Progress>,
}

impl RangeSource {
    /// Reads until the ends, or until it is stopped.
    ///
    /// # Errors
    ///
    /// As for [`RangeReader::read`], and when a stored offset is none of its range.
    pub(crate) fn run(
        mut self,
        gatherer: &mut Gatherer,
        stored: &mut dyn Stored,
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        let wanted: Vec<_> = self.ranges.iter().map(|range| (range.partition.clone(), range.from)).collect();
        for (range, Claim { next_offset, epoch, .. }) in self.ranges.iter_mut().zip(stored.claim(&wanted)?) {
            let Range { partition, n_partitions, from, to, .. } = range;
            if next_offset < *from || (next_offset > *to && from < to) {
                return Err(SourceError::Fatal(format!(
                    "{partition}: the replay has come to offset {next_offset}, and the range is {from} to {to}: say the same range again"
                )));
            }
            let claimed = Claimed { partition, n_partitions: *n_partitions, epoch, next_offset };
            gatherer.assign(claimed, next_offset, Some(*to));
            self.progress.assign(partition, next_offset, *to);
            *from = next_offset;
        }
        self.reader.read(&self.ranges, |(range, offset, parts, beside)| {
            let Range { partition: TopicPartition { topic, partition }, .. } = range;
            gatherer.push((topic, *partition, offset), parts, beside, || !shutdown.is_requested());
            gatherer.close_due();
            Ok::<_, SourceError>(())
        })?;
        for range in &self.ranges {
            // what is not there below the end is nothing to read
            gatherer.advance(&range.partition, range.to);
        }
        Ok(())
    }
}
