//! Compaction: of the changes of a batch to one table, one is left per key.
//!
//! Comes in: rows in the order of their offsets, each under its key as bytes. Goes out: per key the last upsert or
//! delete, in key order; or, of a batch that keeps them, all changes as they came. Pure; knows no SQL and no column types.
//!
//! Applying what is left gives the same table as applying all rows one by one:
//!
//! - an insert that is deleted again stays a delete: the row may have been in the target before;
//! - an upsert behind a delete of the same key replaces the row rather than changing it;
//! - a column that a later row did not send, or does not have, keeps what an earlier row of the batch brought;
//! - a row that is marked as deleted keeps its columns, and takes the mark's over them;
//! - a truncate forgets what came before it.
//!
//! Rows that go by all their columns are told from others by their content: a row that came and went again is as if it had
//! not come, and how many of a content go and come is left. Rows that go by nothing are all left, in their order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rowkind_formats::{Row, RowKind};

/// What is left to do for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// The row of this key goes.
    Delete,
    /// The row of this key, if there is one, takes these columns: it is marked as deleted.
    Mark {
        /// The key and what the mark changes.
        row: Row<'a>,
        /// The record that brought it, as its index in the batch.
        record: usize,
    },
    /// The row of this key comes, or changes.
    Upsert {
        /// Its columns, as far as they were sent.
        row: Row<'a>,
        /// Whether the batch deleted the key before: then the old row goes first.
        replaces: bool,
        /// Whether there is no row of this key then, as far as the source says: it came in this batch.
        comes: bool,
        /// The record that brought the row, as its index in the batch.
        record: usize,
    },
}

/// Rows that go by no key, each with the index of the record that brought it.
pub type Appended<'a> = Vec<(Row<'a>, usize)>;

/// Rows that are equal, so that it does not matter which of them goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copies<'a> {
    /// So many of those that were there before go.
    pub gone: Appended<'a>,
    /// These come behind them.
    pub come: Appended<'a>,
}

/// What becomes of several changes of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// The last one is left.
    #[default]
    Compacted,
    /// All are left, in their order.
    RowByRow,
}

/// The changes of a batch to one table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TableBatch<'a> {
    way: Way,
    truncate: bool,
    /// By key; row by row, behind the number of changes up to it.
    changes: BTreeMap<(usize, Vec<u8>), Change<'a>>,
    /// By all that they consist of, in place of a key.
    copies: BTreeMap<(usize, Vec<u8>), Copies<'a>>,
    appended: Appended<'a>,
}

impl<'a> TableBatch<'a> {
    /// A batch without changes.
    pub fn new(way: Way) -> Self {
        Self { way, ..Self::default() }
    }

    /// The row of this key is there, or has changed.
    pub fn upsert(&mut self, key: Vec<u8>, row: Row<'a>, record: usize) {
        match self.entry(key) {
            Entry::Vacant(entry) => {
                let comes = row.kind == RowKind::Insert;
                entry.insert(Change::Upsert { row, replaces: false, comes, record });
            }
            Entry::Occupied(mut entry) => entry.get_mut().follow(row, record),
        }
    }

    /// The row of this key is gone.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.entry(key).insert_entry(Change::Delete);
    }

    /// The row of this key is deleted at the source, and takes these columns here.
    pub fn mark(&mut self, key: Vec<u8>, row: Row<'a>, record: usize) {
        match self.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Change::Mark { row, record });
            }
            Entry::Occupied(mut entry) => entry.get_mut().mark(row, record),
        }
    }

    /// One more row of this content.
    pub fn come(&mut self, content: Vec<u8>, row: Row<'a>, record: usize) {
        self.copies(content).come.push((row, record));
    }

    /// One row of this content is gone: the last that the batch brought, or one that was there before.
    pub fn go(&mut self, content: Vec<u8>, row: Row<'a>, record: usize) {
        let copies = self.copies(content);
        if copies.come.pop().is_none() {
            copies.gone.push((row, record));
        }
    }

    /// One more row, whatever there is.
    pub fn append(&mut self, row: Row<'a>, record: usize) {
        self.appended.push((row, record));
    }

    /// All rows are gone.
    pub fn truncate(&mut self) {
        self.changes.clear();
        self.copies.clear();
        self.appended.clear();
        self.truncate = true;
    }

    /// Whether the table is emptied before the changes.
    pub fn is_truncated(&self) -> bool {
        self.truncate
    }

    /// How its changes are kept.
    pub fn way(&self) -> Way {
        self.way
    }

    /// How many rows come that are not there, as far as the source says.
    pub fn n_coming(&self) -> usize {
        self.changes.values().filter(|change| matches!(change, Change::Upsert { comes: true, .. })).count()
    }

    /// The changes with their keys, the rows that go by all their columns, and those that go by nothing. What is compacted
    /// is in the order of its bytes, the same in every instance.
    pub fn into_changes(
        self,
    ) -> (impl Iterator<Item = (Vec<u8>, Change<'a>)>, impl Iterator<Item = Copies<'a>>, Appended<'a>) {
        let changes = self.changes.into_iter().map(|((_, key), change)| (key, change));
        (changes, self.copies.into_values(), self.appended)
    }

    fn entry(&mut self, key: Vec<u8>) -> Entry<'_, (usize, Vec<u8>), Change<'a>> {
        let at = self.way.place(self.changes.len());
        self.changes.entry((at, key))
    }

    fn copies(&mut self, content: Vec<u8>) -> &mut Copies<'a> {
        let at = self.way.place(self.copies.len());
        self.copies.entry((at, content)).or_default()
    }
}

