//! A lane: takes batches in order and applies each of them once.
//!
//! While Postgres applies a batch the next one is planned on another thread. A batch that does not go through compacted is
//! applied row by row; so the one record is known that stands in the way, if there is one.

mod parts;
mod waiting;
mod whole;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::RunError;
use crate::dedup::{Dedup, Seen};
use crate::progress::{Done, Progress, Trouble};
use crate::records::{Advance, Records, TopicPartition};
use crate::rejects::{Reason, Reject, Rejects, Verdict};
use crate::shutdown::Shutdown;
use crate::sink::postgres::catalog::Catalog;
use crate::sink::postgres::plan::{Plan, Planner, Unplanned};
use crate::sink::postgres::{Applied, Failure, PostgresSink};
pub(super) use waiting::Backoff;
use waiting::watched;

/// One task with one connection.
pub(super) struct Lane {
    sink: PostgresSink,
    /// Away while a plan is made.
    planner: Option<Planner>,
    batches: mpsc::Receiver<Records>,
    progress: Arc<Progress>,
    trouble: Arc<Trouble>,
    shutdown: Shutdown,
    /// What is known of rows; `None` when every event is applied.
    dedup: Option<Arc<Dedup>>,
    rejects: Arc<Rejects>,
    /// Since when this instance has not owned a partition that it still reads.
    lost: HashMap<TopicPartition, Instant>,
    /// The last advance of each partition.
    left_at: HashMap<TopicPartition, Advance>,
    /// Whether it asks for the target though it has applied nothing yet: one of them does.
    asks: bool,
    /// Whether a batch is applied in one transaction or not at all.
    is_whole: bool,
}

/// A batch and the plan that was made for it ahead of time.
struct Planned {
    records: Records,
    plan: Result<Plan, Unplanned>,
}

type Planning = JoinHandle<(Planner, Planned)>;

/// Whether a lane goes on.
pub(super) enum Flow {
    On,
    End,
}

/// A part of a batch that is still to be done.
struct Part {
    range: Range<usize>,
    way: Way,
}

/// How a part is done.
enum Way {
    /// One change is left per key.
    Compacted,
    /// As its rows came.
    RowByRow,
    /// It is one record, which is judged: it cannot be applied, for this reason.
    Judged(Reason),
    /// It is one record, which is passed over.
    Passed(Reject),
}

/// A target that is not written to for so long is asked whether it is there.
const IDLE: Duration = Duration::from_secs(10);

impl Lane {
    /// A lane that takes its batches from `batches`.
    pub(super) fn new(
        sink: PostgresSink,
        planner: Planner,
        batches: mpsc::Receiver<Records>,
        (progress, dedup, rejects): (Arc<Progress>, Option<Arc<Dedup>>, Arc<Rejects>),
        shutdown: Shutdown,
    ) -> Self {
        let (planner, lost, trouble) = (Some(planner), HashMap::new(), progress.trouble());
        Self {
            sink,
            planner,
            batches,
            progress,
            trouble,
            shutdown,
            dedup,
            rejects,
            lost,
            left_at: HashMap::new(),
            asks: false,
            is_whole: false,
        }
    }

    /// The same for batches that hold transactions of the source, each applied in one of Postgres's or not at all.
    pub(super) fn applying_whole(self) -> Self {
        Self { is_whole: true, ..self }
    }

    /// The same, asking whether the target is there from the start on.
    pub(super) fn asking(self) -> Self {
        Self { asks: true, ..self }
    }

