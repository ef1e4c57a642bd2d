//! Canal's flat messages in JSON (`canal.mq.flatMessage = true`, its default).
//!
//! Comes in: a [`Record`]. Goes out: an [`Event`] with all rows of the message, whole or not at all. The row kinds are
//! Flink's, for each row of `data` with the row of `old` that stands at the same place:
//!
//! | type | rows |
//! |---|---|
//! | INSERT | `+I`(data) |
//! | UPDATE | `-U`(data with `old` over it), `+U`(data); `-D`, `+I` when the key changed; `+U` alone without `old` |
//! | DELETE | `-D`(data) |
//! | TRUNCATE | [`Event::Truncate`] |
//! | CREATE, ALTER, ERASE, RENAME, CINDEX, DINDEX | [`Aside::SchemaChange`] |
//! | QUERY | [`Aside::Statement`] |
//! | GTID, XACOMMIT, XAROLLBACK | [`Aside::Transaction`] |
//! | MHEARTBEAT | [`Aside::Heartbeat`] |
//!
//! A column that is absent from a row was not sent (`binlog_row_image` MINIMAL or NOBLOB); one that is absent from `old`
//! was not changed; a null there was NULL. `mysqlType` states the types, and a setting may state others. Without either
//! values are text, for the target's columns to understand. `isDdl` is looked at only where the type is none that is known: `MariaDB`'s statements come
//! without it.
//!
//! The message is described at <https://github.com/alibaba/canal/wiki/Canal-Kafka-RocketMQ-QuickStart>; what writes it
//! is `MQMessageUtils` and `LogEventConvert` of <https://github.com/alibaba/canal>.

mod types;
mod value;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::debezium::{Stated, StatedTypes};
use crate::error::{Error, ErrorKind};
use crate::json::{self, Json};
use crate::origin::Origin;
use crate::rebuilt::{self, Op, overlaid, push_update, row, string};
use crate::record::Record;
use crate::row::{Aside, Change, Column, Event, RowKind};
use crate::stamp::LogFields;
use crate::zone::UtcOffset;
pub(crate) use types::declared_type;
use types::{Columns, KnownColumns};

/// Decodes records of any number of topics and tables.
///
/// It remembers the types of tables by their text. Nothing else of a record outlives the call.
///
/// ```
/// use rowkind_formats::{Decoder, Format, Record, Told, changelog};
///
/// let payload = br#"{"type":"UPDATE","isDdl":false,"database":"shop","table":"orders","pkNames":["id"],
///     "mysqlType":{"id":"int","state":"enum('open','paid')","total":"decimal(10,2)"},
///     "data":[{"id":"1","state":"2","total":"12.5"}],"old":[{"state":"1"}]}"#;
/// let record = Record { topic: "shop", partition: 0, offset: 0, key: None, payload: Some(payload) };
/// let mut decoder = Decoder::new(Format::CanalJson, &Told::default());
/// assert_eq!(
///     changelog::text(&decoder.decode(&record)?),
///     "-U shop.orders {\"id\":1,\"state\":\"open\",\"total\":12.50}\n\
///      +U shop.orders {\"id\":1,\"state\":\"paid\",\"total\":12.50}\n"
/// );
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    known: KnownColumns,
    stated: StatedTypes,
    zone: Option<UtcOffset>,
}

/// The message; a field that is null counts as absent.
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
    #[serde(borrow, rename = "pkNames")]
    pk_names: Option<&'a RawValue>,
    #[serde(borrow, rename = "mysqlType")]
    mysql_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "isDdl")]
    is_ddl: Option<&'a RawValue>,
    #[serde(borrow)]
    es: Option<&'a RawValue>,
    #[serde(borrow)]
    gtid: Option<&'a RawValue>,
}

/// How the columns of an image are read.
#[derive(Clone, Copy)]
struct Reading<'s> {
    columns: Option<&'s Columns>,
    stated: &'s [Stated],
    zone: Option<&'s UtcOffset>,
}

impl Decoder {
    /// A decoder for columns whose types are stated beside their messages.
    pub fn new(columns: Vec<Stated>) -> Self {
        Self { stated: StatedTypes::new(columns), ..Self::default() }
    }

    /// The same for a server whose TIMESTAMP values are sent in this zone; without one they have none.
    #[must_use]
    pub fn in_time_zone(self, zone: Option<UtcOffset>) -> Self {
        Self { zone, ..self }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is not JSON, is no message of Canal's of a type that is known, or holds a value that is not of its
    /// type. No part of it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        // Canal writes none, and without a key it is of nothing
        let Some(payload) = record.payload else { return Ok(Event::Tombstone { table: None, key: None }) };
        let message: Message<'a> = json::parse(payload).map_err(|error| error.under("payload"))?;
        match message.op()? {
            Ok(op) => self.change(&message, op).map(Event::Change),
            Err(event) => Ok(event),
        }
    }

