//! Rows without envelopes, by their keys: what Debezium's `ExtractNewRecordState` and Flink's upsert-kafka write.
//!
//! They are described at <https://debezium.io/documentation/reference/stable/transformations/event-flattening.html> and
//! <https://nightlies.apache.org/flink/flink-docs-stable/docs/connectors/table/upsert-kafka/>.

use super::changes::{Op, ops};
use super::output::Output;
use super::wrapped::Converter;
use crate::debezium::envelope::wrapped;
use crate::error::{Error, ErrorKind};
use crate::flattened::{Added, asides};
use crate::json::{self, Fields};
use crate::row::{Change, Event, Row};

/// Encodes rows and tombstones.
#[derive(Debug)]
pub(super) struct Encoder {
    is_with_schema: bool,
    converter: Converter,
    key: String,
    payload: String,
}

impl Encoder {
    pub(super) fn new(is_with_schema: bool) -> Self {
        let converter = Converter::new(is_with_schema);
        Self { is_with_schema, converter, key: String::new(), payload: String::new() }
    }

    pub(super) fn encode(&mut self, event: &Event<'_>, output: &mut Output) -> Result<(), Error> {
        match event {
            Event::Change(change) => self.change(change, output),
            Event::Tombstone { table, key: Some(key) } => {
                self.converter.tombstone(table.as_ref(), key, &mut self.key, output)
            }
            Event::Truncate { .. } => {
                let expected = "rows (upserts cannot say that a table was truncated)";
                Err(Error::new("op", ErrorKind::Unexpected { expected, found: "a truncate" }))
            }
            Event::Tombstone { key: None, .. } | Event::Aside(_) => Ok(()),
        }
    }

    fn change(&mut self, change: &Change<'_>, output: &mut Output) -> Result<(), Error> {
        let missing = || Error::new("key", ErrorKind::Missing { expected: "a primary key, which upserts go by" });
        let key = change.key.as_ref().ok_or_else(missing)?;
        let connector = if self.is_with_schema { change.origin.field("name") } else { None };
        let mut writing = self.converter.of_change(change, connector.as_deref())?;
        for (row, is_there) in ops(change).flat_map(rows).flatten() {
            writing.key(&mut self.key, key, Some(row)).map_err(|error| error.under("key"))?;
            let payload = if is_there {
                let written = writing.row(&mut self.payload, row);
                let bare = written.map_err(|error| error.under("payload"))?;
                let bare = self.payload.get(bare).unwrap_or_default();
                check_is_row(row, bare, &self.key).map_err(|error| error.under("payload"))?;
                Some(&*self.payload)
            } else {
                None
            };
            output.push(Some(&*self.key), payload);
        }
        Ok(())
    }
}

/// The rows that are written of what happened to one, and whether each is there from now on.
fn rows<'e, 'a>(op: Op<'e, 'a>) -> [Option<(&'e Row<'a>, bool)>; 2] {
    match op {
        Op::Insert(row) | Op::Update { after: row, .. } => [Some((row, true)), None],
        Op::KeyChange { before, after } => [Some((before, false)), Some((after, true))],
        Op::Delete(row) => [Some((row, false)), None],
    }
}

/// Names of which one is in every message that is no row: a transaction's, DDL, a notification, an envelope, a heartbeat,
/// and what a converter wraps around a row.
const TELLING: [&str; 6] = ["event_count", "ddl", "aggregate_type", "source", "ts_ms", "payload"];

/// A row must not pass for something else, and none of its columns for what the transform adds to rows.
fn check_is_row(row: &Row<'_>, bare: &str, key: &str) -> Result<(), Error> {
    let mut is_added = Added::default();
    if let Some(column) = row.columns.iter().find(|column| is_added.is(&column.name)) {
        let (expected, found) = ("the name of a column", "one that is given to what is added to rows");
        return Err(Error::new(&*column.name, ErrorKind::Unexpected { expected, found }));
    }
    if row.columns.iter().any(|column| TELLING.contains(&&*column.name)) {
        let Fields(fields) = json::parse(bare.as_bytes())?;
        if wrapped(&fields).is_some() || !matches!(asides::of(&fields, Some(key.as_bytes())), Ok(None)) {
            let (expected, found) = ("a row", "one with the columns of a message that is none");
            return Err(Error::new("", ErrorKind::Unexpected { expected, found }));
        }
    }
    Ok(())
}
