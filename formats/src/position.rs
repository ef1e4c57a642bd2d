//! Where an event stands in its source's log, in a form that is compared.
//!
//! A position tells which of two events **of one row** came first, and of nothing more: concurrent transactions
//! interleave, so that the positions of different rows go to and fro. An order is only claimed where the source keeps it
//! for a row. What is no such order (the clock at which a statement began, the id that a transaction was given at its
//! start) is [`Position::Named`] or [`Position::Unknown`]: it can be the same, and never older.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

/// A place in a source's log; 24 bytes.
///
/// Positions are comparable within a variant, and by whoever uses them only within a
/// [lineage](crate::Stamp::lineage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The event does not say where it stands, or in no form that is known. All that can be compared is its content.
    Unknown,
    /// Postgres: the `lsn` of the row's own record in the write-ahead log. Row locks make it rise for each row; COPY and
    /// an insert of many rows share one over many keys, a change of key over its two.
    Lsn(u64),
    /// `MySQL` and `MariaDB`: where the event stands in the server's binary log.
    Binlog {
        /// The number that the file's name ends in: 999999 is followed by 1000000.
        file: u32,
        /// Bytes before the event; that of the whole transaction for all its events where the server compresses it
        /// (`binlog_transaction_compression`).
        pos: u64,
        /// Which row of its event; tells rows apart and does not order them, since of a compressed transaction the
        /// count starts again with every event.
        row: u16,
        /// The number that the transaction's GTID ends in, 0 without GTIDs. It stays when another server's log is read,
        /// where the file and the position are others.
        gtid: u64,
    },
    /// Canal and Maxwell with GTIDs: the transaction.
    Gtid {
        /// The number that its GTID ends in; of a set, the sum over its servers of their last ones, which rises with
        /// each transaction that the log adds to the set.
        last: u64,
        /// Which row of the transaction, where it is told; orders nothing, as in a binary log.
        row: u16,
    },
    /// SQL Server, Db2: `commit_lsn`, `change_lsn` and `event_serial_no`.
    Commit {
        /// Of the transaction: the order.
        commit: [u8; 10],
        /// Of the change; tells the changes of a transaction apart and does not order them, since SQL Server numbers them
        /// otherwise than they came (`__$seqval` "should not be used for ordering").
        change: [u8; 10],
        /// Which of the events of the change.
        serial: u16,
    },
    /// Oracle: `commit_scn`, `scn` and `txSeq`.
    Scn {
        /// Of the transaction: the order. Two that commit at once may share it.
        commit: u64,
        /// Of the change; tells changes apart, as `seq` does.
        scn: u64,
        /// Of the change in its transaction; 0 where the connector does not say.
        seq: u32,
    },
    /// `MongoDB`: a timestamp of its oplog.
    Oplog {
        /// Since 1970.
        seconds: u64,
        /// The operation's number within the second.
        ord: u32,
    },
    /// `GoldenGate`: the place in its trail, which keeps the order of the source's commits.
    Trail(u64),
    /// A name that no other event has, as a hash: Maxwell's `ts`, `xid` and `xoffset`. `xid` is given when a transaction
    /// begins, so that the later of two changes of a row can have the lower one.
    Named(u64),
}

impl PartialOrd for Position {
    /// Which of two events of a row and a lineage came first; `None` where that is not certain.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Lsn(a), Self::Lsn(b)) | (Self::Trail(a), Self::Trail(b)) => Some(a.cmp(&b)),
            (
                Self::Binlog { file: a_file, pos: a_pos, gtid: a_gtid, .. },
                Self::Binlog { file: b_file, pos: b_pos, gtid: b_gtid, .. },
            ) => {
                if a_gtid != b_gtid {
                    return (a_gtid != 0 && b_gtid != 0).then(|| a_gtid.cmp(&b_gtid));
                }
                // a transaction is in one file: in another file it is another server's copy of it
                if a_gtid != 0 && a_file != b_file {
                    return None;
                }
                unless_same((a_file, a_pos).cmp(&(b_file, b_pos)), self == other)
            }
            (Self::Gtid { last: a, .. }, Self::Gtid { last: b, .. })
            | (Self::Scn { commit: a, .. }, Self::Scn { commit: b, .. }) => unless_same(a.cmp(&b), self == other),
            (Self::Commit { commit: a, .. }, Self::Commit { commit: b, .. }) => unless_same(a.cmp(&b), self == other),
            (Self::Oplog { seconds: a, ord: a_ord }, Self::Oplog { seconds: b, ord: b_ord }) => {
                Some((a, a_ord).cmp(&(b, b_ord)))
            }
            (a, b) => (a == b).then_some(Ordering::Equal),
        }
    }
}

