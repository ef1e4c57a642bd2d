//! The law itself: what is known of a row, and what an event is in the light of it.

use std::cmp::Ordering;

use rowkind_formats::{Clock, Position};

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// New, or not certainly a repeat: it is applied.
    Apply,
    /// A repeat of what was applied already.
    Duplicate,
    /// New, and the first of another log: the source was restored or failed over, or its log begins anew.
    NewLineage,
}

/// The last streamed event of a row, or the last truncate of a table; 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) position: Position,
    pub(super) lineage: u64,
    pub(super) clock: Option<Clock>,
    /// A hash of what the event says; 0 is the same as nothing.
    pub(super) content: u64,
    /// The offset that the event was read at.
    pub(super) offset: i64,
    /// A hash of the topic and partition. Two that share one only know less of each other.
    pub(super) partition: u32,
    /// Of a row: the last truncate of its table then. Of a truncate: itself.
    pub(super) truncation: u32,
}

/// What an event is, as far as the row or table is known.
pub(super) fn verdict(known: Option<State>, event: &State) -> Verdict {
    known.map_or(Verdict::Apply, |known| known.judge(event))
}

impl State {
    /// What `event` is, when this is known.
    ///
    /// Older is not enough: the event's clock must not be later either. A position goes back while the clock goes on when
    /// the log is another one, and also where two transactions under a deferred constraint wrote the same key. Without
    /// clocks, older decides nothing.
    pub(super) fn judge(&self, event: &Self) -> Verdict {
        if self.is_read_at_or_behind(event) || self.truncation != event.truncation {
            return Verdict::Apply;
        }
        let is_later = event.is_later_than(self);
        if self.lineage != event.lineage {
            let has_positions = self.position != Position::Unknown && event.position != Position::Unknown;
            return if is_later == Some(true) && has_positions { Verdict::NewLineage } else { Verdict::Apply };
        }
        match (event.position.partial_cmp(&self.position), is_later) {
            (Some(Ordering::Less), Some(true)) => Verdict::NewLineage,
            (Some(Ordering::Less), Some(false)) => Verdict::Duplicate,
            (Some(Ordering::Equal), _) if self.says_the_same_as(event) => Verdict::Duplicate,
            _ => Verdict::Apply,
        }
    }

    /// Whether it was read at the place of `event` or behind it. Then the log is being read again, and `event` is
    /// itself, or what came before.
    fn is_read_at_or_behind(&self, event: &Self) -> bool {
        self.partition == event.partition && self.offset >= event.offset
    }

    /// The partition and offset of its record.
    pub(super) fn place(&self) -> (u32, i64) {
        (self.partition, self.offset)
    }

    /// Whether `event` stands before it in the same log.
    pub(super) fn is_ahead_of(&self, event: &Self) -> bool {
        self.lineage == event.lineage && event.position < self.position
    }

    /// The same, as nothing that comes is a repeat of.
    pub(super) fn without_position(self) -> Self {
        Self { position: Position::Unknown, content: 0, ..self }
    }

    /// `None` where one has no clock.
    fn is_later_than(&self, other: &Self) -> Option<bool> {
        Some(self.clock?.is_later_than(other.clock?))
    }

    /// A repeat has the clock of its original, too. A log that begins anew may come to the same place, and there may be
    /// the same in it.
    fn says_the_same_as(&self, event: &Self) -> bool {
        self.content != 0 && self.content == event.content && self.clock == event.clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_small() {
        assert_eq!(size_of::<State>(), 64);
    }
}
