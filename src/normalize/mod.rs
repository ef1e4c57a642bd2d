//! A changelog becomes complete: what events do not say is filled in by the last row of each key.
//!
//! Sources that send no row before its change (Postgres's default replica identity, `MongoDB`, flattened rows, upsert topics)
//! leave their readers to know what a row was. This is Flink's `ChangelogNormalize`
//! (<https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/table/config/#table-exec-source-cdc-events-duplicate>) behind
//! [`dedup`](crate::dedup), which takes out what is old: a normalization alone would take it for news.
//!
//! Comes in: events without repeats, in the order of their offsets. Goes out: the same as a changelog in which
//!
//! - every update has its `-U`, whole, as the row was told last;
//! - an update that changes nothing is left out, and so is the delete of a row that is not there;
//! - the insert of a row that is there is an update, and the update of one that is not there an insert;
//! - a column that was not sent has the value that it had.
//!
//! Rows without a key are as they were. What is known is a [`Pending`] behind the [`State`] on disk until the changelog has
//! been written: plans are thrown away and made anew.

mod key;
mod state;

use std::collections::HashMap;

use rowkind_formats::{Change, Event, Key, Origin, Row, RowKind, RowSchema, Table};

pub use state::{State, StateError};

/// What the events of a batch made of the rows that are known.
#[derive(Debug, Default)]
pub struct Pending {
    rows: HashMap<Vec<u8>, Last>,
    /// Tables that were emptied: what the state knows of their rows is void.
    truncated: Vec<Vec<u8>>,
}

/// What became of a row.
#[derive(Debug, Clone)]
enum Last {
    /// It is this now.
    Row(Row<'static>),
    Gone,
}

/// The rows that are known where a batch stands.
pub struct Known<'s> {
    state: &'s State,
    pending: Pending,
    /// What the last event changed, to be taken back when it is not written.
    undo: Vec<(Vec<u8>, Option<Last>)>,
    /// How many truncates were pending before it.
    n_truncated: usize,
}

impl<'s> Known<'s> {
    /// What the state knows, with nothing pending.
    pub fn new(state: &'s State) -> Self {
        Self { state, pending: Pending::default(), undo: Vec::new(), n_truncated: 0 }
    }

    /// What the batch changed.
    pub fn into_pending(self) -> Pending {
        self.pending
    }

