//! `[[route]]` of the file: what is done with the changes of some topics. In the file alone, since each is a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use serde::Deserialize;

use super::{ChangelogSink, ConfigError, Sink};
use crate::near;
use crate::query::{Declared, Query};
use crate::route::{
    Columns, DeletePolicy, KeyBy, Metadata, MetadataColumn, Route, TableTemplate, TopicTemplate, Topics,
};
use crate::sink::postgres::modes::Modes;

/// A route as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedRoute {
    topics: Option<Vec<String>>,
    topic_pattern: Option<String>,
    table: Option<String>,
    topic: Option<String>,
    declare: Option<Vec<String>>,
    select: Option<Vec<String>>,
    r#where: Option<String>,
    include: Option<Vec<String>>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    rename: BTreeMap<String, String>,
    key: Option<TypedKey>,
    #[serde(default)]
    append: bool,
    metadata: Option<BTreeMap<String, String>>,
    delete: Option<String>,
    deleted_column: Option<String>,
}

/// What rows go by, as it was typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected the names of columns, or \"row\"")]
enum TypedKey {
    Columns(Vec<String>),
    Word(String),
}

/// What a route does where it says nothing.
pub(super) struct Defaults<'a> {
    pub(super) table: &'a TableTemplate,
    pub(super) delete: &'a str,
    pub(super) deleted_column: &'a str,
    pub(super) metadata: &'a [MetadataColumn],
    pub(super) modes: Modes,
}

impl TypedRoute {
    /// What the route means. `origin` says where it was typed.
    pub(super) fn read(&self, origin: &str, defaults: &Defaults<'_>, sink: &Sink) -> Result<Route, ConfigError> {
        let invalid = |what: String| ConfigError::new(format!("{origin}: {what}"));
        if let Some(key) = self.not_for(sink) {
            return Err(invalid(format!("`{key}` means nothing to this `sink.type`")));
        }
        let topics = match (&self.topics, &self.topic_pattern) {
            (Some(names), None) => Topics::Named(names.clone()),
            (None, Some(pattern)) => Topics::Pattern(
                Regex::new(pattern)
                    .map_err(|error| invalid(format!("`topic_pattern` is no regular expression: {error}")))?,
            ),
            (None, None) => Topics::All,
            (Some(_), Some(_)) => return Err(invalid("`topics` and `topic_pattern` exclude each other".to_owned())),
        };
        let table = match &self.table {
            None => defaults.table.clone(),
            Some(text) => TableTemplate::parse(text).ok_or_else(|| {
                invalid("`table`: expected a name such as \"{schema}.{table}\" or \"sales.orders\"".to_owned())
            })?,
        };
        let key = match (&self.key, self.append) {
            (Some(_), true) => return Err(invalid("`key` and `append` exclude each other".to_owned())),
            (Some(TypedKey::Columns(names)), false) if names.is_empty() => {
                return Err(invalid("`key` names no column".to_owned()));
            }
            (Some(TypedKey::Columns(names)), false) => KeyBy::Columns(names.clone()),
            (Some(TypedKey::Word(word)), false) if word == "row" => KeyBy::Row,
            (Some(TypedKey::Word(_)), false) => {
                return Err(invalid("`key`: expected the names of columns, or \"row\"".to_owned()));
            }
            (None, true) => KeyBy::Nothing,
            (None, false) => KeyBy::Record,
        };
        let column = self.deleted_column.as_deref().unwrap_or(defaults.deleted_column);
        let word = self.delete.as_deref().unwrap_or(defaults.delete);
        let delete = delete_policy(word, column).ok_or_else(|| {
            let hint = near::hint(word, ["hard", "soft", "ignore"]);
            invalid(format!("`delete`: expected one of hard, soft, ignore{hint}"))
        })?;
        if matches!(key, KeyBy::Nothing | KeyBy::Row) && matches!(delete, DeletePolicy::Soft(_)) {
            return Err(invalid(
                "`delete = \"soft\"` needs a key, and neither `append` nor `key = \"row\"` is one".to_owned(),
            ));
        }
        let metadata = match &self.metadata {
            None => defaults.metadata.to_vec(),
            Some(columns) => columns
                .iter()
                .map(|(name, word)| metadata_column(name, word).ok_or_else(|| invalid(expected_metadata(name))))
                .collect::<Result<_, _>>()?,
        };
        let columns = Columns {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            rename: self.rename.clone().into_iter().collect(),
        };
        let query = self.query(&columns, defaults.modes).map_err(invalid)?;
        if let (Some(query), KeyBy::Columns(names)) = (&query, &key)
            && let Some(name) = names.iter().find(|name| !query.columns().any(|(known, _)| known == name.as_str()))
        {
            let hint = near::hint(name, query.columns().map(|(known, _)| known));
            return Err(invalid(format!("`key`: no column `{name}` is selected{hint}")));
        }
        let topic = match &self.topic {
            None => None,
            Some(text) => Some(TopicTemplate::parse(text).ok_or_else(|| {
                invalid("`topic`: expected a name such as \"out.{schema}.{table}\" or \"orders\"".to_owned())
            })?),
        };
        Ok(Route { topics, table, topic, columns, query: query.map(Arc::new), key, metadata, delete })
    }

