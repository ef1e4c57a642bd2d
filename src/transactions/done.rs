//! The transactions that were applied last, so that their repeats are known.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// How many are remembered.
const MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Done {
    ids: HashSet<Arc<str>, foldhash::fast::RandomState>,
    in_order: VecDeque<Arc<str>>,
}

impl Done {
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn insert(&mut self, id: Arc<str>) {
        if !self.ids.insert(Arc::clone(&id)) {
            return;
        }
        self.in_order.push_back(id);
        if self.in_order.len() > MAX
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}
