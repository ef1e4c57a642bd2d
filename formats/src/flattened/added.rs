//! Fields that `ExtractNewRecordState` added to a row, told apart from its columns.

use std::borrow::Cow;

use serde_json::value::RawValue;

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

/// A row's fields.
pub(super) struct Split<'a> {
    pub(super) columns: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// Without the prefix.
    pub(super) added: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Split<'a> {
    pub(super) fn of(fields: Vec<(Cow<'a, str>, &'a RawValue)>) -> Self {
        let mut is_added = Added::default();
        let (added, columns): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| is_added.is(name));
        let added = added.into_iter().map(|(name, raw)| (without_prefix(name), raw)).collect();
        Self { columns, added }
    }
}

fn without_prefix(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix(PREFIX).unwrap_or(name)),
        Cow::Owned(name) => Cow::Owned(name.strip_prefix(PREFIX).map_or_else(String::new, str::to_owned)),
    }
}

/// The text of an added field; `None` for null, and where it is not.
pub(super) fn text<'a>(added: &[(Cow<'a, str>, &'a RawValue)], name: &str) -> Result<Option<Cow<'a, str>>, Error> {
    let Some((_, raw)) = added.iter().find(|(added, _)| added == name) else {
        return Ok(None);
    };
    let text = match Json::of(raw) {
        Json::Null => Ok(None),
        Json::String(quoted) => json::unescape(quoted).map(Some),
        other => Err(other.unexpected("a string")),
    };
    text.map_err(|error| at(name, error))
}

/// `__op`.
pub(super) fn op<'a>(added: &[(Cow<'a, str>, &'a RawValue)]) -> Result<Option<Cow<'a, str>>, Error> {
    text(added, "op")
}

/// What happened to the row.
///
/// # Errors
///
/// When the op is none of a row, or `__deleted` is neither true nor false.
pub(super) fn kind(op: Option<&str>, added: &[(Cow<'_, str>, &RawValue)]) -> Result<RowKind, Error> {
    let by_op = match op {
        Some("c" | "r") => RowKind::Insert,
        Some("u") | None => RowKind::UpdateAfter,
        Some("d") => RowKind::Delete,
        Some(_) => return Err(at("op", Error::new("", ErrorKind::UnknownOp))),
    };
    let Some((_, raw)) = added.iter().find(|(name, _)| name == "deleted") else {
        return Ok(by_op);
    };
    // a string of the relational connectors, a boolean of `MongoDB`'s
    match raw.get() {
        "\"true\"" | "true" => Ok(RowKind::Delete),
        "\"false\"" | "false" | "null" => Ok(by_op),
        _ => Err(at("deleted", Json::of(raw).unexpected("\"true\" or \"false\""))),
    }
}

fn at(name: &str, error: Error) -> Error {
    error.under(&format!("{PREFIX}{name}")).under("payload")
}
