//! How long it took to recover, by fault.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::fault::Fault;

#[derive(Default)]
pub(crate) struct Report {
    recoveries: BTreeMap<Fault, Vec<Duration>>,
    pub(crate) said: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, fault: Fault, recovery: Duration) {
        self.recoveries.entry(fault).or_default().push(recovery);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28}{:>6}{:>10}{:>10}   from its end until all that was written then is applied",
            "fault", "times", "median", "longest"
        )?;
        for (fault, recoveries) in &self.recoveries {
            let mut sorted = recoveries.clone();
            sorted.sort_unstable();
            let seconds = |at: usize| sorted[at].as_secs_f64();
            let name = format!("{fault:?}");
            writeln!(
                f,
                "{name:<28}{:>6}{:>8.1} s{:>8.1} s",
                sorted.len(),
                seconds(sorted.len() / 2),
                seconds(sorted.len() - 1)
            )?;
        }
        self.said.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