    fn change<'a>(&mut self, message: &Message<'a>, op: Op) -> Result<Change<'a>, Error> {
        let table = rebuilt::table(message.database, message.table)?;
        let columns = message
            .mysql_type
            .map(|raw| self.known.get(raw.get(), self.zone.is_some()))
            .transpose()
            .map_err(|error| error.under("mysqlType"))?;
        let stated = self.stated.of(&table);
        let reading = Reading { columns: columns.as_deref(), stated, zone: self.zone.as_ref() };
        let data = images(message.data, "data")?;
        let data = data.ok_or_else(|| Error::new("data", ErrorKind::Missing { expected: "the rows of the change" }))?;
        let old = if op == Op::Update { images(message.old, "old")? } else { None };
        // null for a table without a primary key
        let names = message.pk_names.map_or(Ok(Vec::new()), |raw| rebuilt::key_names(raw, "pkNames"))?;
        let mut rows = Vec::with_capacity(data.len() * if old.is_some() { 2 } else { 1 });
        for (at, raw) in data.iter().enumerate() {
            let in_row = |part: &str, error: Error| error.under(&at.to_string()).under(part);
            let columns = reading.image(raw).map_err(|error| in_row("data", error))?;
            rebuilt::check_key(&names, &columns).map_err(|error| in_row("data", error))?;
            match (op, &old) {
                (Op::Insert, _) => rows.push(row(RowKind::Insert, columns)),
                (Op::Delete, _) => rows.push(row(RowKind::Delete, columns)),
                (Op::Update, None) => rows.push(row(RowKind::UpdateAfter, columns)),
                (Op::Update, Some(old)) => {
                    let missing = || Error::new("", ErrorKind::Missing { expected: "as many rows as `data` has" });
                    let before = old.get(at).ok_or_else(missing).and_then(|raw| reading.image(raw));
                    let before = overlaid(&columns, before.map_err(|error| in_row("old", error))?);
                    push_update(
                        &mut rows,
                        row(RowKind::UpdateBefore, before),
                        row(RowKind::UpdateAfter, columns),
                        &names,
                    );
                }
            }
        }
        let key = rebuilt::key(&names, &rows);
        let schema = columns.map(|columns| self.stated.apply(&table, Arc::clone(&columns.schema)));
        Ok(Change { table, key, schema, rows, origin: message.origin(op.letter()) })
    }
}

impl<'a> Message<'a> {
    /// What the message does to rows, or what it is when it is not about them.
    fn op(&self) -> Result<Result<Op, Event<'a>>, Error> {
        let expected = "the type of a message of Canal's (is the format canal-json?)";
        let ty = string(self.ty, "type")?.ok_or_else(|| Error::new("type", ErrorKind::Missing { expected }))?;
        Ok(match &*ty {
            "INSERT" => Ok(Op::Insert),
            "UPDATE" => Ok(Op::Update),
            "DELETE" => Ok(Op::Delete),
            "TRUNCATE" => {
                let table = rebuilt::table(self.database, self.table)?;
                Err(Event::Truncate { table, origin: self.origin("t") })
            }
            "CREATE" | "ALTER" | "ERASE" | "RENAME" | "CINDEX" | "DINDEX" => Err(Event::Aside(Aside::SchemaChange)),
            "QUERY" => Err(Event::Aside(Aside::Statement)),
            "GTID" | "XACOMMIT" | "XAROLLBACK" => Err(Event::Aside(Aside::Transaction)),
            "MHEARTBEAT" => Err(Event::Aside(Aside::Heartbeat)),
            _ if self.data.is_none() && self.is_ddl.is_some_and(|raw| raw.get() == "true") => {
                Err(Event::Aside(Aside::SchemaChange))
            }
            _ => {
                let expected = "a type that Canal writes: INSERT, UPDATE, DELETE, TRUNCATE or that of a DDL statement";
                return Err(Error::new("type", ErrorKind::Malformed { expected, found: "string" }));
            }
        })
    }

    fn origin(&self, op: &'static str) -> Origin<'a> {
        let changed_at_ms = self.es.and_then(|raw| raw.get().parse().ok());
        let gtid = self.gtid.map(RawValue::get);
        Origin::of_log(op, LogFields { changed_at_ms, gtid, ..LogFields::default() })
    }
}

impl Reading<'_> {
    /// The columns of a row.
    fn image<'a>(&self, raw: &'a RawValue) -> Result<Vec<Column<'a>>, Error> {
        rebuilt::image(raw, |name, at, raw| {
            let declared = self.columns.and_then(|columns| columns.declared(name, at));
            match (self.stated.iter().find(|stated| stated.column == name), declared) {
                (Some(Stated { ty, .. }), Some((wire, declared))) if declared != ty => {
                    value::stated(raw, Some(wire), ty, self.zone)
                }
                (Some(Stated { ty, .. }), None) => value::stated(raw, None, ty, self.zone),
                (_, Some((wire, _))) => value::typed(raw, wire, self.zone),
                (None, None) if self.columns.is_none() => value::untyped(raw),
                (None, None) => Err(Error::new("", ErrorKind::Missing { expected: "the column in `mysqlType`" })),
            }
        })
    }
}

/// The images of `data` or `old`; `None` for null.
fn images<'a>(raw: Option<&'a RawValue>, path: &str) -> Result<Option<Vec<&'a RawValue>>, Error> {
    let Some(raw) = raw else { return Ok(None) };
    match Json::of(raw) {
        Json::Array(text) => json::parse(text.as_bytes()).map(Some).map_err(|error| error.under(path)),
        other => Err(other.unexpected("an array of rows").under(path)),
    }
}
