//! Fields that `ExtractNewRecordState` added to a row, told apart from its columns.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::avro::Datum;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Json};
use crate::row::RowKind;

/// The transform's own default of `add.fields.prefix`.
const PREFIX: &str = "__";

/// Names without a struct before them: of the envelope, of `transaction`, and of the `source` of any connector.
#[rustfmt::skip]
const BARE: &[&str] = &[
    "deleted", "op", "ts_ms", "ts_us", "ts_ns",
    "id", "total_order", "data_collection_order",
    "version", "connector", "name", "snapshot", "db", "sequence", "schema", "table", "collection",
    "txId", "lsn", "xmin", "origin", "origin_lsn",
    "server_id", "gtid", "file", "pos", "row", "thread", "query",
    "change_lsn", "commit_lsn", "event_serial_no", "begin_lsn",
    "txSeq", "scn", "commit_scn", "lcr_position", "rs_id", "ssn", "redo_thread", "user_name", "row_id", "redo_sql",
    "start_scn", "start_ts_ms", "commit_ts_ms",
    "ord", "lsid", "txnNumber", "wallTime", "keyspace", "shard", "vgtid",
];

/// Structs of the envelope whose fields can be added, as `__source_lsn`.
const STRUCTS: [&str; 4] = ["source_", "transaction_", "before_", "after_"];

/// Tells added fields from columns, in the order in which they stand.
#[derive(Debug, Default)]
pub(crate) struct Added {
    /// They stand behind all columns, so that a renamed one is known by its place.
    has_begun: bool,
}

impl Added {
    pub(crate) fn is(&mut self, name: &str) -> bool {
        let Some(bare) = name.strip_prefix(PREFIX) else {
            return false;
        };
        self.has_begun |= BARE.contains(&bare) || STRUCTS.iter().any(|of| bare.starts_with(of));
        self.has_begun
    }
}

/// What was added to a row: names without the prefix, and values as JSON.
pub(super) type AddedFields<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// A row in JSON, its fields told apart.
pub(super) struct Split<'a> {
    pub(super) columns: Vec<(Cow<'a, str>, &'a RawValue)>,
    pub(super) added: AddedFields<'a>,
}

impl<'a> Split<'a> {
    pub(super) fn of(fields: Vec<(Cow<'a, str>, &'a RawValue)>) -> Self {
        let mut is_added = Added::default();
        let (added, columns): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| is_added.is(name));
        let added = added.into_iter().map(|(name, raw)| (without_prefix(name), Cow::Borrowed(raw.get()))).collect();
        Self { columns, added }
    }
}

/// What was added to a row in Avro.
///
/// # Errors
///
/// When the bytes are not of their schema.
pub(super) fn of_avro<'a>(row: Datum<'a, '_>) -> Result<AddedFields<'a>, Error> {
    let mut is_added = Added::default();
    let mut added = AddedFields::new();
    row.each_field(|name, datum| {
        if is_added.is(name) {
            added.push((without_prefix(Cow::Owned(name.to_owned())), Cow::Owned(datum.json()?)));
        }
        Ok(())
    })?;
    Ok(added)
}

fn without_prefix(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix(PREFIX).unwrap_or(name)),
        Cow::Owned(name) => Cow::Owned(name.strip_prefix(PREFIX).map_or_else(String::new, str::to_owned)),
    }
}

/// The text of an added field; `None` for null, and where it is not.
pub(super) fn text<'a>(added: &AddedFields<'a>, name: &str) -> Result<Option<Cow<'a, str>>, Error> {
    let Some((_, json)) = added.iter().find(|(added, _)| added == name) else {
        return Ok(None);
    };
    let text = match json {
        Cow::Borrowed(json) => text_of(json),
        Cow::Owned(json) => text_of(json).map(|text| text.map(|text| Cow::Owned(text.into_owned()))),
    };
    text.map_err(|error| at(name, error))
}

fn text_of(json: &str) -> Result<Option<Cow<'_, str>>, Error> {
    match Json::of_text(json) {
        Json::Null => Ok(None),
        Json::String(quoted) => json::unescape(quoted).map(Some),
        other => Err(other.unexpected("a string")),
    }
}

/// `__op`.
pub(super) fn op<'a>(added: &AddedFields<'a>) -> Result<Option<Cow<'a, str>>, Error> {
    text(added, "op")
}

/// What happened to the row.
///
/// # Errors
///
/// When the op is none of a row, or `__deleted` is neither true nor false.
pub(super) fn kind(op: Option<&str>, added: &AddedFields<'_>) -> Result<RowKind, Error> {
    let by_op = match op {
        Some("c" | "r") => RowKind::Insert,
        Some("u") | None => RowKind::UpdateAfter,
        Some("d") => RowKind::Delete,
        Some(_) => return Err(at("op", Error::new("", ErrorKind::UnknownOp))),
    };
    let Some((_, json)) = added.iter().find(|(name, _)| name == "deleted") else {
        return Ok(by_op);
    };
    // a string of the relational connectors, a boolean of `MongoDB`'s
    match &**json {
        "\"true\"" | "true" => Ok(RowKind::Delete),
        "\"false\"" | "false" | "null" => Ok(by_op),
        _ => Err(at("deleted", Json::of_text(json).unexpected("\"true\" or \"false\""))),
    }
}

fn at(name: &str, error: Error) -> Error {
    error.under(&format!("{PREFIX}{name}")).under("payload")
}
