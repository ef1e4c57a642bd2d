//! Where a change comes from: what its record says beside the row.
//!
//! Read only when it is asked for: most pipelines never do, but for the [stamp](Origin::stamp).

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;

use crate::avro;
use crate::calendar::{TimeUnit, timestamp, zoned_timestamp};
use crate::json::{self, Json, Members};
use crate::stamp::{self, LogFields, SourceFields, Stamp};

/// The event's op, source and transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin<'a> {
    /// `c`, `r`, `u`, `d` or `t`; `None` where the event does not say.
    pub op: Option<Cow<'a, str>>,
    told: Told<'a>,
}

/// Where the event tells the rest, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told<'a> {
    /// In blocks of the envelope. The stamp of a JSON one is read with the table, in one pass over `source`.
    Blocks { source: Option<Block<'a>>, transaction: Option<Block<'a>>, stamp: Option<Stamp> },
    /// In fields that `ExtractNewRecordState` added to the row, named as there without the prefix: `source_lsn` or `lsn`.
    Added(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    /// In attributes of a `CloudEvent`, named as there without the prefix: `lsn`, `tsms`.
    Attributes(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    /// As Canal and Maxwell say it of `MySQL`'s log.
    Log(LogFields<'a>),
    /// As `GoldenGate` says it of its trail, the time as text in UTC.
    Trail { changed_at: Option<&'a str>, position: Option<&'a str> },
}

/// A block of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Block<'a> {
    Json(&'a str),
    Avro(avro::Part<'a>),
}

impl<'a> Block<'a> {
    /// `None` where it cannot be read: an origin is told as far as it can be.
    fn json(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Json(text) => Some(Cow::Borrowed(text)),
            Self::Avro(part) => part.json().ok().map(Cow::Owned),
        }
    }

    /// The text of a number or string in it; `None` for null, for anything else, and where it is not.
    fn field(&self, name: &str) -> Option<Cow<'a, str>> {
        match self {
            Self::Json(text) => field(text, name),
            Self::Avro(part) => part.scalar(name),
        }
    }
}

impl<'a> Origin<'a> {
    pub(crate) fn new(op: Cow<'a, str>, source: Option<&'a str>, transaction: Option<&'a str>, stamp: Stamp) -> Self {
        let block = |text: Option<&'a str>| text.map(Block::Json);
        let (source, transaction) = (block(source), block(transaction));
        Self { op: Some(op), told: Told::Blocks { source, transaction, stamp: Some(stamp) } }
    }

    pub(crate) fn of_avro(
        op: Cow<'a, str>,
        source: Option<avro::Part<'a>>,
        transaction: Option<avro::Part<'a>>,
    ) -> Self {
        let (source, transaction) = (source.map(Block::Avro), transaction.map(Block::Avro));
        Self { op: Some(op), told: Told::Blocks { source, transaction, stamp: None } }
    }

    /// `fields` are JSON texts.
    pub(crate) fn of_added(op: Option<Cow<'a, str>>, fields: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Self {
        Self { op, told: Told::Added(fields) }
    }

    pub(crate) fn of_attributes(op: Cow<'a, str>, attributes: Vec<(Cow<'a, str>, &'a RawValue)>) -> Self {
        Self { op: Some(op), told: Told::Attributes(texts(attributes)) }
    }

    /// Of an event that says where it stands in `MySQL`'s log beside its rows.
    pub(crate) fn of_log(op: &'static str, fields: LogFields<'a>) -> Self {
        Self { op: Some(Cow::Borrowed(op)), told: Told::Log(fields) }
    }

    /// Of an event that says where it stands in `GoldenGate`'s trail.
    pub(crate) fn of_trail(op: &'static str, changed_at: Option<&'a RawValue>, position: Option<&'a RawValue>) -> Self {
        let (changed_at, position) = (changed_at.map(RawValue::get), position.map(RawValue::get));
        Self { op: Some(Cow::Borrowed(op)), told: Told::Trail { changed_at, position } }
    }

    /// The whole `source` block as JSON text; `None` where the event has no such block.
    pub fn source(&self) -> Option<Cow<'a, str>> {
        match &self.told {
            Told::Blocks { source, .. } => source.as_ref()?.json(),
            Told::Added(_) | Told::Attributes(_) | Told::Log(_) | Told::Trail { .. } => None,
        }
    }

    /// The envelope's `transaction` block as JSON text.
    pub(crate) fn transaction_block(&self) -> Option<Cow<'a, str>> {
        match &self.told {
            Told::Blocks { transaction, .. } => transaction.as_ref()?.json(),
            Told::Added(_) | Told::Attributes(_) | Told::Log(_) | Told::Trail { .. } => None,
        }
    }

    /// Of a change that no event tells of.
    pub fn unknown() -> Self {
        Self { op: None, told: Told::Added(Vec::new()) }
    }

    /// Whether it is of an event that tells its place in `MySQL`'s log beside its rows, as Canal's and Maxwell's do.
    pub fn is_of_log(&self) -> bool {
        matches!(self.told, Told::Log(_))
    }

    /// When the source made the change, in milliseconds since 1970, where such an event says it.
    pub(crate) fn changed_at_ms(&self) -> Option<i64> {
        match &self.told {
            Told::Log(log) => log.changed_at_ms,
            _ => None,
        }
    }

    /// When the source made the change, in UTC, as Postgres prints a `timestamptz`: by the finest clock that was sent and
    /// that a `timestamptz` holds (Debezium's `ts_us` or `ts_ms` of `source`, Canal's `es`, Maxwell's `ts`, `GoldenGate`'s
    /// `op_ts`).
    pub fn changed_at(&self) -> Option<String> {
        let clocks = [("ts_us", TimeUnit::Micros), ("ts_ms", TimeUnit::Millis)];
        let (ticks, unit) = match &self.told {
            Told::Log(log) => (log.changed_at_ms?, TimeUnit::Millis),
            Told::Trail { changed_at, .. } => return zoned_timestamp(&format!("{}Z", scalar((*changed_at)?)?)),
            _ => clocks.iter().find_map(|(name, unit)| Some((self.field(name)?.parse().ok()?, *unit)))?,
        };
        Some(format!("{}+00", timestamp(ticks, unit)))
    }

    /// The place in the source's log, as its own tools write it: Postgres `0/16B3748`, `MySQL`
    /// `mysql-bin.000003:154:0` (file, position, row), SQL Server `commit_lsn:change_lsn:event_serial_no`, Oracle
    /// `commit_scn:scn`, Maxwell's `position` and `GoldenGate`'s `pos` as they are (`binlog.000004:154`,
    /// `00000000000000000143`), `MongoDB` `ts_ms:ord`, the order within a second behind the clock (`1763700000000:31`). `None`
    /// for other sources, for Canal, which does not say, and where a snapshot has none.
    pub fn position(&self) -> Option<String> {
        if let Told::Log(LogFields { position, .. }) | Told::Trail { position, .. } = &self.told {
            return scalar((*position)?).map(Cow::into_owned).filter(|text| !text.is_empty());
        }
        if let Some(lsn) = self.field("lsn").and_then(|lsn| lsn.parse::<u64>().ok()) {
            return Some(format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF));
        }
        if let Some(ord) = self.field("ord").filter(|ord| ord != "-1") {
            return Some(format!("{}:{ord}", self.field("ts_ms")?));
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
        let of_envelope = match &self.told {
            Told::Blocks { transaction, .. } => transaction.as_ref().and_then(|block| block.field("id")),
            Told::Added(fields) => named(fields, |name| matches!(name, "transaction_id" | "id")),
            // an attribute has the same name as the source's; a trail has none
            Told::Attributes(_) | Told::Trail { .. } => None,
            Told::Log(log) => log.gtid.or(log.xid).and_then(scalar).filter(|text| !text.is_empty()),
        };
        of_envelope.or_else(|| self.field("txId")).or_else(|| self.field("gtid"))
    }

    /// Where and when the source made the change, in a form that is compared: what tells an event from its repeats.
    pub fn stamp(&self) -> Stamp {
        let stamp = match &self.told {
            Told::Blocks { stamp: Some(stamp), .. } => *stamp,
            Told::Blocks { source, .. } => {
                let source = source.as_ref().and_then(Block::json).unwrap_or_default();
                SourceFields::of(&source).stamp()
            }
            Told::Added(added) => {
                let mut fields = SourceFields::default();
                // the clock of that bare name is the connector's
                let bare = added.iter().filter(|(name, _)| !name.starts_with("ts_"));
                bare.for_each(|(name, text)| fields.take(name, text));
                let of_source = added.iter().filter_map(|(name, text)| Some((name.strip_prefix("source_")?, text)));
                of_source.for_each(|(name, text)| fields.take(name, text));
                fields.stamp()
            }
            Told::Attributes(attributes) => {
                let mut fields = SourceFields::default();
                for (name, text) in attributes {
                    fields.take(name, text);
                }
                fields.stamp()
            }
            Told::Log(log) => log.stamp(),
            Told::Trail { position, .. } => stamp::of_trail(*position),
        };
        Stamp { is_snapshot: stamp.is_snapshot || self.op.as_deref() == Some("r"), ..stamp }
    }

    /// A field of the source.
    pub(crate) fn field(&self, name: &str) -> Option<Cow<'a, str>> {
        match &self.told {
            Told::Blocks { source, .. } => source.as_ref()?.field(name),
            Told::Added(fields) => {
                let is = |added: &str| added.strip_prefix("source_") == Some(name);
                // the clock of that bare name is the connector's
                let is_bare = |added: &str| added == name && !name.starts_with("ts_");
                named(fields, is).or_else(|| named(fields, is_bare))
            }
            Told::Attributes(attributes) => {
                let squeezed = |c: &char| *c != '_';
                named(attributes, |attribute| {
                    attribute.chars().eq(name.chars().filter(squeezed).map(|c| c.to_ascii_lowercase()))
                })
            }
            Told::Log(_) | Told::Trail { .. } => None,
        }
    }
}

