//! Small facts that must outlive a process: cursors, marks of work done.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::error::{PortError, PortErrorKind};

/// A value with the revision that guards it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The value, as JSON text or whatever its owner writes.
    pub value: String,
    /// Grows by one with each write.
    pub revision: u64,
}

/// Keeps small facts by name.
///
/// # Contract
///
/// - [`put`](Ledger::put) writes only when the stored revision is the expected one (0: nothing is
///   stored), else answers `Conflict` and changes nothing.
/// - A written value is durable when `put` returns.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Returns the entry of `name`.
    ///
    /// # Errors
    ///
    /// As the platform answers. A missing entry is not an error.
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError>;

    /// Writes `value` under `name` and returns the new revision.
    ///
    /// # Errors
    ///
    /// `Conflict` when the stored revision is not `expected_revision`.
    async fn put(&self, name: &str, value: &str, expected_revision: u64) -> Result<u64, PortError>;

    /// Lists the entries whose name starts with `prefix`, by name.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError>;
}

/// A ledger in the memory of this process, for tests.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    entries: Mutex<BTreeMap<String, LedgerEntry>>,
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        Ok(self.entries.lock().await.get(name).cloned())
    }

    async fn put(&self, name: &str, value: &str, expected_revision: u64) -> Result<u64, PortError> {
        let mut entries = self.entries.lock().await;
        let revision = entries.get(name).map_or(0, |it| it.revision);
        if revision != expected_revision {
            return Err(PortError::new(PortErrorKind::Conflict, "memory", "put", name));
        }
        let revision = revision + 1;
        entries.insert(name.to_owned(), LedgerEntry { value: value.to_owned(), revision });
        Ok(revision)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        let entries = self.entries.lock().await;
        Ok(entries
            .range(prefix.to_owned()..)
            .take_while(|(name, _)| name.starts_with(prefix))
            .map(|(name, entry)| (name.clone(), entry.clone()))
            .collect())
    }
}
