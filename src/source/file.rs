//! A file of recorded records, read like a topic: the lines' topics, partitions and offsets are the records'.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use rowkind_formats::RecordedRecord;

use super::{Claims, Gatherer, GroupOffsets, SourceError, Wanted, gap, read_line};
use crate::config::{Start, Stop};
use crate::records::{Beside, Claim, Claimed, TopicPartition};
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
    /// Where a partition starts that has no stored offset.
    pub start: Start,
    /// Whether to end at the file's end, or to wait for more.
    pub stop: Stop,
    /// How many records before each stored offset are read again, to be learnt from.
    pub tail: i64,
    /// The most bytes of a record's key and payload together.
    pub max_record_bytes: usize,
    /// Whether all partitions are assigned before the first record is handed over: the file is read twice then.
    pub tells_topics: bool,
}

/// How often a file that may grow is looked at again.
const FOLLOW: Duration = Duration::from_millis(100);

impl FileSource {
    /// Reads until the end, or until it is stopped.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, a line is no recorded record or too long for one, or a partition's stored offset lies before its first
    /// record.
    pub fn run(
        &self,
        gatherer: &mut Gatherer,
        claims: &mut Claims<'_>,
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        let name = self.path.display();
        if self.start == Start::Latest {
            return Err(SourceError::Fatal("`source.start` = \"latest-offset\" is not for a file".to_owned()));
        }
        let unreadable = |error: std::io::Error| SourceError::Fatal(format!("cannot read `{name}`: {error}"));
        let mut file = BufReader::with_capacity(1 << 18, File::open(&self.path).map_err(unreadable)?);
        let (mut line, mut n_lines) = (Vec::new(), 0_u64);
        let mut seen = HashSet::new();
        if self.tells_topics {
            self.assign_all(&mut seen, (gatherer, claims), shutdown)?;
        }
        let max_bytes = RecordedRecord::max_line_bytes(self.max_record_bytes);
        while !shutdown.is_requested() {
            if !read_line(&mut file, &mut line, max_bytes).map_err(unreadable)? {
                let place = format!("`{name}`, line {}", n_lines + 1);
                return Err(SourceError::Fatal(format!("{place}: expected at most {max_bytes} bytes, found more")));
            }
            if line.last() == Some(&b'\n') || (self.stop == Stop::Latest && !line.is_empty()) {
                n_lines += 1;
                if !line.trim_ascii().is_empty() {
                    let record = RecordedRecord::parse(&line)
                        .map_err(|error| SourceError::Fatal(format!("`{name}`, line {n_lines}: {error}")))?;
                    self.take(&record, &mut seen, gatherer, claims, shutdown)?;
                }
                line.clear();
                gatherer.close_due();
            } else if self.stop == Stop::Latest {
                break;
            } else {
                // the file's end, perhaps in the middle of a line that is being written
                std::thread::sleep(gatherer.close_due().unwrap_or(FOLLOW).min(FOLLOW));
            }
        }
        Ok(())
    }

    /// Assigns every partition that has a record in the file.
    fn assign_all(
        &self,
        seen: &mut HashSet<TopicPartition>,
        (gatherer, claims): (&mut Gatherer, &mut Claims<'_>),
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        let mut firsts: Vec<(TopicPartition, i64)> = Vec::new();
        let unreadable =
            |error: std::io::Error| SourceError::Fatal(format!("cannot read `{}`: {error}", self.path.display()));
        let mut file = BufReader::with_capacity(1 << 18, File::open(&self.path).map_err(unreadable)?);
        let (mut line, max_bytes) = (Vec::new(), RecordedRecord::max_line_bytes(self.max_record_bytes));
        // what is wrong with a line is said when its record is to be handed over
        while read_line(&mut file, &mut line, max_bytes).map_err(unreadable)? && !line.is_empty() {
            if shutdown.is_requested() {
                return Err(SourceError::Shutdown);
            }
            if let Ok(record) = RecordedRecord::parse(&line)
                && (self.topics.is_empty() || self.topics.contains(&record.topic))
            {
                let partition = TopicPartition { topic: record.topic.as_str().into(), partition: record.partition };
                if seen.insert(partition.clone()) {
                    firsts.push((partition, record.offset));
                }
            }
            line.clear();
        }
        for (partition, first) in firsts {
            let n_partitions = seen.iter().filter(|seen| seen.topic == partition.topic).count();
            self.assign((partition, n_partitions), first, gatherer, claims)?;
        }
        Ok(())
    }

    fn take(
        &self,
        record: &RecordedRecord,
        seen: &mut HashSet<TopicPartition>,
        gatherer: &mut Gatherer,
        claims: &mut Claims<'_>,
        shutdown: &Shutdown,
    ) -> Result<(), SourceError> {
        if !self.topics.is_empty() && !self.topics.contains(&record.topic) {
            return Ok(());
        }
        if gatherer.next_offset(&record.topic, record.partition).is_none() {
            let partition = TopicPartition { topic: record.topic.as_str().into(), partition: record.partition };
            if seen.insert(partition.clone()) {
                let n_partitions = seen.iter().filter(|seen| seen.topic == partition.topic).count();
                self.assign((partition, n_partitions), record.offset, gatherer, claims)?;
            }
        }
        let place = (record.topic.as_str(), record.partition, record.offset);
        let parts = (record.key.as_deref(), record.payload.as_deref());
        let beside = Beside { timestamp_ms: record.timestamp_ms, headers: "" };
        gatherer.push(place, parts, beside, || !shutdown.is_requested());
        Ok(())
    }

    fn assign(
        &self,
        (partition, n_partitions): (TopicPartition, usize),
        first: i64,
        gatherer: &mut Gatherer,
        claims: &mut Claims<'_>,
    ) -> Result<(), SourceError> {
        let wanted = [Wanted { partition, start: first, committed: None }];
        for (claim, Wanted { partition, .. }) in claims(&wanted)?.into_iter().zip(&wanted) {
            if claim.next_offset < first {
                let found = format!("its first record in the file has offset {first}");
                return Err(gap(partition, claim.next_offset, &found, (&self.pipeline, GroupOffsets::ForLagTools)));
            }
            let Claim { epoch, next_offset, learnt, .. } = claim;
            let tail = next_offset.saturating_sub(self.tail).min(learnt.unwrap_or(next_offset));
            gatherer.assign(Claimed { partition, n_partitions, epoch, next_offset }, tail, None);
        }
        Ok(())
    }
}
