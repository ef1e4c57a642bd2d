//! Which transaction an envelope belongs to, or a message of the transaction topic.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Decoder;
use crate::avro::{Datum, Framed};
use crate::error::Error;
use crate::json::{self, Json};
use crate::membership::{Collection, Membership, missing, same_in_all};
use crate::record::Record;
use crate::row::Table;

/// What is looked at of a payload in JSON, wrapped with its schema or not. A field that is null counts as absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    op: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    transaction: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    data_collections: Option<&'a RawValue>,
    /// Of a `CloudEvent`.
    #[serde(borrow, rename = "iodebeziumop")]
    event_op: Option<&'a RawValue>,
}

/// The same parts, whatever they were written in.
#[derive(Debug, Default)]
struct Parts<'a> {
    op: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    collections: Vec<Collection<'a>>,
    block: Option<Block<'a>>,
    table: Table<'a>,
}

/// An envelope's `transaction`.
#[derive(Debug, Default)]
struct Block<'a> {
    id: Option<Cow<'a, str>>,
    order: Option<u64>,
    total_order: Option<u64>,
}

impl Decoder {
    /// Which transaction a record belongs to.
    ///
    /// # Errors
    ///
    /// When the record is not JSON, or not of its schema, or lacks a part of what it says of its transaction.
    pub fn membership<'a>(&self, record: &Record<'a>) -> Result<Membership<'a>, Error> {
        let Some(bytes) = record.payload else { return Ok(Membership::None) };
        let parts = match Framed::of(bytes) {
            Some(framed) => {
                let writer = self.memory.writers.get(framed.id).map_err(|error| error.under("payload"))?;
                of_avro(Datum::of(framed, &writer.schema))
            }
            None => of_json(bytes),
        };
        parts.map_err(|error| error.under("payload"))?.membership()
    }
}

impl<'a> Parts<'a> {
    fn membership(self) -> Result<Membership<'a>, Error> {
        let Self { op, status, id, collections, block, table } = self;
        if let Some(op) = op {
            return match block {
                Some(block) if op != "m" => block.event(table, op == "t"),
                // a truncate of MySQL's is of none, being DDL there
                None if matches!(&*op, "c" | "u" | "d") => Ok(Membership::Untold),
                _ => Ok(Membership::None),
            };
        }
        let transaction = id.map(same_in_all);
        match (status.as_deref(), transaction) {
            (Some("BEGIN"), Some(transaction)) => Ok(Membership::Begin(transaction)),
            (Some("END"), Some(transaction)) => Ok(Membership::End { transaction, collections }),
            _ => Ok(Membership::None),
        }
    }
}

impl<'a> Block<'a> {
    fn event(self, table: Table<'a>, is_truncate: bool) -> Result<Membership<'a>, Error> {
        let id = self.id.ok_or_else(|| missing("transaction.id", "the transaction's id"))?;
        let order = self.order.ok_or_else(|| {
            missing("transaction.data_collection_order", "which one it is of the transaction's events of this table")
        })?;
        let (transaction, total_order) = (same_in_all(id), self.total_order.unwrap_or(0));
        Ok(Membership::Event { transaction, table, order, total_order, is_truncate })
    }
}

fn of_json(payload: &[u8]) -> Result<Parts<'_>, Error> {
    let top: Message<'_> = json::parse(payload)?;
    let message = match top.payload {
        Some(inner) if matches!(Json::of(inner), Json::Object(_)) => json::parse(inner.get().as_bytes())?,
        _ => top,
    };
    Ok(Parts {
        op: message.op.or(message.event_op).map(text).transpose()?,
        status: message.status.map(scalar).transpose()?.flatten(),
        id: message.id.map(scalar).transpose()?.flatten(),
        collections: message.data_collections.map_or(Ok(Vec::new()), collections)?,
        block: message.transaction.map(block).transpose()?,
        table: message.source.map_or(Ok(Table::default()), table)?,
    })
}

