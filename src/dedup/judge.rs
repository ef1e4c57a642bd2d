//! A plan's events against what is known of their rows.

use std::iter;
use std::sync::Arc;

use rowkind_formats::{Change, Event, Key, Origin, Position, Record, Row, RowKind, Stamp, Table, changelog};

use super::identity::{KeyHash, KeyNames};
use super::law::{State, Verdict, verdict};
use super::seen::{Begun, NewLineage, Seen};
use super::{Dedup, Truncates};

/// Judges the events of one plan, in the order of their offsets.
///
/// What it knows of a row is what its own plan saw, else what the batch in flight saw, else what has been committed.
#[derive(Debug)]
pub struct Judge<'d> {
    dedup: &'d Dedup,
    in_flight: Option<&'d Seen>,
    truncates: Arc<Truncates>,
    seen: Seen,
    /// Whether each row of a change is one; kept for its memory.
    duplicates: Vec<bool>,
}

/// A table of a record.
struct At<'e, 'a> {
    record: &'e Record<'a>,
    table: &'e Table<'a>,
    hash: u64,
}

impl<'d> Judge<'d> {
    pub(super) fn new(dedup: &'d Dedup, in_flight: Option<&'d Seen>) -> Self {
        let truncates = dedup.truncates();
        let seen = in_flight.map_or_else(Seen::default, Seen::next);
        Self { dedup, in_flight, truncates, seen, duplicates: Vec::new() }
    }

    /// What the plan has seen.
    pub fn into_seen(self) -> Seen {
        self.seen
    }

    /// Takes out of an event what is a repeat; `false` when nothing is left of it. Ask for those truncates alone that are
    /// applied when they are kept.
    pub fn keep(&mut self, record: &Record<'_>, event: &mut Event<'_>) -> bool {
        match event {
            Event::Change(change) => self.keep_rows(record, change, None),
            Event::Truncate { table, origin } => self.keep_truncate(record, table, origin),
            Event::Tombstone { table: Some(table), key: Some(key) } => {
                self.forget(record, table, key);
                true
            }
            Event::Tombstone { .. } | Event::Aside(_) => true,
        }
    }

    /// Takes the rows out of a change that are repeats; `false` when none is left.
    ///
    /// Rows go by the columns of `key`, else by those of the change's own. Rows without a key, or without a value for a
    /// column of it, are left.
    pub fn keep_rows(&mut self, record: &Record<'_>, change: &mut Change<'_>, key: Option<&[&str]>) -> bool {
        let Some(names) = key.map(KeyNames::Given).or(change.key.as_ref().map(KeyNames::OfKey)) else {
            return !change.rows.is_empty();
        };
        let stamp = change.origin.stamp();
        let at = self.at(record, &change.table);
        // of a message with many rows it is the key of the last
        let own_key = change.key.as_ref().filter(|_| change.rows.len() <= 2);
        self.duplicates.clear();
        let mut rest = change.rows.as_slice();
        while let Some((event, behind)) = split_event(rest) {
            let values = names.values(event.last(), own_key);
            let is_duplicate = match self.dedup.identity.key(at.hash, stamp.position, values) {
                Some(key) => self.judge_row(&at, key, &stamp, event),
                None => false,
            };
            self.duplicates.extend(iter::repeat_n(is_duplicate, event.len()));
            rest = behind;
        }
        if self.duplicates.contains(&true) {
            let mut is_duplicate = self.duplicates.iter();
            change.rows.retain(|_| is_duplicate.next() == Some(&false));
        }
        !change.rows.is_empty()
    }

    /// Whether a truncate is to be applied. What is older than it is a repeat from here on.
    fn keep_truncate(&mut self, record: &Record<'_>, table: &Table<'_>, origin: &Origin<'_>) -> bool {
        let stamp = origin.stamp();
        let at = self.at(record, table);
        // a clock is not enough to know it by: rows may have come between
        let content = u64::from(stamp.position != Position::Unknown);
        let state = self.state(&at, &stamp, content);
        let known = self.truncate_of(at.hash);
        if self.is_repeat(verdict(known, &state), &at, known, &state) {
            return false;
        }
        self.seen.truncates.insert(at.hash, State { truncation: self.dedup.new_truncation(), ..state });
        true
    }

