//! rowkind keeps Postgres tables equal to their source with the change events that a team already has in Kafka.
//!
//! This is the bridge; the decoders are the crate [`rowkind_formats`]. The rooms, in the order the data flows:
//!
//! - [`config`]: what was typed, and what it means
//! - [`source`]: records from Kafka or a file
//! - [`records`]: a batch of raw records, and how far it moves its partitions
//! - [`decode`]: a record becomes an event
//! - [`sieve`], [`wanted`]: what is not applied, or not asked for, is taken out of it
//! - [`registry`]: schemas of records in Avro
//! - [`route`]: which target table a source table's rows go to
//! - [`query`]: which of their columns, what is computed of them, and which rows
//! - [`dedup`]: events that a capture tool wrote twice are told from new ones
//! - [`transactions`]: what of the records may be applied, where transactions of the source stay whole
//! - [`batch`]: one change is left per key
//! - [`normalize`]: a changelog becomes complete, by the last row of each key
//! - [`reencode`]: events become records of a format again
//! - [`sink`]: rows and next offsets into Postgres, in one transaction; changelogs into Kafka, or to standard output
//! - [`rejects`]: what happens to a record that cannot be applied
//! - [`progress`]: what has been done so far
//! - [`metrics`]: the same over HTTP, for programs and for people
//! - [`bridge`]: knows all of them and calls across; no other room calls back
//!
//! Beside the flow: [`cli`] (flags), [`check`] (what would fail), [`replay`] (a range of offsets again), [`status`] (how far it has come), [`ready`] (whether it
//! is at work), [`log`], [`shutdown`], [`inspect`] (a changelog to look at), [`sql`] (jobs that were written for Flink), [`demo`] (everything on one machine), [`version`].

pub mod batch;
pub mod bridge;
pub mod check;
pub mod cli;
pub mod config;
pub mod decode;
pub mod dedup;
pub mod demo;
pub mod inspect;
pub mod log;
pub mod metrics;
mod near;
pub mod normalize;
pub mod progress;
pub mod query;
pub mod ready;
pub mod records;
pub mod reencode;
pub mod registry;
pub mod rejects;
pub mod replay;
pub mod route;
pub mod shutdown;
pub mod sieve;
pub mod sink;
pub mod source;
pub mod sql;
pub mod status;
mod terminal;
pub mod transactions;
pub mod version;
pub mod wanted;
