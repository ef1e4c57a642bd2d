//! The bridge from outside: the real binary, a Kafka and a Postgres, and what the target holds in the end.
//!
//! Postgres is a server that these tests start. Kafka is librdkafka's mock cluster, or the brokers that
//! `ROWKIND_TEST_BROKERS` names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and reads better without borrows"
)]

#[allow(dead_code, unused_imports, reason = "it is shared with the tests of faults")]
#[path = "../harness/mod.rs"]
mod harness;

mod aside;
mod auto;
mod changelogs;
mod changes;
mod check;
mod copied;
mod demo;
mod doubt;
mod errors;
mod evolve;
mod fencing;
mod file;
mod foreign_keys;
mod forwarding;
mod gap;
mod groups;
mod inspect;
mod into_kafka;
mod keyless;
mod kills;
mod liveness;
mod logins;
mod logs;
mod metrics;
mod names;
mod order;
mod otel;
mod outage;
mod pages;
mod places;
mod poison;
mod recorded;
mod registry;
mod rejects;
mod repeats;
mod replay;
mod restart;
mod retreat;
mod rights;
mod routes;
mod secrets;
mod settings;
mod shop;
mod signals;
mod sql;
mod status;
mod tls;
mod topics;
mod transactions;
mod truncate;
mod version;
