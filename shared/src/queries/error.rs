//! Why a question was not answered.

use std::time::Duration;

use super::parameter::ParameterFault;
use crate::error::{PortError, Retry};
use crate::lake::LakeError;

/// Why a question was not answered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement cannot be worked out; the text says why and what was probably meant.
    #[error("{0}")]
    Invalid(String),
    /// The statement does something else than reading.
    #[error("{0} is not allowed: write one SELECT over the tables of the lake")]
    Refused(String),
    /// Parameters are missing or wrong.
    #[error("{}", told(.0))]
    Parameters(Vec<ParameterFault>),
    /// It took longer than it may.
    #[error("it took longer than {} s: ask for less, such as fewer days, or allow more time", .0.as_secs_f64())]
    TooLong(Duration),
    /// It needs more memory or room on disk than it may have.
    #[error(
        "it needs more memory than it may have: ask for less, or raise `queries.memory_bytes` and `queries.spill_bytes`"
    )]
    TooLarge(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// The lake or the case store failed.
    #[error("what was asked cannot be read")]
    Store(#[source] SharedPort),
    /// It failed while it was worked out, such as a division by zero.
    #[error("{0}")]
    Failed(String),
}

/// A fault of a store that several askers get.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct SharedPort(#[from] std::sync::Arc<LakeError>);

fn told(faults: &[ParameterFault]) -> String {
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    told.join("; ")
}

impl QueryError {
    /// Says whether a second attempt can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Store(SharedPort(error)) => error.retry(),
            _ => Retry::Never,
        }
    }

    /// Names the outcome for figures.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Parameters(_) => "invalid",
            Self::Refused(_) => "refused",
            Self::TooLong(_) => "too_long",
            Self::TooLarge(_) => "too_large",
            Self::Store(_) => "store_failed",
            Self::Failed(_) => "failed",
        }
    }

    /// Returns the fault of the store that is behind it.
    pub fn lake_error(&self) -> Option<&LakeError> {
        match self {
            Self::Store(SharedPort(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<LakeError> for QueryError {
    fn from(error: LakeError) -> Self {
        Self::Store(SharedPort(error.into()))
    }
}

impl From<PortError> for QueryError {
    fn from(error: PortError) -> Self {
        LakeError::from(error).into()
    }
}