impl Way {
    /// What is in front of a key that comes behind `n_before`, in the order of all keys.
    fn place(self, n_before: usize) -> usize {
        match self {
            Self::Compacted => 0,
            Self::RowByRow => n_before,
        }
    }
}

impl<'a> Change<'a> {
    fn follow(&mut self, mut row: Row<'a>, record: usize) {
        let (replaces, comes) = match self {
            Self::Delete => (true, true),
            // the row that is marked may not be there, so that nothing can be carried but what the new row lacks anyway
            Self::Mark { .. } => (false, false),
            Self::Upsert { row: known, replaces, comes, .. } => {
                carry(known, &mut row);
                (*replaces, *comes)
            }
        };
        *self = Self::Upsert { row, replaces, comes, record };
    }
}

impl<'a> Change<'a> {
    fn mark(&mut self, marked: Row<'a>, marked_by: usize) {
        match self {
            Self::Delete => {}
            Self::Mark { row, record } => (*row, *record) = (marked, marked_by),
            Self::Upsert { row, record, .. } => {
                for column in marked.columns {
                    match row.columns.iter_mut().find(|known| known.name == column.name) {
                        Some(known) => *known = column,
                        None => row.columns.push(column),
                    }
                }
                *record = marked_by;
            }
        }
    }
}

