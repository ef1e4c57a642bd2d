//! Maxwell's messages in JSON, one row each.
//!
//! Comes in: a [`Record`]. Goes out: an [`Event`] that borrows from it, whole or not at all. The row kinds are Flink's:
//!
//! | type | rows |
//! |---|---|
//! | insert, bootstrap-insert | `+I`(data) |
//! | update | `-U`(data with `old` over it), `+U`(data); `-D`, `+I` when the key changed |
//! | delete | `-D`(data) |
//! | bootstrap-start, bootstrap-complete | [`Aside::Bootstrap`] |
//! | table-create, table-alter, table-drop, database-… | [`Aside::SchemaChange`] |
//! | heartbeat | [`Aside::Heartbeat`] |
//!
//! A column that is absent from `old` was not changed, and a null there was NULL; without `old` nothing that is sent was
//! changed. The primary key is that of `primary_key_columns`, else of the Kafka key in either of its forms, which has the
//! names in lower case. Rows do not state their types: strings are [`Value::Embedded`], for the target's columns to
//! understand. A truncate is never sent.
//!
//! The message is described at <https://maxwells-daemon.io/dataformat/>.

mod key;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connect::{self, ColumnType};
use crate::debezium::{Stated, StatedTypes};
use crate::error::{Error, ErrorKind};
use crate::json::{self, Json, Name};
use crate::limits::check_levels;
use crate::origin::Origin;
use crate::rebuilt::{self, overlaid, push_update, row, string};
use crate::record::Record;
use crate::row::{Aside, Change, Column, Event, RowKind, Value};

/// Decodes records of any number of topics and tables. Nothing of a record outlives the call.
///
/// ```
/// use rowkind_formats::{Decoder, Format, Record, Told, changelog};
///
/// let record = Record {
///     topic: "maxwell",
///     partition: 0,
///     offset: 0,
///     key: Some(br#"{"database":"shop","table":"orders","pk.id":2}"#),
///     payload: Some(br#"{"database":"shop","table":"orders","type":"update","ts":1763700000,
///                        "data":{"id":2,"state":"paid"},"old":{"id":1}}"#),
/// };
/// let mut decoder = Decoder::new(Format::MaxwellJson, &Told::default());
/// assert_eq!(
///     changelog::text(&decoder.decode(&record)?),
///     "-D shop.orders {\"id\":1,\"state\":\"paid\"}\n\
///      +I shop.orders {\"id\":2,\"state\":\"paid\"}\n"
/// );
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    stated: StatedTypes,
}

/// The message; a field that is null counts as absent. `output_naming_strategy` may have changed names with an
/// underscore.
#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    ty: Option<&'a RawValue>,
    #[serde(borrow)]
    database: Option<&'a RawValue>,
    #[serde(borrow)]
    table: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    old: Option<&'a RawValue>,
    #[serde(borrow, alias = "primaryKeyColumns")]
    primary_key_columns: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypted: Option<&'a RawValue>,
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    position: Option<&'a RawValue>,
    #[serde(borrow)]
    gtid: Option<&'a RawValue>,
    #[serde(borrow)]
    xid: Option<&'a RawValue>,
}

/// What a message does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Insert,
    BootstrapInsert,
    Update,
    Delete,
}

impl Decoder {
    /// A decoder for columns whose types are stated beside their messages.
    pub fn new(columns: Vec<Stated>) -> Self {
        Self { stated: StatedTypes::new(columns) }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is not JSON, is no message of Maxwell's of a type that is known, is encrypted, or lacks a column
    /// of its key. No part of it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        // Maxwell writes none
        let Some(payload) = record.payload else { return Ok(Event::Tombstone { table: None, key: None }) };
        let message: Message<'a> = json::parse(payload).map_err(|error| error.under("payload"))?;
        if message.encrypted.is_some() {
            let expected = "a message in the clear (Maxwell's `encrypt` is not supported)";
            return Err(Error::new("encrypted", ErrorKind::Unexpected { expected, found: "an encrypted one" }));
        }
        match message.op()? {
            Ok(op) => self.change(&message, op, record).map(Event::Change),
            Err(aside) => Ok(Event::Aside(aside)),
        }
    }

