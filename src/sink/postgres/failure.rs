//! What a failure of Postgres asks for: one table from SQLSTATE to retry, reject or fatal.

use std::fmt::{self, Write as _};

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use super::plan::Unplanned;
use super::writes::Unfound;
use crate::records::TopicPartition;

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
    },
    /// This record, by its index in the batch, cannot be applied. `1` says why, without a value of it.
    Record(usize, String),
    /// The target's tables have changed under us: look them up again.
    Stale(String),
    /// Another instance has these partitions now.
    Lost(Vec<TopicPartition>),
    /// A person has to act.
    Fatal(String),
}

impl Failure {
    /// The same, where the data is that of one record.
    pub(super) fn of_record(self, index: usize) -> Self {
        match self {
            Self::Data { text, remedy: "" } => Self::Record(index, text),
            Self::Data { text, remedy } => Self::Record(index, format!("{text}: {remedy}")),
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
        Self::Data { text: text.to_owned(), remedy }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(text)
            | Self::Data { text, .. }
            | Self::Record(_, text)
            | Self::Stale(text)
            | Self::Fatal(text) => f.write_str(text),
            Self::Lost(partitions) => write!(f, "{} partitions belong to another instance", partitions.len()),
        }
    }
}

impl From<Unplanned> for Failure {
    fn from(unplanned: Unplanned) -> Self {
        match unplanned {
            Unplanned::Impossible(text) => Self::Stale(text),
            Unplanned::Away(text) => Self::Retry(text),
            Unplanned::Fatal(text) => Self::Fatal(text),
            Unplanned::Record(index, text) => Self::Record(index, text),
            Unplanned::Mixed => Self::Data { text: unplanned.to_string(), remedy: "" },
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

/// Classes are those of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn by_sqlstate(error: &PgDatabaseError) -> Failure {
    let code = error.code();
    let class = code.get(..2).unwrap_or_default();
    let text = describe(error);
    match (class, code) {
        // connection, insufficient resources, operator intervention, system error; read-only (a standby after failover),
        // serialization failure, deadlock, lock not available
        ("08" | "53" | "57" | "58", _) | (_, "25006" | "40001" | "40P01" | "55P03") => Failure::Retry(text),
        // a table or column is not what it was, or its unique index is gone
        (_, "42P01" | "42703" | "42P10" | "42804" | "42846") => Failure::Stale(text),
        (_, "23503") => Failure::Data { text, remedy: NO_ORDER },
        // a value, a constraint, a row too large for a page or an index, two rows that Postgres takes for one
        ("22" | "23" | "54" | "21" | "44", _) => Failure::Data { text, remedy: "" },
        _ => Failure::Fatal(text),
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
    use super::without_quoted;

    #[test]
    fn values_are_left_out() {
        assert_eq!(
            without_quoted("invalid input syntax for type integer: \"my \"secret\"\""),
            "invalid input syntax for type integer: \"…\""
        );
        assert_eq!(without_quoted("numeric field overflow"), "numeric field overflow");
    }
}
