//! Settings that were changed while the process ran, with who changed them and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{PortError, PortErrorKind};
use crate::ids::PersonId;
use crate::ports::Ledger;
use crate::time::Timestamp;

/// One setting before and after a change; `None` is what the file, or the default, says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettingChange {
    /// Its path, such as `poll.every`.
    pub path: String,
    /// What it was.
    pub before: Option<Value>,
    /// What it is.
    pub after: Option<Value>,
}

/// All that is changed, as of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettingsVersion {
    /// Its number: the first is 1.
    pub version: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub author: PersonId,
    /// Why.
    pub reason: String,
    /// What differs from the version before.
    pub changes: Vec<SettingChange>,
    /// Every setting that is changed, by its path.
    pub values: BTreeMap<String, Value>,
}

/// Keeps the versions of changed settings. None is ever altered or removed.
///
/// # Contract
///
/// - Versions are numbered from 1 without a gap.
/// - [`append`](SettingsStore::append) adds a version only when it is the next one, else it answers
///   `Conflict` and changes nothing; of two at once, one is added.
/// - A version is durable when `append` returns.
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// Returns every version, the newest first. People make them, so they are few.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn history(&self) -> Result<Vec<SettingsVersion>, PortError>;

    /// Adds `version`.
    ///
    /// # Errors
    ///
    /// `Conflict` when it is not the next one.
    async fn append(&self, version: &SettingsVersion) -> Result<(), PortError>;
}

/// What the names of versions begin with in the ledger.
const PREFIX: &str = "settings/";

/// Versions in a ledger, an entry each, on whichever database it is. An entry is written once:
/// that the ledger writes only over the expected revision is what tells two authors apart.
pub struct LedgerSettingsStore {
    ledger: Arc<dyn Ledger>,
}

impl LedgerSettingsStore {
    /// Keeps versions in `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger }
    }
}

#[async_trait]
impl SettingsStore for LedgerSettingsStore {
    async fn history(&self) -> Result<Vec<SettingsVersion>, PortError> {
        let entries = self.ledger.list(PREFIX).await?;
        let read = |(name, entry): &(String, crate::ports::LedgerEntry)| {
            serde_json::from_str(&entry.value).map_err(|error| {
                PortError::new(PortErrorKind::Rejected, "ledger", "read settings", name)
                    .with_source(error)
            })
        };
        entries.iter().rev().map(read).collect()
    }

    async fn append(&self, version: &SettingsVersion) -> Result<(), PortError> {
        let name = |version: u64| format!("{PREFIX}{version:010}");
        let fail = |kind| PortError::new(kind, "ledger", "change settings", name(version.version));
        let before = version.version.checked_sub(1).ok_or_else(|| fail(PortErrorKind::Conflict))?;
        if before > 0 && self.ledger.get(&name(before)).await?.is_none() {
            return Err(fail(PortErrorKind::Conflict));
        }
        let text = serde_json::to_string(version)
            .map_err(|error| fail(PortErrorKind::Rejected).with_source(error))?;
        self.ledger.put(&name(version.version), &text, 0).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{MemoryLedger, settings_store_contract};

    #[tokio::test]
    async fn ledger_in_memory_keeps_the_contract() {
        let ledger = Arc::new(MemoryLedger::default());
        settings_store_contract::check(&LedgerSettingsStore::new(ledger)).await;
    }
}
