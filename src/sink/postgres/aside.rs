//! Records that are not applied: those that cannot be, and those whose key has a reject that is open.

use rowkind_formats::Event;

use super::plan::{Planner, Refusal};
use crate::config::TruncatePolicy;
use crate::records::Records;
use crate::rejects::blocked::{Held, Otherwise, keys_of};
use crate::rejects::{Reason, Reject, Verdict};
use crate::route::{KeyBy, Routes};

impl Planner {
    /// Decides about a record that cannot be applied, behind `n_passed` that are passed over with it.
    pub fn reject(&mut self, records: &Records, index: usize, reason: Reason, n_passed: usize) -> Verdict {
        let record = records.get(index);
        let mut reject = Reject::new(&record, reason);
        if self.rejects.blocked().is_some() {
            let event = self.sieve.decode(&record).ok();
            let keys = keys_of(&record, event.as_ref(), otherwise(&mut self.routes, record.topic));
            if keys.is_empty() {
                reject.reason.stops = true;
                reject.reason.text.push_str(
                    "; its key is not known, so that `rejects.block_key` cannot set the later records of it aside",
                );
            }
            reject.keys = Some(keys);
        }
        self.rejects.judge(reject, n_passed)
    }

    /// Whether no reject of the record's key is open.
    pub(super) fn check_key(
        &mut self,
        (records, index): (&Records, usize),
        event: &Event<'_>,
        held: &Held,
    ) -> Result<(), Refusal> {
        let Some(blocked) = self.rejects.blocked() else { return Ok(()) };
        let partition = records.partition(index);
        if !held.has(partition) && !blocked.has(partition) {
            return Ok(());
        }
        if matches!(event, Event::Truncate { .. }) && self.sieve.truncate() == TruncatePolicy::Apply {
            let text = "a truncate behind rejects of its partition, of rows that it would have removed: apply them (rowkind rejects retry) or delete them first";
            return Err(Refusal::Reject(Reason::to_stop(text.to_owned())));
        }
        let record = records.get(index);
        let keys = keys_of(&record, Some(event), otherwise(&mut self.routes, record.topic));
        let behind = held.behind(partition, &keys).or_else(|| blocked.behind(partition, &keys));
        behind.map_or(Ok(()), |offset| Err(Refusal::Reject(Reason::behind(offset))))
    }
}

/// What rows of a topic go by whose record has no key.
fn otherwise<'r>(routes: &'r mut Routes, topic: &str) -> Otherwise<'r> {
    match &routes.of(topic).key {
        KeyBy::Columns(names) => Otherwise::Columns(names),
        KeyBy::Row | KeyBy::Nothing => Otherwise::Row,
        KeyBy::Record => Otherwise::Table,
    }
}
