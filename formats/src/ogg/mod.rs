//! Oracle `GoldenGate`'s messages in JSON, one operation each (`gg.handler.*.format=json`).
//!
//! Comes in: a [`Record`]. Goes out: an [`Event`] that borrows from it, whole or not at all. The row kinds are Flink's:
//!
//! | `op_type` | rows |
//! |---|---|
//! | I | `+I`(after) |
//! | U | `-U`(before), `+U`(after); `+U` alone without `before`; `-D`, `+I` when the key changed |
//! | D | `-D`(before), or of the Kafka key without `before` |
//! | T | [`Event::Truncate`] |
//!
//! An image holds the columns that are in the trail. One that is not was not sent: it is absent, or, where the formatter
//! writes `X_isMissing` beside each `X`, true there. So an update of a trail with compressed updates has the key and what
//! changed; what its `before` has beyond that is unchanged. A `before` of `{}` was not sent at all.
//!
//! `table` is `SCHEMA.TABLE`, or `CATALOG.SCHEMA.TABLE`. The key is that of `primary_keys`, which the formatter writes when
//! it is told to (`includePrimaryKeys`, or `${primarykeycolumns[primary_keys]}` in `metaColumnsTemplate`); without it that of
//! the Kafka key, where this is a JSON object. Any other Kafka key is text by a template (`keyMappingTemplate`) that no
//! message tells. Values state no types: a number may be a string (`mapLargeNumbersAsStrings`,
//! `treatAllColumnsAsStrings`), and texts are for the target's columns to understand. `op_ts` is in UTC
//! (`goldengate.userexit.timestamp=utc`).
//!
//! The Kafka Connect handler (`messageFormatting=op`) writes the same message, which Connect's converter may wrap with its
//! schema; then the types are the schema's.
//!
//! The message is described at
//! <https://docs.oracle.com/en/middleware/goldengate/big-data/19.1/gadbd/pluggable-formatters.html>, JSON formatter.

mod image;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::debezium::Stated;
use crate::debezium::memory::Memory;
use crate::error::{Error, ErrorKind};
use crate::json;
use crate::origin::Origin;
use crate::rebuilt::{self, Op, string};
use crate::record::Record;
use crate::row::{Change, Column, Event, Key, Row, RowKind, RowSchema, Table, Value};
use crate::unavailable::Placeholder;
use image::{Reading, columns_alone};

/// Decodes records of any number of topics and tables.
///
/// It remembers schemas by their text, the table that each topic's records belong to, for tombstones, which do not say,
/// and the last delete, to know its tombstone by. Nothing else of a record outlives the call.
///
/// ```
/// use rowkind_formats::{Decoder, Format, Record, Told, changelog};
///
/// let record = Record {
///     topic: "oracle",
///     partition: 0,
///     offset: 0,
///     key: None,
///     payload: Some(br#"{"table":"SHOP.ORDERS","op_type":"U","op_ts":"2025-11-21 04:40:00.123456",
///                        "pos":"00000000000000000143","primary_keys":["ID"],
///                        "before":{"ID":1,"STATE":"open"},"after":{"ID":1,"STATE":"paid"}}"#),
/// };
/// let mut decoder = Decoder::new(Format::OggJson, &Told::default());
/// assert_eq!(
///     changelog::text(&decoder.decode(&record)?),
///     "-U SHOP.ORDERS {\"ID\":1,\"STATE\":\"open\"}\n\
///      +U SHOP.ORDERS {\"ID\":1,\"STATE\":\"paid\"}\n"
/// );
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    memory: Memory,
}

/// The message, or `{"schema":…,"payload":…}` around it; a field that is null counts as absent.
#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,

    #[serde(borrow)]
    table: Option<&'a RawValue>,
    #[serde(borrow)]
    op_type: Option<&'a RawValue>,
    #[serde(borrow)]
    op_ts: Option<&'a RawValue>,
    #[serde(borrow)]
    pos: Option<&'a RawValue>,
    #[serde(borrow)]
    primary_keys: Option<&'a RawValue>,
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
}

/// A key's names, and its values where the Kafka key has them.
struct KeyOf<'a> {
    names: Vec<Cow<'a, str>>,
    of_record: Option<Key<'a>>,
}

impl Decoder {
    /// A decoder for columns whose types are stated beside their messages.
    pub fn new(columns: Vec<Stated>) -> Self {
        Self { memory: Memory::new(Placeholder::default(), columns) }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is not JSON, is no message of `GoldenGate`'s of an operation, or lacks a column of its key. No part of
    /// it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let record = &Record { key: record.key.filter(|key| key.trim_ascii_start().starts_with(b"{")), ..*record };
        let Some(payload) = record.payload else { return self.tombstone(record) };
        let parse = |text| json::parse::<Message<'a>>(text).map_err(|error| error.under("payload"));
        let top = parse(payload)?;
        let (message, schema) = match top.payload {
            Some(inner) if top.op_type.is_none() => (parse(inner.get().as_bytes())?, top.schema.map(RawValue::get)),
            _ => (top, None),
        };
        let op = message.op()?;
        let table = message.table()?;
        match op {
            Some(op) => self.change(record, &message, op, table, schema).map(Event::Change),
            None => Ok(Event::Truncate { table, origin: message.origin("t") }),
        }
    }