    /// Applies batches until there are no more.
    pub(super) async fn run(mut self) -> Result<(), RunError> {
        let mut next = self.receive().await?;
        while let Some(Planned { records, plan }) = next.take() {
            if records.is_tail() {
                if let Flow::End = self.learn(&records, plan).await? {
                    return Ok(());
                }
                next = self.receive().await?;
                continue;
            }
            let (outcome, planning) = match plan {
                Ok(plan) if plan.missing.is_empty() && self.rejects.allow(&plan.passed) => {
                    let (outcome, planning) = self.apply_and_plan(&records, plan).await;
                    (Some(outcome), planning)
                }
                Ok(_) => (None, None),
                Err(unplanned) => (Some(Err(unplanned.into())), None),
            };
            if let Some(planning) = planning {
                next = Some(self.planned(planning).await?);
            }
            let is_as_planned = match &outcome {
                Some(Ok(Applied { plan, .. })) => plan.range.end == records.len() && !self.blocks_keys(plan),
                _ => false,
            };
            let flow = if self.is_whole {
                self.complete_whole(records, outcome).await?
            } else {
                self.complete(records, outcome).await?
            };
            if let Flow::End = flow {
                return Ok(());
            }
            self.trouble.end();
            if let Some(Planned { records, .. }) = next.take_if(|next| !is_as_planned && !next.records.is_tail()) {
                // it was made on top of what has not come to be
                let planning = start_plan(&mut self.planner, records, self.sink.catalog(), None);
                next = Some(self.planned(planning).await?);
            }
            if next.is_none() {
                next = self.receive().await?;
            }
        }
        let synced = self.sink.sync_sequences().await;
        synced.map_err(|failure| RunError::Fatal(format!("cannot move sequences on: {failure}")))
    }

    /// The next batch with its plan; `None` when there are no more. Where none comes for long, the target is asked whether it
    /// stands where it was left.
    async fn receive(&mut self) -> Result<Option<Planned>, RunError> {
        let received = loop {
            tokio::select! {
                received = self.batches.recv() => break received,
                () = tokio::time::sleep(IDLE), if self.asks || !self.left_at.is_empty() => self.check_standing().await?,
            }
        };
        let Some(records) = received else {
            return Ok(None);
        };
        let planning = start_plan(&mut self.planner, records, self.sink.catalog(), None);
        self.planned(planning).await.map(Some)
    }

    /// Learns from the tail until it has been learnt from; `plan` is how it went the first time.
    async fn learn(&mut self, tail: &Records, plan: Result<Plan, Unplanned>) -> Result<Flow, RunError> {
        let mut backoff = Backoff::default();
        let mut outcome = plan.map(drop);
        while let Err(unplanned) = outcome {
            match Failure::from(unplanned) {
                Failure::Retry(text) => {
                    tracing::warn!("cannot read what was applied before, trying again: {text}");
                    self.progress.add_retry(&self.trouble, &text);
                }
                failure => return Err(RunError::Fatal(failure.to_string())),
            }
            if let Flow::End = backoff.wait(&self.shutdown).await {
                return Ok(Flow::End);
            }
            let planner = self.planner.as_mut().expect("no plan is being made while the tail is learnt from");
            outcome = tokio::task::block_in_place(|| planner.learn(tail));
        }
        self.trouble.end();
        Ok(Flow::On)
    }

    async fn check_standing(&mut self) -> Result<(), RunError> {
        let left_at: Vec<Advance> = self.left_at.values().cloned().collect();
        let stands = tokio::select! {
            stands = self.sink.check_standing(&left_at) => stands,
            // there is nothing to wait for
            () = self.shutdown.requested() => return Ok(()),
        };
        match stands {
            Ok(()) => self.trouble.end(),
            Err(Failure::Retry(text)) => {
                tracing::warn!("Postgres does not answer, while there is nothing to apply: {text}");
                self.progress.add_retry(&self.trouble, &text);
            }
            Err(Failure::WentBack(text)) => return Err(RunError::WentBack(text)),
            Err(failure) => return Err(RunError::Fatal(failure.to_string())),
        }
        Ok(())
    }

    async fn planned(&mut self, planning: Planning) -> Result<Planned, RunError> {
        let (planner, batch) = planning.await.map_err(|_| RunError::Fatal("planning a batch panicked".to_owned()))?;
        self.planner = Some(planner);
        Ok(batch)
    }

