//! What tests from outside stand on: a database of its own, a broker, the bridge as a process, and events to feed it.

mod bridge;
mod broker;
mod database;
mod events;
mod fixtures;
mod kafka;
mod link;
mod load;
mod proxy;
mod registry;
mod shared;
mod written;

pub(crate) use bridge::{Bridge, Ended, Pipeline};
pub(crate) use broker::{Broker, Writer};
pub(crate) use database::{Database, Server};
pub(crate) use events::{Record, created, deleted, file_of, tombstone, truncated, updated};
pub(crate) use fixtures::{Truth, fixture, recorded_topics, recording};
pub(crate) use kafka::{GUEST, LOGIN, OwnKafka};
pub(crate) use link::{Link, Place, State};
pub(crate) use load::Load;
pub(crate) use proxy::Proxy;
pub(crate) use registry::{Registry, recorded, unknown};
pub(crate) use written::{ReadRecord, assert_each_once, read_all, read_records};

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

/// How long anything may take. What takes longer has gone wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// For the asynchronous clients, so that tests are plain functions.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime can be made"));

/// A name that no other test has, in this run or in another on the same broker.
fn unique(word: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{word}_{}_{n}", std::process::id())
}

/// Marsaglia's xorshift: the same numbers on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }
}

/// Asks again and again until there is an answer; says `what` was waited for when there is none.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(last) if began.elapsed() > PATIENCE => panic!("no {what} in {PATIENCE:?}; in the end: {last}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