    fn change<'a>(
        &mut self,
        record: &Record<'a>,
        message: &Message<'a>,
        op: Op,
        table: Table<'a>,
        schema: Option<&str>,
    ) -> Result<Change<'a>, Error> {
        let memory = &mut self.memory;
        let schema = schema.map(|text| memory.schemas.of_envelope(text, record.topic)).transpose()?.map(columns_alone);
        let schema = schema.map(|schema| memory.stated.apply(&table, schema));
        let key = message.key(memory.key(record, Some(&table), schema.as_deref())?.map(plain))?;
        let stated = if schema.is_none() { memory.stated.of(&table) } else { &[] };
        let reading = Reading { schema: schema.as_deref(), stated };
        let rows = message.rows(op, reading, &key)?;
        memory.remember(record.topic, &table, schema.as_ref());
        if op == Op::Delete {
            memory.remember_delete(record);
        }
        Ok(Change { table, key: rebuilt::key(&key.names, &rows), schema, rows, origin: message.origin(op.letter()) })
    }

    /// The table is the one that the topic's records so far were of, when they were of one.
    fn tombstone<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let known = self.memory.table_of(record.topic).filter(|known| !known.is_one_of_several).cloned();
        let (table, schema): (Option<Table<'a>>, Option<Arc<RowSchema>>) =
            known.map_or((None, None), |known| (Some(known.table), known.schema));
        Ok(match self.memory.tombstone(record, table, schema.as_deref())? {
            Event::Tombstone { table, key } => Event::Tombstone { table, key: key.map(plain) },
            event => event,
        })
    }
}

impl<'a> Message<'a> {
    /// What the message does to a row; `None` for a truncate.
    fn op(&self) -> Result<Option<Op>, Error> {
        let expected = "the `op_type` of a message of GoldenGate's (is the format ogg-json?)";
        let op = string(self.op_type, "op_type")?;
        match &*op.ok_or_else(|| Error::new("op_type", ErrorKind::Missing { expected }))? {
            "I" => Ok(Some(Op::Insert)),
            "U" => Ok(Some(Op::Update)),
            "D" => Ok(Some(Op::Delete)),
            "T" => Ok(None),
            _ => {
                let expected = "one of the operations I, U, D, T (GoldenGate's `insertOpKey` … `truncateOpKey`)";
                Err(Error::new("op_type", ErrorKind::Malformed { expected, found: "string" }))
            }
        }
    }

    /// A point in a name cannot be told from one between two.
    fn table(&self) -> Result<Table<'a>, Error> {
        let missing = || Error::new("table", ErrorKind::Missing { expected: "the table's name" });
        let path = string(self.table, "table")?.ok_or_else(missing)?;
        let part = |at: usize| match &path {
            Cow::Borrowed(path) => path.split('.').nth(at).map(Cow::Borrowed),
            Cow::Owned(path) => path.split('.').nth(at).map(|part| Cow::Owned(part.to_owned())),
        };
        let (database, schema, name) = match path.matches('.').count() {
            0 => (None, None, part(0)),
            1 => (None, part(0), part(1)),
            2 => (part(0), part(1), part(2)),
            _ => {
                let expected = "a name such as SCHEMA.TABLE or CATALOG.SCHEMA.TABLE";
                return Err(Error::new("table", ErrorKind::Malformed { expected, found: "string" }));
            }
        };
        let filled = |name: Option<Cow<'a, str>>| name.filter(|name| !name.is_empty());
        Ok(Table { database: filled(database), schema: filled(schema), name: filled(name).ok_or_else(missing)? })
    }

    fn key(&self, of_record: Option<Key<'a>>) -> Result<KeyOf<'a>, Error> {
        let names = match self.primary_keys {
            Some(raw) => rebuilt::key_names(raw, "primary_keys")?,
            None => of_record.iter().flat_map(|key| &key.columns).map(|column| column.name.clone()).collect(),
        };
        Ok(KeyOf { names, of_record })
    }

    fn rows(&self, op: Op, reading: Reading<'_>, key: &KeyOf<'a>) -> Result<Vec<Row<'a>>, Error> {
        let image = |path: &str, raw: Option<&'a RawValue>| {
            raw.map(|raw| reading.image(raw)).transpose().map_err(|error| error.under(path))
        };
        let before = image("before", self.before)?.filter(|image| !image.columns.is_empty());
        if op == Op::Delete {
            let row = match (before, &key.of_record) {
                (Some(before), _) => before.into_row(RowKind::Delete),
                (None, Some(key)) => rebuilt::row(RowKind::Delete, key.columns.clone()),
                (None, None) => {
                    let expected = "the deleted row, since the Kafka key is no JSON object";
                    return Err(Error::new("before", ErrorKind::Missing { expected }));
                }
            };
            rebuilt::check_key(&key.names, &row.columns).map_err(|error| error.under("before"))?;
            return Ok(vec![row]);
        }
        let expected = "the row after the change (GoldenGate's `format` has to be json, not json_row)";
        let after = image("after", self.after)?;
        let after = after.ok_or_else(|| Error::new("after", ErrorKind::Missing { expected }))?;
        let mut rows = Vec::with_capacity(2);
        match (op, before) {
            (Op::Insert, _) => rows.push(after.into_row(RowKind::Insert)),
            (_, None) => rows.push(after.into_row(RowKind::UpdateAfter)),
            (_, Some(before)) => image::push_update(&mut rows, before, after, &key.names),
        }
        if let Some(row) = rows.last() {
            rebuilt::check_key(&key.names, &row.columns).map_err(|error| error.under("after"))?;
        }
        Ok(rows)
    }

    fn origin(&self, op: &'static str) -> Origin<'a> {
        Origin::of_trail(op, self.op_ts, self.pos)
    }
}

/// The key with texts as the rows have them.
fn plain(mut key: Key<'_>) -> Key<'_> {
    for Column { value, .. } in &mut key.columns {
        if let Value::Untyped(text) = value {
            *value = Value::Text(std::mem::take(text));
        }
    }
    key
}