    /// Applies a plan, and starts to plan the batch that comes in meanwhile.
    async fn apply_and_plan(&mut self, records: &Records, plan: Plan) -> (Result<Applied, Failure>, Option<Planning>) {
        let (catalog, in_flight) = (self.sink.catalog(), Arc::clone(&plan.seen));
        let mut planning = None;
        let mut is_open = true;
        let apply = watched(&self.trouble, self.sink.apply_plan(records, plan));
        tokio::pin!(apply);
        loop {
            tokio::select! {
                outcome = &mut apply => return (outcome, planning),
                received = self.batches.recv(), if is_open && planning.is_none() => match received {
                    Some(records) => {
                        let in_flight = Some(Arc::clone(&in_flight));
                        planning = Some(start_plan(&mut self.planner, records, Arc::clone(&catalog), in_flight));
                    }
                    None => is_open = false,
                },
            }
        }
    }

    async fn attempt(&mut self, records: &Records, part: &Part) -> Result<Applied, Failure> {
        let planner = self.planner.as_mut().expect("no plan is being made while a batch is seen through");
        let (range, sink) = (part.range.clone(), &mut self.sink);
        watched(&self.trouble, async {
            match &part.way {
                Way::RowByRow => sink.apply_row_by_row(records, range, planner).await,
                Way::Passed(reject) => sink.pass(records, range.start, reject.clone()).await,
                Way::Compacted | Way::Judged(_) => sink.apply(records, range, planner).await,
            }
        })
        .await
    }

    async fn verdict(&mut self, records: &Records, index: usize, reason: Reason) -> Verdict {
        let planner = self.planner.as_mut().expect("no plan is being made while a batch is seen through");
        let reason = self.sink.of_column(records, index, planner, reason).await;
        planner.reject(records, index, reason, 0)
    }

    /// Whether a plan passes rejects over whose keys what comes behind it has to know.
    fn blocks_keys(&self, plan: &Plan) -> bool {
        self.rejects.blocked().is_some() && !plan.passed.is_empty()
    }

    /// Counts what was applied; an error when the pipeline stops behind it.
    fn note(&mut self, applied: Applied, records: &Records) -> Result<(), RunError> {
        let Applied { plan, advances, took } = applied;
        let done = if self.rejects.policy().keeps() { "put aside" } else { "skipped" };
        for reject in plan.passed.values() {
            if reject.reason.behind.is_some() {
                tracing::info!("{done} {reject}");
            } else {
                tracing::warn!("{done} {reject}");
            }
        }
        self.rejects.note(plan.passed.values());
        if let Some(dedup) = &self.dedup {
            for begun in dedup.commit(&plan.seen) {
                tracing::warn!("{begun}");
            }
        }
        let tables: Vec<_> = plan.tables.iter().map(|(table, rows)| (table.plain(), *rows)).collect();
        self.progress.add(Done {
            n_records: plan.range.len(),
            tables: &tables,
            rejects: plan.passed.values().collect(),
            n_duplicates: plan.seen.n_duplicates(),
            advances: &advances,
            written_at: records.written_at(&plan.range),
            changed_at: plan.changed_at,
            took,
        });
        for advance in advances {
            self.lost.remove(&advance.partition);
            self.left_at.insert(advance.partition.clone(), advance);
        }
        plan.stopped.map_or(Ok(()), |reject| Err(RunError::Rejected(reject)))
    }
}

/// Plans a batch on a thread of its own, behind the one that is in flight. Of the tail nothing is to be done but to learn.
fn start_plan(
    planner: &mut Option<Planner>,
    records: Records,
    catalog: Arc<Catalog>,
    in_flight: Option<Arc<Seen>>,
) -> Planning {
    let mut planner = planner.take().expect("one plan is made at a time");
    tokio::task::spawn_blocking(move || {
        let plan = if records.is_tail() {
            planner.learn(&records).map(|()| Plan::default())
        } else {
            planner.plan(&records, 0..records.len(), &catalog, in_flight.as_deref())
        };
        (planner, Planned { records, plan })
    })
}
