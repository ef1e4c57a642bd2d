//! A batch that is seen through part by part: where a record of it cannot be applied, what is before it is, then that one is judged, then
//! what is behind it goes on.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::{Backoff, Flow, Lane, Part, Way};
use crate::bridge::RunError;
use crate::records::{Advance, Records, TopicPartition};
use crate::rejects::{Reason, Verdict};
use crate::sink::postgres::{Applied, Failure};

/// A partition that another instance owns is revoked from this one by the group well before this; if it is not, the two
/// are not of one group.
const LOST_FOR_GOOD: Duration = Duration::from_secs(90);

impl Lane {
    /// Sees a batch through. `outcome` is that of a first attempt with all of it.
    pub(super) async fn complete(
        &mut self,
        mut records: Records,
        mut outcome: Option<Result<Applied, Failure>>,
    ) -> Result<Flow, RunError> {
        let mut todo = vec![Part { range: 0..records.len(), way: Way::Compacted }];
        let mut backoff = Backoff::default();
        let mut was_stale = false;
        while let Some(part) = todo.pop() {
            if let Way::Judged(reason) = part.way {
                todo.push(self.judge(&records, part.range, reason).await?);
                continue;
            }
            let is_compacted = matches!(part.way, Way::Compacted);
            let attempt = match outcome.take() {
                Some(outcome) => outcome,
                None => self.attempt(&records, &part).await,
            };
            match attempt {
                Ok(applied) => {
                    (backoff, was_stale) = (Backoff::default(), false);
                    let done = applied.plan.range.end;
                    self.note(applied, &records)?;
                    if done < part.range.end {
                        todo.push(Part { range: done..part.range.end, way: Way::Compacted });
                    }
                }
                Err(Failure::Retry(text)) => {
                    tracing::warn!("cannot apply a batch, trying again: {text}");
                    self.progress.add_retry(&self.trouble, &text);
                    todo.push(part);
                    if let Flow::End = backoff.wait(&self.shutdown).await {
                        return Ok(Flow::End);
                    }
                }
                Err(Failure::Stale(text)) if was_stale => return Err(RunError::Fatal(text)),
                Err(Failure::Stale(_)) => {
                    was_stale = true;
                    self.sink.forget_catalog();
                    todo.push(part);
                }
                Err(Failure::Data { text, .. }) if is_compacted => {
                    tracing::info!(records = part.range.len(), "applying a batch again, row by row: {text}");
                    self.progress.add_retreat();
                    todo.push(Part { way: Way::RowByRow, ..part });
                }
                Err(Failure::Record(index, reason)) => todo.extend(around(index, reason, part.range)),
                Err(Failure::Unblocked(partitions)) => {
                    self.reload_blocked(&partitions).await?;
                    todo.push(Part { way: Way::Compacted, ..part });
                }
                Err(Failure::Lost(lost)) => {
                    self.note_lost(&lost)?;
                    let is_lost = |advance: &Advance| lost.iter().any(|lost| lost.is_of_claim(advance));
                    records = records.without(is_lost, part.range.start);
                    todo.clear();
                    if !records.is_empty() {
                        todo.push(Part { range: 0..records.len(), way: Way::Compacted });
                    }
                }
                Err(Failure::WentBack(text)) => return Err(RunError::WentBack(text)),
                Err(Failure::Data { text, .. } | Failure::Fatal(text)) => return Err(RunError::Fatal(text)),
            }
        }
        Ok(Flow::On)
    }

    /// Decides about a record that cannot be applied, behind all those before it: it is passed over, or an error.
    async fn judge(&mut self, records: &Records, range: Range<usize>, reason: Reason) -> Result<Part, RunError> {
        match self.verdict(records, range.start, reason).await {
            Verdict::Stop(reject) => Err(RunError::Rejected(reject)),
            Verdict::Pass(reject) => Ok(Part { range, way: Way::Passed(reject) }),
        }
    }

    /// Looks up which rejects of some partitions are open: a person has applied or deleted some.
    async fn reload_blocked(&mut self, partitions: &[TopicPartition]) -> Result<(), RunError> {
        let Some(blocked) = self.rejects.blocked() else { return Ok(()) };
        for partition in partitions {
            match self.sink.open_keys(partition).await {
                Ok(open) => blocked.replace(partition, &open),
                // the next attempt asks again
                Err(Failure::Retry(text)) => tracing::warn!("cannot look up rejects, trying again: {text}"),
                Err(failure) => return Err(RunError::Fatal(failure.to_string())),
            }
        }
        Ok(())
    }

    fn note_lost(&mut self, lost: &[Advance]) -> Result<(), RunError> {
        for Advance { partition, .. } in lost {
            let since = self.lost.entry(partition.clone()).or_insert_with(Instant::now);
            if since.elapsed() > LOST_FOR_GOOD {
                return Err(RunError::Fatal(format!(
                    "{partition}: another instance of this pipeline has taken it over, but this one still reads it: give both the same `source.group`, or another `name`"
                )));
            }
            tracing::warn!("{partition}: another instance has taken it over; its records are left to that one");
        }
        Ok(())
    }
}

/// What is to be done of a part in which one record cannot be applied: the last of it is done first.
fn around(index: usize, reason: Reason, Range { start, end }: Range<usize>) -> impl Iterator<Item = Part> {
    let parts = [
        Part { range: index + 1..end, way: Way::Compacted },
        Part { range: index..index + 1, way: Way::Judged(reason) },
        Part { range: start..index, way: Way::RowByRow },
    ];
    parts.into_iter().filter(|part| !part.range.is_empty())
}
