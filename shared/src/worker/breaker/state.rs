//! The words of a shared breaker, and how the ledger keeps them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::ports::Ledger;
use crate::time::Timestamp;

/// Where every breaker's name begins.
pub(super) const PREFIX: &str = "breaker/";

/// Which calls a breaker stands before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BreakerName {
    /// The platform, such as `salesforce`.
    pub platform: String,
    /// The host and port that are called.
    pub host: String,
    /// The operation, such as `changes`.
    pub operation: String,
}

impl fmt::Display for BreakerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}/{}", self.platform, self.host, self.operation)
    }
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BreakerPhase {
    /// It lets them through.
    Closed,
    /// One process lets one call through to find out; all others wait.
    HalfOpen,
    /// It stops them.
    Open,
}

/// The state of one shared breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BreakerState {
    /// Which calls it stands before.
    #[serde(flatten)]
    pub name: BreakerName,
    /// What it does with them.
    pub phase: BreakerPhase,
    /// Since when.
    pub since: Timestamp,
    /// When the next call may be tried; `None` when it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What the ledger keeps: the state, and who probes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    #[serde(flatten)]
    pub(super) state: BreakerState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prober: Option<String>,
}

impl Stored {
    /// Reads an entry; one that cannot be read counts as none, and the next write replaces it.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Lists every breaker that ever opened, by name.
///
/// # Errors
///
/// As the ledger answers.
pub async fn list(ledger: &dyn Ledger) -> Result<Vec<BreakerState>, PortError> {
    let entries = ledger.list(PREFIX).await?;
    Ok(entries
        .iter()
        .filter_map(|(_, entry)| Stored::read(&entry.value))
        .map(|stored| stored.state)
        .collect())
}
