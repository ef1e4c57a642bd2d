//! Whatever happens to the bridge, its brokers, its registry and its target: in the end the target is what the source was, no change
//! was applied twice, no row went back in time, and what cannot be applied is in the rejects and nowhere else.
//!
//! A load of changes with stretches that come again and records that cannot be applied runs all the time, while one fault after the
//! other is drawn. The short form draws each once. The long one:
//!
//! ```text
//! ROWKIND_FAULT_SECONDS=7200 ROWKIND_TEST_KAFKA_HOME=DIR cargo test --test faults -- --nocapture
//! ```
//!
//! Without `ROWKIND_TEST_KAFKA_HOME` Kafka is librdkafka's mock cluster, which cannot be killed, nor reached by way of a link.
//! `ROWKIND_FAULT_SEED` draws others, and `ROWKIND_FAULTS=Kill,KillTwice` these alone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and reads better without borrows"
)]

mod disk;
mod fault;
mod load;
mod poison;
mod report;
mod soak;
mod stage;
mod standby;

#[allow(dead_code, unused_imports, reason = "it is shared with the tests of the bridge")]
#[path = "../harness/mod.rs"]
mod harness;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fault::Fault;
use harness::Random;
use load::Pace;
use report::Report;
use stage::Stage;

/// Held by the test that is at work: what it measures is its own.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static AT_WORK: Mutex<()> = Mutex::new(());
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_target_is_the_source_whatever_happens() {
    let _alone = one_at_a_time();
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let (seconds, seed) = (number("ROWKIND_FAULT_SECONDS"), number("ROWKIND_FAULT_SEED").unwrap_or(1));
    let (mut random, began) = (Random(seed), Instant::now());
    let (mut stage, mut report) = (Stage::start(seed, Pace::CALM), Report::default());
    let asked_for = std::env::var("ROWKIND_FAULTS").ok();
    let is_asked_for = |fault: &Fault| {
        asked_for.as_ref().is_none_or(|names| names.split(',').any(|name| name == format!("{fault:?}")))
    };
    let possible: Vec<Fault> =
        Fault::ALL.into_iter().filter(|fault| is_asked_for(fault) && stage.can_have(*fault)).collect();
    assert!(!possible.is_empty(), "none of the faults {asked_for:?} can be had");
    let is_over = |n_faults: usize| match seconds {
        None => n_faults >= possible.len(),
        Some(seconds) => began.elapsed() >= Duration::from_secs(seconds),
    };
    let mut left = Vec::new();
    let mut n_faults = 0;
    while !is_over(n_faults) {
        if left.is_empty() {
            left.clone_from(&possible);
        }
        let fault = left.swap_remove(random.below(left.len()));
        fault.strike(&mut stage, &mut random);
        let recovery = stage.recover(fault);
        println!("{:>6.0} s: {fault:?}, over in {:.1} s", began.elapsed().as_secs_f64(), recovery.as_secs_f64());
        report.add(fault, recovery);
        n_faults += 1;
    }
    stage.finish(&mut report);
    println!("seed {seed}, {n_faults} faults in {:.0} s\n{report}", began.elapsed().as_secs_f64());
}
