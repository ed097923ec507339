//! Why a partition was not done, and whether it is worth another try.

use std::time::Duration;

use shared::etl::PipelineError;
use shared::etl::runs::DefinitionError;
use shared::worker::Failure;
use shared::{PortError, PortErrorKind, Retry, chain};

/// Something kept the runner from its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    /// It can never be done as it is: the run is told so.
    #[error("{0}")]
    Never(String),
    /// Somebody else has it in hand; it is looked at again when that must have ended.
    #[error("partition {number} of run `{run}` is in other hands")]
    InHand {
        /// The run.
        run: String,
        /// Its partition.
        number: u32,
        /// When it is given to the next.
        wait: Duration,
    },
    /// It did not end in time, and was handed back.
    #[error(
        "the partition was not done within {}: part the source into smaller files, or give the \
         function more memory or time", shared::config::Span(*.0)
    )]
    Overrun(Duration),
    /// Somebody else has it in hand by now.
    #[error("the partition was given to somebody else, who does it")]
    Lost,
    /// A store, the journal or the queue failed.
    #[error("{0}")]
    Later(String, Option<Duration>),
}

impl NotDone {
    /// Says of the cause whether another try can help. What is denied may be allowed by then.
    fn of_port(error: &PortError, text: String) -> Self {
        match (error.kind(), error.retry()) {
            (PortErrorKind::Denied, _) => Self::Later(text, error.retry_after()),
            (_, Retry::Never) => Self::Never(text),
            (_, Retry::After(wait)) => Self::Later(text, wait),
        }
    }
}

impl From<PortError> for NotDone {
    fn from(error: PortError) -> Self {
        Self::of_port(&error, chain(&error).to_string())
    }
}

impl From<DefinitionError> for NotDone {
    fn from(error: DefinitionError) -> Self {
        let text = chain(&error).to_string();
        match &error {
            DefinitionError::Unread { source, .. } => Self::of_port(source, text),
            _ => Self::Never(text),
        }
    }
}

impl From<PipelineError> for NotDone {
    fn from(error: PipelineError) -> Self {
        let text = chain(&error).to_string();
        match &error {
            PipelineError::Store { source, .. } => Self::of_port(source, text),
            PipelineError::Invalid(faults) => {
                let faults: Vec<_> = faults.iter().take(3).map(ToString::to_string).collect();
                Self::Never(format!("{text}: {}", faults.join("; ")))
            }
            PipelineError::Stopped => Self::Lost,
            PipelineError::Unfit { .. } => Self::Never(text),
        }
    }
}

impl From<NotDone> for Failure {
    fn from(error: NotDone) -> Self {
        let retry = match &error {
            NotDone::Never(_) => Retry::Never,
            NotDone::InHand { wait, .. } => Retry::After(Some(*wait)),
            NotDone::Overrun(_) | NotDone::Lost => Retry::After(None),
            NotDone::Later(_, wait) => Retry::After(*wait),
        };
        Self::of(&error, retry)
    }
}
