//! Where a change comes from: what its envelope says beside the row.
//!
//! Read only when it is asked for: most pipelines never do.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;

use crate::calendar::{TimeUnit, timestamp};
use crate::json::{self, Fields, Json};

/// What an event says beside its rows: its op, its clock and its place in the source's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin<'a> {
    /// `c`, `r`, `u` or `d`, of every format.
    pub op: Cow<'a, str>,
    from: From<'a>,
}

/// Raw JSON, looked into when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum From<'a> {
    /// The envelope's blocks.
    Debezium { source: Option<&'a str>, transaction: Option<&'a str> },
    /// What Canal and Maxwell say of `MySQL`'s log.
    Log { changed_at_ms: Option<i64>, position: Option<&'a str>, transaction: Option<&'a str> },
}

impl<'a> Origin<'a> {
    pub(crate) fn new(op: Cow<'a, str>, source: Option<&'a RawValue>, transaction: Option<&'a RawValue>) -> Self {
        let from = From::Debezium { source: source.map(RawValue::get), transaction: transaction.map(RawValue::get) };
        Self { op, from }
    }

    /// Of an event without a `source` block.
    pub(crate) fn of_log(
        op: &'static str,
        changed_at_ms: Option<i64>,
        position: Option<&'a RawValue>,
        transaction: Option<&'a RawValue>,
    ) -> Self {
        let (position, transaction) = (position.map(RawValue::get), transaction.map(RawValue::get));
        Self { op: Cow::Borrowed(op), from: From::Log { changed_at_ms, position, transaction } }
    }

    /// The whole `source` block as JSON text; only Debezium writes one.
    pub fn source(&self) -> Option<&'a str> {
        match self.from {
            From::Debezium { source, .. } => source,
            From::Log { .. } => None,
        }
    }

    /// When the source made the change, in UTC, as Postgres prints a `timestamptz`: by the finest clock that was sent
    /// (Debezium's `ts_ns`, `ts_us` or `ts_ms` of `source`, Canal's `es`, Maxwell's `ts`).
    pub fn changed_at(&self) -> Option<String> {
        let clocks = [("ts_ns", TimeUnit::Nanos), ("ts_us", TimeUnit::Micros), ("ts_ms", TimeUnit::Millis)];
        let (ticks, unit) = match self.from {
            From::Log { changed_at_ms, .. } => (changed_at_ms?, TimeUnit::Millis),
            From::Debezium { .. } => {
                clocks.iter().find_map(|(name, unit)| Some((self.field(name)?.parse().ok()?, *unit)))?
            }
        };
        Some(format!("{}+00", timestamp(ticks, unit)))
    }

    /// The place in the source's log, as its own tools write it: Postgres `0/16B3748`, `MySQL`
    /// `mysql-bin.000003:154:0` (file, position, row), SQL Server `commit_lsn:change_lsn:event_serial_no`, Oracle
    /// `commit_scn:scn`, Maxwell's `position` as it is (`binlog.000004:154`). `None` for other sources, for Canal, which
    /// does not say, and where a snapshot has none.
    pub fn position(&self) -> Option<String> {
        if let From::Log { position, .. } = self.from {
            return scalar(position?).map(Cow::into_owned).filter(|text| !text.is_empty());
        }
        if let Some(lsn) = self.field("lsn").and_then(|lsn| lsn.parse::<u64>().ok()) {
            return Some(format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF));
        }
        let (first, others): (&str, &[&str]) = if self.field("file").is_some() {
            ("file", &["pos", "row"])
        } else if self.field("commit_lsn").is_some() {
            ("commit_lsn", &["change_lsn", "event_serial_no"])
        } else {
            ("commit_scn", &["scn"])
        };
        let mut position = self.field(first).filter(|text| !text.is_empty())?.into_owned();
        for name in others {
            let _ = write!(position, ":{}", self.field(name).unwrap_or_default());
        }
        Some(position)
    }

    /// The source's transaction: the envelope's own id where the connector writes one, else the source's `txId` or
    /// `gtid`; of Canal the `gtid`, of Maxwell the `gtid` or else the `xid`.
    pub fn transaction(&self) -> Option<Cow<'a, str>> {
        match self.from {
            From::Log { transaction, .. } => scalar(transaction?).filter(|text| !text.is_empty()),
            From::Debezium { transaction, .. } => {
                let of_envelope = transaction.and_then(|text| field(text, "id"));
                of_envelope.or_else(|| self.field("txId")).or_else(|| self.field("gtid"))
            }
        }
    }

    fn field(&self, name: &str) -> Option<Cow<'a, str>> {
        field(self.source()?, name)
    }
}

/// The text of a number or string in an object; `None` for null, for anything else, and where it is not.
fn field<'a>(object: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let Fields(fields) = json::parse(object.as_bytes()).ok()?;
    let (_, raw) = fields.into_iter().find(|(field, _)| field == name)?;
    scalar(raw.get())
}

/// The text of a number or string.
fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match Json::of_text(raw) {
        Json::Number(text) => Some(Cow::Borrowed(text)),
        Json::String(quoted) => json::unescape(quoted).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin<'a>(source: &'a str, transaction: Option<&'a str>) -> Origin<'a> {
        let raw = |text: &'a str| serde_json::from_str(text).expect("the test's JSON is valid");
        Origin::new("u".into(), Some(raw(source)), transaction.map(raw))
    }

    #[test]
    fn positions_as_the_sources_write_them() {
        let position = |source| origin(source, None).position();
        assert_eq!(position(r#"{"lsn":23803720}"#).as_deref(), Some("0/16B3748"));
        assert_eq!(position(r#"{"lsn":null}"#), None);
        assert_eq!(position(r#"{"file":"bin.000003","pos":154,"row":2}"#).as_deref(), Some("bin.000003:154:2"));
        assert_eq!(
            position(r#"{"commit_lsn":"a:b","change_lsn":"c:d","event_serial_no":1}"#).as_deref(),
            Some("a:b:c:d:1")
        );
    }

    #[test]
    fn the_finest_clock_and_the_envelopes_own_transaction() {
        let both = origin(r#"{"ts_ms":1763700000123,"ts_us":1763700000123456,"txId":7}"#, Some(r#"{"id":"7:99"}"#));
        assert_eq!(both.changed_at().as_deref(), Some("2025-11-21 04:40:00.123456+00"));
        assert_eq!(both.transaction().as_deref(), Some("7:99"));
        assert_eq!(origin(r#"{"txId":7}"#, None).transaction().as_deref(), Some("7"));
    }
}
