//! Why a webhook was not taken: each variant is one answer.

use std::time::Duration;

use shared::PortError;

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The body is not what the endpoint takes: the same body will fail again.
    #[error("`{field}` {message}")]
    Malformed {
        /// The part at fault, such as `data.record_id`.
        field: String,
        /// What is wrong with it, and what is right.
        message: String,
    },
    /// The caller did not prove who it is. It is told nothing more.
    #[error("the caller is not known")]
    Unproven {
        /// Why, for the log only.
        reason: &'static str,
    },
    /// The body is longer than taken.
    #[error("the body is longer than {max_bytes} bytes")]
    TooLong {
        /// The longest body taken.
        max_bytes: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {} ms", within.as_millis())]
    Slow {
        /// The time a body may take.
        within: Duration,
    },
    /// The content type is not the endpoint's.
    #[error("the content type is not {expected}")]
    WrongType {
        /// What the endpoint takes.
        expected: &'static str,
    },
    /// Too many webhooks wait already.
    #[error("too many webhooks wait")]
    Busy,
    /// The queue did not take it.
    #[error("the queue did not take it")]
    NotQueued {
        /// What the queue answered.
        source: PortError,
    },
}

impl Refusal {
    /// Says that `field` is wrong in the way `message` tells.
    pub(crate) fn malformed(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Malformed { field: field.into(), message: message.into() }
    }

    /// Returns the name used in metrics and logs.
    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Unproven { .. } => "unproven",
            Self::TooLong { .. } => "too_long",
            Self::Slow { .. } => "slow",
            Self::WrongType { .. } => "wrong_type",
            Self::Busy => "busy",
            Self::NotQueued { .. } => "not_queued",
        }
    }
}
