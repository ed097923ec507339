//! The dependencies that most functions ask before they call themselves ready.

use std::sync::Arc;

use async_trait::async_trait;
use shared::chain;
use shared::ports::{Ledger, Queue};

use crate::app::ReadyCheck;

/// Asks whether a queue can be used.
pub struct QueueReady(Arc<dyn Queue>);

impl QueueReady {
    /// Asks `queue`.
    pub fn new(queue: Arc<dyn Queue>) -> Arc<Self> {
        Arc::new(Self(queue))
    }
}

#[async_trait]
impl ReadyCheck for QueueReady {
    fn name(&self) -> &str {
        "queue"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.depth().await.map(drop).map_err(|error| chain(&error).to_string())
    }
}

/// Asks whether the case store can be used, by way of its ledger.
pub struct LedgerReady(Arc<dyn Ledger>);

impl LedgerReady {
    /// Asks `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>) -> Arc<Self> {
        Arc::new(Self(ledger))
    }
}

#[async_trait]
impl ReadyCheck for LedgerReady {
    fn name(&self) -> &str {
        "case-store"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.get("ready").await.map(drop).map_err(|error| chain(&error).to_string())
    }
}
