//! A record that cannot be applied, and the one place where the policy for it is decided.

use std::fmt;

use rowkind_formats::Record;

use crate::config::RejectPolicy;
use crate::records::TopicPartition;

/// A record that cannot be applied: where it stands and why.
#[derive(Debug)]
pub struct Reject {
    /// Its partition.
    pub partition: TopicPartition,
    /// Its offset.
    pub offset: i64,
    /// What is wrong with it; holds no value of the record.
    pub reason: String,
}

impl Reject {
    /// The record with the reason for which it is put aside.
    pub fn new(record: &Record<'_>, reason: impl fmt::Display) -> Self {
        Self {
            partition: TopicPartition { topic: record.topic.into(), partition: record.partition },
            offset: record.offset,
            reason: reason.to_string(),
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, offset {}: {}", self.partition, self.offset, self.reason)
    }
}

/// What is to be done about a reject.
#[derive(Debug)]
pub enum Verdict {
    /// Apply what came before it, then stop.
    Stop(Reject),
    /// Go on as if it were not there; its offset is passed.
    Pass(Reject),
}

impl RejectPolicy {
    /// Decides.
    pub fn judge(self, reject: Reject) -> Verdict {
        match self {
            Self::Stop => Verdict::Stop(reject),
            Self::Skip => Verdict::Pass(reject),
        }
    }
}
