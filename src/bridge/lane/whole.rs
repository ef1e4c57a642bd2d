//! A batch of whole transactions: it is applied in one transaction of Postgres's, or, when a record of it cannot be
//! applied, what of it hangs together without that one. Never a part of a transaction.

use super::{Backoff, Flow, Lane, Part, Way};
use crate::bridge::RunError;
use crate::records::{Advance, Records};
use crate::rejects::{Reject, Verdict};
use crate::sink::postgres::{Applied, Failure};

impl Lane {
    /// Sees a batch through. `outcome` is that of a first attempt with all of it.
    pub(super) async fn complete_whole(
        &mut self,
        mut records: Records,
        mut outcome: Option<Result<Applied, Failure>>,
    ) -> Result<Flow, RunError> {
        let (mut left_out, mut stops_at, mut is_row_by_row) = (Vec::<Reject>::new(), None, false);
        let mut backoff = Backoff::default();
        let mut was_stale = false;
        while !records.is_empty() {
            let way = if is_row_by_row { Way::RowByRow } else { Way::Compacted };
            let part = Part { range: 0..records.len(), way };
            let attempt = match outcome.take() {
                Some(outcome) => outcome,
                None => self.attempt(&records, &part).await,
            };
            match attempt {
                Ok(applied) => {
                    self.leave_out(&[]);
                    self.note(applied, &records)?;
                    break;
                }
                Err(Failure::Retry(text)) => {
                    tracing::warn!("cannot apply a batch, trying again: {text}");
                    self.progress.add_retry(&self.trouble, &text);
                    if let Flow::End = backoff.wait(&self.shutdown).await {
                        return Ok(Flow::End);
                    }
                }
                Err(Failure::Stale(_)) if !was_stale => {
                    was_stale = true;
                    self.sink.forget_catalog();
                }
                Err(Failure::WentBack(text)) => return Err(RunError::WentBack(text)),
                Err(Failure::Data { text, .. }) if !is_row_by_row => {
                    tracing::info!(records = part.range.len(), "applying a batch again, row by row: {text}");
                    self.progress.add_retreat();
                    is_row_by_row = true;
                }
                Err(Failure::Record(index, reason)) => {
                    match self.verdict(&records, index, reason).await {
                        Verdict::Stop(reject) => {
                            stops_at = Some(reject);
                            records = records.whole_before(index);
                        }
                        Verdict::Pass(reject) => {
                            left_out.push(reject);
                            self.leave_out(&left_out);
                        }
                    }
                    is_row_by_row = false;
                }
                // nobody's keys are blocked where transactions are applied whole
                Err(Failure::Unblocked(_)) => {}
                Err(Failure::Lost(lost)) => return Err(RunError::Fatal(taken_over(&lost))),
                Err(Failure::Data { text, .. } | Failure::Stale(text) | Failure::Fatal(text)) => {
                    return Err(RunError::Fatal(text));
                }
            }
        }
        stops_at.map_or(Ok(Flow::On), |reject| Err(RunError::Rejected(reject)))
    }

    /// The batch is applied without these records, which are rejects of its transaction.
    fn leave_out(&mut self, rejects: &[Reject]) {
        let planner = self.planner.as_mut().expect("no plan is being made while a batch is seen through");
        planner.leave_out(rejects.to_vec());
    }
}

/// What a pipeline says that cannot go on with a part of its partitions.
fn taken_over(lost: &[Advance]) -> String {
    let names: Vec<_> = lost.iter().map(|advance| advance.partition.to_string()).collect();
    format!(
        "{}: taken over while transactions of it waited, of which nothing was applied. Start again; with `sink.apply` = \"transactions\" one \
         instance alone can be at work",
        names.join("; ")
    )
}
