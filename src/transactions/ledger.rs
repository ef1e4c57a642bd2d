//! Who waits for what, over all partitions.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rowkind_formats::membership::Collection;
use rowkind_formats::{Membership, Table};

use super::done::Done;
use super::partition::Partition;
use super::reads::Reads;
use super::tables::{Tables, is_topic_of};
use super::transaction::{End, Numbers, Transaction};
use super::{FREE, Serial};
use crate::records::TopicPartition;

/// Keeps account of the records that wait.
#[derive(Debug, Default)]
pub struct Ledger {
    reads: Reads,
    partitions: Vec<Partition>,
    by_name: HashMap<TopicPartition, usize>,
    open: HashMap<Serial, Transaction, foldhash::fast::RandomState>,
    by_id: HashMap<Arc<str>, Serial, foldhash::fast::RandomState>,
    n_transactions: Serial,
    done: Done,
    tables: Tables,
    /// The partition that has the messages of begins and ends.
    topic: Option<usize>,
    /// How many of those were read.
    n_messages: u64,
    /// The transaction whose end is the next one to come.
    running: Serial,
}

/// How far each partition can be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Number of waiting records of each partition, by its number.
    pub n_records: Vec<usize>,
}

impl Cut {
    /// Whether nothing can be applied.
    pub fn is_empty(&self) -> bool {
        self.n_records.iter().all(|n| *n == 0)
    }
}

/// The transaction that everything waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: Arc<str>,
    /// Bytes of its records that wait.
    pub n_bytes: usize,
    /// What is missing of it: for a person.
    pub missing: String,
    /// The partitions that have what it waits for, as far as is known.
    pub partitions: BTreeSet<usize>,
}

impl Ledger {
    /// A ledger of nothing.
    pub fn new(reads: Reads) -> Self {
        Self { reads, ..Self::default() }
    }

    /// The number of a partition that is read from now on. All that are read have to be told before their records.
    pub fn assign(&mut self, partition: &TopicPartition) -> usize {
        if let Some(number) = self.by_name.get(partition) {
            return *number;
        }
        let number = self.partitions.len();
        self.partitions.push(Partition::new(partition.clone()));
        self.by_name.insert(partition.clone(), number);
        number
    }

    /// The partition of the transaction topic; `None` until something of it was read.
    pub fn topic(&self) -> Option<&TopicPartition> {
        self.topic.map(|number| &self.partitions[number].name)
    }

    /// Learns from a record that was applied by an earlier run: its transaction is done, wholly.
    pub fn learn(&mut self, partition: usize, membership: &Membership<'_>) {
        match membership {
            Membership::Begin(id) | Membership::End { transaction: id, .. } => {
                self.topic.get_or_insert(partition);
                self.done.insert(id.as_ref().into());
            }
            Membership::Event { transaction, table, .. } => {
                self.table(partition, table);
                self.done.insert(transaction.as_ref().into());
            }
            Membership::Row { transaction, .. } => self.done.insert(transaction.as_ref().into()),
            Membership::None | Membership::Untold => {}
        }
    }

    /// Adds the next record of a partition, with its size; the transaction that it waits with.
    pub fn push(&mut self, partition: usize, membership: &Membership<'_>, n_bytes: usize) -> Serial {
        let serial = match membership {
            Membership::None | Membership::Untold => FREE,
            Membership::Begin(id) => self.begin(partition, id),
            Membership::End { transaction, collections } => self.end(partition, transaction, collections),
            Membership::Event { transaction, table, order, is_truncate, .. } => {
                let table = self.table(partition, table);
                let serial = self.transaction(transaction);
                if let Some(open) = self.open.get_mut(&serial) {
                    open.events.entry(table).or_default().insert(partition, *order);
                    open.changes_rows |= !is_truncate;
                }
                serial
            }
            Membership::Row { transaction, is_last } => {
                let serial = self.transaction(transaction);
                let at = self.n_messages;
                if let Some(open) = self.open.get_mut(&serial).filter(|_| *is_last) {
                    open.ends.push(End { at, counts: Vec::new() });
                }
                serial
            }
        };
        let at = self.partitions[partition].push(serial);
        if let Some(open) = self.open.get_mut(&serial) {
            open.n_bytes += n_bytes;
            if !open.first.iter().any(|(known, _)| *known == partition) {
                open.first.push((partition, at));
            }
        }
        serial
    }

    /// Adds a record that cannot be read. It may be an event of any transaction.
    pub fn push_unreadable(&mut self, partition: usize) -> Serial {
        self.partitions[partition].has_unreadable = true;
        self.partitions[partition].push(FREE);
        FREE
    }

    /// Adds a record that nothing may go past.
    pub fn push_barrier(&mut self, partition: usize) -> Serial {
        self.n_transactions += 1;
        self.partitions[partition].is_barred = true;
        let mut barrier = Transaction::new("".into());
        barrier.first.push((partition, self.partitions[partition].push(self.n_transactions)));
        self.open.insert(self.n_transactions, barrier);
        self.n_transactions
    }

