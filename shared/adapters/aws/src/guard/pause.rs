//! Why a request was not sent.

use std::error::Error;
use std::time::Duration;

use shared::error::PortErrorKind;

/// The cause under the error of a call that was kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Pause {
    /// AWS failed too often just now.
    #[error("calls are paused after repeated failures")]
    Broken {
        /// How long to stay away.
        wait: Duration,
    },
    /// AWS asked to wait longer than the SDK does between two attempts.
    #[error("it asked to be called again no sooner than in {} s", wait.as_secs())]
    Asked {
        /// How long to stay away.
        wait: Duration,
    },
}

impl Pause {
    /// Finds the pause under `error`.
    pub(crate) fn under(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(it) = cause {
            if let Some(pause) = it.downcast_ref::<Self>() {
                return Some(*pause);
            }
            cause = it.source();
        }
        None
    }

    /// What it means to a port.
    pub(crate) fn kind(self) -> PortErrorKind {
        match self {
            Self::Broken { .. } => PortErrorKind::Unavailable,
            Self::Asked { .. } => PortErrorKind::RateLimited,
        }
    }

    /// How long to stay away.
    pub(crate) fn wait(self) -> Duration {
        match self {
            Self::Broken { wait } | Self::Asked { wait } => wait,
        }
    }

    /// What the metric calls it.
    pub(super) fn outcome(self) -> &'static str {
        match self {
            Self::Broken { .. } => "breaker_open",
            Self::Asked { .. } => "paced",
        }
    }
}
