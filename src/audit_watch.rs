//! Proves the audit log every day, so that an altered row is noticed without anybody asking.

use std::sync::Arc;

use async_trait::async_trait;
use shared::ports::AuditLog;
use shared::worker::{Failure, ScheduleHandler, Tick};
use tracing::{error, info};

/// Walks along the whole chain. The gauge `audit_chain_broken` tells what it found.
pub(crate) struct AuditWatch {
    audit: Arc<dyn AuditLog>,
}

impl AuditWatch {
    /// Watches over `audit`.
    pub(crate) fn new(audit: Arc<dyn AuditLog>) -> Self {
        Self { audit }
    }
}

#[async_trait]
impl ScheduleHandler for AuditWatch {
    async fn run(&self, _tick: Tick) -> Result<(), Failure> {
        let verification = self.audit.verify(&|_| {}).await?;
        match verification.fault {
            None => info!(n_rows = verification.n_rows, "the audit chain is whole"),
            Some(fault) => error!(
                n_rows = verification.n_rows,
                "the audit chain is broken at row {}: {}", fault.seq, fault.problem
            ),
        }
        Ok(())
    }
}
