//! Records that take rows away and say nothing of them: tombstones and truncates.

use rowkind_formats::{Key, Record, Row, RowKind, Table};

use super::catalog::Catalog;
use super::plan::{Need, Planner, Refusal, Taken};
use super::tables::Tables;
use super::{rows, writes};
use crate::route::{DeletePolicy, KeyBy};

impl Planner {
    /// A tombstone deletes by key. Behind its own delete that finds nothing. Where the table is not known, no record of
    /// the topic was read before it, and the topic's name is tried as `prefix.schema.table`.
    pub(super) fn take_tombstone<'a>(
        &mut self,
        (record, index): (&Record<'a>, usize),
        table: Option<Table<'a>>,
        key: Key<'a>,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
    ) -> Result<Taken, Refusal> {
        let is_certain = table.is_some();
        let Some(table) = table.or_else(|| table_of_topic(record.topic)) else {
            return Ok(Taken::Done);
        };
        let (route, modes) = (self.routes.of(record.topic), self.modes);
        let (Ok(name), Some(key)) = (route.target(&table, record.topic), route.reshape_key(key)) else {
            return Ok(Taken::Done);
        };
        if matches!(route.key, KeyBy::Nothing | KeyBy::Row) || route.delete == DeletePolicy::Ignore {
            return Ok(Taken::Done);
        }
        let target = match catalog.get(&name) {
            Some(Some(target)) => target,
            Some(None) => return Ok(Taken::Done),
            None => return Ok(Taken::Missing(name, Need::Removal)),
        };
        let row = Row { kind: RowKind::Delete, columns: key.columns.clone(), not_sent: Vec::new() };
        let names = match writes::key_of(target, Some(&key), record.topic) {
            Ok(names) => names,
            Err(_) if !is_certain => return Ok(Taken::Done),
            Err(refusal) => return Err(refusal),
        };
        let bytes = writes::key_bytes(&row, None, (target, names), modes)?;
        let Some(batch) = tables.of(name).keyed_by(names) else {
            return Ok(Taken::OtherKey);
        };
        match &route.delete {
            DeletePolicy::Soft(column) => {
                let mark = rows::mark(row, names, column, (target, None));
                batch.mark(bytes, mark, index);
            }
            DeletePolicy::Hard | DeletePolicy::Ignore => batch.delete(bytes),
        }
        Ok(Taken::Done)
    }

    pub(super) fn take_truncate<'a>(
        &mut self,
        record: &Record<'a>,
        table: &Table<'a>,
        catalog: &Catalog,
        tables: &mut Tables<'a>,
    ) -> Result<Taken, Refusal> {
        let route = self.routes.of(record.topic);
        let name = route.target(table, record.topic)?;
        match catalog.get(&name) {
            Some(Some(_)) => {}
            Some(None) => return Ok(Taken::Done),
            None => return Ok(Taken::Missing(name, Need::Removal)),
        }
        tables.of(name).batch.truncate();
        Ok(Taken::Done)
    }
}

/// `prefix.schema.table`, as Debezium names a topic whose names need no adjustment.
fn table_of_topic(topic: &str) -> Option<Table<'_>> {
    let (rest, name) = topic.rsplit_once('.')?;
    let (_, schema) = rest.rsplit_once('.')?;
    Some(Table { database: None, schema: Some(schema.into()), name: name.into() })
}
