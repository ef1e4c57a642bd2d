//! What the keeper watches by the clock: partitions that are quiet, and transactions that do not end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rowkind_formats::{Format, Membership};

use super::RunError;
use crate::records::{Claimed, TopicPartition};
use crate::source::Reading;
use crate::transactions::{Ledger, Waiting};

/// How often it looks.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// What was written before is there by then.
const QUIET: Duration = Duration::from_secs(10);
/// How long a transaction may wait before it is said.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long events are kept of which nothing has come on a transaction topic.
const WITHOUT_TOPIC: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Watch {
    format: Format,
    partitions: Vec<Watched>,
    n_assigned: usize,
    held: BTreeSet<usize>,
    /// When records were not taken last, so that none could come.
    stirred: Instant,
    /// Nothing more comes.
    is_finished: bool,
    /// The event that named a transaction first, and when it came.
    first_event: Option<(TopicPartition, Instant)>,
    /// What everything has waited for, since when, and whether that was said.
    waiting: Option<(Waiting, Instant, bool)>,
}

#[derive(Debug)]
struct Watched {
    name: TopicPartition,
    /// When its last record came, or it was read again.
    active: Instant,
}

impl Watch {
    pub(super) fn new(format: Format) -> Self {
        let (partitions, held) = (Vec::new(), BTreeSet::new());
        let stirred = Instant::now();
        Self { format, partitions, n_assigned: 0, held, stirred, is_finished: false, first_event: None, waiting: None }
    }

    /// How many assignments were told.
    pub(super) fn n_assigned(&self) -> usize {
        self.n_assigned
    }

    pub(super) fn n_partitions(&self) -> usize {
        self.partitions.len()
    }

    pub(super) fn is(&self, number: usize, partition: &TopicPartition) -> bool {
        self.partitions.get(number).is_some_and(|watched| watched.name == *partition)
    }

    /// A partition is read from now on.
    ///
    /// # Errors
    ///
    /// When it is one too many: only the one partition says where Maxwell's transactions end.
    pub(super) fn assign(&mut self, number: usize, partition: &TopicPartition) -> Result<(), RunError> {
        self.n_assigned += 1;
        if number >= self.partitions.len() {
            self.partitions.push(Watched { name: partition.clone(), active: Instant::now() });
        }
        if self.format == Format::MaxwellJson && self.partitions.len() > 1 {
            return Err(RunError::Fatal(format!(
                "{partition}: a transaction of Maxwell's ends with its last row, and says nothing of rows in other partitions: with \
                 `sink.apply` = \"transactions\" all have to be in one partition of one topic (Maxwell's `kafka_topic`, with `ddl_kafka_topic` not read)"
            )));
        }
        Ok(())
    }

