//! Why the lake did not go on.

use super::schema::SchemaRefusal;
use super::table::LakeTable;
use crate::error::{PortError, PortErrorKind, Retry};
use crate::worker::Failure;

/// Why the lake did not go on.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The manifest is not one: somebody else has written there.
    #[error(
        "`{key}` is no manifest of the lake: put back an earlier version of it, or give the lake another place"
    )]
    Manifest {
        /// The object.
        key: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer build has written the manifest.
    #[error("the manifest has format {found}, and this build reads {known}: run the newer build")]
    Newer {
        /// The format found.
        found: u32,
        /// The format that is known here.
        known: u32,
    },
    /// The columns cannot follow those of the lake.
    #[error("table `{table}` of the lake")]
    Schema {
        /// The table.
        table: LakeTable,
        /// Why not.
        source: SchemaRefusal,
    },
    /// The case store knows fewer changes than the lake.
    #[error(
        "the lake holds changes up to {position}, and the newest of the case store is {newest}: the store was put back to an earlier state, so start a new lake in another place"
    )]
    StoreIsBehind {
        /// What the lake holds.
        position: u64,
        /// What the store has.
        newest: u64,
    },
    /// Others were faster, again and again.
    #[error("others wrote the manifest {n_attempts} times meanwhile: the next run goes on")]
    Contended {
        /// How often it was tried.
        n_attempts: u64,
    },
    /// Files were open for so long that a sweep may have taken them for forgotten ones.
    #[error("this run began {hours} hours ago and may not commit any more: the next run goes on")]
    TooLate {
        /// Since when.
        hours: u64,
    },
    /// A file does not hold what the manifest says.
    #[error("`{key}` has {found} rows in order, and the manifest says {wanted}")]
    Differs {
        /// The file.
        key: String,
        /// The rows found.
        found: u64,
        /// The rows that there should be.
        wanted: u64,
    },
}

impl LakeError {
    /// Says whether a second attempt can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Port(error) => error.retry(),
            Self::Contended { .. } | Self::TooLate { .. } => Retry::After(None),
            _ => Retry::Never,
        }
    }

    pub(super) fn is_conflict(error: &PortError) -> bool {
        error.kind() == PortErrorKind::Conflict
    }
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        match error {
            LakeError::Port(error) => error.into(),
            other => Self::of(&other, other.retry()),
        }
    }
}