fn texts<'a>(fields: Vec<(Cow<'a, str>, &'a RawValue)>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    fields.into_iter().map(|(name, raw)| (name, Cow::Borrowed(raw.get()))).collect()
}

/// The text of the first field of that name which is a number or string.
fn named<'a>(fields: &[(Cow<'a, str>, Cow<'a, str>)], is: impl Fn(&str) -> bool) -> Option<Cow<'a, str>> {
    fields.iter().filter(|(name, _)| is(name)).find_map(|(_, text)| match text {
        Cow::Borrowed(text) => scalar(text),
        Cow::Owned(text) => scalar(text).map(|text| Cow::Owned(text.into_owned())),
    })
}

/// The text of a number or string in an object; `None` for null, for anything else, and where it is not.
fn field<'a>(object: &'a str, name: &str) -> Option<Cow<'a, str>> {
    Members::of(object).find(|(field, _)| *field == name).and_then(|(_, text)| scalar(text))
}

fn scalar(text: &str) -> Option<Cow<'_, str>> {
    match Json::of_text(text) {
        Json::Number(text) => Some(Cow::Borrowed(text)),
        Json::String(quoted) => json::unescape(quoted).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin<'a>(source: &'a str, transaction: Option<&'a str>) -> Origin<'a> {
        Origin::new("u".into(), Some(source), transaction, SourceFields::of(source).stamp())
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
        assert_eq!(position(r#"{"ts_ms":1763700000000,"ord":31}"#).as_deref(), Some("1763700000000:31"));
        assert_eq!(position(r#"{"ts_ms":1763700000000,"ord":-1}"#), None, "of a snapshot");
    }

    #[test]
    fn the_finest_clock_and_the_envelopes_own_transaction() {
        let both = origin(r#"{"ts_ms":1763700000123,"ts_us":1763700000123456,"txId":7}"#, Some(r#"{"id":"7:99"}"#));
        assert_eq!(both.changed_at().as_deref(), Some("2025-11-21 04:40:00.123456+00"));
        assert_eq!(both.transaction().as_deref(), Some("7:99"));
        assert_eq!(origin(r#"{"txId":7}"#, None).transaction().as_deref(), Some("7"));
    }

    fn fields(text: &str) -> Vec<(Cow<'_, str>, &RawValue)> {
        let json::Fields(fields) = json::parse(text.as_bytes()).expect("the test's JSON is an object");
        fields
    }

    #[test]
    fn the_fields_that_were_added_to_a_row() {
        let row = r#"{"op":"u","source_ts_ms":1763700000123,"ts_ms":1763700009999,"lsn":23803720,"source_txId":7}"#;
        let added = Origin::of_added(None, texts(fields(row)));
        assert_eq!(added.changed_at().as_deref(), Some("2025-11-21 04:40:00.123+00"));
        assert_eq!(added.position().as_deref(), Some("0/16B3748"));
        assert_eq!(added.transaction().as_deref(), Some("7"));
        assert_eq!(Origin::of_added(None, texts(fields(r#"{"ts_ms":1}"#))).changed_at(), None, "the connector's clock");
        assert_eq!(
            Origin::of_added(None, texts(fields(r#"{"txId":7,"id":"7:9"}"#))).transaction().as_deref(),
            Some("7:9")
        );
    }

    #[test]
    fn the_attributes_of_a_cloud_event() {
        let event = r#"{"tsms":"1763700000123","lsn":"23803720","txid":"7","txid":null}"#;
        let event = Origin::of_attributes("r".into(), fields(event));
        assert_eq!(event.changed_at().as_deref(), Some("2025-11-21 04:40:00.123+00"));
        assert_eq!(event.position().as_deref(), Some("0/16B3748"));
        assert_eq!(event.transaction().as_deref(), Some("7"));
    }
}
