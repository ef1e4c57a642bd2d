//! What a failure of Postgres asks for: one table from SQLSTATE to retry, reject or fatal.

use std::fmt::{self, Write as _};

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use super::plan::Unplanned;
use super::writes::Unfound;
use crate::records::{Advance, TopicPartition};
use crate::rejects::Reason;

/// Why a batch was not applied. Nothing of it was.
#[derive(Debug)]
pub enum Failure {
    /// Postgres is away or busy: the same batch can be applied later.
    Retry(String),
    /// The batch cannot be applied as it is: some record of it, or the order of its rows.
    Data {
        /// Why, without a value.
        text: String,
        /// What a person can do when it is a record; empty where there is nothing to say.
        remedy: &'static str,
        /// `None` when it was not Postgres that refused it.
        sqlstate: Option<String>,
    },
    /// This record, by its index in the batch, cannot be applied.
    Record(usize, Reason),
    /// Nothing is open any more of some of the rejects of these partitions behind which records were to be set aside.
    Unblocked(Vec<TopicPartition>),
    /// The target's tables have changed under us: look them up again.
    Stale(String),
    /// These claims have ended: another instance has the partitions now, or this one has claimed them anew.
    Lost(Vec<Advance>),
    /// The target is not as far as it was when this instance left it, and what is known of it is not so any more.
    WentBack(String),
    /// A person has to act.
    Fatal(String),
}

impl Failure {
    /// The same, where the data is that of one record.
    pub(super) fn of_record(self, index: usize) -> Self {
        match self {
            Self::Data { text, remedy, sqlstate } => {
                let text = if remedy.is_empty() { text } else { format!("{text}: {remedy}") };
                Self::Record(index, Reason { sqlstate, ..Reason::from(text) })
            }
            failure => failure,
        }
    }
}

impl From<Unfound> for Failure {
    fn from(unfound: Unfound) -> Self {
        let (text, remedy) = match unfound {
            Unfound::Part => (
                "a row is not in the target, and its record did not send all columns (unavailable placeholder)",
                "set REPLICA IDENTITY FULL on the source table and take a new snapshot of it",
            ),
            Unfound::Copy => (
                "a row that is gone at the source is not in the target, where rows without a key go by all their columns",
                "its topic needs to have one partition, the source to send whole rows (REPLICA IDENTITY FULL), and the target's to be left alone; \
                 or give the topic a [[route]] with `key`",
            ),
        };
        Self::Data { text: text.to_owned(), remedy, sqlstate: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(text)
            | Self::Data { text, .. }
            | Self::Stale(text)
            | Self::WentBack(text)
            | Self::Fatal(text) => f.write_str(text),
            Self::Record(_, reason) => reason.fmt(f),
            Self::Unblocked(partitions) => {
                write!(f, "rejects of {} partitions are not open any more", partitions.len())
            }
            Self::Lost(lost) => write!(f, "{} partitions belong to another instance", lost.len()),
        }
    }
}

impl From<Unplanned> for Failure {
    fn from(unplanned: Unplanned) -> Self {
        match unplanned {
            Unplanned::Impossible(text) => Self::Stale(text),
            Unplanned::Away(text) => Self::Retry(text),
            Unplanned::Fatal(text) => Self::Fatal(text),
            Unplanned::Record(index, reason) => Self::Record(index, *reason),
            Unplanned::Mixed => Self::Data { text: unplanned.to_string(), remedy: "", sqlstate: None },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
                Some(postgres) => by_sqlstate(postgres),
                None => Self::Fatal(error.to_string()),
            },
            // a certificate that rustls does not accept
            Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => Self::Fatal(error.to_string()),
            Error::Io(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
                Self::Retry(error.to_string())
            }
            _ => Self::Fatal(error.to_string()),
        }
    }
}

/// The parent, or the last child, may be in a topic or partition that is not as far yet.
const NO_ORDER: &str = "rows of several topics or partitions come in no order; with `options[session_replication_role]=replica` in \
                        `sink.url` they are applied without foreign keys, as Postgres's own replication does it";

/// What an error of Postgres asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same batch is applied again, for as long as it takes.
    Retry,
    /// The target's tables are looked up again, once.
    LookAgain,
    /// The batch is applied row by row; the record that fails then is rejected.
    Reject,
    /// A person has to act.
    Stop,
}

