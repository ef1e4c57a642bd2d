//! Why a replay beside the pipeline's own tables ends early.

use anyhow::anyhow;

use crate::bridge::RunError;
use crate::sink::postgres::{Failure, Untaken};
use crate::source::SourceError;

/// Why a replay ended early; nothing was changed.
pub(super) enum Ended {
    Source(SourceError),
    Failed(Failure),
    Rejected(RunError),
    Other(anyhow::Error),
}

impl From<SourceError> for Ended {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Untaken> for Ended {
    fn from(untaken: Untaken) -> Self {
        match untaken {
            Untaken::Failed(failure) => Self::Failed(failure),
            Untaken::Rejected(reject) => Self::Rejected(RunError::Rejected(reject)),
        }
    }
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl Ended {
    /// What a person is told.
    pub(super) fn into_error(self) -> anyhow::Error {
        match self {
            Self::Source(SourceError::Shutdown) => anyhow!("stopped: nothing was changed"),
            Self::Source(error) => anyhow::Error::from(error),
            Self::Failed(failure) => anyhow::Error::msg(failure),
            Self::Rejected(error) => error.into(),
            Self::Other(error) => error,
        }
    }
}
