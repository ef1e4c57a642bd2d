//! A record that cannot be applied, and the one place where it is decided what happens to it.
//!
//! Comes in: a [`Reject`]. Goes out: a [`Verdict`]. It knows no sink: whoever applies a batch writes what is passed over
//! to wherever the policy says, together with the batch.
//!
//! - [`blocked`]: the keys of rejects that are open, whose later records are set aside behind them
//! - [`kept`]: a reject that is kept, and how it is printed
//! - [`outbox`], [`forward`]: from the database on to a topic
//! - [`command`]: `rowkind rejects`

pub mod blocked;
pub mod command;
pub mod forward;
pub mod kept;
pub mod outbox;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rowkind_formats::Record;

use crate::config::{self, RejectPolicy};
use crate::records::TopicPartition;
use blocked::{Blocked, Keys};
use outbox::Outbox;

/// Why a record cannot be applied. Holds no value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What is wrong with it, and what to do where a person can do something.
    pub text: String,
    /// The SQLSTATE with which Postgres refused it; `None` when it did not come that far.
    pub sqlstate: Option<String>,
    /// The offset of the reject of its key behind which it is set aside: the record itself is not judged.
    pub behind: Option<i64>,
    /// Whether the pipeline stops at it, whatever the policy.
    pub stops: bool,
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self { text, sqlstate: None, behind: None, stops: false }
    }
}

impl Reason {
    /// A record whose key has a reject at `offset`.
    pub fn behind(offset: i64) -> Self {
        Self { behind: Some(offset), ..Self::from(format!("behind a reject of its key at offset {offset}")) }
    }

    /// A record at which the pipeline stops, whatever the policy.
    pub fn to_stop(text: String) -> Self {
        Self { stops: true, ..Self::from(text) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A record that cannot be applied: where it stands and why.
#[derive(Debug, Clone)]
pub struct Reject {
    /// Its partition.
    pub partition: TopicPartition,
    /// Its offset.
    pub offset: i64,
    /// What is wrong with it.
    pub reason: Box<Reason>,
    /// What later records are told by that are set aside behind it; `None` where none is.
    pub keys: Option<Keys>,
}

impl Reject {
    /// The record with the reason for which it is put aside.
    pub fn new(record: &Record<'_>, reason: impl Into<Reason>) -> Self {
        Self {
            partition: TopicPartition { topic: record.topic.into(), partition: record.partition },
            offset: record.offset,
            reason: Box::new(reason.into()),
            keys: None,
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
            _ if reject.reason.stops => Verdict::Stop(reject),
            Self::Skip | Self::Table | Self::Topic => Verdict::Pass(reject),
        }
    }

    /// Whether a reject that is passed over is kept in the database.
    pub fn keeps(self) -> bool {
        matches!(self, Self::Table | Self::Topic)
    }
}

/// The time in which [`max_per_minute`](config::Rejects::max_per_minute) counts.
const MINUTE: Duration = Duration::from_mins(1);

/// The rejects of a pipeline, for all its lanes: how many there were of late, and which keys they block.
#[derive(Debug)]
pub struct Rejects {
    policy: RejectPolicy,
    max_per_minute: usize,
    /// When how many were passed over, in the last minute.
    recent: Mutex<VecDeque<(Instant, usize)>>,
    blocked: Option<Blocked>,
    /// Of the policy [`RejectPolicy::Topic`].
    outbox: Option<Arc<Outbox>>,
}

impl Rejects {
    /// None yet.
    pub fn new(config: &config::Rejects) -> Self {
        Self {
            policy: config.policy,
            max_per_minute: config.max_per_minute,
            recent: Mutex::default(),
            blocked: config.block_key.then(Blocked::default),
            outbox: (config.policy == RejectPolicy::Topic).then(Arc::default),
        }
    }

    /// The policy.
    pub fn policy(&self) -> RejectPolicy {
        self.policy
    }

    /// The keys that are blocked; `None` when none ever is.
    pub fn blocked(&self) -> Option<&Blocked> {
        self.blocked.as_ref()
    }

    /// What is to be forwarded to a topic; `None` when nothing ever is.
    pub fn outbox(&self) -> Option<&Arc<Outbox>> {
        self.outbox.as_ref()
    }

    /// Decides about a reject behind `n_passed` others that are passed over with it. One more than may be in a minute
    /// stops the pipeline; what is only set aside behind another does not count.
    pub fn judge(&self, mut reject: Reject, n_passed: usize) -> Verdict {
        let is_one_too_many = reject.reason.behind.is_none() && self.n_recent() + n_passed >= self.max_per_minute;
        if self.policy != RejectPolicy::Stop && is_one_too_many {
            reject.reason.stops = true;
            let n = self.max_per_minute;
            let why = "records were rejected within a minute before it, as many as `rejects.max_per_minute` allows";
            reject.reason.text = format!("{}; {n} {why}", reject.reason.text);
        }
        self.policy.judge(reject)
    }

    /// Whether as many may still be passed over as a plan does that was made a while ago.
    pub fn allow(&self, passed: &BTreeMap<usize, Reject>) -> bool {
        let n_passed = passed.values().filter(|reject| reject.reason.behind.is_none()).count();
        n_passed == 0 || self.n_recent() + n_passed <= self.max_per_minute
    }

    /// Rejects were passed over: their batch is committed.
    pub fn note<'r>(&self, passed: impl Iterator<Item = &'r Reject>) {
        let mut n_passed = 0;
        for reject in passed {
            n_passed += usize::from(reject.reason.behind.is_none());
            if let (Some(blocked), Some(keys)) = (&self.blocked, &reject.keys) {
                blocked.add(&reject.partition, keys, reject.offset);
            }
            if let Some(outbox) = &self.outbox {
                outbox.add(&reject.partition);
            }
        }
        if n_passed > 0 {
            self.recent().push_back((Instant::now(), n_passed));
        }
    }

    fn n_recent(&self) -> usize {
        let mut recent = self.recent();
        while recent.front().is_some_and(|(at, _)| at.elapsed() > MINUTE) {
            recent.pop_front();
        }
        recent.iter().map(|(_, n_passed)| n_passed).sum()
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<(Instant, usize)>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
