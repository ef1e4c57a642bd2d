//! Where a change comes from: what its envelope says beside the row.
//!
//! Read only when it is asked for: most pipelines never do.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;

use crate::calendar::{TimeUnit, timestamp};
use crate::json::{self, Fields, Json};

/// The envelope's `op`, `source` and `transaction`.
#[derive(Debug, Clone)]
pub struct Origin<'a> {
    /// `c`, `r`, `u` or `d`.
    pub op: Cow<'a, str>,
    source: Option<&'a RawValue>,
    transaction: Option<&'a RawValue>,
}

impl<'a> Origin<'a> {
    pub(crate) fn new(op: Cow<'a, str>, source: Option<&'a RawValue>, transaction: Option<&'a RawValue>) -> Self {
        Self { op, source, transaction }
    }

    /// The whole `source` block as JSON text.
    pub fn source(&self) -> Option<&'a str> {
        self.source.map(RawValue::get)
    }

    /// When the source made the change, in UTC, as Postgres prints a `timestamptz`: by the finest clock that was sent and
    /// that a `timestamptz` holds.
    pub fn changed_at(&self) -> Option<String> {
        // of ts_ns a timestamptz cannot hold all digits
        let clocks = [("ts_us", TimeUnit::Micros), ("ts_ms", TimeUnit::Millis)];
        let (ticks, unit) = clocks.iter().find_map(|(name, unit)| Some((self.field(name)?.parse().ok()?, *unit)))?;
        Some(format!("{}+00", timestamp(ticks, unit)))
    }

    /// The place in the source's log, as its own tools write it: Postgres `0/16B3748`, `MySQL`
    /// `mysql-bin.000003:154:0` (file, position, row), SQL Server `commit_lsn:change_lsn:event_serial_no`, Oracle
    /// `commit_scn:scn`. `None` for other sources, and where a snapshot has none.
    pub fn position(&self) -> Option<String> {
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

    /// The source's transaction: the envelope's own id where the connector writes one, else the source's `txId` or `gtid`.
    pub fn transaction(&self) -> Option<Cow<'a, str>> {
        let of_envelope = self.transaction.and_then(|raw| field(raw, "id"));
        of_envelope.or_else(|| self.field("txId")).or_else(|| self.field("gtid"))
    }

    fn field(&self, name: &str) -> Option<Cow<'a, str>> {
        field(self.source?, name)
    }
}

/// The text of a number or string in an object; `None` for null, for anything else, and where it is not.
fn field<'a>(object: &'a RawValue, name: &str) -> Option<Cow<'a, str>> {
    let Fields(fields) = json::parse(object.get().as_bytes()).ok()?;
    let (_, raw) = fields.into_iter().find(|(field, _)| field == name)?;
    match Json::of(raw) {
        Json::Number(text) => Some(Cow::Borrowed(text)),
        Json::String(quoted) => json::unescape(quoted).ok(),
        _ => None,
    }
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Self) -> bool {
        let text = |raw: Option<&'_ RawValue>| raw.map(|raw| raw.get().to_owned());
        self.op == other.op
            && text(self.source) == text(other.source)
            && text(self.transaction) == text(other.transaction)
    }
}

impl Eq for Origin<'_> {}

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