    /// A record has come.
    ///
    /// # Errors
    ///
    /// When it does not tell its transaction, or transactions cannot be told from several partitions.
    pub(super) fn note(
        &mut self,
        (number, Claimed { partition, n_partitions, .. }): (usize, Claimed<'_>),
        membership: &Membership<'_>,
        topic: Option<&TopicPartition>,
    ) -> Result<(), RunError> {
        if let Some(watched) = self.partitions.get_mut(number) {
            watched.active = Instant::now();
        }
        match membership {
            Membership::Untold => Err(RunError::Fatal(format!("{partition}: {}", self.untold()))),
            Membership::Begin(_) | Membership::End { .. } if n_partitions > 1 => Err(RunError::Fatal(format!(
                "{partition}: the transaction topic has {n_partitions} partitions, which do not say in which order transactions came: \
                 `sink.apply` = \"transactions\" needs it to have one"
            ))),
            Membership::Begin(_) | Membership::End { .. } if topic.is_some_and(|topic| topic != partition) => {
                Err(RunError::Fatal(format!(
                    "{partition}: a second transaction topic: `sink.apply` = \"transactions\" is for the topics of one connector; give each a \
                     pipeline of its own"
                )))
            }
            Membership::Event { .. } if self.first_event.is_none() => {
                self.first_event = Some((partition.clone(), Instant::now()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn untold(&self) -> &'static str {
        match self.format {
            Format::MaxwellJson => {
                "a row without `xid`: `sink.apply` = \"transactions\" needs Maxwell's `output_commit_info=true`"
            }
            _ => {
                "an event that does not say which transaction it belongs to: `sink.apply` = \"transactions\" needs the connector's \
                 `provide.transaction.metadata=true`; events from before that was set have to be applied with `sink.apply` = \"batches\""
            }
        }
    }

    /// Whether nothing has come of a partition for long, although it was read.
    pub(super) fn is_quiet(&self, number: usize) -> bool {
        let is_still = |watched: &Watched| watched.active.max(self.stirred).elapsed() > QUIET;
        self.is_finished || (!self.held.contains(&number) && self.partitions.get(number).is_some_and(is_still))
    }

    /// Records are not taken at the moment.
    pub(super) fn stir(&mut self) {
        self.stirred = Instant::now();
    }

    /// The input has ended; `is_whole` when every partition was read up to its end.
    pub(super) fn finish(&mut self, is_whole: bool) {
        self.is_finished = is_whole;
    }

    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// From now on these are not read, and all others are.
    pub(super) fn hold(&mut self, held: BTreeSet<usize>, reading: &Reading) {
        if self.held == held {
            return;
        }
        for number in self.held.difference(&held) {
            if let Some(watched) = self.partitions.get_mut(*number) {
                watched.active = Instant::now();
            }
        }
        let names = held.iter().filter_map(|number| self.partitions.get(*number)).map(|watched| watched.name.clone());
        reading.hold(names.collect());
        self.held = held;
    }

    /// Looks for what does not come, and says it.
    ///
    /// # Errors
    ///
    /// When it cannot come: the transaction topic is not read.
    pub(super) fn look(&mut self, ledger: &Ledger) -> Result<(), RunError> {
        if let Some((partition, since)) = &self.first_event
            && ledger.topic().is_none()
            && since.elapsed() > WITHOUT_TOPIC
        {
            self.check_topic(partition)?;
        }
        let found = ledger.waiting();
        let is_same = |(before, ..): &(Waiting, Instant, bool)| found.as_ref().is_some_and(|now| now.id == before.id);
        match self.waiting.as_mut().filter(|waiting| is_same(waiting)) {
            Some((waiting, since, is_said)) => {
                if let Some(found) = found {
                    *waiting = found;
                }
                if since.elapsed() > PATIENCE && !std::mem::replace(is_said, true) {
                    warn(waiting);
                }
            }
            None => self.waiting = found.map(|waiting| (waiting, Instant::now(), false)),
        }
        Ok(())
    }

    /// Says what has been left behind at the end of the input.
    ///
    /// # Errors
    ///
    /// As for [`look`](Self::look).
    pub(super) fn look_back(&self, ledger: &Ledger) -> Result<(), RunError> {
        if let Some((partition, _)) = &self.first_event
            && ledger.topic().is_none()
        {
            self.check_topic(partition)?;
        }
        if let Some(waiting) = ledger.waiting() {
            warn(&waiting);
        }
        Ok(())
    }

    fn check_topic(&self, partition: &TopicPartition) -> Result<(), RunError> {
        if self.partitions.iter().any(|watched| watched.name.topic.ends_with(".transaction")) {
            return Ok(());
        }
        let mut parts = partition.topic.rsplitn(3, '.');
        let prefix = parts.nth(2).unwrap_or("<topic.prefix>");
        Err(RunError::Fatal(format!(
            "{partition}: its events belong to transactions, and nothing has come that says where those end: the connector's transaction topic is \
             not read; add it to `source.topics` or `source.topic_pattern` (`{prefix}.transaction`, if its name was not changed)"
        )))
    }
}

fn warn(Waiting { id, n_bytes, missing, .. }: &Waiting) {
    tracing::warn!(
        bytes = n_bytes,
        "transaction {id} waits for {missing}, and all behind it with it. If that was lost or is not read: read its topic, leave its table out by \
         `source.table_pattern`, or go past it once with `sink.apply` = \"batches\""
    );
}
