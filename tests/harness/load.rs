//! A load that goes on while a test does something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use super::{Broker, created};

/// Rows `t` of an `id` each, written to all partitions of a topic until it is ended.
pub(crate) struct Load {
    is_enough: Arc<AtomicBool>,
    writer: Option<JoinHandle<i64>>,
}

impl Load {
    /// Writes `n` records to each partition, and then waits for `pause`, on and on. What brokers that are away have not
    /// taken is written when they are back.
    pub(crate) fn start(broker: &Broker, topic: &str, n_partitions: i32, (n, pause): (i64, Duration)) -> Self {
        let (writer, topic) = (broker.writer(), topic.to_owned());
        let is_enough = Arc::<AtomicBool>::default();
        let told = Arc::clone(&is_enough);
        let write = move || {
            let mut n_written = 0;
            while !told.load(Ordering::Relaxed) {
                for partition in 0..n_partitions {
                    let ids = (n_written..n_written + n).map(|n| i64::from(n_partitions) * n + i64::from(partition));
                    let records: Vec<_> = ids.map(|id| created("t", json!({"id": id}))).collect();
                    writer.write(&topic, partition, &records);
                }
                n_written += n;
                thread::sleep(pause);
            }
            n_written
        };
        Self { is_enough, writer: Some(thread::spawn(write)) }
    }

    /// Ends it; how many records each partition has.
    pub(crate) fn end(mut self) -> i64 {
        self.is_enough.store(true, Ordering::Relaxed);
        self.writer.take().expect("it ends once").join().unwrap()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_enough.store(true, Ordering::Relaxed);
    }
}
