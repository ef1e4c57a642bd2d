//! What a file of recorded records has of each partition, for where it starts and ends.

use std::collections::HashMap;

use rowkind_formats::RecordedRecord;

use super::SourceError;
use super::line::Recorded;
use super::ranges::Range;
use super::start::{are_there, is_there, not_named};
use crate::config::{Start, Stop};
use crate::records::TopicPartition;
use crate::shutdown::Shutdown;

/// The partitions of a file.
#[derive(Debug, Default)]
pub(super) struct Survey {
    found: HashMap<TopicPartition, Found>,
    /// Whether the start is a moment.
    goes_by_start: bool,
}

/// A partition in a file.
#[derive(Debug)]
struct Found {
    low: i64,
    high: i64,
    /// The first record since the moment of the start.
    start: Option<i64>,
    /// The first record since the moment of the stop.
    end: Option<i64>,
}

impl Survey {
    /// Reads a file up to its end.
    pub(super) fn of(
        mut lines: Recorded<'_>,
        topics: &[String],
        (start, stop): (&Start, &Stop),
        shutdown: &Shutdown,
    ) -> Result<Self, SourceError> {
        let mut survey = Self { goes_by_start: matches!(start, Start::Timestamp(_)), ..Self::default() };
        while let Some(record) = lines.next(true)? {
            if shutdown.is_requested() {
                return Err(SourceError::Shutdown);
            }
            if topics.is_empty() || topics.contains(&record.topic) {
                let goes_by_time = matches!(start, Start::Timestamp(_)) || matches!(stop, Stop::Timestamp(_));
                if goes_by_time && record.timestamp_ms.is_none() {
                    return Err(lines.error("expected a `ts`, by which the start or the stop goes"));
                }
                survey.add(&record, (start, stop));
            }
        }
        Ok(survey)
    }

    fn add(&mut self, record: &RecordedRecord, (start, stop): (&Start, &Stop)) {
        let offset = record.offset;
        let partition = TopicPartition { topic: record.topic.as_str().into(), partition: record.partition };
        let found = self.found.entry(partition).or_insert(Found { low: offset, high: offset, start: None, end: None });
        found.high = found.high.max(offset + 1);
        if matches!(start, Start::Timestamp(since) if record.timestamp_ms >= Some(*since)) {
            found.start.get_or_insert(offset);
        }
        if matches!(stop, Stop::Timestamp(until) if record.timestamp_ms >= Some(*until)) {
            found.end.get_or_insert(offset);
        }
    }

    /// The offset at which each partition starts, when none is stored.
    pub(super) fn starts(&self, start: &Start) -> Result<Vec<(TopicPartition, i64)>, SourceError> {
        if let Start::Specific(offsets) = start {
            are_there(offsets, |partition| self.found.contains_key(partition))?;
        }
        let start_of = |(partition, found): (&TopicPartition, &Found)| {
            let offset = match start {
                Start::Timestamp(_) => found.start.unwrap_or(found.high),
                Start::Specific(offsets) => {
                    let offset = offsets.get(partition).ok_or_else(|| not_named("start", partition))?;
                    is_there(partition, (found.low, found.high), offset, "`source.start_offsets` says")?
                }
                _ => found.low,
            };
            Ok((partition.clone(), offset))
        };
        self.found.iter().map(start_of).collect()
    }

    /// All of each partition from the moment of the start to that of the stop. How many partitions topics have is left open.
    pub(super) fn ranges(&self) -> Vec<Range> {
        let range = |(partition, found): (&TopicPartition, &Found)| {
            let Found { low, high, start, end } = *found;
            let from = start.unwrap_or(if self.goes_by_start { high } else { low });
            let partition = partition.clone();
            Range { partition, n_partitions: 1, low, high, from, to: end.unwrap_or(high) }
        };
        self.found.iter().map(range).collect()
    }

    /// The first offset of a partition that is not read any more, by its records' times.
    pub(super) fn end(&self, partition: &TopicPartition) -> Option<i64> {
        self.found.get(partition)?.end
    }
}
