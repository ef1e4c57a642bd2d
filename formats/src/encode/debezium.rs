//! Debezium's envelopes in JSON.
//!
//! The envelope is described at
//! <https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events>; Flink's form of it,
//! with `d` and `c` alone, at <https://nightlies.apache.org/flink/flink-docs-stable/docs/connectors/table/formats/debezium/>.

use super::changes::{Op, ops};
use super::connect::ConnectValue;
use super::output::Output;
use super::source::{Source, of_block};
use super::wrapped::{Converter, Envelope};
use super::{Envelopes, Updates};
use crate::error::{Error, ErrorKind};
use crate::origin::Origin;
use crate::row::{Change, Event, Row};

/// Encodes envelopes.
#[derive(Debug)]
pub(super) struct Encoder {
    envelopes: Envelopes,
    converter: Converter,
    key: String,
    payload: String,
}

/// One envelope, before anything is written.
#[derive(Debug, Clone, Copy)]
struct Message<'e, 'a> {
    op: &'static str,
    before: Option<&'e Row<'a>>,
    after: Option<&'e Row<'a>>,
    /// Whether the row is gone for good, so that a tombstone follows.
    is_last: bool,
}

impl Encoder {
    pub(super) fn new(is_with_schema: bool, envelopes: Envelopes) -> Self {
        Self { envelopes, converter: Converter::new(is_with_schema), key: String::new(), payload: String::new() }
    }

    pub(super) fn encode(&mut self, event: &Event<'_>, output: &mut Output) -> Result<(), Error> {
        match event {
            Event::Change(change) => self.change(change, output),
            Event::Tombstone { table, key: Some(key) } => {
                self.converter.tombstone(table.as_ref(), key, &mut self.key, output)
            }
            Event::Truncate { .. } if self.envelopes.updates == Updates::CreateDelete => {
                let expected = "rows (among `c` and `d` there is no word for a truncate)";
                Err(Error::new("op", ErrorKind::Unexpected { expected, found: "a truncate" }))
            }
            Event::Truncate { table, origin } => {
                let source = Source::of(Some(origin), table);
                let envelope = Envelope { op: "t", before: None, after: None, source: &source, transaction: None };
                self.converter.of_table(table).envelope(&mut self.payload, envelope)?;
                output.push(None, Some(&self.payload));
                Ok(())
            }
            Event::Tombstone { key: None, .. } | Event::Aside(_) => Ok(()),
        }
    }

    fn change(&mut self, change: &Change<'_>, output: &mut Output) -> Result<(), Error> {
        let source = Source::of(Some(&change.origin), &change.table);
        let transaction = transaction(&change.origin);
        let mut wrapped = self.converter.of_change(change, source.text("name"))?;
        let is_snapshot = change.origin.op.as_deref() == Some("r");
        for message in ops(change).flat_map(|op| messages(op, self.envelopes.updates, is_snapshot)).flatten() {
            let Message { op, before, after, is_last } = message;
            let key = match &change.key {
                Some(key) => {
                    wrapped.key(&mut self.key, key, after.or(before)).map_err(|error| error.under("key"))?;
                    Some(&*self.key)
                }
                None => None,
            };
            let envelope = Envelope { op, before, after, source: &source, transaction: transaction.as_ref() };
            wrapped.envelope(&mut self.payload, envelope)?;
            output.push(key, Some(&self.payload));
            if is_last && self.envelopes.tombstones && key.is_some() {
                output.push(key, None);
            }
        }
        Ok(())
    }
}

/// The envelopes of what happened to a row: one, or the two of a row that goes and comes.
fn messages<'e, 'a>(op: Op<'e, 'a>, updates: Updates, is_snapshot: bool) -> [Option<Message<'e, 'a>>; 2] {
    let created = |op, row| Message { op, before: None, after: Some(row), is_last: false };
    let deleted = |row, is_last| Message { op: "d", before: Some(row), after: None, is_last };
    match (op, updates) {
        (Op::Insert(row), Updates::Update) if is_snapshot => [Some(created("r", row)), None],
        (Op::Insert(row), _) | (Op::Update { before: None, after: row }, Updates::CreateDelete) => {
            [Some(created("c", row)), None]
        }
        (Op::Update { before, after }, Updates::Update) => {
            [Some(Message { op: "u", before, after: Some(after), is_last: false }), None]
        }
        (Op::Update { before: Some(before), after }, Updates::CreateDelete) => {
            [Some(deleted(before, false)), Some(created("c", after))]
        }
        (Op::KeyChange { before, after }, _) => [Some(deleted(before, true)), Some(created("c", after))],
        (Op::Delete(row), _) => [Some(deleted(row, true)), None],
    }
}

/// The `transaction` block, where the event has one with all of its fields.
fn transaction<'e>(origin: &'e Origin<'_>) -> Option<ConnectValue<'e>> {
    let mut fields = of_block(origin.transaction_block()?);
    fields.retain(|(name, value)| match value {
        ConnectValue::String(_) => name == "id",
        ConnectValue::Int(_) => name == "total_order" || name == "data_collection_order",
        _ => false,
    });
    (fields.len() == 3).then_some(ConnectValue::Struct(fields))
}