    fn begin(&mut self, partition: usize, id: &str) -> Serial {
        self.note_message(partition);
        let serial = self.transaction(id);
        let at = self.n_messages;
        let running = std::mem::replace(&mut self.running, serial);
        if serial == FREE {
            return FREE;
        }
        // one that was seen before is being written again: those behind it will be, too
        let is_first = self.open.get(&serial).is_some_and(|open| open.n_begins == 0);
        if let Some(left) = self.open.get_mut(&running)
            && running != serial
        {
            left.is_superseded |= is_first;
        }
        if let Some(open) = self.open.get_mut(&serial) {
            open.begun.get_or_insert(at);
            open.n_begins += 1;
            open.is_superseded = false;
        }
        serial
    }

    fn end(&mut self, partition: usize, id: &str, collections: &[Collection<'_>]) -> Serial {
        self.note_message(partition);
        let serial = self.transaction(id);
        self.running = FREE;
        let at = self.n_messages;
        if let Some(open) = self.open.get_mut(&serial) {
            open.begun.get_or_insert(at);
            let counts = collections.iter().map(|of| (of.name.as_ref().into(), of.n_events)).collect();
            open.ends.push(End { at, counts });
        }
        serial
    }

    fn note_message(&mut self, partition: usize) {
        self.topic.get_or_insert(partition);
        self.n_messages += 1;
    }

    fn table(&mut self, partition: usize, table: &Table<'_>) -> usize {
        self.tables.of(table, partition, &self.partitions[partition].name.topic)
    }

    /// The transaction of an id; [`FREE`] for one that is done.
    fn transaction(&mut self, id: &str) -> Serial {
        if let Some(serial) = self.by_id.get(id) {
            return match self.open.get(serial) {
                Some(open) if !open.is_complete => *serial,
                _ => FREE,
            };
        }
        if self.done.has(id) {
            return FREE;
        }
        self.n_transactions += 1;
        let id: Arc<str> = id.into();
        self.open.insert(self.n_transactions, Transaction::new(Arc::clone(&id)));
        self.by_id.insert(id, self.n_transactions);
        self.n_transactions
    }

    /// The largest consistent cut of what waits. `is_quiet` says of a partition that nothing has come of it for long,
    /// although it was read.
    pub fn cut(&mut self, is_quiet: impl Fn(usize) -> bool) -> Cut {
        let complete: Vec<Serial> = self
            .open
            .iter()
            .filter(|(_, open)| !open.is_complete && self.is_complete(open, &is_quiet))
            .map(|(serial, _)| *serial)
            .collect();
        for serial in complete {
            if let Some(open) = self.open.get_mut(&serial) {
                open.is_complete = true;
            }
        }
        let mut ends: Vec<u64> = self.partitions.iter().map(Partition::end).collect();
        let mut blocked: Vec<Serial> =
            self.open.iter().filter(|(_, open)| !open.is_complete).map(|(serial, _)| *serial).collect();
        let mut seen: std::collections::HashSet<Serial> = blocked.iter().copied().collect();
        while let Some(open) = blocked.pop().and_then(|serial| self.open.get(&serial)) {
            for (partition, first) in &open.first {
                let end = ends[*partition];
                ends[*partition] = end.min(*first);
                if *first < end {
                    let behind = self.partitions[*partition].between(*first, end);
                    blocked.extend(behind.filter(|serial| seen.insert(*serial)));
                }
            }
        }
        let n_records = self.partitions.iter().zip(ends).map(|(partition, end)| partition.n_before(end)).collect();
        Cut { n_records }
    }

    /// Where a transaction stands in the order of all, as the source committed them; 0 where that is not known.
    pub fn place(&self, serial: Serial) -> u64 {
        self.open.get(&serial).and_then(|open| open.begun).unwrap_or(0)
    }

    /// Takes a cut away: it is applied, or about to be.
    pub fn take(&mut self, cut: &Cut) {
        for number in 0..cut.n_records.len() {
            for serial in self.partitions[number].take(cut.n_records[number]) {
                if let Some(gone) = self.open.remove(&serial) {
                    self.by_id.remove(&gone.id);
                    self.pass(serial, gone.begun);
                    // the end of one that has none may still come, when the connector writes it again
                    if !gone.is_over_without_end() {
                        self.done.insert(gone.id);
                    }
                }
            }
        }
    }

    /// Keeps how far partitions have come by a transaction that is gone.
    fn pass(&mut self, serial: Serial, begun: Option<u64>) {
        for partition in self.partitions.iter_mut().filter(|partition| partition.latest == serial) {
            partition.passed = partition.passed.max(begun.unwrap_or(0));
        }
    }

    fn is_complete(&self, open: &Transaction, is_quiet: &impl Fn(usize) -> bool) -> bool {
        let Some(ended) = open.ended() else { return open.is_over_without_end() };
        let is_quiet = |number: usize| is_quiet(number) && !self.partitions[number].is_barred;
        if self.is_doubtful(open) {
            return (0..self.partitions.len())
                .filter(|number| Some(*number) != self.topic)
                .all(|number| self.has_passed(number, ended) || is_quiet(number));
        }
        open.ends.iter().flat_map(|end| &end.counts).all(|(name, n_events)| {
            let n_missing = self.n_missing(open, name, *n_events);
            n_missing == 0 || {
                let partitions = self.partitions_of(name);
                !partitions.is_empty()
                    && partitions.iter().all(|number| {
                        let is_unread = self.partitions[*number].has_unreadable && is_quiet(*number);
                        self.has_passed(*number, ended) || is_unread
                    })
            }
        })
    }

    /// Whether counts say too little: it began twice, or its numbers began anew in a table of several partitions. In one
    /// partition the events of an earlier try are all here when one of a later try is.
    fn is_doubtful(&self, open: &Transaction) -> bool {
        let goes_back = |name: &str| {
            let events = self.tables.named(name).iter().filter_map(|table| open.events.get(table));
            events.into_iter().any(Numbers::go_back) && self.partitions_of(name).len() > 1
        };
        open.n_begins > 1 || open.ends.iter().flat_map(|end| &end.counts).any(|(name, _)| goes_back(name))
    }

    /// How many events of a table have not come.
    fn n_missing(&self, open: &Transaction, name: &str, n_events: u64) -> u64 {
        let tables = self.tables.named(name);
        let is_read = match tables {
            [] => self.reads.has(name, &self.topics(), self.topic_name(), self.tables.are_routed),
            _ => self.reads.wants(name),
        };
        if !is_read {
            return 0;
        }
        let n_here: u64 =
            tables.iter().filter_map(|table| open.events.get(table)).map(|numbers| numbers.up_to(n_events)).sum();
        n_events.saturating_sub(n_here)
    }

    /// Whether a partition has gone on to a transaction that began behind a message of the transaction topic.
    fn has_passed(&self, number: usize, message: u64) -> bool {
        let partition = &self.partitions[number];
        let latest = self.open.get(&partition.latest).and_then(|open| open.begun).unwrap_or(0);
        latest.max(partition.passed) > message
    }

    /// The partitions that may have events of a table.
    fn partitions_of(&self, name: &str) -> BTreeSet<usize> {
        let of_topic =
            (0..self.partitions.len()).filter(|number| is_topic_of(&self.partitions[*number].name.topic, name));
        let seen = self.tables.named(name).iter().flat_map(|table| self.tables.partitions(*table)).copied();
        let others = || (0..self.partitions.len()).filter(|number| Some(*number) != self.topic);
        let known: BTreeSet<usize> = of_topic.chain(seen).collect();
        // of topics that do not go by tables, any may have it
        if known.is_empty() || self.tables.are_routed { others().collect() } else { known }
    }

    fn topics(&self) -> Vec<&str> {
        self.partitions.iter().map(|partition| &*partition.name.topic).collect()
    }

    fn topic_name(&self) -> &str {
        self.topic.map_or("", |number| &*self.partitions[number].name.topic)
    }

    /// The first transaction that is not complete, in the order in which they began; `None` when nothing waits for one.
    /// One that has no record but its begin holds nothing up.
    pub fn waiting(&self) -> Option<Waiting> {
        let is_held = |open: &&Transaction| !open.is_complete && !open.is_barrier() && !self.is_bare(open);
        let first = self.open.values().filter(is_held).min_by_key(|open| open.begun.unwrap_or(u64::MAX))?;
        let (mut missing, mut partitions) = (Vec::new(), BTreeSet::new());
        for (name, n_events) in first.ends.last().map_or(&[][..], |end| &end.counts) {
            let n_missing = self.n_missing(first, name, *n_events);
            if n_missing > 0 {
                missing.push(format!("{n_missing} of {n_events} events of {name}"));
                partitions.extend(self.partitions_of(name));
            }
        }
        if first.ends.is_empty() {
            missing.push("its end".to_owned());
        } else if missing.is_empty() {
            missing.push("what may still come of it, since it began twice".to_owned());
            partitions.extend(0..self.partitions.len());
        }
        match self.topic {
            Some(topic) if first.ends.is_empty() => drop(partitions.insert(topic)),
            Some(_) => {}
            // it is one of those that have had no event
            None => {
                partitions.extend((0..self.partitions.len()).filter(|number| self.partitions[*number].is_eventless()));
            }
        }
        let (id, n_bytes) = (Arc::clone(&first.id), first.n_bytes);
        Some(Waiting { id, n_bytes, missing: missing.join(", "), partitions })
    }

    /// Whether nothing but its begin was read.
    fn is_bare(&self, open: &Transaction) -> bool {
        open.ends.is_empty() && open.first.iter().all(|(partition, _)| Some(*partition) == self.topic)
    }
}