    /// Something changes the row of this key and does not say where it stands: a tombstone. What comes next is applied.
    fn forget(&mut self, record: &Record<'_>, table: &Table<'_>, key: &Key<'_>) {
        let at = self.at(record, table);
        let values = KeyNames::OfKey(key).values(None, Some(key));
        if let Some(key) = self.dedup.identity.key(at.hash, Position::Unknown, values) {
            let known = self.known(key);
            self.seen.touch(key, known, None);
        }
    }

    /// Whether the event of a row is a repeat.
    fn judge_row(&mut self, at: &At<'_, '_>, key: KeyHash, stamp: &Stamp, event: &[Row<'_>]) -> bool {
        if stamp.is_snapshot {
            self.pass_snapshot_read(key, stamp);
            return false;
        }
        let state = self.state(at, stamp, self.dedup.identity.content(event));
        let truncate = self.truncate_of(at.hash).filter(|truncate| truncate.is_ahead_of(&state));
        let known = self.known(key);
        let verdict = match verdict(truncate, &state) {
            Verdict::Duplicate => Verdict::Duplicate,
            _ => verdict(known, &state),
        };
        if self.is_repeat(verdict, at, known, &state) {
            return true;
        }
        if let Some(truncate) = truncate {
            self.seen.truncates.insert(at.hash, truncate.without_position());
        }
        self.seen.touch(key, known, Some(state));
        false
    }

    /// Counts and tells what a verdict means beside.
    fn is_repeat(&mut self, verdict: Verdict, at: &At<'_, '_>, known: Option<State>, event: &State) -> bool {
        match verdict {
            Verdict::Duplicate => self.seen.n_duplicates += 1,
            Verdict::NewLineage => self.begin(at, known, event),
            Verdict::Apply => {}
        }
        verdict == Verdict::Duplicate
    }

    /// A snapshot read is newer than all events before it. Where these have positions a repeat of theirs is known by
    /// them; where they have none, the same content may be new again.
    fn pass_snapshot_read(&mut self, key: KeyHash, stamp: &Stamp) {
        if stamp.position != Position::Unknown {
            return;
        }
        let known = self.known(key).filter(|known| known.position == Position::Unknown);
        if known.is_some() {
            self.seen.touch(key, known, None);
        }
    }

    fn at<'e, 'a>(&self, record: &'e Record<'a>, table: &'e Table<'a>) -> At<'e, 'a> {
        At { record, table, hash: self.dedup.identity.table(record.topic, table) }
    }

    fn state(&self, at: &At<'_, '_>, stamp: &Stamp, content: u64) -> State {
        State {
            position: stamp.position,
            lineage: stamp.lineage,
            clock: stamp.clock,
            content,
            offset: at.record.offset,
            partition: self.dedup.identity.partition(at.record.topic, at.record.partition),
            truncation: self.truncate_of(at.hash).map_or(0, |truncate| truncate.truncation),
        }
    }

    fn known(&self, key: KeyHash) -> Option<State> {
        let seen = self.seen.rows.get(&key).or_else(|| self.in_flight?.rows.get(&key));
        seen.map_or_else(|| self.dedup.memory.get(key), |touched| touched.state)
    }

    fn truncate_of(&self, table: u64) -> Option<State> {
        let seen = self.seen.truncates.get(&table).or_else(|| self.in_flight?.truncates.get(&table));
        seen.or_else(|| self.truncates.get(&table)).copied()
    }

    fn begin(&mut self, at: &At<'_, '_>, known: Option<State>, event: &State) {
        let Some((known, clock)) = known.and_then(|known| Some(((known.lineage, known.clock?), event.clock?))) else {
            return;
        };
        let Record { topic, partition, offset, .. } = *at.record;
        let table = changelog::table_name(at.table);
        let at = NewLineage { table, topic: topic.to_owned(), partition, offset };
        self.seen.begun.push(Begun { lineage: event.lineage, clock, before: known, at });
    }
}

/// The first event of some rows: a `-U` with its `+U`, or one row.
fn split_event<'r, 'a>(rows: &'r [Row<'a>]) -> Option<(&'r [Row<'a>], &'r [Row<'a>])> {
    let n_rows = match rows {
        [] => return None,
        [old, new, ..] if (old.kind, new.kind) == (RowKind::UpdateBefore, RowKind::UpdateAfter) => 2,
        _ => 1,
    };
    rows.split_at_checked(n_rows)
}