/// What each SQLSTATE asks for, or each class of them (the first two characters); a code goes before its class, and what is
/// not here is for a person. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub const SQLSTATES: &[(&str, Remedy, &str)] = &[
    ("08", Remedy::Retry, "connection failures"),
    ("25006", Remedy::Retry, "a read-only transaction: a standby, after a failover"),
    (
        "25P03",
        Remedy::Retry,
        "idle for too long in a transaction, as after a pause of this process: `idle_in_transaction_session_timeout`",
    ),
    ("25P04", Remedy::Retry, "`transaction_timeout`"),
    ("40001", Remedy::Retry, "serialization failure"),
    ("40003", Remedy::Retry, "whether the transaction was committed is not known: the stored offset says it"),
    ("40P01", Remedy::Retry, "deadlock"),
    ("53", Remedy::Retry, "out of connections, memory or disk"),
    ("55P03", Remedy::Retry, "lock not available: `lock_timeout`"),
    ("57", Remedy::Retry, "shutdown, starting up, cancelled by an administrator or by `statement_timeout`"),
    ("58", Remedy::Retry, "system errors, as of input and output"),
    ("72000", Remedy::Retry, "snapshot too old: the next transaction has another"),
    ("HV00N", Remedy::Retry, "the server behind a foreign table is away"),
    ("42703", Remedy::LookAgain, "a column that is not there any more"),
    ("42704", Remedy::LookAgain, "a type that is not there any more"),
    ("42804", Remedy::LookAgain, "a column of another type than before"),
    ("42846", Remedy::LookAgain, "a column of a type to which there is no cast"),
    ("42883", Remedy::LookAgain, "a key of another type than before: there is no operator"),
    ("42P01", Remedy::LookAgain, "a table that is not there any more"),
    ("42P10", Remedy::LookAgain, "a unique index that is not there any more"),
    ("XX000", Remedy::LookAgain, "an internal error, as of tables that are altered at the same moment"),
    ("21", Remedy::Reject, "two rows that Postgres takes for one"),
    ("22", Remedy::Reject, "values that are none of their column's type, or have no room in it"),
    ("23", Remedy::Reject, "constraints: not null, unique, check, foreign key, exclusion"),
    ("44", Remedy::Reject, "a row that its view does not show"),
    ("54", Remedy::Reject, "too large for a page or an index, too many columns"),
    ("P0001", Remedy::Reject, "what a trigger of the target raises about a row: `RAISE EXCEPTION`"),
    (
        "26000",
        Remedy::Stop,
        "a prepared statement that is gone: a pooler has to keep a session's statements together, or to pool sessions",
    ),
    ("28", Remedy::Stop, "a login that is refused: see `sink.url` and `pg_hba.conf`"),
    ("3D000", Remedy::Stop, "a database that is not there: see `sink.url`"),
    ("3F000", Remedy::Stop, "a schema that is not there: create it, or grant CREATE on the database"),
    ("42501", Remedy::Stop, "a right that the role lacks: grant it"),
    ("42P05", Remedy::Stop, "a prepared statement of another session: as 26000"),
    ("58P01", Remedy::Stop, "a file that the server lacks, as an extension's library"),
];

/// What a SQLSTATE asks for.
fn remedy_of(code: &str) -> Remedy {
    let find = |wanted: &str| SQLSTATES.iter().find(|(known, ..)| *known == wanted).map(|(_, remedy, _)| *remedy);
    let class = || find(code.get(..2)?);
    find(code).or_else(class).unwrap_or(Remedy::Stop)
}

fn by_sqlstate(error: &PgDatabaseError) -> Failure {
    let (code, text) = (error.code(), describe(error));
    match remedy_of(code) {
        Remedy::Retry => Failure::Retry(text),
        Remedy::LookAgain => Failure::Stale(text),
        Remedy::Reject => {
            let remedy = if code == "23503" { NO_ORDER } else { "" };
            Failure::Data { text, remedy, sqlstate: Some(code.to_owned()) }
        }
        Remedy::Stop => Failure::Fatal(text),
    }
}

/// The error with its table, column and constraint. Class 22 quotes values in its messages; they are left out.
fn describe(error: &PgDatabaseError) -> String {
    let code = error.code();
    let message = if code.starts_with("22") { without_quoted(error.message()) } else { error.message().to_owned() };
    let mut text = format!("Postgres: {message} (SQLSTATE {code}");
    let parts = [("table", error.table()), ("column", error.column()), ("constraint", error.constraint())];
    for (word, name) in parts.into_iter().filter_map(|(word, name)| Some((word, name?))) {
        let _ = write!(text, ", {word} {name}");
    }
    text.push(')');
    text
}

/// `invalid input syntax for type integer: "secret"` without what stands in the quotes.
fn without_quoted(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}\"…\"{}", &message[..first], &message[last + 1..])
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Remedy, remedy_of, without_quoted};

    #[test]
    fn a_code_goes_before_its_class() {
        assert_eq!(remedy_of("22P02"), Remedy::Reject);
        assert_eq!(remedy_of("40P01"), Remedy::Retry);
        assert_eq!(remedy_of("40002"), Remedy::Stop);
        assert_eq!(remedy_of("42P01"), Remedy::LookAgain);
        assert_eq!(remedy_of("42601"), Remedy::Stop);
        assert_eq!(remedy_of(""), Remedy::Stop);
    }

    #[test]
    fn values_are_left_out() {
        assert_eq!(
            without_quoted("invalid input syntax for type integer: \"my \"secret\"\""),
            "invalid input syntax for type integer: \"…\""
        );
        assert_eq!(without_quoted("numeric field overflow"), "numeric field overflow");
    }
}
