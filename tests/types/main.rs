//! Every column type arrives exactly: from the event's schema, the target's catalog or a setting.
//!
//! - `recorded`: what Debezium wrote, through the whole pipeline, against what the source held
//! - `semantic`: every semantic type of Debezium, with a schema and without
//! - `oracle`: generated values of every type, cast by Postgres and read back
//! - `refused`: what cannot be held or is stated nowhere, by the column's name
//!
//! What they see is written down in `docs/types.md` (`UPDATE_DOCS=1` writes it).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod docs;
mod oracle;
mod pipeline;
mod recorded;
mod refused;
mod semantic;
mod server;
#[path = "../harness/shared.rs"]
mod shared;
