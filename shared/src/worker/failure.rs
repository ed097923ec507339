//! Why a handler did not finish, in the words a host can act on.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{PortError, PortErrorKind, Retry, chain};

/// Why a handler did not finish its message, and whether another try can help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    retry: Retry,
    reason: String,
}

impl Failure {
    /// The message can never succeed: set it aside, with the reason.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { retry: Retry::Never, reason: reason.into() }
    }

    /// Another try may succeed.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self { retry: Retry::After(None), reason: reason.into() }
    }

    /// Keeps `error` with all its causes as the reason.
    pub fn of(error: &(dyn StdError + 'static), retry: Retry) -> Self {
        Self { retry, reason: chain(error).to_string() }
    }

    /// Says whether a second attempt can help.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// Returns the reason, causes included.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<PortError> for Failure {
    /// A platform that denies us may relent once its set-up is mended, so that is tried again; only
    /// a request that can never succeed is not.
    fn from(error: PortError) -> Self {
        let retry = match error.kind() {
            PortErrorKind::Denied => Retry::After(error.retry_after()),
            _ => error.retry(),
        };
        Self::of(&error, retry)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl StdError for Failure {}
