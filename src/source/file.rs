//! A file of recorded records, read like a topic: the lines' topics, partitions and offsets are the records'.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rowkind_formats::RecordedRecord;

use super::line::Recorded;
use super::start::not_named;
use super::survey::Survey;
use super::{Gatherer, GroupOffsets, SourceError, Stored, gap};
use crate::config::{Start, Stop};
use crate::records::{Beside, Claim, Claimed, Records, TopicPartition};
use crate::shutdown::Shutdown;

/// Reads recorded records.
#[derive(Debug)]
pub struct FileSource {
    /// The file.
    pub path: PathBuf,
    /// Only records of these topics; all when empty.
    pub topics: Vec<String>,
    /// The pipeline's name.
    pub pipeline: String,
    /// Where the partitions start that the file has at the pipeline's first start.
    pub start: Start,
    /// Where to end; the file's end is one too, unless more is waited for.
    pub stop: Stop,
    /// How many records before each stored offset are read again, to be learnt from.
    pub tail: i64,
    /// The most bytes of a record's key and payload together.
    pub max_record_bytes: usize,
    /// Whether all partitions are assigned before the first record is handed over.
    pub tells_topics: bool,
    /// What the stored offsets are with.
    pub group_offsets: GroupOffsets,
}

/// How often a file that may grow is looked at again.
const FOLLOW: Duration = Duration::from_millis(100);

/// Up to `n` of the first records of a file, by topic: for looking at them before the start. Of `topics` alone, where some
/// are named.
///
/// # Errors
///
/// When the file cannot be read, or a line is no recorded record.
pub fn first_records(
    path: &Path,
    topics: &[String],
    max_record_bytes: usize,
    n: usize,
) -> Result<BTreeMap<String, Records>, SourceError> {
    let mut lines = Recorded::open(path, max_record_bytes)?;
    let (mut found, mut n_found) = (BTreeMap::<String, Records>::new(), 0);
    while n_found < n
        && let Some(record) = lines.next(true)?
    {
        if topics.is_empty() || topics.contains(&record.topic) {
            let partition = TopicPartition { topic: record.topic.as_str().into(), partition: record.partition };
            let claimed = Claimed { partition: &partition, n_partitions: 1, epoch: 0, next_offset: record.offset };
            let parts = (record.key.as_deref(), record.payload.as_deref());
            found.entry(record.topic).or_default().push(claimed, record.offset, parts, Beside::default());
            n_found += 1;
        }
    }
    Ok(found)
}

impl FileSource {
    /// Reads until the end, or until it is stopped.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, a line is no recorded record or too long for one, a start is not in the file, or a
    /// partition's stored offset lies before its first record.
    pub fn run(
        &self,
        gatherer: &mut Gatherer,
        stored: &mut dyn Stored,
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        let survey = self.begin(stored, shutdown)?;
        let mut lines = Recorded::open(&self.path, self.max_record_bytes)?;
        let mut seen = HashSet::new();
        let ends = self.stop != Stop::Never;
        if self.tells_topics {
            self.assign_all(&mut seen, gatherer, (&mut *stored, &survey), shutdown)?;
        }
        while !shutdown.is_requested() {
            if let Some(record) = lines.next(ends)? {
                self.take(&record, &mut seen, gatherer, (&mut *stored, &survey), shutdown)?;
                gatherer.close_due();
            } else if ends {
                break;
            } else {
                // the file's end, perhaps in the middle of a line that is being written
                std::thread::sleep(gatherer.close_due().unwrap_or(FOLLOW).min(FOLLOW));
            }
        }
        Ok(())
    }