/// Of what shares a place, an event or a transaction, two are the same or in no order that is known.
fn unless_same(order: Ordering, is_same: bool) -> Option<Ordering> {
    (order.is_ne() || is_same).then_some(order)
}

/// A GTID, or a set of them, as far as it says how far a log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gtids {
    /// The number of the last transaction, summed over the servers.
    pub(crate) last: u64,
    /// A hash of the servers, in any order.
    pub(crate) servers: u64,
}

impl Gtids {
    /// Reads `uuid:7`, `uuid:tag:7`, `uuid:1-5:7,uuid:1-3` of `MySQL`, `0-3306-7` and `0-3306-7,1-3306-9` of `MariaDB`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut all = Self { last: 0, servers: 0 };
        for of_server in text.split(',').map(str::trim) {
            if of_server.contains(':') {
                all.add_intervals(of_server)?;
            } else {
                let (server, number) = of_server.rsplit_once('-')?;
                all.add(server, "", number.parse().ok()?);
            }
        }
        Some(all)
    }

    /// `uuid:1-5:7`; behind a tag the numbers start again.
    fn add_intervals(&mut self, of_server: &str) -> Option<()> {
        let mut parts = of_server.split(':');
        let server = parts.next()?;
        let (mut tag, mut last) = ("", None);
        for part in parts {
            let end = part.rsplit_once('-').map_or(part, |(_, end)| end);
            if let Ok(number) = end.parse::<u64>() {
                last = Some(number);
                continue;
            }
            if let Some(last) = last.take() {
                self.add(server, tag, last);
            }
            tag = part;
        }
        self.add(server, tag, last?);
        Some(())
    }

    fn add(&mut self, server: &str, tag: &str, last: u64) {
        self.last = self.last.saturating_add(last);
        self.servers = self.servers.wrapping_add(hash([server, tag]));
    }
}

/// A hash that is the same in every process.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xFF);
    }
    hasher.finish()
}

/// The number of SQL Server's `0000002a:00000e90:0003`, of which the higher is the later. `None` beyond 80 bits.
pub(crate) fn lsn80(text: &str) -> Option<[u8; 10]> {
    let mut number = 0_u128;
    for digit in text.chars().filter(|c| *c != ':') {
        number = number.checked_mul(16)?.checked_add(digit.to_digit(16)?.into())?;
    }
    let [0, 0, 0, 0, 0, 0, rest @ ..] = number.to_be_bytes() else { return None };
    (!text.is_empty()).then_some(rest)
}

