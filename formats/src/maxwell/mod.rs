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
//! names in lower case. A null payload deletes by the Kafka key. A truncate is never sent.
//!
//! Rows do not state their types. What a setting states goes first, then what the last `table-create` or `table-alter` of
//! the table said (`output_ddl`), as long as the rows fit it. Of other tables strings are
//! [`Value::Embedded`](crate::Value::Embedded), for the target's columns to understand.
//!
//! The message is described at <https://maxwells-daemon.io/dataformat/>.

mod image;
mod key;
mod membership;
mod tables;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::debezium::{Stated, StatedTypes};
use crate::deletes::Deletes;
use crate::error::{Error, ErrorKind};
use crate::json;
use crate::origin::Origin;
use crate::rebuilt::{self, Op, overlaid, push_update, row, string};
use crate::record::Record;
use crate::row::{Aside, Change, Column, Event, Key, RowKind, RowSchema, Table};
use crate::stamp::LogFields;
use image::{Images, Reading};
pub(crate) use membership::membership;
use tables::KnownTables;

/// Decodes records of any number of topics and tables.
///
/// It remembers the tables that DDL messages defined, how rows spell the names that a Kafka key has in lower case, and the
/// last delete, to know its tombstone by. Nothing else of a record outlives the call.
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
    tables: KnownTables,
    /// The key's columns as rows spell them, of tables where the Kafka key does otherwise.
    spelled: HashMap<Table<'static>, Vec<String>>,
    deletes: Deletes,
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
    /// Of a DDL message.
    #[serde(borrow)]
    def: Option<&'a RawValue>,
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    position: Option<&'a RawValue>,
    #[serde(borrow)]
    gtid: Option<&'a RawValue>,
    #[serde(borrow)]
    xid: Option<&'a RawValue>,
    #[serde(borrow)]
    xoffset: Option<&'a RawValue>,
    #[serde(borrow)]
    commit: Option<&'a RawValue>,
    #[serde(borrow, alias = "serverId")]
    server_id: Option<&'a RawValue>,
}

/// A DDL message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ddl {
    /// table-create, table-alter
    Define,
    /// table-drop
    Drop,
    /// database-drop
    DropDatabase,
    /// database-create, database-alter
    Other,
}

/// What a message is about.
enum Of {
    Row(Op),
    /// A row that a bootstrap read.
    Read,
    Ddl(Ddl),
    Neither(Aside),
}

