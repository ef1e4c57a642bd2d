//! What an event's origin knows, as the fields of Debezium's `source` block.

use std::borrow::Cow;

use super::connect::{ConnectValue, Schema, Type};
use crate::json::{self, Fields, Json};
use crate::origin::Origin;
use crate::row::{Connector, Table};

/// The fields in their order.
#[derive(Debug)]
pub(super) struct Source<'e> {
    pub(super) fields: Vec<(Cow<'e, str>, ConnectValue<'e>)>,
}

/// Fields of the `source` blocks of Debezium's connectors: those that are integers, and the rest, which are text.
#[rustfmt::skip]
const INTEGERS: [&str; 16] = [
    "ts_ms", "ts_us", "ts_ns", "txId", "lsn", "xmin", "origin_lsn", "server_id", "pos", "row", "thread",
    "event_serial_no", "txSeq", "ssn", "redo_thread", "commit_ts_ms",
];
#[rustfmt::skip]
const TEXTS: [&str; 18] = [
    "version", "connector", "name", "snapshot", "sequence", "origin", "gtid", "file", "change_lsn", "commit_lsn",
    "begin_lsn", "scn", "commit_scn", "lcr_position", "rs_id", "user_name", "row_id", "start_scn",
];

impl<'e> Source<'e> {
    /// Where the event has such a block it is that, with the table that the change says it is of. What is neither text,
    /// number, boolean nor null in it is left out; no connector is known to write any.
    pub(super) fn of(origin: Option<&'e Origin<'_>>, table: &'e Table<'_>) -> Self {
        let mut fields = match origin {
            None => Vec::new(),
            Some(origin) => match origin.source() {
                Some(block) => of_block(block),
                None if origin.is_of_log() => of_log(origin),
                None => of_names(origin),
            },
        };
        set(&mut fields, "db", table.database.as_deref());
        set(&mut fields, "schema", table.schema.as_deref());
        set(&mut fields, "table", Some(&table.name));
        Self { fields }
    }

    fn get(&self, name: &str) -> Option<&ConnectValue<'e>> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            ConnectValue::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            ConnectValue::String(text) => Some(&**text).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The names and types of the fields.
    pub(super) fn types(&self) -> impl Iterator<Item = (&str, Type)> {
        self.fields.iter().map(|(name, value)| (&**name, type_of(name, value)))
    }

    /// Whether the fields have these names and types.
    pub(super) fn is_of(&self, types: &[(String, Type)]) -> bool {
        let same = |((name, ty), (of_name, of_ty)): ((&str, Type), &(String, Type))| name == of_name && ty == *of_ty;
        self.fields.len() == types.len() && self.types().zip(types).all(same)
    }

    /// The schema of the block. Its name tells the connector, where that is known.
    pub(super) fn schema(&self, connector: Option<Connector>) -> Schema {
        let fields = self.types().map(|(name, ty)| (Cow::Owned(name.to_owned()), Schema::optional(ty)));
        let schema = Schema::required(Type::Struct(fields.collect()));
        let name = connector.map(|connector| match (self.text("connector"), connector) {
            (_, Connector::Postgres) => "postgresql",
            (Some(name @ ("mysql" | "mariadb")), Connector::MySql) => name,
            (_, Connector::MySql) => "mysql",
            (Some(name), Connector::Other) if !matches!(name, "postgresql" | "mysql" | "mariadb") => name,
            (_, Connector::Other) => "rowkind",
        });
        match name {
            Some(name) => schema.named(format!("io.debezium.connector.{name}.Source")).versioned(1),
            None => schema,
        }
    }
}

/// What a null stands for is known by the field's name.
fn type_of(name: &str, value: &ConnectValue<'_>) -> Type {
    match value {
        ConnectValue::Bool(_) => Type::Boolean,
        ConnectValue::Int(_) => Type::Int64,
        ConnectValue::Float(_) => Type::Float64,
        ConnectValue::Null if INTEGERS.contains(&name) => Type::Int64,
        _ => Type::String,
    }
}

type NamedFields<'e> = Vec<(Cow<'e, str>, ConnectValue<'e>)>;

fn set<'e>(fields: &mut NamedFields<'e>, name: &'static str, text: Option<&'e str>) {
    let value = text.map_or(ConnectValue::Null, |text| ConnectValue::String(Cow::Borrowed(text)));
    match fields.iter_mut().find(|(field, _)| field == name) {
        Some((_, there)) => *there = value,
        None if text.is_some() => fields.push((Cow::Borrowed(name), value)),
        None => {}
    }
}

/// The fields of a block that are scalars; none of what is no block.
pub(super) fn of_block(block: &str) -> NamedFields<'_> {
    let Ok(Fields(fields)) = json::parse(block.as_bytes()) else { return Vec::new() };
    let field = |(name, raw)| {
        let value = match Json::of(raw) {
            Json::Null => ConnectValue::Null,
            Json::Bool(value) => ConnectValue::Bool(value),
            Json::Number(text) => text.parse().map_or(ConnectValue::Float(Cow::Borrowed(text)), ConnectValue::Int),
            Json::String(quoted) => ConnectValue::String(json::unescape(quoted).ok()?),
            Json::Array(_) | Json::Object(_) => return None,
        };
        Some((name, value))
    };
    fields.into_iter().filter_map(field).collect()
}

/// Of an event that tells its place in `MySQL`'s log beside its rows.
fn of_log<'e>(origin: &'e Origin<'_>) -> NamedFields<'e> {
    let mut fields = vec![(Cow::Borrowed("connector"), ConnectValue::String(Cow::Borrowed("mysql")))];
    let mut push = |name: &'static str, value| fields.push((Cow::Borrowed(name), value));
    if let Some(ms) = origin.changed_at_ms() {
        push("ts_ms", ConnectValue::Int(ms));
    }
    if let Some(transaction) = origin.transaction() {
        match transaction.parse() {
            Ok(number) => push("txId", ConnectValue::Int(number)),
            Err(_) => push("gtid", ConnectValue::String(transaction)),
        }
    }
    let position = origin.position();
    let file_and_pos = position.as_deref().and_then(|position| position.rsplit_once(':'));
    if let Some((file, Ok(pos))) = file_and_pos.map(|(file, pos)| (file, pos.parse())) {
        push("file", ConnectValue::String(Cow::Owned(file.to_owned())));
        push("pos", ConnectValue::Int(pos));
    }
    fields
}

/// Of an event that has the fields that somebody chose.
fn of_names<'e>(origin: &'e Origin<'_>) -> NamedFields<'e> {
    let texts = TEXTS.iter().filter_map(|name| {
        let text = origin.field(name)?;
        Some((Cow::Borrowed(*name), ConnectValue::String(text)))
    });
    let integers = INTEGERS.iter().filter_map(|name| {
        let text = origin.field(name)?;
        Some((Cow::Borrowed(*name), text.parse().map_or(ConnectValue::String(text), ConnectValue::Int)))
    });
    texts.chain(integers).collect()
}
