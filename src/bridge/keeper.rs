//! The keeper: keeps records until their transactions are complete, and hands the lane cuts that hold no part of one.
//!
//! It stands between the source and the lane, and takes whatever comes, so that the partition that everyone waits for is never
//! shut out: what runs ahead too far of the others is not read for a while, but never what the first open transaction
//! waits for. So there is always a partition whose next record brings the cut on.

mod watch;

use std::sync::Arc;
use std::time::Instant;

use rowkind_formats::Membership;
use tokio::sync::mpsc;
use tokio::time::interval;

use super::RunError;
use super::lane::{Backoff, Flow};
use crate::config::{Config, RejectPolicy, Transactions};
use crate::decode::{self, Decoder, Undecoded};
use crate::records::{Advance, Claimed, Records};
use crate::rejects::{Reject, Verdict};
use crate::shutdown::Shutdown;
use crate::source::Reading;
use crate::transactions::{Backlog, Cut, Ledger, held_bytes};
use watch::Watch;

/// What a record says of its transaction.
enum Told<'r> {
    Member(Membership<'r>),
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// The pipeline is being stopped.
    Stopped,
}

/// What is done next.
enum Step {
    HandOver,
    Add(Records),
    Look,
    /// Nothing more comes.
    Rest,
    /// The lane has ended, and says itself why.
    End,
}

/// One task, in front of the lane.
pub(super) struct Keeper {
    decoder: Decoder,
    ledger: Ledger,
    backlog: Backlog,
    gathered: mpsc::Receiver<Records>,
    lane: mpsc::Sender<Records>,
    reading: Arc<Reading>,
    watch: Watch,
    rejects: RejectPolicy,
    /// Records that cannot be read and at which the pipeline stops, with their partitions and since when.
    stops_at: Vec<(usize, Reject, Instant)>,
    shutdown: Shutdown,
    /// While the lane is busy, no more than this waits in a cut that it could take.
    max_batch_bytes: usize,
    max_bytes: usize,
}

