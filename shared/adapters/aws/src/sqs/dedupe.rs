//! Memory of what was sent, for a queue that has none.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use shared::error::PortError;
use shared::ports::{ClaimRequest, Claimed, Clock, IdempotencyStore, Random};
use shared::time::Timestamp;

/// How long a key is remembered.
const REMEMBER: Duration = Duration::from_hours(7 * 24);
/// How long a sender may take from its claim to the queue's answer.
const LEASE: Duration = Duration::from_secs(30);
/// How often a sender asks what became of another one that sends the same.
const ASK: Duration = Duration::from_millis(100);
/// How many calls of one batch go to the store at once.
const N_AT_ONCE: usize = 16;

/// Says for each key whether it was sent.
#[derive(Clone)]
pub(crate) struct Dedupe {
    pub(crate) store: Arc<dyn IdempotencyStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is ours to send.
    Ours,
    /// It was sent.
    Sent,
    /// Another sender is about to send it, for so long at most.
    Theirs {
        /// When its claim ends.
        until: Timestamp,
    },
}

impl Dedupe {
    /// Claims `keys` for `owner`, and returns what became of each, in their order.
    ///
    /// It waits for nobody: two senders with the same keys would wait for each other. When a claim
    /// fails, what was claimed is given up.
    pub(crate) async fn claim(&self, keys: &[&str], owner: &str) -> Result<Vec<Claim>, PortError> {
        // A list of futures, not a closure in the stream: the compiler finds no `Send` otherwise.
        let calls: Vec<_> = keys.iter().map(|key| self.claim_one(key, owner)).collect();
        let claims: Vec<_> = stream::iter(calls).buffered(N_AT_ONCE).collect().await;
        let is_ours = |(_, claim): &(&&str, &Result<Claim, PortError>)| {
            // One that failed may have been granted all the same.
            !matches!(claim, Ok(Claim::Sent | Claim::Theirs { .. }))
        };
        let ours: Vec<&str> =
            keys.iter().zip(&claims).filter(is_ours).map(|(key, _)| *key).collect();
        let claims: Result<Vec<Claim>, PortError> = claims.into_iter().collect();
        if claims.is_err() {
            self.not_sent(&ours, owner).await;
        }
        claims
    }

    async fn claim_one(&self, key: &str, owner: &str) -> Result<Claim, PortError> {
        let request = ClaimRequest { key, owner, fingerprint: "", lease: LEASE };
        Ok(match self.store.claim(request).await? {
            Claimed::Granted => Claim::Ours,
            Claimed::Completed { .. } => Claim::Sent,
            Claimed::InProgress { until } => Claim::Theirs { until },
        })
    }

    /// Waits a moment for the sender whose claim ends at `until`.
    pub(crate) async fn wait_for_other(&self, until: Timestamp, random: &dyn Random) {
        let left = until.since(self.clock.now());
        // Two that gave way to each other must not meet again and again.
        let apart = Duration::from_millis(u64::try_from(random.bits() % 50).unwrap_or_default());
        tokio::time::sleep(left.clamp(Duration::from_millis(10), ASK) + apart).await;
    }

    /// Remembers that `keys` were sent. They are durable: when that cannot be noted, a repetition is
    /// queued twice at worst.
    pub(crate) async fn sent(&self, keys: &[&str], owner: &str) {
        let calls: Vec<_> =
            keys.iter().map(|key| self.store.complete(key, owner, "", REMEMBER)).collect();
        let mut noted = stream::iter(calls).buffer_unordered(N_AT_ONCE);
        while let Some(noted) = noted.next().await {
            if let Err(error) = noted {
                tracing::warn!(%error, "sent message is not remembered");
            }
        }
    }

    /// Gives `keys` up, which were not sent. Best effort: without it the next sender waits out a lease.
    pub(crate) async fn not_sent(&self, keys: &[&str], owner: &str) {
        let calls: Vec<_> = keys.iter().map(|key| self.store.release(key, owner)).collect();
        let mut given_up = stream::iter(calls).buffer_unordered(N_AT_ONCE);
        while let Some(given_up) = given_up.next().await {
            if let Err(error) = given_up {
                tracing::debug!(%error, "claim of a message that was not sent is left to its lease");
            }
        }
    }
}
