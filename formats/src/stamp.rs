//! Where and when a source made a change: what tells an event from its repeats.
//!
//! Read in one pass over what the event says of its source, for every event where repeats are looked for. Nothing is
//! allocated, and a field that is not as it should be counts as not told.

use std::num::NonZeroI64;
use std::str::FromStr;

use crate::json::Members;
use crate::position::{Gtids, Position, binlog_file, hash, lsn80};

/// Where an event stands in its source's log, and when the source made the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The place in the log. Of a snapshot read it is the snapshot's, which says nothing about the row.
    pub position: Position,
    /// A hash of who counts the positions: the connector, the database, and the server as far as events name it. Positions
    /// of another lineage cannot be compared.
    pub lineage: u64,
    /// The source's clock, not the connector's.
    pub clock: Option<Clock>,
    /// Whether the row was read by a snapshot or bootstrap, and not from the log.
    pub is_snapshot: bool,
}

/// A moment by a source's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clock(NonZeroI64);

impl Clock {
    /// In microseconds since 1970; `None` for 0, which is what a clock that is not set says.
    pub fn from_micros(micros: i64) -> Option<Self> {
        NonZeroI64::new(micros).map(Self)
    }

    /// In microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0.get()
    }

    /// Whether it is later for certain, as far as both clocks tell: a clock that shows whole seconds cannot say which of
    /// two moments in a second was first.
    pub fn is_later_than(self, other: Self) -> bool {
        let tick = self.tick().max(other.tick());
        self.micros().div_euclid(tick) > other.micros().div_euclid(tick)
    }

    /// The finest unit that the moment shows. A finer clock shows none once in a thousand times, and is then taken for
    /// a coarser one.
    fn tick(self) -> i64 {
        match self.micros() {
            micros if micros % 1_000_000 == 0 => 1_000_000,
            micros if micros % 1_000 == 0 => 1_000,
            _ => 1,
        }
    }
}

/// What Debezium says of an event's source, each as the JSON text that stands there.
#[derive(Debug, Default)]
pub(crate) struct SourceFields<'a> {
    pub(crate) db: Told<'a>,
    pub(crate) schema: Told<'a>,
    pub(crate) table: Told<'a>,
    pub(crate) collection: Told<'a>,
    name: Told<'a>,
    snapshot: Told<'a>,
    ts_ns: Told<'a>,
    ts_us: Told<'a>,
    ts_ms: Told<'a>,
    lsn: Told<'a>,
    file: Told<'a>,
    pos: Told<'a>,
    row: Told<'a>,
    server_id: Told<'a>,
    gtid: Told<'a>,
    commit_lsn: Told<'a>,
    change_lsn: Told<'a>,
    event_serial_no: Told<'a>,
    commit_scn: Told<'a>,
    scn: Told<'a>,
    tx_seq: Told<'a>,
    ord: Told<'a>,
}

/// A field's JSON text; `None` for null, and where it is not.
type Told<'a> = Option<&'a str>;

impl<'a> SourceFields<'a> {
    /// Those of a `source` block.
    pub(crate) fn of(source: &'a str) -> Self {
        let mut fields = Self::default();
        Members::of(source).for_each(|(name, text)| fields.take(name, text));
        fields
    }

    /// Takes a field of `source`. `CloudEvents` have its name without `_` and in lower case.
    pub(crate) fn take(&mut self, name: &str, text: &'a str) {
        let field = match name {
            "db" => &mut self.db,
            "schema" => &mut self.schema,
            "table" => &mut self.table,
            "collection" => &mut self.collection,
            "name" => &mut self.name,
            "snapshot" => &mut self.snapshot,
            "ts_ns" | "tsns" => &mut self.ts_ns,
            "ts_us" | "tsus" => &mut self.ts_us,
            "ts_ms" | "tsms" => &mut self.ts_ms,
            "lsn" => &mut self.lsn,
            "file" => &mut self.file,
            "pos" => &mut self.pos,
            "row" => &mut self.row,
            "server_id" | "serverid" => &mut self.server_id,
            "gtid" => &mut self.gtid,
            "commit_lsn" | "commitlsn" => &mut self.commit_lsn,
            "change_lsn" | "changelsn" => &mut self.change_lsn,
            "event_serial_no" | "eventserialno" => &mut self.event_serial_no,
            "commit_scn" | "commitscn" => &mut self.commit_scn,
            "scn" => &mut self.scn,
            "txSeq" | "txseq" => &mut self.tx_seq,
            "ord" => &mut self.ord,
            _ => return,
        };
        if text != "null" {
            *field = Some(text);
        }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        let (position, server) = self.position();
        let of = |told: Told<'a>| told.map_or("", unquoted);
        let lineage = hash([of(self.name), of(self.db)]).wrapping_add(server);
        // a boolean once; now it also says which part of a snapshot it is (`first`, `incremental` …)
        let is_snapshot = self.snapshot.is_some_and(|text| unquoted(text) != "false");
        Stamp { position, lineage, clock: self.clock(), is_snapshot }
    }

    fn clock(&self) -> Option<Clock> {
        let micros = number::<i64>(self.ts_us)
            .or_else(|| Some(number::<i64>(self.ts_ms)?.saturating_mul(1_000)))
            .or_else(|| Some(number::<i64>(self.ts_ns)?.div_euclid(1_000)))?;
        Clock::from_micros(micros)
    }

