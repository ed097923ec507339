//! Memory of what was sent, for a queue that has none.

use std::sync::Arc;
use std::time::Duration;

use shared::error::PortError;
use shared::ports::{ClaimRequest, Claimed, Clock, IdempotencyStore};

/// How long a key is remembered.
const REMEMBER: Duration = Duration::from_hours(7 * 24);
/// How long a sender may take from its claim to the queue's answer.
const LEASE: Duration = Duration::from_secs(30);
/// How often a sender asks what became of another one that sends the same.
const ASK: Duration = Duration::from_millis(100);

/// Says for each key whether it was sent.
#[derive(Clone)]
pub(crate) struct Dedupe {
    pub(crate) store: Arc<dyn IdempotencyStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Dedupe {
    /// Claims `key` for `owner`; true when it is to be sent, false when it was sent.
    ///
    /// Another sender of the same is waited for, no longer than its lease: only when the queue has
    /// answered it may ours be called a duplicate.
    pub(crate) async fn is_first(&self, key: &str, owner: &str) -> Result<bool, PortError> {
        let request = ClaimRequest { key, owner, fingerprint: "", lease: LEASE };
        loop {
            match self.store.claim(request).await? {
                Claimed::Granted => return Ok(true),
                Claimed::Completed { .. } => return Ok(false),
                Claimed::InProgress { until } => {
                    let left = until.since(self.clock.now());
                    tokio::time::sleep(left.clamp(Duration::from_millis(10), ASK)).await;
                }
            }
        }
    }

    /// Remembers that `key` was sent.
    pub(crate) async fn sent(&self, key: &str, owner: &str) -> Result<(), PortError> {
        self.store.complete(key, owner, "", REMEMBER).await
    }

    /// Gives `key` up, which was not sent. Best effort: without it the next sender waits out a lease.
    pub(crate) async fn not_sent(&self, key: &str, owner: &str) {
        if let Err(error) = self.store.release(key, owner).await {
            tracing::debug!(%error, "claim of a message that was not sent is left to its lease");
        }
    }
}