    fn change<'a>(&self, message: &Message<'a>, op: Op, record: &Record<'a>) -> Result<Change<'a>, Error> {
        let table = rebuilt::table(message.database, message.table)?;
        let stated = self.stated.of(&table);
        let missing = || Error::new("data", ErrorKind::Missing { expected: "the row of the change" });
        let data = image(message.data.ok_or_else(missing)?, stated).map_err(|error| error.under("data"))?;
        let names = match message.primary_key_columns {
            Some(raw) => rebuilt::key_names(raw, "primary_key_columns")?,
            None => key::names(record.key)?,
        };
        let names = key::in_row(names, &data)?;
        let mut rows = Vec::with_capacity(2);
        match op {
            Op::Insert | Op::BootstrapInsert => rows.push(row(RowKind::Insert, data)),
            Op::Delete => rows.push(row(RowKind::Delete, data)),
            Op::Update => {
                let old = message.old.map(|raw| image(raw, stated)).transpose().map_err(|error| error.under("old"))?;
                let before = overlaid(&data, old.unwrap_or_default());
                push_update(&mut rows, row(RowKind::UpdateBefore, before), row(RowKind::UpdateAfter, data), &names);
            }
        }
        let key = rebuilt::key(&names, &rows);
        Ok(Change { table, key, schema: None, rows, origin: message.origin(op) })
    }
}

impl<'a> Message<'a> {
    /// What the message does to a row, or what it is when it is not about one.
    fn op(&self) -> Result<Result<Op, Aside>, Error> {
        let expected = "the type of a message of Maxwell's (is the format maxwell-json?)";
        let ty = string(self.ty, "type")?.ok_or_else(|| Error::new("type", ErrorKind::Missing { expected }))?;
        Ok(match &*ty {
            "insert" => Ok(Op::Insert),
            "bootstrap-insert" => Ok(Op::BootstrapInsert),
            "update" => Ok(Op::Update),
            "delete" => Ok(Op::Delete),
            "bootstrap-start" | "bootstrap-complete" => Err(Aside::Bootstrap),
            "table-create" | "table-alter" | "table-drop" | "database-create" | "database-alter" | "database-drop" => {
                Err(Aside::SchemaChange)
            }
            "heartbeat" => Err(Aside::Heartbeat),
            _ => {
                let expected =
                    "a type that Maxwell writes: insert, update, delete, bootstrap-… or that of a DDL statement";
                return Err(Error::new("type", ErrorKind::Malformed { expected, found: "string" }));
            }
        })
    }

    /// `ts` is in seconds.
    fn origin(&self, op: Op) -> Origin<'a> {
        let op = match op {
            Op::Insert => "c",
            Op::BootstrapInsert => "r",
            Op::Update => "u",
            Op::Delete => "d",
        };
        let seconds = self.ts.and_then(|raw| raw.get().parse::<i64>().ok());
        let changed_at_ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
        Origin::of_log(op, changed_at_ms, self.position, self.gtid.or(self.xid))
    }
}

/// The columns of `data` or `old`.
fn image<'a>(raw: &'a RawValue, stated: &[Stated]) -> Result<Vec<Column<'a>>, Error> {
    rebuilt::image(raw, |name, _, raw| match stated.iter().find(|stated| stated.column == name) {
        Some(stated) => typed(raw, &stated.ty),
        None => untyped(raw),
    })
}

fn untyped(raw: &RawValue) -> Result<Value<'_>, Error> {
    Ok(match Json::of(raw) {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(text) => Value::Number(Cow::Borrowed(text)),
        Json::String(quoted) => Value::Embedded(json::unescape(quoted)?),
        Json::Array(text) | Json::Object(text) => connect::nested(text)?,
    })
}

/// A value whose type a setting states. A SET is an array of its names, and JSON is embedded.
fn typed<'a>(raw: &'a RawValue, ty: &ColumnType) -> Result<Value<'a>, Error> {
    match (ty, Json::of(raw)) {
        (_, Json::Null) => Ok(Value::Null),
        (ColumnType::EnumSet, Json::Array(text)) => {
            let other = ErrorKind::Unexpected { expected: "an array of names", found: "an array of something else" };
            let names: Vec<Name<'a>> = serde_json::from_str(text).map_err(|_| Error::new("", other))?;
            let names: Vec<&str> = names.iter().map(|Name(name)| &**name).collect();
            Ok(Value::Text(Cow::Owned(names.join(","))))
        }
        (ColumnType::Json, _) => {
            check_levels(raw.get())?;
            Ok(Value::Text(Cow::Borrowed(raw.get())))
        }
        _ => connect::typed(raw, ty),
    }
}
