//! Whether the audit log was last found whole.

use std::sync::Arc;

use async_trait::async_trait;
use metrics::{Gauge, gauge};
use shared::PortError;
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::ports::{AuditLog, AuditRow, AuditVerification};

/// Shows what each verification found as `audit_chain_broken`: 0 whole or never verified, 1 broken.
struct Watched {
    inner: Arc<dyn AuditLog>,
    is_broken: Gauge,
}

/// Shows what each verification of `inner` finds.
pub(crate) fn watched(inner: Arc<dyn AuditLog>) -> Arc<dyn AuditLog> {
    let is_broken = gauge!("audit_chain_broken");
    is_broken.set(0.0);
    Arc::new(Watched { inner, is_broken })
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl AuditLog for Watched {
    async fn audit(
        &self,
        sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError> {
        self.inner.audit(sight, entity_id, before, limit).await
    }

    async fn verify(
        &self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<AuditVerification, PortError> {
        let found = self.inner.verify(progress).await?;
        self.is_broken.set(if found.fault.is_some() { 1.0 } else { 0.0 });
        Ok(found)
    }
}
