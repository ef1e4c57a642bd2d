//! A steady load for a while: nothing that the bridge has grows with time.
//!
//! `ROWKIND_SOAK_SECONDS=3600 ROWKIND_TEST_KAFKA_HOME=DIR cargo test --test faults nothing_grows -- --nocapture` is the long form.

use std::thread;
use std::time::{Duration, Instant};

use crate::load::{N_PARTITIONS, Pace};
use crate::one_at_a_time;
use crate::report::Report;
use crate::stage::Stage;

/// Of the time: buffers, caches and what is known of rows are filled by then.
const WARMING_UP: f64 = 0.25;

#[derive(Clone, Copy)]
struct Sample {
    seconds: f64,
    resident_mb: f64,
    n_descriptors: usize,
}

#[test]
fn nothing_grows() {
    let _alone = one_at_a_time();
    let seconds = std::env::var("ROWKIND_SOAK_SECONDS").map_or(20.0, |text| text.parse::<f64>().unwrap());
    let mut stage = Stage::start(7, Pace::STEADY);
    // it would grow by design
    stage.database.execute("alter table t disable trigger note; alter table a disable trigger note");
    let (began, mut samples) = (Instant::now(), Vec::new());
    while began.elapsed().as_secs_f64() < seconds {
        thread::sleep(Duration::from_secs_f64(seconds / 400.0));
        let at = began.elapsed().as_secs_f64();
        let bridge = stage.bridge();
        assert!(bridge.is_running(), "{}", bridge.log());
        let resident_mb = f64::from(u32::try_from(bridge.resident_kb()).unwrap()) / 1024.0;
        if at > seconds * WARMING_UP {
            samples.push(Sample { seconds: at, resident_mb, n_descriptors: bridge.n_descriptors() });
        }
    }
    let n_written = stage.load.written().n_records();
    let lag = n_written - stage.database.number("select sum(next_offset)::bigint from rowkind.offsets");
    let (slope, mean) = line(&samples);
    let numbers = samples.iter().map(|sample| sample.n_descriptors);
    let (fewest, most) = (numbers.clone().min().unwrap(), numbers.max().unwrap());
    println!(
        "{n_written} records in {seconds:.0} s: {mean:.0} MB resident, {:+.2} MB an hour; {fewest} to {most} descriptors; {lag} records behind in the end",
        slope * 3_600.0
    );
    // in a minute it is seen how buffers fill, and no more
    let allowed = if seconds < 600.0 { 64.0 } else { 0.1 * mean + 4.0 };
    assert!(slope * seconds < allowed, "memory grows: {slope} MB a second");
    assert!(most - fewest <= 4, "descriptors: {fewest} to {most}");
    assert_eq!(stage.database.number("select count(*) from rowkind.offsets"), i64::from(N_PARTITIONS) + 1);
    let log = stage.bridge().log();
    let is_bad = |line: &&str| line.contains("ERROR") || (line.contains("WARN") && !line.contains("put aside"));
    let bad: Vec<&str> = log.lines().filter(is_bad).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    stage.finish(&mut Report::default());
}

/// The slope of memory over time, by least squares, and its mean.
fn line(samples: &[Sample]) -> (f64, f64) {
    let n = f64::from(u32::try_from(samples.len()).unwrap());
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / n;
    let (at, resident) = (mean(|sample| sample.seconds), mean(|sample| sample.resident_mb));
    let (above, below) = samples.iter().fold((0.0, 0.0), |(above, below), sample| {
        let distance = sample.seconds - at;
        (above + distance * (sample.resident_mb - resident), below + distance * distance)
    });
    (above / below, resident)
}
