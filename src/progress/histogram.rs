//! How often something was how large.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Counts of values up to some bounds.
pub struct Histogram {
    bounds: &'static [f64],
    seen: Mutex<Seen>,
    /// Who is told each value besides.
    told: OnceLock<Box<dyn Fn(f64) + Send + Sync>>,
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").field("seen", &self.seen).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
struct Seen {
    sum: f64,
    /// Of each bound, and one more for what is above all of them.
    counts: Vec<u64>,
}

impl Histogram {
    /// Nothing yet. The bounds go up.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, seen: Mutex::new(Seen { sum: 0.0, counts: vec![0; bounds.len() + 1] }), told: OnceLock::new() }
    }

    /// Tells each value from now on. The first who asks for it is told.
    pub fn tell(&self, to: impl Fn(f64) + Send + Sync + 'static) {
        let _ = self.told.set(Box::new(to));
    }

    /// The bounds, which go up.
    pub fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// One more value.
    pub fn observe(&self, value: f64) {
        let at = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.sum += value;
        seen.counts[at] += 1;
        drop(seen);
        if let Some(tell) = self.told.get() {
            tell(value);
        }
    }

    /// The sum of all values, how many there were, and how many of them lie between each bound and the one before it. What is
    /// above all bounds is in the number alone.
    pub fn read(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let Seen { sum, counts } = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (sum, counts.iter().sum(), self.bounds.iter().copied().zip(counts).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_under_the_first_bound_that_holds_them() {
        let histogram = Histogram::new(&[1.0, 5.0]);
        for value in [0.5, 1.0, 3.0, 7.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.read(), (11.5, 4, vec![(1.0, 2), (5.0, 1)]));
    }
}
