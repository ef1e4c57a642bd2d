//! A source that runs a history: transactions over a few keys, with row locks and unique keys as a database has them.

use std::collections::BTreeMap;

/// A table: values by key.
pub(crate) type Rows = BTreeMap<u8, u64>;

/// What a source tells of where and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Source {
    /// The place of the change itself, and when its transaction committed.
    Postgres,
    /// The same, but for deletes, which are tombstones and tell nothing.
    Tombstones,
    /// The place in the log of transactions as they committed, in seconds.
    MySql,
    /// The same with GTIDs.
    MySqlGtid,
    /// The same, and when the statement began: any time before.
    MySqlStatementClock,
    /// Only when, in seconds.
    Clock,
    /// Nothing.
    Nothing,
}

/// One event of a log, in the order in which transactions committed.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) change: Change,
    /// Where the source says that it is.
    pub(crate) place: String,
    /// Of two events of a key the later one has the higher one.
    pub(crate) order: u64,
    pub(crate) is_tombstone: bool,
    /// The key whose partition it comes in: Maxwell and Canal write a change of key once, by the new one.
    pub(crate) partitioned_by: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    Insert(u8, u64),
    Update(u8, u64),
    Delete(u8, u64),
    Truncate,
}

impl Change {
    pub(crate) fn key(self) -> Option<u8> {
        match self {
            Self::Insert(key, _) | Self::Update(key, _) | Self::Delete(key, _) => Some(key),
            Self::Truncate => None,
        }
    }

    pub(crate) fn apply(self, rows: &mut Rows) {
        match self {
            Self::Insert(key, value) | Self::Update(key, value) => drop(rows.insert(key, value)),
            Self::Delete(key, _) => drop(rows.remove(&key)),
            Self::Truncate => rows.clear(),
        }
    }

    pub(crate) fn text(self) -> String {
        match self {
            Self::Insert(key, value) => format!("+I {key} {value}"),
            Self::Update(key, value) => format!("+U {key} {value}"),
            Self::Delete(key, value) => format!("-D {key} {value}"),
            Self::Truncate => "T".to_owned(),
        }
    }
}

pub(crate) const N_KEYS: u8 = 5;
pub(crate) const N_TRANSACTIONS: u8 = 3;

/// A source while its history runs.
pub(crate) struct History {
    source: Source,
    rows: Rows,
    /// The transaction that has changed a key and not committed.
    locks: BTreeMap<u8, u8>,
    /// Changes, each with its place in Postgres' log.
    open: [Vec<(Change, u64, u8)>; N_TRANSACTIONS as usize],
    n_changes: u64,
    n_commits: u64,
    events: Vec<Event>,
}

/// A step of a history: the transaction, a key, and what it does.
pub(crate) type Step = (u8, u8, u8);

impl History {
    /// What the log of a history holds.
    pub(crate) fn run(source: Source, steps: &[Step], has_truncates: bool) -> Vec<Event> {
        let mut history = Self {
            source,
            rows: Rows::new(),
            locks: BTreeMap::new(),
            open: Default::default(),
            n_changes: 0,
            n_commits: 0,
            events: Vec::new(),
        };
        for (transaction, key, what) in steps {
            let transaction = *transaction;
            match what {
                0..=5 => history.write(transaction, *key),
                6 => history.delete(transaction, *key),
                7 => history.change_key(transaction, *key, (key + 1) % N_KEYS),
                8 => history.copy(transaction),
                9 if has_truncates && history.open.iter().all(Vec::is_empty) => {
                    history.log(0, &[Change::Truncate]);
                    history.commit(0);
                }
                _ => history.commit(transaction),
            }
        }
        (0..N_TRANSACTIONS).for_each(|transaction| history.commit(transaction));
        history.events
    }

    /// One record of the log; its changes share their place.
    fn log(&mut self, transaction: u8, changes: &[Change]) {
        self.n_changes += 1;
        for change in changes {
            change.apply(&mut self.rows);
            self.locks.extend(change.key().map(|key| (key, transaction)));
            let is_change_of_key = matches!(changes, [Change::Delete(..), Change::Insert(..)]);
            let by = if is_change_of_key { changes.last() } else { Some(change) };
            let by = by.and_then(|change| change.key()).unwrap_or(0);
            self.open[usize::from(transaction)].push((*change, self.n_changes, by));
        }
    }

    fn is_free(&self, transaction: u8, key: u8) -> bool {
        self.locks.get(&key).is_none_or(|owner| *owner == transaction)
    }

    fn write(&mut self, transaction: u8, key: u8) {
        if self.is_free(transaction, key) {
            let value = self.n_changes;
            let is_there = self.rows.contains_key(&key);
            let change = if is_there { Change::Update(key, value) } else { Change::Insert(key, value) };
            self.log(transaction, &[change]);
        }
    }

    fn delete(&mut self, transaction: u8, key: u8) {
        if let Some(value) = self.rows.get(&key).copied().filter(|_| self.is_free(transaction, key)) {
            self.log(transaction, &[Change::Delete(key, value)]);
        }
    }

    fn change_key(&mut self, transaction: u8, old: u8, new: u8) {
        let is_possible = self.is_free(transaction, old) && self.is_free(transaction, new);
        if let Some(value) = self.rows.get(&old).copied().filter(|_| is_possible && !self.rows.contains_key(&new)) {
            self.log(transaction, &[Change::Delete(old, value), Change::Insert(new, value)]);
        }
    }

    fn copy(&mut self, transaction: u8) {
        let is_new = |key: &u8| self.is_free(transaction, *key) && !self.rows.contains_key(key);
        let inserts: Vec<_> = (0..N_KEYS).filter(is_new).map(|key| Change::Insert(key, self.n_changes)).collect();
        self.log(transaction, &inserts);
    }

    fn commit(&mut self, transaction: u8) {
        self.locks.retain(|_, owner| *owner != transaction);
        let changes = std::mem::take(&mut self.open[usize::from(transaction)]);
        if !changes.is_empty() {
            self.n_commits += 1;
        }
        for (change, lsn, partitioned_by) in changes {
            let n_written = self.events.len() as u64;
            let place = self.place(lsn, n_written);
            let order = if self.source == Source::Postgres { lsn } else { n_written };
            let is_tombstone = self.source == Source::Tombstones && matches!(change, Change::Delete(..));
            self.events.push(Event { change, place, order, is_tombstone, partitioned_by });
        }
    }

    /// As the source tells it; a file of a binary log holds three transactions, a second five.
    fn place(&self, lsn: u64, n_written: u64) -> String {
        let (second, gtid) = (1_000 + self.n_commits / 5, self.n_commits);
        let (file, pos) = (999_998 + self.n_commits / 3, 4 + 100 * n_written);
        let binlog = format!("file=binlog.{file} pos={pos} row=0 server_id=1");
        match self.source {
            Source::Postgres | Source::Tombstones => format!("lsn={lsn} ts_us={}", 1_000_000_000 + 7 * self.n_commits),
            Source::MySql => format!("{binlog} ts_ms={second}000"),
            Source::MySqlGtid => format!("{binlog} gtid=aaaa:{gtid} ts_ms={second}000"),
            Source::MySqlStatementClock => format!("{binlog} ts_ms={}000", second - self.n_changes * 7 % 13),
            Source::Clock => format!("ts_ms={second}000"),
            Source::Nothing => String::new(),
        }
    }
}

/// The table that the first events of a log make.
pub(crate) fn table(events: &[Event]) -> Rows {
    let mut rows = Rows::new();
    for event in events {
        event.change.apply(&mut rows);
    }
    rows
}
