//! Transactions of the source, whole: what of the records that were read may be applied.
//!
//! Comes in: the [`Membership`] of each record, partition by partition in order, in whatever order the partitions arrive.
//! Goes out: the largest consistent cut: how many records of each partition can be applied together, so that no
//! transaction is in it with a part alone. It is pure: no record, no clock, no connection. It must never give a cut that
//! holds a part of a transaction.
//!
//! A transaction is complete when its end was read and every event that the end counts, of the tables that are read. The
//! end counts for each table, and events are numbered within their table, so that repeats of an event count once. An event
//! that cannot come any more is not waited for: when every partition of its table has gone on to a later transaction, it
//! was lost to retention, or a transform dropped it.
//!
//! The connector writes transactions again after a crash. What comes of a complete one is a repeat, and free of it: dedup
//! drops it. A transaction that was broken off goes on with its numbers (Postgres), or begins anew and counts only what
//! it writes from there (`MySQL`). Of one that began twice the counts say too little; it is complete when every partition has
//! gone on, or has been quiet for a while.

mod backlog;
mod done;
mod ledger;
mod partition;
mod reads;
mod tables;
mod transaction;
mod whole;

pub use backlog::{Backlog, held_bytes};
pub use ledger::{Cut, Ledger, Waiting};
pub use reads::Reads;
pub use rowkind_formats::Membership;
pub use whole::whole_before;

/// A transaction that is being gathered. Records of none have [`FREE`].
pub type Serial = u64;

/// Of a record that belongs to no transaction, or to one that is done.
pub const FREE: Serial = 0;