impl Decoder {
    /// A decoder for columns whose types are stated beside their messages.
    pub fn new(columns: Vec<Stated>) -> Self {
        Self { stated: StatedTypes::new(columns), ..Self::default() }
    }

    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// When the record is not JSON, is no message of Maxwell's of a type that is known, is encrypted, or lacks a column
    /// of its key. No part of it is decoded then.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        let Some(payload) = record.payload else { return self.tombstone(record) };
        let message: Message<'a> = json::parse(payload).map_err(|error| error.under("payload"))?;
        if message.encrypted.is_some() {
            let expected = "a message in the clear (Maxwell's `encrypt` is not supported)";
            return Err(Error::new("encrypted", ErrorKind::Unexpected { expected, found: "an encrypted one" }));
        }
        match message.of()? {
            Of::Row(op) => self.change(&message, op, op.letter(), record).map(Event::Change),
            Of::Read => self.change(&message, Op::Insert, "r", record).map(Event::Change),
            Of::Ddl(ddl) => Ok(Event::Aside(self.ddl(&message, ddl))),
            Of::Neither(aside) => Ok(Event::Aside(aside)),
        }
    }

    /// `letter` is the `op` that Debezium's envelopes have for it.
    fn change<'a>(
        &mut self,
        message: &Message<'a>,
        op: Op,
        letter: &'static str,
        record: &Record<'a>,
    ) -> Result<Change<'a>, Error> {
        let table = rebuilt::table(message.database, message.table)?;
        let missing = || Error::new("data", ErrorKind::Missing { expected: "the row of the change" });
        let data = message.data.ok_or_else(missing)?;
        let definition = self.tables.schema(&table);
        let Images { data, old, is_of_definition } =
            self.reading(&table, definition.as_deref()).images(data, message.old.filter(|_| op == Op::Update))?;
        let names = match message.primary_key_columns {
            Some(raw) => rebuilt::key_names(raw, "primary_key_columns")?,
            None => key::names(record.key)?,
        };
        let names = key::in_row(names, &data)?;
        if names.iter().any(|name| name.contains(char::is_uppercase)) {
            self.remember_spelling(&table, &names);
        }
        let mut rows = Vec::with_capacity(2);
        match op {
            Op::Insert => rows.push(row(RowKind::Insert, data)),
            Op::Delete => rows.push(row(RowKind::Delete, data)),
            Op::Update => {
                let before = overlaid(&data, old);
                push_update(&mut rows, row(RowKind::UpdateBefore, before), row(RowKind::UpdateAfter, data), &names);
            }
        }
        if op == Op::Delete {
            self.deletes.remember(record);
        }
        let schema = definition.filter(|_| is_of_definition).map(|schema| self.stated.apply(&table, schema));
        let key = rebuilt::key(&names, &rows);
        Ok(Change { table, key, schema, rows, origin: message.origin(letter) })
    }

    /// Maxwell writes none; who compacts or rewrites its topics may. The key has the table, unless it is of another form.
    fn tombstone<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Error> {
        if self.deletes.has_one_of(record) {
            return Ok(Event::Aside(Aside::Tombstone));
        }
        let Ok(Some((table, columns))) = key::of_row(record.key) else {
            return Ok(Event::Tombstone { table: None, key: None });
        };
        let definition = self.tables.schema(&table);
        let reading = self.reading(&table, definition.as_deref());
        let spelled = self.spelled.get(&table).map_or(&[][..], Vec::as_slice);
        let column = |(name, raw): (Cow<'a, str>, &'a RawValue)| {
            let spelled = spelled.iter().find(|spelled| key::is_same(spelled, &name)).cloned();
            let name = spelled.map_or(name, Cow::Owned);
            let value = reading.value(&name, raw).map_err(|error| error.under(&name).under("key"))?;
            Ok(Column { name, value })
        };
        let columns = columns.into_iter().map(column).collect::<Result<Vec<_>, Error>>()?;
        let key = (!columns.is_empty()).then_some(Key { columns, schema: None });
        Ok(Event::Tombstone { table: Some(table), key })
    }

    /// A message that defines nothing is still about no row.
    fn ddl(&mut self, message: &Message<'_>, ddl: Ddl) -> Aside {
        let table = rebuilt::table(message.database, message.table);
        match (ddl, table) {
            (Ddl::Define, Ok(table)) => self.tables.define(&table, message.def),
            (Ddl::Drop, Ok(table)) => self.tables.forget(&table),
            (Ddl::DropDatabase, _) => {
                if let Ok(Some(database)) = string(message.database, "database") {
                    self.tables.forget_database(&database);
                }
            }
            _ => {}
        }
        Aside::SchemaChange
    }

    fn reading<'s>(&'s self, table: &Table<'_>, schema: Option<&'s RowSchema>) -> Reading<'s> {
        Reading { schema, stated: self.stated.of(table) }
    }

    fn remember_spelling(&mut self, table: &Table<'_>, names: &[Cow<'_, str>]) {
        if self.spelled.get(table).is_none_or(|known| known != names) {
            let names = names.iter().map(ToString::to_string).collect();
            self.spelled.insert(table.clone().into_owned(), names);
        }
    }
}

impl<'a> Message<'a> {
    fn of(&self) -> Result<Of, Error> {
        let expected = "the type of a message of Maxwell's (is the format maxwell-json?)";
        let ty = string(self.ty, "type")?.ok_or_else(|| Error::new("type", ErrorKind::Missing { expected }))?;
        Ok(match &*ty {
            "insert" => Of::Row(Op::Insert),
            "bootstrap-insert" => Of::Read,
            "update" => Of::Row(Op::Update),
            "delete" => Of::Row(Op::Delete),
            "bootstrap-start" | "bootstrap-complete" => Of::Neither(Aside::Bootstrap),
            "table-create" | "table-alter" => Of::Ddl(Ddl::Define),
            "table-drop" => Of::Ddl(Ddl::Drop),
            "database-drop" => Of::Ddl(Ddl::DropDatabase),
            "database-create" | "database-alter" => Of::Ddl(Ddl::Other),
            "heartbeat" => Of::Neither(Aside::Heartbeat),
            _ => {
                let expected =
                    "a type that Maxwell writes: insert, update, delete, bootstrap-… or that of a DDL statement";
                return Err(Error::new("type", ErrorKind::Malformed { expected, found: "string" }));
            }
        })
    }

    /// Whether it is the last row of its transaction.
    fn is_last(&self) -> bool {
        self.commit.is_some_and(|raw| raw.get() == "true")
    }

    /// `ts` is in seconds.
    fn origin(&self, op: &'static str) -> Origin<'a> {
        let seconds = self.ts.and_then(|raw| raw.get().parse::<i64>().ok());
        let changed_at_ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
        let log = LogFields {
            changed_at_ms,
            position: self.position.map(RawValue::get),
            gtid: self.gtid.map(RawValue::get),
            xid: self.xid.map(RawValue::get),
            xoffset: self.xoffset.map(RawValue::get),
            is_last: self.is_last(),
            server_id: self.server_id.map(RawValue::get),
        };
        Origin::of_log(op, log)
    }
}