fn text(raw: &RawValue) -> Result<Cow<'_, str>, Error> {
    match Json::of(raw) {
        Json::String(quoted) => json::unescape(quoted),
        other => Err(other.unexpected("a string")),
    }
}

/// The text of a string or number; `None` for anything else, which other messages have under these names.
fn scalar(raw: &RawValue) -> Result<Option<Cow<'_, str>>, Error> {
    match Json::of(raw) {
        Json::String(quoted) => json::unescape(quoted).map(Some),
        Json::Number(number) => Ok(Some(Cow::Borrowed(number))),
        _ => Ok(None),
    }
}

fn block(raw: &RawValue) -> Result<Block<'_>, Error> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        data_collection_order: Option<u64>,
        total_order: Option<u64>,
    }
    let fields: Fields<'_> = json::parse(raw.get().as_bytes()).map_err(|error| error.under("transaction"))?;
    let id = fields.id.map(scalar).transpose()?.flatten();
    Ok(Block { id, order: fields.data_collection_order, total_order: fields.total_order })
}

fn table(raw: &RawValue) -> Result<Table<'_>, Error> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow)]
        db: Option<Cow<'a, str>>,
        #[serde(borrow)]
        schema: Option<Cow<'a, str>>,
        #[serde(borrow)]
        table: Option<Cow<'a, str>>,
        #[serde(borrow)]
        collection: Option<Cow<'a, str>>,
    }
    let fields: Fields<'_> = json::parse(raw.get().as_bytes()).map_err(|error| error.under("source"))?;
    let name = fields.table.or(fields.collection).unwrap_or_default();
    Ok(Table { database: fields.db, schema: fields.schema, name })
}

fn collections(raw: &RawValue) -> Result<Vec<Collection<'_>>, Error> {
    #[derive(Deserialize)]
    struct Count<'a> {
        #[serde(borrow)]
        data_collection: Cow<'a, str>,
        event_count: u64,
    }
    if !matches!(Json::of(raw), Json::Array(_)) {
        return Ok(Vec::new());
    }
    let counts: Vec<Count<'_>> = json::parse(raw.get().as_bytes()).map_err(|error| error.under("data_collections"))?;
    Ok(counts
        .into_iter()
        .map(|count| Collection { name: count.data_collection, n_events: count.event_count })
        .collect())
}

fn of_avro<'a>(message: Datum<'a, '_>) -> Result<Parts<'a>, Error> {
    let mut parts = Parts::default();
    message.each_field(|name, datum| {
        match name {
            "op" => parts.op = datum.text()?,
            "status" => parts.status = datum.text()?,
            "id" => parts.id = datum.scalar()?,
            "data_collections" => {
                // the one part that is a list: as the JSON converter writes it
                if let Some(datum) = datum.present()? {
                    let text = datum.json()?;
                    let raw: &RawValue = json::parse(text.as_bytes())?;
                    parts.collections = collections(raw)?.into_iter().map(Collection::into_owned).collect();
                }
            }
            "transaction" => {
                let Some(datum) = datum.present()? else { return Ok(()) };
                let mut block = Block::default();
                datum.each_field(|name, datum| {
                    match name {
                        "id" => block.id = datum.scalar()?,
                        "data_collection_order" => {
                            block.order = datum.scalar()?.and_then(|text| text.parse().ok());
                        }
                        "total_order" => block.total_order = datum.scalar()?.and_then(|text| text.parse().ok()),
                        _ => {}
                    }
                    Ok(())
                })?;
                parts.block = Some(block);
            }
            "source" => {
                datum.each_field(|name, datum| {
                    match name {
                        "db" => parts.table.database = datum.text()?,
                        "schema" => parts.table.schema = datum.text()?,
                        "table" | "collection" => parts.table.name = datum.text()?.unwrap_or_default(),
                        _ => {}
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(parts)
}

impl Collection<'_> {
    fn into_owned(self) -> Collection<'static> {
        Collection { name: Cow::Owned(self.name.into_owned()), n_events: self.n_events }
    }
}