/// The number that the name of a binary log's file ends in, and what stands before it.
pub(crate) fn binlog_file(name: &str) -> Option<(&str, u32)> {
    let (base, number) = name.rsplit_once('.')?;
    Some((base, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};

    fn binlog(file: u32, pos: u64, row: u16, gtid: u64) -> Position {
        Position::Binlog { file, pos, row, gtid }
    }

    #[test]
    fn a_position_is_small() {
        assert_eq!(size_of::<Position>(), 24);
    }

    #[test]
    fn positions_of_one_kind_have_an_order_where_the_source_keeps_one() {
        let commit = |commit, change, serial| Position::Commit {
            commit: lsn80(commit).expect("it is an LSN"),
            change: lsn80(change).expect("it is an LSN"),
            serial,
        };
        let scn = |commit, scn, seq| Position::Scn { commit, scn, seq };
        let oplog = |seconds, ord| Position::Oplog { seconds, ord };
        let gtid = |last, row| Position::Gtid { last, row };
        for (a, b, order) in [
            (Position::Lsn(1), Position::Lsn(2), Some(Less)),
            (Position::Lsn(2), Position::Lsn(2), Some(Equal)),
            (binlog(999_999, 900, 0, 0), binlog(1_000_000, 4, 0, 0), Some(Less)),
            (binlog(4, 900, 0, 0), binlog(4, 154, 0, 0), Some(Greater)),
            // rows of a compressed transaction
            (binlog(4, 154, 3, 7), binlog(4, 154, 1, 7), None),
            (binlog(4, 154, 3, 7), binlog(4, 154, 3, 7), Some(Equal)),
            // another server's log
            (binlog(50, 1000, 0, 100), binlog(2, 500, 0, 101), Some(Less)),
            (binlog(50, 1000, 0, 100), binlog(2, 500, 0, 100), None),
            (binlog(4, 154, 0, 0), binlog(4, 900, 0, 7), None),
            (gtid(7, 0), gtid(8, 0), Some(Less)),
            (gtid(7, 0), gtid(7, 0), Some(Equal)),
            (gtid(7, 0), gtid(7, 1), None),
            (commit("2a:e90:3", "2a:e90:1", 1), commit("2a:e90:4", "2a:e90:1", 1), Some(Less)),
            (commit("2a:e90:3", "2a:e90:1", 1), commit("2a:e90:3", "2a:e90:2", 1), None),
            (commit("0000002b:00000001:0001", "1", 1), commit("0000002a:ffffffff:ffff", "2", 2), Some(Greater)),
            (commit("2a", "1", 1), commit("2a", "1", 2), None),
            (commit("2a", "1", 1), commit("2a", "1", 1), Some(Equal)),
            (scn(5, 9, 0), scn(6, 1, 0), Some(Less)),
            (scn(5, 1, 2), scn(5, 1, 1), None),
            (scn(5, 1, 2), scn(5, 1, 2), Some(Equal)),
            (oplog(5, 9), oplog(6, 1), Some(Less)),
            (Position::Named(1), Position::Named(2), None),
            (Position::Named(1), Position::Named(1), Some(Equal)),
            (Position::Unknown, Position::Unknown, Some(Equal)),
            (Position::Lsn(1), Position::Unknown, None),
            (Position::Lsn(1), binlog(1, 1, 1, 0), None),
        ] {
            assert_eq!(a.partial_cmp(&b), order, "{a:?} {b:?}");
            assert_eq!(b.partial_cmp(&a), order.map(Ordering::reverse), "{b:?} {a:?}");
        }
    }

    #[test]
    fn sets_of_gtids() {
        let last = |text| Gtids::parse(text).map(|gtids| gtids.last);
        let same_servers =
            |a, b| Gtids::parse(a).map(|gtids| gtids.servers) == Gtids::parse(b).map(|gtids| gtids.servers);
        for (text, expected) in [
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562:23", Some(23)),
            ("a:1-100", Some(100)),
            ("a:1-5:7-9", Some(9)),
            ("a:1-100,\nb:1-7", Some(107)),
            ("a:1-100:tag:1-3", Some(103)),
            ("0-3306-6466", Some(6466)),
            ("0-3306-6466,1-3306-4", Some(6470)),
            ("", None),
            ("a", None),
            ("a:", None),
            ("a:tag", None),
            ("0-3306-x", None),
        ] {
            assert_eq!(last(text), expected, "{text}");
        }
        assert!(same_servers("a:1-5,b:1-7", "b:1-9,a:1-5"));
        assert!(same_servers("a:5", "a:1-6"));
        assert!(!same_servers("a:5", "a:tag:5"));
        assert!(!same_servers("a:5", "b:5"));
        assert!(!same_servers("0-1-5", "0-2-5"));
    }

    #[test]
    fn lsns_of_80_bits() {
        assert_eq!(lsn80("0000002a:00000e90:0003"), Some([0, 0, 0, 0x2a, 0, 0, 0x0e, 0x90, 0, 3]));
        assert_eq!(lsn80("00000000:00000000:0000"), Some([0; 10]));
        assert_eq!(lsn80("000000000000:ffffffffffffffffffff"), Some([0xff; 10]));
        for text in ["", "1ffffffffffffffffffff", "ffffffffffffffffffffffffffffffffff", "LSN(7,8a209c)", "-1"] {
            assert_eq!(lsn80(text), None, "{text}");
        }
    }
}
