//! Work that is done once, whoever begins it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::clock::Clock;
use crate::error::{PortError, PortErrorKind};
use crate::time::Timestamp;

/// Asks to be the one who does a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimRequest<'a> {
    /// Names the work.
    pub key: &'a str,
    /// Names who asks; never twice the same, but for a repeated request.
    pub owner: &'a str,
    /// A digest of what the work is done on: one key with two of them is a mistake of the sender.
    pub fingerprint: &'a str,
    /// How long the work may take; afterwards somebody else may begin it anew.
    pub lease: Duration,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The work is the caller's.
    Granted,
    /// Somebody is at it, until then at most.
    InProgress {
        /// When the lease ends.
        until: Timestamp,
    },
    /// It is done.
    Completed {
        /// What its owner kept.
        result: String,
    },
}

/// Remembers who does a piece of work, and what came of it.
///
/// # Contract
///
/// - Of concurrent claims of one key exactly one is granted. The same request again, as after an
///   answer that was lost, is granted again.
/// - A lease that ended is granted to the next who asks. Whoever held it before then gets `Conflict`
///   from [`complete`](IdempotencyStore::complete) and [`release`](IdempotencyStore::release), and
///   changes nothing.
/// - What was completed is remembered for as long as its owner said, and forgotten afterwards, even
///   where the platform removes it much later.
/// - Completing or releasing twice changes nothing and succeeds.
///
/// `shared::ports::idempotency_contract` checks these for every adapter.
/// The race cases are those of the idempotency record of AWS Lambda Powertools, where completing is
/// not bound to the owner.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Claims the work.
    ///
    /// # Errors
    ///
    /// `Rejected` when the key was claimed with another fingerprint, else as the platform answers.
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claimed, PortError>;

    /// Says that the work of `owner` is done; `result` is told to whoever asks within `keep`.
    ///
    /// # Errors
    ///
    /// `Conflict` when somebody else has the claim by now, else as the platform answers.
    async fn complete(
        &self,
        key: &str,
        owner: &str,
        result: &str,
        keep: Duration,
    ) -> Result<(), PortError>;

    /// Gives the claim of `owner` up, so that somebody else may begin at once.
    ///
    /// # Errors
    ///
    /// `Conflict` when somebody else has the claim by now, else as the platform answers.
    async fn release(&self, key: &str, owner: &str) -> Result<(), PortError>;
}

/// Claims in the memory of this process, for tests.
pub struct MemoryIdempotency {
    clock: Arc<dyn Clock>,
    records: Mutex<BTreeMap<String, Record>>,
}

struct Record {
    owner: String,
    fingerprint: String,
    /// When the lease ends, or the result is forgotten.
    until: Timestamp,
    result: Option<String>,
}

impl MemoryIdempotency {
    /// Remembers nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, records: Mutex::default() }
    }
}

fn fault(kind: PortErrorKind, operation: &'static str, key: &str) -> PortError {
    PortError::new(kind, "memory", operation, key)
}

#[async_trait]
impl IdempotencyStore for MemoryIdempotency {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claimed, PortError> {
        let now = self.clock.now();
        let mut records = self.records.lock().await;
        if let Some(found) = records.get(request.key).filter(|it| it.until > now) {
            if found.fingerprint != request.fingerprint {
                return Err(fault(PortErrorKind::Rejected, "claim", request.key)
                    .with_source("the same key came with something else before"));
            }
            if let Some(result) = &found.result {
                return Ok(Claimed::Completed { result: result.clone() });
            }
            if found.owner != request.owner {
                return Ok(Claimed::InProgress { until: found.until });
            }
        }
        let record = Record {
            owner: request.owner.to_owned(),
            fingerprint: request.fingerprint.to_owned(),
            until: now.plus(request.lease),
            result: None,
        };
        records.insert(request.key.to_owned(), record);
        Ok(Claimed::Granted)
    }

    async fn complete(
        &self,
        key: &str,
        owner: &str,
        result: &str,
        keep: Duration,
    ) -> Result<(), PortError> {
        let now = self.clock.now();
        match self.records.lock().await.get_mut(key).filter(|it| it.owner == owner) {
            Some(record) => {
                (record.result, record.until) = (Some(result.to_owned()), now.plus(keep));
                Ok(())
            }
            None => Err(fault(PortErrorKind::Conflict, "complete", key)),
        }
    }

    async fn release(&self, key: &str, owner: &str) -> Result<(), PortError> {
        let mut records = self.records.lock().await;
        match records.get(key) {
            None => Ok(()),
            Some(record) if record.owner == owner => {
                if record.result.is_none() {
                    records.remove(key);
                }
                Ok(())
            }
            Some(_) => Err(fault(PortErrorKind::Conflict, "release", key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{SystemClock, idempotency_contract};

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let store = MemoryIdempotency::new(Arc::new(SystemClock));
        idempotency_contract::contract(Arc::new(store), Duration::from_millis(200)).await;
    }
}
