//! What an encoder keeps from event to event: the schema of each table, and what it made of that.

use std::collections::HashMap;
use std::sync::Arc;

use crate::row::{RowSchema, Table};

/// By table, of those whose events carry a schema.
#[derive(Debug)]
pub(super) struct Tables<T> {
    places: HashMap<Table<'static>, usize, foldhash::fast::RandomState>,
    known: Vec<Known<T>>,
}

/// A table as its last event had it.
#[derive(Debug)]
pub(super) struct Known<T> {
    pub(super) schema: Arc<RowSchema>,
    pub(super) made: T,
}

/// Memory is bounded also when there is no end of tables.
const MAX_TABLES: usize = 4_096;

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Self { places: HashMap::default(), known: Vec::new() }
    }
}

impl<T: Default> Tables<T> {
    /// The table, and what was made of its schema; nothing yet when that is another than the last.
    pub(super) fn with(&mut self, table: &Table<'_>, schema: &Arc<RowSchema>) -> &mut Known<T> {
        let place = match self.place(table) {
            Some(place) => place,
            None => self.add(table, schema),
        };
        let known = self.known.get_mut(place).expect("a place is that of a table that is known");
        if !Arc::ptr_eq(&known.schema, schema) {
            if known.schema != *schema {
                known.made = T::default();
            }
            known.schema = Arc::clone(schema);
        }
        known
    }

    /// The table as its events so far had it.
    pub(super) fn get(&mut self, table: &Table<'_>) -> Option<&mut Known<T>> {
        let place = self.place(table)?;
        self.known.get_mut(place)
    }

    fn place<'a>(&self, table: &Table<'a>) -> Option<usize> {
        let places: &HashMap<Table<'a>, usize, _> = &self.places;
        places.get(table).copied()
    }

    fn add(&mut self, table: &Table<'_>, schema: &Arc<RowSchema>) -> usize {
        if self.known.len() >= MAX_TABLES {
            self.known.clear();
            self.places.clear();
        }
        self.known.push(Known { schema: Arc::clone(schema), made: T::default() });
        let place = self.known.len() - 1;
        self.places.insert(table.clone().into_owned(), place);
        place
    }
}
