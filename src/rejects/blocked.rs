//! The keys of rejects that are open: later records of them are set aside as well, so that order per key holds.
//!
//! A record is told by the rows that it is about, and by the bytes of its Kafka key: those alone where it cannot be
//! decoded. One key is enough to be set aside. Order is that of a partition, so keys are kept per partition.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rowkind_formats::{Change, Column, Event, Key, Record, Row, changelog, literal};

use crate::records::TopicPartition;

/// What a record is told by, each as text: `public.orders {"id":1}`, and the Kafka key as `\x7b22…`.
pub type Keys = Vec<String>;

/// What rows go by whose record has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise<'k> {
    /// These columns, also where the record has a key.
    Columns(&'k [String]),
    /// All their columns.
    Row,
    /// The target's primary key, which is not known here: all rows of the table count as one.
    Table,
}

/// What a record is told by. Of one that cannot be decoded there is no event.
pub fn keys_of(record: &Record<'_>, event: Option<&Event<'_>>, otherwise: Otherwise<'_>) -> Keys {
    let mut keys = match event {
        Some(Event::Change(change)) => change.rows.iter().map(|row| of_row(change, row, otherwise)).collect(),
        Some(event @ Event::Tombstone { .. }) => vec![of_line(event)],
        Some(Event::Truncate { .. } | Event::Aside(_)) | None => Keys::new(),
    };
    keys.extend(record.key.map(literal::bytea_text));
    keys.retain(|key| !key.is_empty());
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn of_row<'a>(change: &Change<'a>, row: &Row<'a>, otherwise: Otherwise<'_>) -> String {
    let in_row = |name: &str| row.columns.iter().find(|column| column.name == name).cloned();
    let columns = match (otherwise, &change.key) {
        (Otherwise::Columns(names), _) => names.iter().filter_map(|name| in_row(name)).collect(),
        (_, Some(key)) => {
            let value = |of_key: &Column<'a>| in_row(&of_key.name).unwrap_or_else(|| of_key.clone());
            key.columns.iter().map(value).collect()
        }
        (Otherwise::Row, None) => row.columns.clone(),
        (Otherwise::Table, None) => return changelog::table_name(&change.table),
    };
    let key = Some(Key { columns, schema: None });
    of_line(&Event::Tombstone { table: Some(change.table.clone()), key })
}

/// The changelog's line of a key, without what is done to its row.
fn of_line(tombstone: &Event<'_>) -> String {
    changelog::text(tombstone).trim_start_matches("-D ").trim_end().to_owned()
}

/// Keys with the offset of the last reject of each.
#[derive(Debug, Default)]
pub struct Held(HashMap<TopicPartition, HashMap<String, i64>>);

impl Held {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a partition has one.
    pub fn has(&self, partition: &TopicPartition) -> bool {
        self.0.get(partition).is_some_and(|keys| !keys.is_empty())
    }

    /// The last reject of one of these keys.
    pub fn behind(&self, partition: &TopicPartition, keys: &[String]) -> Option<i64> {
        let of_partition = self.0.get(partition)?;
        keys.iter().filter_map(|key| of_partition.get(key)).max().copied()
    }

    /// Adds the keys of a reject.
    pub fn add(&mut self, partition: &TopicPartition, keys: &[String], offset: i64) {
        let of_partition = self.0.entry(partition.clone()).or_default();
        of_partition.extend(keys.iter().map(|key| (key.clone(), offset)));
    }
}

/// The same, for all lanes of a pipeline: what is open in the database of the partitions that this instance has.
#[derive(Debug, Default)]
pub struct Blocked {
    held: Mutex<Held>,
    /// Spares the lock where there is nothing.
    is_any: AtomicBool,
}

impl Blocked {
    /// Whether there may be one.
    pub fn is_any(&self) -> bool {
        self.is_any.load(Ordering::Acquire)
    }

    /// Whether a partition has one.
    pub fn has(&self, partition: &TopicPartition) -> bool {
        self.is_any() && self.held().has(partition)
    }

    /// The last reject of one of these keys.
    pub fn behind(&self, partition: &TopicPartition, keys: &[String]) -> Option<i64> {
        if self.is_any() { self.held().behind(partition, keys) } else { None }
    }

    /// Adds the keys of a reject.
    pub fn add(&self, partition: &TopicPartition, keys: &[String], offset: i64) {
        self.is_any.store(true, Ordering::Release);
        self.held().add(partition, keys, offset);
    }

    /// What is open of a partition is this, in the order of the offsets, whatever was known before.
    pub fn replace(&self, partition: &TopicPartition, open: &[(Keys, i64)]) {
        self.held().0.remove(partition);
        for (keys, offset) in open {
            self.add(partition, keys, *offset);
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(key: Option<&str>, payload: &str, otherwise: Otherwise<'_>) -> Keys {
        let (key, payload) = (key.map(str::as_bytes), Some(payload.as_bytes()));
        let record = Record { topic: "t", partition: 0, offset: 0, key, payload };
        keys_of(&record, rowkind_formats::Decoder::default().decode(&record).ok().as_ref(), otherwise)
    }

    #[test]
    fn a_record_is_told_by_its_rows_and_by_its_kafka_key() {
        let source = r#""source":{"schema":"public","table":"t"}"#;
        let update = |columns: &str| format!(r#"{{"op":"u",{source},"before":null,"after":{columns}}}"#);
        let (row, b) = (update(r#"{"a":1,"b":2}"#), ["b".to_owned()]);
        let columns = Otherwise::Columns(&b);
        assert_eq!(keys(Some(r#"{"a":1}"#), &row, Otherwise::Table), ["\\x7b2261223a317d", r#"public.t {"a":1}"#]);
        assert_eq!(keys(Some(r#"{"a":1}"#), &row, columns), ["\\x7b2261223a317d", r#"public.t {"b":2}"#]);
        assert_eq!(keys(None, &row, Otherwise::Row), [r#"public.t {"a":1,"b":2}"#]);
        assert_eq!(keys(None, &row, Otherwise::Table), ["public.t"]);
        assert_eq!(keys(Some("k"), "no JSON", Otherwise::Row), ["\\x6b"]);
        assert!(keys(None, "no JSON", Otherwise::Row).is_empty());
    }

    #[test]
    fn keys_are_those_of_their_partition() {
        let partition = |partition| TopicPartition { topic: "t".into(), partition };
        let (blocked, key) = (Blocked::default(), ["k".to_owned()]);
        blocked.add(&partition(0), &key, 7);
        blocked.add(&partition(0), &key, 9);
        assert_eq!(blocked.behind(&partition(0), &key), Some(9));
        assert_eq!(blocked.behind(&partition(1), &key), None);
        blocked.replace(&partition(0), &[]);
        assert_eq!(blocked.behind(&partition(0), &key), None);
        assert!(!blocked.has(&partition(0)));
    }
}
