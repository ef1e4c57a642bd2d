//! Which target tables a topic may bring rows of, as far as its name and its route tell.

use crate::route::{Routes, TargetName};

/// Which tables a topic may bring rows of.
#[derive(Debug, Clone)]
pub(super) enum Holds {
    /// The one of this name.
    Table(String),
    /// Those whose name has the topic's last part in it, as nearly all topics are named.
    Like(String),
}

impl Holds {
    pub(super) fn of(topic: &str, routes: &mut Routes) -> Self {
        match routes.of(topic).table.fixed() {
            Some(table) => Self::Table(table),
            None => Self::Like(topic.rsplit('.').next().unwrap_or(topic).to_owned()),
        }
    }

    pub(super) fn may_be(&self, table: &TargetName) -> bool {
        match self {
            Self::Table(name) => table.table == *name,
            Self::Like(part) => table.table.contains(part),
        }
    }
}