impl Keeper {
    /// A keeper that takes batches from `gathered` and hands cuts to `lane`.
    pub(super) fn new(
        (config, transactions): (&Config, &Transactions),
        decoding: Arc<decode::Shared>,
        (gathered, lane): (mpsc::Receiver<Records>, mpsc::Sender<Records>),
        reading: Arc<Reading>,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            decoder: Decoder::new(config.format, &config.told, decoding),
            ledger: Ledger::new(transactions.reads.clone()),
            backlog: Backlog::default(),
            gathered,
            lane,
            reading,
            watch: Watch::new(config.format),
            rejects: config.rejects.policy,
            stops_at: Vec::new(),
            shutdown,
            max_batch_bytes: config.batch.max_bytes,
            max_bytes: transactions.max_bytes,
        }
    }

    /// Keeps and hands over until there are no more records.
    pub(super) async fn run(mut self) -> Result<(), RunError> {
        let mut ticks = interval(watch::EVERY);
        loop {
            let cut = self.cut();
            if cut.is_empty() {
                self.check_stop()?;
            }
            let takes_more = cut.is_empty() || self.backlog.n_bytes() < self.max_batch_bytes;
            let step = tokio::select! {
                biased;
                permit = self.lane.reserve(), if !cut.is_empty() => permit.map_or(Step::End, |_| Step::HandOver),
                received = self.gathered.recv(), if takes_more => received.map_or(Step::Rest, Step::Add),
                _ = ticks.tick() => Step::Look,
            };
            if !takes_more {
                self.watch.stir();
            }
            match step {
                Step::HandOver => self.hand_over(&cut).await,
                Step::Add(records) => {
                    if let Flow::End = self.add(records).await? {
                        return Ok(());
                    }
                }
                Step::Look => self.watch.look(&self.ledger)?,
                Step::Rest => break,
                Step::End => return Ok(()),
            }
            self.hold();
        }
        self.watch.finish(self.reading.is_finished());
        let rest = self.cut();
        self.hand_over(&rest).await;
        self.check_stop()?;
        if self.reading.is_finished() { self.watch.look_back(&self.ledger) } else { Ok(()) }
    }

    fn cut(&mut self) -> Cut {
        let Self { ledger, watch, .. } = self;
        ledger.cut(|number| watch.is_quiet(number))
    }

    /// Hands over what can be applied, waiting for the lane.
    async fn hand_over(&mut self, cut: &Cut) {
        if !cut.is_empty() {
            let records = self.backlog.take(cut, |serial| self.ledger.place(serial));
            self.ledger.take(cut);
            // a lane that has ended says itself why
            let _ = self.lane.send(records).await;
        }
    }

    async fn add(&mut self, records: Records) -> Result<Flow, RunError> {
        for partition in self.reading.assigned_behind(self.watch.n_assigned()) {
            let number = self.ledger.assign(&partition);
            self.watch.assign(number, &partition)?;
        }
        for index in 0..records.len() {
            let membership = match self.told(&records, index).await? {
                Told::Member(membership) => membership,
                Told::Unreadable(_) if records.is_tail() => continue,
                Told::Unreadable(reason) => {
                    self.add_unreadable(&records, index, reason);
                    continue;
                }
                Told::Stopped => return Ok(Flow::End),
            };
            let claimed = records.claimed(index);
            let number = self.ledger.assign(claimed.partition);
            if records.is_tail() {
                self.ledger.learn(number, &membership);
                continue;
            }
            let record = records.get(index);
            self.watch.note((number, claimed), &membership, self.ledger.topic())?;
            let (parts, beside) = ((record.key, record.payload), records.beside(index));
            let serial = self.ledger.push(number, &membership, held_bytes(parts, beside));
            self.backlog.push(number, (claimed, record.offset), (parts, beside), (serial, &membership));
        }
        if records.is_tail() {
            let _ = self.lane.send(records).await;
            return Ok(Flow::On);
        }
        for Advance { partition, epoch, from, to, n_partitions } in records.advances(&(0..records.len())) {
            let number = self.ledger.assign(&partition);
            if self.backlog.next_offset(number).is_none_or(|next_offset| next_offset < to) {
                self.ledger.push(number, &Membership::None, 0);
                let claimed = Claimed { partition: &partition, n_partitions, epoch, next_offset: from };
                self.backlog.advance(number, claimed, to);
            }
        }
        self.check_size()?;
        Ok(Flow::On)
    }

    /// Which transaction a record belongs to. Waits for the schema registry while it is away.
    async fn told<'r>(&mut self, records: &'r Records, index: usize) -> Result<Told<'r>, RunError> {
        let mut backoff = Backoff::default();
        loop {
            let record = records.get(index);
            match tokio::task::block_in_place(|| self.decoder.membership(&record)) {
                Ok(membership) => return Ok(Told::Member(membership)),
                Err(Undecoded::Bad(reason)) => return Ok(Told::Unreadable(reason)),
                Err(Undecoded::Fatal(text)) => return Err(RunError::Fatal(text)),
                Err(Undecoded::Away(text)) => {
                    tracing::warn!("cannot read which transaction a record belongs to, trying again: {text}");
                    self.watch.stir();
                    if let Flow::End = backoff.wait(&self.shutdown).await {
                        return Ok(Told::Stopped);
                    }
                }
            }
        }
    }

    /// A record that cannot be read may be of any transaction. It is passed over by the lane, or nothing goes past it.
    fn add_unreadable(&mut self, records: &Records, index: usize, reason: String) {
        let (record, claimed) = (records.get(index), records.claimed(index));
        let number = self.ledger.assign(claimed.partition);
        let serial = match self.rejects.judge(Reject::new(&record, reason)) {
            Verdict::Stop(reject) => {
                self.stops_at.push((number, reject, Instant::now()));
                self.ledger.push_barrier(number)
            }
            Verdict::Pass(_) => self.ledger.push_unreadable(number),
        };
        let whole = ((record.key, record.payload), records.beside(index));
        self.backlog.push(number, (claimed, record.offset), whole, (serial, &Membership::None));
    }

    /// Stops at a record that cannot be read when what can be applied before it is, or nothing has come for long that
    /// would.
    fn check_stop(&mut self) -> Result<(), RunError> {
        if self.stops_at.is_empty() {
            return Ok(());
        }
        let waiting = self.ledger.waiting();
        let is_due = |(number, _, since): &(usize, Reject, Instant)| {
            self.reading.is_finished()
                || since.elapsed() > watch::PATIENCE
                || waiting.as_ref().is_none_or(|waiting| waiting.partitions.contains(number))
        };
        match self.stops_at.iter().position(is_due) {
            Some(at) => Err(RunError::Rejected(self.stops_at.swap_remove(at).1)),
            None => Ok(()),
        }
    }

    /// Stops at a transaction that is too large to be kept.
    fn check_size(&mut self) -> Result<(), RunError> {
        let is_much = self.backlog.n_bytes() > self.max_bytes;
        if !is_much {
            return Ok(());
        }
        let Some(waiting) = self.ledger.waiting() else { return Ok(()) };
        // what was on its way when its partition was held
        let most = 2 * self.max_bytes + 4 * self.max_batch_bytes;
        if waiting.n_bytes <= self.max_bytes && self.backlog.n_bytes() <= most {
            return Ok(());
        }
        Err(RunError::Fatal(format!(
            "transaction {}: {} bytes of it, {} bytes with what came beside it, and it still waits for {}: raise \
             `batch.max_transaction_bytes`, which is {} bytes, or set `sink.apply` to \"batches\"",
            waiting.id,
            waiting.n_bytes,
            self.backlog.n_bytes(),
            waiting.missing,
            self.max_bytes
        )))
    }

    /// Keeps partitions from being read that run ahead of the one that all wait for.
    fn hold(&mut self) {
        let limit = self.max_bytes / 4;
        let is_much = self.backlog.n_bytes() > limit;
        if !is_much && !self.watch.is_holding() {
            return;
        }
        // much that can be applied is taken by the lane: only what waits is held back
        let waiting = if self.backlog.n_bytes() > limit / 2 { self.ledger.waiting() } else { None };
        let held = waiting.map(|waiting| {
            let numbers = 0..self.watch.n_partitions();
            // pausing costs what was fetched: not for a few records
            let few = limit / 2 / numbers.len().max(1);
            let is_ahead =
                |number: &usize| !waiting.partitions.contains(number) && self.backlog.n_bytes_of(*number) > few;
            numbers.filter(|number| is_ahead(number) && self.may_hold(*number, limit)).collect()
        });
        self.watch.hold(held.unwrap_or_default(), &self.reading);
    }

    /// The transaction topic tells how far the others are; it is held for its own size alone.
    fn may_hold(&self, number: usize, limit: usize) -> bool {
        let is_topic = self.ledger.topic().is_some_and(|topic| self.watch.is(number, topic));
        !is_topic || self.backlog.n_bytes_of(number) > limit
    }
}