/// Gives `row` the values of the columns that it did not send or does not have, as far as `known` has them.
fn carry<'a>(known: &mut Row<'a>, row: &mut Row<'a>) {
    row.not_sent.retain(|name| match known.columns.iter().position(|column| column.name == *name) {
        Some(at) => {
            row.columns.push(known.columns.swap_remove(at));
            false
        }
        None => true,
    });
    let same_columns =
        known.columns.iter().map(|column| &column.name).eq(row.columns.iter().map(|column| &column.name));
    if same_columns && known.not_sent.is_empty() {
        return;
    }
    // a generated column is in snapshots alone, and a dropped one in old records
    known.columns.retain(|column| row.get(&column.name).is_none());
    row.columns.append(&mut known.columns);
    known.not_sent.retain(|name| row.get(name).is_none() && !row.not_sent.contains(name));
    row.not_sent.append(&mut known.not_sent);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowkind_formats::{Column, Value};

    /// `a=1 b=?`: column a was sent as 1, column b was not sent.
    fn row(text: &str) -> Row<'_> {
        let mut row = Row { kind: RowKind::Insert, columns: Vec::new(), not_sent: Vec::new() };
        for part in text.split(' ') {
            let (name, value) = part.split_once('=').expect("a column and its value");
            match value {
                "?" => row.not_sent.push(name.into()),
                value => row.columns.push(Column { name: name.into(), value: Value::Number(value.into()) }),
            }
        }
        row
    }

    /// `k +a=1`: upsert, `k ~a=1`: mark, `k -`: delete, `+ a=1`: append,
    /// `> a=1`: a copy comes, `< a=1`: a copy goes, `!`: truncate. What is left, one change a line.
    fn left(steps: &[&'static str]) -> String {
        left_of(TableBatch::default(), steps)
    }

    fn left_of(mut batch: TableBatch<'static>, steps: &[&'static str]) -> String {
        for step in steps {
            match step.split_once(' ') {
                None => batch.truncate(),
                Some((key, "-")) => batch.delete(key.into()),
                Some(("+", appended)) => batch.append(row(appended), 0),
                Some((">", copy)) => batch.come(copy.into(), row(copy), 0),
                Some(("<", copy)) => batch.go(copy.into(), row(copy), 0),
                Some((key, mark)) if mark.starts_with('~') => batch.mark(key.into(), row(&mark[1..]), 0),
                Some((key, upsert)) => batch.upsert(key.into(), row(&upsert[1..]), 0),
            }
        }
        let mut lines = Vec::from_iter(batch.is_truncated().then(|| "!".to_owned()));
        let (changes, copies, appended) = batch.into_changes();
        for (key, change) in changes {
            let key = String::from_utf8(key).expect("keys of the test are text");
            lines.push(match change {
                Change::Delete => format!("{key} -"),
                Change::Mark { row, .. } => format!("{key} ~{}", shown(row)),
                Change::Upsert { row, replaces: false, .. } => format!("{key} +{}", shown(row)),
                Change::Upsert { row, replaces: true, .. } => format!("{key} -+{}", shown(row)),
            });
        }
        for Copies { gone, come } in copies {
            lines.extend(gone.into_iter().map(|(row, _)| format!("< {}", shown(row))));
            lines.extend(come.into_iter().map(|(row, _)| format!("> {}", shown(row))));
        }
        lines.extend(appended.into_iter().map(|(row, _)| format!("+ {}", shown(row))));
        lines.into_iter().map(|line| line + "\n").collect()
    }

    fn shown(mut row: Row<'_>) -> String {
        row.columns.sort_by(|a, b| a.name.cmp(&b.name));
        let sent = row.columns.iter().map(|column| match &column.value {
            Value::Number(text) => format!("{}={text}", column.name),
            other => panic!("no value of the test: {other:?}"),
        });
        let not_sent = row.not_sent.iter().map(|name| format!("{name}=?"));
        sent.chain(not_sent).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_last_change_of_a_key_is_left() {
        assert_eq!(left(&["k +a=1", "l +a=5", "k +a=2"]), "k +a=2\nl +a=5\n");
    }

    #[test]
    fn a_mark_changes_its_columns_alone() {
        assert_eq!(left(&["k +a=1 d=0", "k ~d=1"]), "k +a=1 d=1\n");
        assert_eq!(left(&["k ~d=1", "k +a=1 d=0"]), "k +a=1 d=0\n");
        assert_eq!(left(&["k ~d=1"]), "k ~d=1\n");
        assert_eq!(left(&["k -", "k ~d=1"]), "k -\n");
    }

    #[test]
    fn rows_without_a_key_are_all_left() {
        assert_eq!(left(&["+ a=1", "+ a=1", "k +a=2"]), "k +a=2\n+ a=1\n+ a=1\n");
        assert_eq!(left(&["+ a=1", "!", "+ a=2"]), "!\n+ a=2\n");
    }

    #[test]
    fn insert_then_delete_stays_a_delete() {
        assert_eq!(left(&["k +a=1", "k -"]), "k -\n");
    }

    #[test]
    fn an_upsert_behind_a_delete_replaces_the_row() {
        assert_eq!(left(&["k -", "k +a=1"]), "k -+a=1\n");
        assert_eq!(left(&["k -", "k +a=1", "k +a=2"]), "k -+a=2\n");
    }

    #[test]
    fn what_was_not_sent_is_carried_from_the_same_row_only() {
        assert_eq!(left(&["k +a=1 b=7", "k +a=2 b=?"]), "k +a=2 b=7\n");
        assert_eq!(left(&["k +a=1 b=?", "k +a=2 b=?"]), "k +a=2 b=?\n");
        assert_eq!(left(&["k +a=1 b=7", "k -", "k +a=2 b=?"]), "k -+a=2 b=?\n");
    }

    #[test]
    fn a_column_that_a_later_row_does_not_have_stays() {
        assert_eq!(left(&["k +a=1 b=7", "k +a=2"]), "k +a=2 b=7\n");
        assert_eq!(left(&["k +a=1 b=?", "k +a=2"]), "k +a=2 b=?\n");
        assert_eq!(left(&["k +a=1 b=7", "k -", "k +a=2"]), "k -+a=2\n");
    }

    #[test]
    fn copies_are_counted() {
        assert_eq!(left(&["> a=1", "> a=2", "> a=1", "< a=1"]), "> a=1\n> a=2\n");
        assert_eq!(left(&["< a=1", "> a=1", "< a=1", "< a=1"]), "< a=1\n< a=1\n");
        // the one that goes was there before
        assert_eq!(left(&["< a=1", "> a=1"]), "< a=1\n> a=1\n");
        assert_eq!(left(&["> a=1", "!", "> a=2"]), "!\n> a=2\n");
        let batch = TableBatch::new(Way::RowByRow);
        assert_eq!(left_of(batch, &["> a=2", "> a=1", "< a=2"]), "> a=2\n> a=1\n< a=2\n");
    }

    #[test]
    fn row_by_row_all_changes_are_left_in_their_order() {
        let batch = TableBatch::new(Way::RowByRow);
        assert_eq!(
            left_of(batch, &["l +a=1", "k +a=1 b=7", "k -", "k +a=2 b=?", "k ~d=1"]),
            "l +a=1\nk +a=1 b=7\nk -\nk +a=2 b=?\nk ~d=1\n"
        );
    }

    #[test]
    fn a_truncate_forgets_what_came_before() {
        assert_eq!(left(&["k +a=1", "!", "l +a=2"]), "!\nl +a=2\n");
    }
}
