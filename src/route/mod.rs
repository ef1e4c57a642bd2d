//! Which table a change goes to, and in which shape.
//!
//! Comes in: a decoded [`Change`] and the topic it came in. Goes out: the [`TargetName`] and the change as the target is
//! to see it: columns chosen and renamed, the key that its rows go by, metadata columns added. Pure; knows no SQL and
//! no catalog.

mod columns;
mod metadata;
mod target;

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;
use rowkind_formats::{Change, ColumnType, Field, Key, Table};

use crate::query::{NoValue, Place, Query};

pub use columns::Columns;
pub use metadata::{Metadata, MetadataColumn};
pub use target::{TableTemplate, TargetName, TopicTemplate, Unnamed, quoted, unusable};

/// What is done with the changes of some topics.
#[derive(Debug, Clone)]
pub struct Route {
    /// The topics that it is for.
    pub topics: Topics,
    /// The target table.
    pub table: TableTemplate,
    /// The target topic, where that is not the one of all.
    pub topic: Option<TopicTemplate>,
    /// Which columns, under which names.
    pub columns: Columns,
    /// What is selected of them in SQL; then `columns` are all.
    pub query: Option<Arc<Query>>,
    /// What the rows go by.
    pub key: KeyBy,
    /// Columns that say where a row comes from, in this order behind its own.
    pub metadata: Vec<MetadataColumn>,
    /// What a delete does.
    pub delete: DeletePolicy,
}

/// The topics that a route is for.
#[derive(Debug, Clone)]
pub enum Topics {
    /// All.
    All,
    /// These.
    Named(Vec<String>),
    /// Those whose name matches.
    Pattern(Regex),
}

/// What the rows of a target table go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyBy {
    /// The record's key; the target's primary key where the record has none; all columns where neither has one.
    Record,
    /// These columns of the row, by their names at the source; of a query by those of its result.
    Columns(Vec<String>),
    /// All columns of the row. There may be equal ones: a delete is of one of them.
    Row,
    /// Nothing: every row is appended.
    Nothing,
}

/// What a delete of the source does to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletePolicy {
    /// The row goes.
    Hard,
    /// The row stays, and this column of it says so: `true`, or the time of the delete where it is a timestamp.
    Soft(String),
    /// The row stays as it is.
    Ignore,
}

/// What a target table has to look like, as far as its records say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The columns.
    pub fields: Vec<Field>,
    /// The primary key's columns; empty for records without a key.
    pub key: Vec<String>,
}

/// All routes of a pipeline. The first one that is for a topic counts.
#[derive(Debug, Clone)]
pub struct Routes {
    routes: Vec<Route>,
    /// Index in `routes` by topic.
    by_topic: HashMap<String, usize, foldhash::fast::RandomState>,
}

impl Routes {
    /// Routes in the order in which they are tried. `last` is for all topics.
    pub fn new(mut routes: Vec<Route>, last: Route) -> Self {
        routes.push(Route { topics: Topics::All, ..last });
        Self { routes, by_topic: HashMap::default() }
    }

    /// Whether all rows go by the keys of their records, as far as these have one.
    pub fn go_by_records(&self) -> bool {
        self.routes.iter().all(|route| route.key == KeyBy::Record && route.query.is_none())
    }

    /// The route of a topic.
    pub fn of(&mut self, topic: &str) -> &Route {
        let at = if let Some(at) = self.by_topic.get(topic) {
            *at
        } else {
            let at = self.routes.iter().position(|route| route.topics.has(topic));
            let at = at.expect("the last route is for all topics");
            self.by_topic.insert(topic.to_owned(), at);
            at
        };
        &self.routes[at]
    }
}

impl Topics {
    fn has(&self, topic: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name == topic),
            Self::Pattern(pattern) => pattern.is_match(topic),
        }
    }
}

impl Route {
    /// A route that changes nothing but the table's name.
    pub fn to(table: TableTemplate) -> Self {
        Self {
            topics: Topics::All,
            table,
            topic: None,
            columns: Columns::default(),
            query: None,
            key: KeyBy::Record,
            metadata: Vec::new(),
            delete: DeletePolicy::Hard,
        }
    }

    /// The target of a source table.
    ///
    /// # Errors
    ///
    /// When the template uses a name that the source does not have.
    pub fn target(&self, table: &Table<'_>, topic: &str) -> Result<TargetName, Unnamed> {
        self.table.target(table, topic)
    }

    /// The columns and the primary key that the target needs; `None` for events without a schema. `change` is as it is
    /// after [`reshape`](Self::reshape).
    pub fn shape(&self, change: &Change<'_>) -> Option<Shape> {
        let mut fields = self.columns.fields(change.schema.as_ref()?, change.key.as_ref());
        let key = change.key.iter().flat_map(|key| &key.columns).map(|column| column.name.to_string()).collect();
        let added = self.metadata.iter().map(MetadataColumn::field);
        let deleted = match &self.delete {
            DeletePolicy::Soft(column) => Some(Field::new(column.clone(), ColumnType::Boolean)),
            DeletePolicy::Hard | DeletePolicy::Ignore => None,
        };
        fields.extend(added.chain(deleted));
        Some(Shape { fields, key })
    }

    /// The key of a tombstone as the target sees it; `None` when it is not what the rows go by.
    pub fn reshape_key<'a>(&self, key: Key<'a>) -> Option<Key<'a>> {
        let key = match &self.query {
            Some(query) => query.key(key)?,
            None => self.columns.reshape_key(key)?,
        };
        match &self.key {
            KeyBy::Columns(names) => {
                let names = names.iter().map(|name| self.columns.target_name(name));
                let column = |name| key.columns.iter().find(|column| column.name == name).cloned();
                Some(Key { columns: names.map(column).collect::<Option<_>>()?, schema: None })
            }
            KeyBy::Record | KeyBy::Row | KeyBy::Nothing => Some(key),
        }
    }

    /// The columns that rows go by, by their names at the source; `None` where they go by something else.
    pub fn source_key(&self) -> Option<Vec<&str>> {
        let KeyBy::Columns(names) = &self.key else { return None };
        match &self.query {
            Some(query) => names.iter().map(|name| query.source_of(name)).collect(),
            None => Some(names.iter().map(String::as_str).collect()),
        }
    }

    /// The change as the target sees it, without its metadata columns. A query may leave no row of it.
    ///
    /// # Errors
    ///
    /// When a value cannot be what a query makes of it.
    pub fn reshape<'a>(&self, change: &mut Change<'a>, place: Place<'_, 'a>) -> Result<(), NoValue> {
        match &self.query {
            Some(query) => query.apply(change, place)?,
            None => self.columns.reshape(change),
        }
        match &self.key {
            KeyBy::Record => {}
            KeyBy::Row | KeyBy::Nothing => change.key = None,
            KeyBy::Columns(names) => {
                let names: Vec<&str> = names.iter().map(|name| self.columns.target_name(name)).collect();
                columns::key_by(change, &names);
            }
        }
        Ok(())
    }
}
