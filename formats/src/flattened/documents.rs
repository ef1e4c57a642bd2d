//! Rows that `ExtractNewDocumentState` took out of `MongoDB`'s envelopes: what they have as `_id` their key has as `id`, and a
//! delete has no column unless it is told to (`delete.tombstone.handling.mode.rewrite-with-id`).
//!
//! Described at <https://debezium.io/documentation/reference/stable/transformations/mongodb-event-flattening.html>.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use crate::row::{Column, Event, Key, RowKind, RowSchema};

const ID: &str = "_id";

/// The topics that hold documents, for tombstones, which do not say.
#[derive(Debug, Default)]
pub(super) struct Documents {
    topics: HashSet<String>,
}

impl Documents {
    /// The key as the row has it. A row without columns that is deleted gets its own.
    pub(super) fn key<'a>(
        &mut self,
        topic: &str,
        key: Option<Key<'a>>,
        kind: RowKind,
        columns: &mut Vec<Column<'a>>,
    ) -> Option<Key<'a>> {
        let mut key = key?;
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        let is_only_key = columns.is_empty() && kind == RowKind::Delete;
        if is_of_document(&key) && (is_only_key || (has(ID) && !has("id"))) {
            if !self.topics.contains(topic) {
                self.topics.insert(topic.to_owned());
            }
            key = renamed(key);
        }
        if is_only_key {
            columns.clone_from(&key.columns);
        }
        Some(key)
    }

    pub(super) fn tombstone<'a>(&self, topic: &str, event: Event<'a>) -> Event<'a> {
        match event {
            Event::Tombstone { table, key: Some(key) } if self.topics.contains(topic) && is_of_document(&key) => {
                Event::Tombstone { table, key: Some(renamed(key)) }
            }
            event => event,
        }
    }
}

fn is_of_document(key: &Key<'_>) -> bool {
    matches!(key.columns.as_slice(), [Column { name, .. }] if name == "id")
}

fn renamed(mut key: Key<'_>) -> Key<'_> {
    for column in &mut key.columns {
        column.name = Cow::Borrowed(ID);
    }
    key.schema = key.schema.map(|schema| {
        let mut schema = RowSchema::clone(&schema);
        schema.fields.iter_mut().for_each(|field| ID.clone_into(&mut field.name));
        Arc::new(schema)
    });
    key
}