    /// Completes an event of a topic; `None` when nothing is left of it.
    ///
    /// # Errors
    ///
    /// When the state cannot be read.
    pub fn complete<'a>(&mut self, topic: &str, event: Event<'a>) -> Result<Option<Event<'a>>, StateError> {
        self.undo.clear();
        self.n_truncated = self.pending.truncated.len();
        match event {
            Event::Change(change) => Ok(self.change(topic, change)?.map(Event::Change)),
            Event::Tombstone { table: Some(table), key: Some(key) } => self.tombstone(topic, table, key),
            Event::Truncate { table, origin } => {
                self.truncate(topic, &table);
                Ok(Some(Event::Truncate { table, origin }))
            }
            event => Ok(Some(event)),
        }
    }

    /// Takes back what the last event changed: it is not written.
    pub fn take_back(&mut self) {
        self.pending.truncated.truncate(self.n_truncated);
        for (key, before) in self.undo.drain(..).rev() {
            match before {
                Some(last) => drop(self.pending.rows.insert(key, last)),
                None => drop(self.pending.rows.remove(&key)),
            }
        }
    }

    fn change<'a>(&mut self, topic: &str, mut change: Change<'a>) -> Result<Option<Change<'a>>, StateError> {
        let Some(names) = key::names(&change) else { return Ok(Some(change)) };
        let schema = change.schema.clone();
        let leaves_out = change.origin.is_of_log();
        let rows = std::mem::take(&mut change.rows);
        for (at, row) in rows.iter().enumerate() {
            let Some(id) = key::of_row(topic, &change.table, &names, row, change.key.as_ref()) else {
                change.rows.push(row.clone());
                continue;
            };
            match row.kind {
                // its row is known by the key that it goes by from here on
                RowKind::UpdateBefore => {
                    let next = rows.get(at + 1).filter(|next| next.kind == RowKind::UpdateAfter);
                    let next =
                        next.and_then(|next| key::of_row(topic, &change.table, &names, next, change.key.as_ref()));
                    if next.as_ref() != Some(&id) {
                        self.delete(id, schema.as_deref(), &mut change.rows)?;
                    }
                }
                RowKind::Delete => self.delete(id, schema.as_deref(), &mut change.rows)?,
                RowKind::Insert | RowKind::UpdateAfter => {
                    let row = row.clone();
                    self.upsert(id, row, (schema.as_deref(), leaves_out), &mut change.rows)?;
                }
            }
        }
        Ok((!change.rows.is_empty()).then_some(change))
    }

    fn tombstone<'a>(&mut self, topic: &str, table: Table<'a>, key: Key<'a>) -> Result<Option<Event<'a>>, StateError> {
        let names: Vec<String> = key.columns.iter().map(|column| column.name.to_string()).collect();
        let row = Row { kind: RowKind::Delete, columns: key.columns.clone(), not_sent: Vec::new() };
        let Some(id) = key::of_row(topic, &table, &names, &row, None) else {
            return Ok(Some(Event::Tombstone { table: Some(table), key: Some(key) }));
        };
        let mut rows = Vec::new();
        self.delete(id, None, &mut rows)?;
        let change = Change { table, key: Some(key), schema: None, rows, origin: Origin::unknown() };
        Ok((!change.rows.is_empty()).then_some(Event::Change(change)))
    }

    fn truncate(&mut self, topic: &str, table: &Table<'_>) {
        let prefix = key::of_table(topic, table);
        let gone = self.pending.rows.extract_if(|key, _| key.starts_with(&prefix));
        self.undo.extend(gone.map(|(key, last)| (key, Some(last))));
        self.pending.truncated.push(prefix);
    }

    fn delete(&mut self, id: Vec<u8>, schema: Option<&RowSchema>, rows: &mut Vec<Row<'_>>) -> Result<(), StateError> {
        if let Some(known) = self.get(&id)? {
            rows.push(Row { kind: RowKind::Delete, ..as_of(known, schema) });
            self.set(id, Last::Gone);
        }
        Ok(())
    }

    fn upsert<'a>(
        &mut self,
        id: Vec<u8>,
        mut row: Row<'a>,
        (schema, leaves_out): (Option<&RowSchema>, bool),
        rows: &mut Vec<Row<'a>>,
    ) -> Result<(), StateError> {
        row.kind = RowKind::Insert;
        if let Some(known) = self.get(&id)? {
            carry(&known, &mut row, leaves_out);
            if is_same(&known, &row) {
                return Ok(());
            }
            rows.push(Row { kind: RowKind::UpdateBefore, ..as_of(known, schema) });
            row.kind = RowKind::UpdateAfter;
        }
        self.set(id, Last::Row(row.clone().into_owned()));
        rows.push(row);
        Ok(())
    }

    fn get(&self, id: &[u8]) -> Result<Option<Row<'static>>, StateError> {
        match self.pending.rows.get(id) {
            Some(Last::Row(row)) => return Ok(Some(row.clone())),
            Some(Last::Gone) => return Ok(None),
            None => {}
        }
        if self.pending.truncated.iter().any(|prefix| id.starts_with(prefix)) {
            return Ok(None);
        }
        self.state.get(id)
    }

    fn set(&mut self, id: Vec<u8>, last: Last) {
        let before = self.pending.rows.insert(id.clone(), last);
        self.undo.push((id, before));
    }
}

/// Gives a row the columns that it did not send, as they are known. Canal and Maxwell leave out what they do not send;
/// elsewhere a column that is not there is not the source's any more.
fn carry(known: &Row<'static>, row: &mut Row<'_>, leaves_out: bool) {
    for (at, column) in known.columns.iter().enumerate() {
        let is_not_sent = leaves_out || row.not_sent.contains(&column.name);
        if is_not_sent && row.get(&column.name).is_none() {
            row.columns.insert(at.min(row.columns.len()), column.clone());
        }
    }
    row.not_sent.retain(|name| known.get(name).is_none());
}

fn is_same(known: &Row<'_>, row: &Row<'_>) -> bool {
    known.columns.len() == row.columns.len()
        && known.not_sent == row.not_sent
        && row.columns.iter().all(|column| known.get(&column.name) == Some(&column.value))
}

/// A known row as an event of this schema can tell it: without the columns that the table does not have any more.
fn as_of<'a>(mut known: Row<'static>, schema: Option<&RowSchema>) -> Row<'a> {
    if let Some(schema) = schema {
        let has = |name: &str| schema.fields.iter().any(|field| field.name == name);
        known.columns.retain(|column| has(&column.name));
        known.not_sent.retain(|name| has(name));
    }
    known
}