    /// What is selected, where that is said in SQL.
    fn query(&self, columns: &Columns, modes: Modes) -> Result<Option<Query>, String> {
        let Some(declared) = &self.declare else {
            let typed = [("select", self.select.is_some()), ("where", self.r#where.is_some())];
            return match typed.iter().find(|(_, is_typed)| *is_typed) {
                None => Ok(None),
                Some((key, _)) => Err(format!("`{key}`: its columns have to be declared: set `declare`")),
            };
        };
        if !columns.is_all() {
            return Err("`declare` with `select`, and `include`, `exclude` and `rename` exclude each other".to_owned());
        }
        let declared =
            declared.iter().map(|text| Declared::read(text).map_err(|error| format!("`declare`, {text}: {error}")));
        let declared = declared.collect::<Result<Vec<_>, _>>()?;
        let query = Query::new(declared, self.select.as_deref(), self.r#where.as_deref(), modes);
        query.map(Some).map_err(|error| format!("`select`: {error}"))
    }

    /// Leaves what means something to a topic that is not the route's own.
    pub(super) fn leave_to_topic(&mut self) {
        let Self { topics, topic_pattern, declare, select, r#where, include, exclude, rename, key, .. } = self.clone();
        *self =
            Self { topics, topic_pattern, declare, select, r#where, include, exclude, rename, key, ..Self::default() };
    }

    /// A key that was typed and that the sink has no use for.
    fn not_for(&self, sink: &Sink) -> Option<&'static str> {
        let (is_postgres, is_kafka) = match sink {
            Sink::Postgres(_) => (true, false),
            Sink::Changelog(changelog) => (false, matches!(changelog.sink, ChangelogSink::Kafka(_))),
        };
        let keys = [
            ("table", self.table.is_some() && !is_postgres),
            ("append", self.append && !is_postgres),
            ("metadata", self.metadata.is_some() && !is_postgres),
            ("delete", self.delete.is_some() && !is_postgres),
            ("deleted_column", self.deleted_column.is_some() && !is_postgres),
            ("topic", self.topic.is_some() && !is_kafka),
        ];
        keys.iter().find(|(_, is_useless)| *is_useless).map(|(key, _)| *key)
    }
}

pub(super) fn delete_policy(word: &str, column: &str) -> Option<DeletePolicy> {
    Some(match word {
        "hard" => DeletePolicy::Hard,
        "soft" => DeletePolicy::Soft(column.to_owned()),
        "ignore" => DeletePolicy::Ignore,
        _ => return None,
    })
}

/// `column = "word"`.
pub(super) fn metadata_column(name: &str, word: &str) -> Option<MetadataColumn> {
    let holds = Metadata::WORDS.iter().find(|(known, _)| *known == word).map(|(_, holds)| *holds)?;
    Some(MetadataColumn { name: name.to_owned(), holds })
}

pub(super) fn expected_metadata(name: &str) -> String {
    let words: Vec<&str> = Metadata::WORDS.iter().map(|(word, _)| *word).collect();
    format!("metadata column `{name}`: expected one of {}", words.join(", "))
}
