//! A staged table: the rows of a table of the target as they should be, as far as records were about them.

use std::collections::BTreeSet;

use super::super::catalog::{TargetColumn, TargetTable};
use crate::route::TargetName;

/// A staged table.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) name: TargetName,
    /// The keys that were touched, and whether their rows have gone.
    pub(super) keys: TargetName,
    /// The columns that rows go by; empty as long as there are none.
    pub(super) key: Vec<String>,
    /// The table that it stands for; `None` where the target does not have it.
    pub(super) live: Option<TargetTable>,
    pub(super) columns: Vec<TargetColumn>,
    /// The columns that records have sent.
    pub(super) sent: BTreeSet<String>,
    /// Whether the range is about a row of it.
    pub(super) is_touched: bool,
    /// Whether its rows go by no key: which of them a record is about is not known, and none is staged.
    pub(super) is_keyless: bool,
    /// Whether the range empties the table: then no other rows are in it but those that were touched since.
    pub(super) is_emptied: bool,
}

impl Staged {
    pub(super) fn new(name: &TargetName) -> Self {
        let keys = TargetName { schema: name.schema.clone(), table: format!("{}_keys", name.table) };
        Self {
            name: name.clone(),
            keys,
            key: Vec::new(),
            live: None,
            columns: Vec::new(),
            sent: BTreeSet::new(),
            is_touched: false,
            is_keyless: false,
            is_emptied: false,
        }
    }

    /// The columns that records have sent, and the target has.
    pub(super) fn sent(&self) -> impl Iterator<Item = &TargetColumn> {
        self.shown().into_iter().filter(|column| self.sent.contains(&column.name))
    }

    /// The columns that can be compared: those of the staged table that the target has too.
    pub(super) fn shown(&self) -> Vec<&TargetColumn> {
        let is_there = |column: &&TargetColumn| {
            let has = |live: &TargetTable| live.columns.iter().any(|there| there.name == column.name);
            !column.is_generated && self.live.as_ref().is_none_or(has)
        };
        self.columns.iter().filter(is_there).collect()
    }

    pub(super) fn title(&self) -> &TargetName {
        self.live.as_ref().map_or(&self.name, |live| &live.name)
    }
}