    /// The position, and a hash of the server that counts it.
    fn position(&self) -> (Position, u64) {
        let position = if self.lsn.is_some() {
            number(self.lsn).map(|lsn| (Position::Lsn(lsn), 0))
        } else if let (Some(file), Some(pos)) = (self.file, number(self.pos)) {
            let row = number(self.row).map_or(0, saturated);
            binlog(unquoted(file), pos, row, self.gtid.map(unquoted), self.server_id)
        } else if self.commit_lsn.is_some() {
            self.commit().map(|position| (position, 0))
        } else if self.commit_scn.is_some() {
            self.scn().map(|position| (position, 0))
        } else {
            self.oplog().map(|position| (position, 0))
        };
        position.unwrap_or((Position::Unknown, 0))
    }

    fn commit(&self) -> Option<Position> {
        let lsn = |told: Told<'a>| lsn80(unquoted(told?));
        let serial = number(self.event_serial_no).map_or(0, saturated);
        Some(Position::Commit { commit: lsn(self.commit_lsn)?, change: lsn(self.change_lsn)?, serial })
    }

    fn scn(&self) -> Option<Position> {
        let seq = number(self.tx_seq).unwrap_or(0);
        Some(Position::Scn { commit: number(self.commit_scn)?, scn: number(self.scn)?, seq })
    }

    /// The clock of `MongoDB`'s oplog has whole seconds.
    fn oplog(&self) -> Option<Position> {
        Some(Position::Oplog { ord: number(self.ord)?, seconds: number::<u64>(self.ts_ms)? / 1_000 })
    }
}

/// Of an event that `GoldenGate` took out of its trail, where it stands at `pos`: twenty digits that rise with the trail. Its
/// clock is text, and moves with the trail.
pub(crate) fn of_trail(pos: Told<'_>) -> Stamp {
    let position = number(pos).map_or(Position::Unknown, Position::Trail);
    Stamp { position, lineage: 0, clock: None, is_snapshot: false }
}

/// What Canal and Maxwell say of an event's place in `MySQL`'s log, each as the JSON text that stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogFields<'a> {
    /// Canal's `es`, Maxwell's `ts`. By the clock at which the statement began, which may be later than that of the next
    /// change of the row.
    pub(crate) changed_at_ms: Option<i64>,
    /// `binlog.000004:154` (Maxwell's `output_binlog_position`, off by default).
    pub(crate) position: Told<'a>,
    /// Of Canal the set so far, of Maxwell the transaction's own (`output_gtid_position`, off by default).
    pub(crate) gtid: Told<'a>,
    /// The transaction (Maxwell's `output_commit_info`, on by default).
    pub(crate) xid: Told<'a>,
    /// Which row of the transaction (Maxwell's `output_xoffset`, on by default); its last has none.
    pub(crate) xoffset: Told<'a>,
    /// Whether it is the last row of its transaction.
    pub(crate) is_last: bool,
    /// Maxwell's `output_server_id`, off by default.
    pub(crate) server_id: Told<'a>,
}

impl LogFields<'_> {
    pub(crate) fn stamp(&self) -> Stamp {
        let (position, lineage) = self.position().unwrap_or((Position::Unknown, 0));
        let micros = self.changed_at_ms.map(|ms| ms.saturating_mul(1_000));
        Stamp { position, lineage, clock: micros.and_then(Clock::from_micros), is_snapshot: false }
    }

    fn position(&self) -> Option<(Position, u64)> {
        let gtid = self.gtid.map(unquoted).filter(|gtid| !gtid.is_empty());
        let row = if self.is_last { u16::MAX } else { number(self.xoffset).map_or(0, saturated) };
        if let Some((file, pos)) = self.position.and_then(|position| unquoted(position).rsplit_once(':')) {
            return binlog(file, pos.parse().ok()?, row, gtid, self.server_id);
        }
        if let Some(gtid) = gtid {
            let Gtids { last, servers } = Gtids::parse(gtid)?;
            return Some((Position::Gtid { last, row }, servers.wrapping_add(hash(self.server_id))));
        }
        // without its offset a row has the name of others of its transaction
        let xoffset = if self.is_last { "last" } else { self.xoffset? };
        let name = hash([self.xid?, xoffset, self.server_id.unwrap_or_default()]);
        Some((Position::Named(name.wrapping_add_signed(self.changed_at_ms?)), 0))
    }
}

/// The position in a binary log, and a hash of the server whose transaction it is. Of a log with GTIDs the file's name
/// does not count: a server that takes over has files of its own.
fn binlog(file: &str, pos: u64, row: u16, gtid: Option<&str>, server_id: Told<'_>) -> Option<(Position, u64)> {
    let (base, file) = binlog_file(file)?;
    let (gtid, server) = match gtid.and_then(Gtids::parse) {
        Some(gtids) => (gtids.last, gtids.servers),
        None => (0, hash([base])),
    };
    Some((Position::Binlog { file, pos, row, gtid }, server.wrapping_add(hash(server_id))))
}

/// The number that stands there, as a number or a string.
fn number<T: FromStr>(told: Told<'_>) -> Option<T> {
    unquoted(told?).parse().ok()
}

fn saturated(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// A string's text; escapes stay as they are.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_is_what_both_clocks_can_tell() {
        let clock = |micros| Clock::from_micros(micros).expect("it is set");
        for (a, b, is_later) in [
            (5_000_001, 5_000_000, false),
            (5_000_002, 5_000_001, true),
            (5_000_001, 5_000_001, false),
            // one of them shows seconds, or milliseconds
            (5_999_999, 5_000_000, false),
            (6_000_000, 5_999_999, true),
            (5_001_999, 5_001_000, false),
            (5_002_000, 5_001_999, true),
            (4_000_000, 5_000_000, false),
            (-1, -2, true),
            (-1, -1_000_001, true),
        ] {
            assert_eq!(clock(a).is_later_than(clock(b)), is_later, "{a} {b}");
        }
        assert_eq!(Clock::from_micros(0), None);
    }
}
