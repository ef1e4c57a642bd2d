//! How many rows there were.

use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use rowkind_formats::RowKind;

/// Changelog rows by their kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts([u64; 4]);

impl RowCounts {
    /// One more row.
    pub fn add(&mut self, kind: RowKind) {
        self.0[place(kind)] += 1;
    }

    /// So many of each kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (RowKind, u64)> {
        KINDS.into_iter().zip(self.0)
    }

    /// Rows of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

impl Sum for RowCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, more| {
            sum += more;
            sum
        })
    }
}

impl fmt::Display for RowCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [inserts, before, after, deletes] = self.0;
        write!(f, "+I {inserts} -U {before} +U {after} -D {deletes}")
    }
}

const KINDS: [RowKind; 4] = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];

fn place(kind: RowKind) -> usize {
    match kind {
        RowKind::Insert => 0,
        RowKind::UpdateBefore => 1,
        RowKind::UpdateAfter => 2,
        RowKind::Delete => 3,
    }
}