    /// Stores where the partitions start, at the first start of a pipeline that does not read all.
    fn begin(&self, stored: &mut dyn Stored, shutdown: &Shutdown) -> Result<Survey, SourceError> {
        let begins = self.start != Start::Earliest && stored.all(&[])?.is_empty();
        if !begins && !matches!(self.stop, Stop::Timestamp(_)) {
            return Ok(Survey::default());
        }
        let lines = Recorded::open(&self.path, self.max_record_bytes)?;
        let survey = Survey::of(lines, &self.topics, (&self.start, &self.stop), shutdown)?;
        if begins {
            stored.begin(&survey.starts(&self.start)?)?;
        }
        Ok(survey)
    }

    /// Assigns every partition that has a record in the file.
    fn assign_all(
        &self,
        seen: &mut HashSet<TopicPartition>,
        gatherer: &mut Gatherer,
        (stored, survey): (&mut dyn Stored, &Survey),
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        let mut firsts: Vec<(TopicPartition, i64)> = Vec::new();
        let mut lines = Recorded::open(&self.path, self.max_record_bytes)?;
        // what is wrong with a line is said when its record is to be handed over
        while let Ok(Some(record)) = lines.next(true) {
            if shutdown.is_requested() {
                return Err(SourceError::Shutdown);
            }
            if self.topics.is_empty() || self.topics.contains(&record.topic) {
                let partition = TopicPartition { topic: record.topic.as_str().into(), partition: record.partition };
                if seen.insert(partition.clone()) {
                    firsts.push((partition, record.offset));
                }
            }
        }
        for (partition, first) in firsts {
            let n_partitions = seen.iter().filter(|seen| seen.topic == partition.topic).count();
            let end = self.end(&partition, survey)?;
            self.assign((partition, n_partitions), (first, end), gatherer, &mut *stored)?;
        }
        Ok(())
    }

    /// The first offset that is not read any more.
    fn end(&self, partition: &TopicPartition, survey: &Survey) -> Result<Option<i64>, SourceError> {
        match &self.stop {
            Stop::Specific(offsets) => offsets.get(partition).map(Some).ok_or_else(|| not_named("stop", partition)),
            _ => Ok(survey.end(partition)),
        }
    }

    fn take(
        &self,
        record: &RecordedRecord,
        seen: &mut HashSet<TopicPartition>,
        gatherer: &mut Gatherer,
        (stored, survey): (&mut dyn Stored, &Survey),
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        if !self.topics.is_empty() && !self.topics.contains(&record.topic) {
            return Ok(());
        }
        if gatherer.next_offset(&record.topic, record.partition).is_none() {
            let partition = TopicPartition { topic: record.topic.as_str().into(), partition: record.partition };
            if seen.insert(partition.clone()) {
                let n_partitions = seen.iter().filter(|seen| seen.topic == partition.topic).count();
                let end = self.end(&partition, survey)?;
                self.assign((partition, n_partitions), (record.offset, end), gatherer, stored)?;
            }
        }
        let place = (record.topic.as_str(), record.partition, record.offset);
        let parts = (record.key.as_deref(), record.payload.as_deref());
        let beside = Beside { timestamp_ms: record.timestamp_ms, headers: &record.headers };
        gatherer.push(place, parts, beside, || !shutdown.is_requested());
        Ok(())
    }

    fn assign(
        &self,
        (partition, n_partitions): (TopicPartition, usize),
        (first, end): (i64, Option<i64>),
        gatherer: &mut Gatherer,
        stored: &mut dyn Stored,
    ) -> Result<(), SourceError> {
        let wanted = [(partition, first)];
        for (claim, (partition, first)) in stored.claim(&wanted)?.into_iter().zip(&wanted) {
            if claim.next_offset < *first {
                let found = format!("its first record in the file has offset {first}");
                return Err(gap(partition, claim.next_offset, &found, (&self.pipeline, self.group_offsets)));
            }
            let Claim { epoch, next_offset, learnt, .. } = claim;
            let tail = next_offset.saturating_sub(self.tail).min(learnt.unwrap_or(next_offset));
            gatherer.assign(Claimed { partition, n_partitions, epoch, next_offset }, tail, end);
        }
        Ok(())
    }
}
