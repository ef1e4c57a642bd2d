//! Where a partition starts for which no next offset is stored.
//!
//! `source.start` is for what is there at a pipeline's first start. So the starts of all partitions are stored at once
//! then, whoever reads them later; a partition without one has come later, and is read from its oldest record on.

use super::brokers::{Brokers, There};
use super::{SourceError, Stored};
use crate::config::{Fallback, Offsets, Start};
use crate::records::TopicPartition;

/// The offset at which each of `partitions` starts. What is stored goes before it.
pub(super) fn starts(
    start: &Start,
    subscription: &[String],
    brokers: &Brokers<'_>,
    stored: &mut dyn Stored,
    partitions: &[There],
) -> Result<Vec<i64>, SourceError> {
    if *start == Start::Earliest {
        return Ok(partitions.iter().map(|there| there.low).collect());
    }
    let all = brokers.partitions(subscription)?;
    let mut known = stored.all(&all)?;
    if known.is_empty() {
        stored.begin(&first_starts(start, &all, brokers)?)?;
        // another instance may have been first
        known = stored.all(&all)?;
    }
    let later: Vec<There> = partitions.iter().filter(|there| !known.contains_key(&there.partition)).cloned().collect();
    known.extend(placed(start, brokers, &later, |there, _| Ok(there.low))?);
    Ok(partitions.iter().map(|there| known[&there.partition]).collect())
}

fn first_starts(
    start: &Start,
    all: &[TopicPartition],
    brokers: &Brokers<'_>,
) -> Result<Vec<(TopicPartition, i64)>, SourceError> {
    let there = brokers.there(all)?;
    if let Start::Specific(offsets) = start {
        are_there(offsets, |partition| there.iter().any(|there| there.partition == *partition))?;
    }
    if let Start::Latest = start {
        return Ok(there.into_iter().map(|there| (there.partition, there.high)).collect());
    }
    if let Start::Timestamp(unix_ms) = start {
        let first = brokers.first_since(*unix_ms, &there)?;
        return Ok(there
            .into_iter()
            .zip(first)
            .map(|(there, at)| (there.partition, at.unwrap_or(there.high)))
            .collect());
    }
    placed(start, brokers, &there, |there, group| match start {
        Start::Group(Fallback::Earliest) => Ok(there.low),
        Start::Group(Fallback::Latest) => Ok(there.high),
        Start::Group(Fallback::Stop) => Err(SourceError::Fatal(format!(
            "{}: `source.start` = \"group-offsets\", but group `{group}` has committed no offset for it: set `source.start_fallback` to earliest-offset or latest-offset",
            there.partition
        ))),
        _ => Err(not_named("start", &there.partition)),
    })
}

/// The offsets that the group or a person has said, and `otherwise` where nobody has.
fn placed(
    start: &Start,
    brokers: &Brokers<'_>,
    partitions: &[There],
    otherwise: impl Fn(&There, &str) -> Result<i64, SourceError>,
) -> Result<Vec<(TopicPartition, i64)>, SourceError> {
    let said = match start {
        Start::Group(_) if !partitions.is_empty() => brokers.committed(partitions)?,
        Start::Specific(offsets) => partitions.iter().map(|there| offsets.get(&there.partition)).collect(),
        _ => vec![None; partitions.len()],
    };
    let mut starts = Vec::with_capacity(partitions.len());
    for (there, said) in partitions.iter().zip(said) {
        let start = match said {
            Some(offset) => {
                let says = match start {
                    Start::Group(_) => format!("group `{}` has committed", brokers.group),
                    _ => "`source.start_offsets` says".to_owned(),
                };
                is_there(&there.partition, (there.low, there.high), offset, &says)?
            }
            None => otherwise(there, brokers.group)?,
        };
        starts.push((there.partition.clone(), start));
    }
    Ok(starts)
}

/// The offset, if it is between the oldest and the next one that is there.
pub(super) fn is_there(
    partition: &TopicPartition,
    (low, high): (i64, i64),
    offset: i64,
    says: &str,
) -> Result<i64, SourceError> {
    if (low..=high).contains(&offset) {
        return Ok(offset);
    }
    Err(SourceError::Fatal(format!(
        "{partition}: {says} offset {offset}, but the offsets that are there are {low} to {high}: set another start"
    )))
}

/// An error where an offset is given for a partition that is not there.
pub(super) fn are_there(offsets: &Offsets, is_there: impl Fn(&TopicPartition) -> bool) -> Result<(), SourceError> {
    match offsets.partitions().find(|partition| !is_there(partition)) {
        None => Ok(()),
        Some(partition) => Err(SourceError::Fatal(format!("`source.start_offsets`: {partition} is not there"))),
    }
}

/// The error of a partition for which no offset is given.
pub(super) fn not_named(word: &str, partition: &TopicPartition) -> SourceError {
    SourceError::Fatal(format!("{partition}: `source.{word}_offsets` does not name it: add an offset for it"))
}
