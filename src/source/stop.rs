//! Where the reading of a partition ends.

use super::SourceError;
use super::brokers::{Brokers, There};
use super::start::not_named;
use crate::config::Stop;

/// The first offset of each partition that is not read any more; `None` where it is read for ever.
pub(super) fn ends(stop: &Stop, brokers: &Brokers<'_>, partitions: &[There]) -> Result<Vec<Option<i64>>, SourceError> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    match stop {
        Stop::Never => Ok(vec![None; partitions.len()]),
        Stop::Latest => Ok(partitions.iter().map(|there| Some(there.high)).collect()),
        Stop::Timestamp(unix_ms) => {
            let first = brokers.first_since(*unix_ms, partitions)?;
            Ok(first.into_iter().zip(partitions).map(|(at, there)| Some(at.unwrap_or(there.high))).collect())
        }
        Stop::Group => {
            let committed = brokers.committed(partitions)?;
            committed.into_iter().zip(partitions).map(|(at, there)| reached(at, there, brokers.group)).collect()
        }
        Stop::Specific(offsets) => {
            let named =
                |there: &There| offsets.get(&there.partition).ok_or_else(|| not_named("stop", &there.partition));
            partitions.iter().map(|there| named(there).map(Some)).collect()
        }
    }
}

fn reached(committed: Option<i64>, there: &There, group: &str) -> Result<Option<i64>, SourceError> {
    match committed {
        Some(offset) => Ok(Some(offset)),
        None => Err(SourceError::Fatal(format!(
            "{}: `source.stop` = \"group-offsets\", but group `{group}` has committed no offset for it",
            there.partition
        ))),
    }
}
