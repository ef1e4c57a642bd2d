//! Which transaction of the source a record belongs to.
//!
//! Read beside the record's rows, and only where somebody asks: nothing of it is looked at when rows are decoded.
//! Debezium's connectors tell it with `provide.transaction.metadata=true`, in a block of each event and in the messages of
//! a topic of their own (<https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-transaction-metadata>);
//! Maxwell with `output_commit_info`, its default (<https://maxwells-daemon.io/dataformat/>).

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};
use crate::row::Table;

/// Which transaction a record belongs to. Transactions go by their ids as the connector writes them, but for those of
/// Postgres: `571:53195829` is `571`, since the position behind it is another one in each record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership<'a> {
    /// To none: a snapshot read, a tombstone, a heartbeat, DDL.
    None,
    /// It is a change of a row, and its transaction is not told: the connector has to be set up for that.
    Untold,
    /// The message that the transaction begins.
    Begin(Cow<'a, str>),
    /// The message that it has ended.
    End {
        /// The transaction.
        transaction: Cow<'a, str>,
        /// What it holds.
        collections: Vec<Collection<'a>>,
    },
    /// An event of it, one of those that its end counts.
    Event {
        /// The transaction.
        transaction: Cow<'a, str>,
        /// The table that it changes.
        table: Table<'a>,
        /// Which one it is of the transaction's events of this table, from 1 on.
        order: u64,
        /// Which one it is of all its events; 0 where that is not told.
        total_order: u64,
        /// Whether it is a truncate.
        is_truncate: bool,
    },
    /// A row of it, where the last one says that it is the last.
    Row {
        /// The transaction.
        transaction: Cow<'a, str>,
        /// Whether no row follows.
        is_last: bool,
    },
}

/// How many events of a table a transaction holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection<'a> {
    /// The table as the connector names it: `public.orders`, `shop.orders`, `shop.dbo.orders`.
    pub name: Cow<'a, str>,
    /// Number of events.
    pub n_events: u64,
}

/// The id without what differs from record to record.
pub(crate) fn same_in_all(id: Cow<'_, str>) -> Cow<'_, str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match id.split_once(':') {
        Some((transaction, position)) if is_number(transaction) && is_number(position) => match &id {
            Cow::Borrowed(id) => Cow::Borrowed(id.split(':').next().unwrap_or(id)),
            Cow::Owned(_) => Cow::Owned(transaction.to_owned()),
        },
        _ => id,
    }
}

/// The format has nothing to tell by.
pub(crate) fn untold_by_format() -> Error {
    let expected = "a format that tells of transactions (debezium-json, debezium-avro, maxwell-json)";
    Error::new("payload", ErrorKind::Unexpected { expected, found: "another one" })
}

/// What a field has to be, for an error.
pub(crate) fn missing(path: &'static str, expected: &'static str) -> Error {
    Error::new(path, ErrorKind::Missing { expected })
}
