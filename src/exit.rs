//! How a command ends, for people and for scripts.

use std::error::Error;
use std::process::ExitCode;

use shared::config::ConfigError;

/// The command did all it was asked.
pub(crate) const SUCCESS: u8 = 0;
/// It could not, for a reason outside its settings.
pub(crate) const FAILURE: u8 = 1;
/// It checked something and found it wrong: a broken audit chain, an unapplied migration.
pub(crate) const FOUND_WRONG: u8 = 3;
/// A gate of quality stopped a pipeline: its output is not seen.
pub(crate) const STOPPED: u8 = 4;
/// The settings cannot be used. Source: `EX_CONFIG` of BSD's `sysexits.h`.
pub(crate) const BAD_SETTINGS: u8 = 78;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// Something else failed; says what was tried.
    #[error("{tried}")]
    Failed {
        /// What was tried.
        tried: String,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl CommandError {
    /// Reports that what `tried` names failed because of `source`.
    pub(crate) fn failed(
        tried: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { tried: tried.into(), source: source.into() }
    }

    /// Returns the exit code that tells scripts what kind of failure it is.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) => BAD_SETTINGS.into(),
            Self::Failed { .. } => FAILURE.into(),
        }
    }
}
