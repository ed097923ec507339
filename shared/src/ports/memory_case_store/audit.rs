//! The audit log of the memory store.

use async_trait::async_trait;

use super::MemoryCaseStore;
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::EntityId;
use crate::ports::audit_chain::{AuditChain, ChainedRow};
use crate::ports::audit_log::{AuditLog, AuditRow, AuditVerification};
use crate::sync::{AuditColumns, ChainWalk};

/// Spells what changed as it would be stored.
pub(super) fn changes_json(row: &AuditRow) -> String {
    serde_json::to_string(&row.changes).unwrap_or_default()
}

/// Returns what the hash of `row` is computed over.
pub(super) fn columns<'a>(row: &'a AuditRow, changes: &'a str) -> AuditColumns<'a> {
    AuditColumns {
        seq: row.seq,
        at: row.at.as_millis(),
        actor: &row.actor,
        kind: row.kind.as_str(),
        entity: row.entity.as_str(),
        entity_id: row.entity_id.as_str(),
        channel: row.channel.as_str(),
        event_id: &row.event_id,
        correlation_id: row.correlation_id.as_str(),
        source_version: row.source_version.as_millis(),
        received_at: row.received_at.as_millis(),
        changes,
    }
}

#[async_trait]
impl AuditLog for MemoryCaseStore {
    async fn audit(
        &self,
        sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError> {
        let state = self.state();
        let newest_first = state.audit.iter().rev();
        let wanted = newest_first.filter(|row| {
            before.is_none_or(|before| row.seq < before)
                && entity_id.is_none_or(|id| row.entity_id == *id)
                && state.shows_entity(sight, row.entity, &row.entity_id)
        });
        Ok(wanted.take(limit.try_into().unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn verify(
        &self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<AuditVerification, PortError> {
        let mut walk = ChainWalk::default();
        let mut previous = String::new();
        for row in &self.state().audit {
            walk.check(&columns(row, &changes_json(row)), &previous, &row.hash);
            previous.clone_from(&row.hash);
        }
        progress(walk.n_rows());
        Ok(walk.finish())
    }
}

#[async_trait]
impl AuditChain for MemoryCaseStore {
    async fn chained_after(&self, after: u64, limit: u32) -> Result<Vec<ChainedRow>, PortError> {
        let state = self.state();
        let before = std::iter::once("").chain(state.audit.iter().map(|it| it.hash.as_str()));
        let rows = state.audit.iter().zip(before).filter(|(row, _)| row.seq > after);
        let rows = rows.take(limit.try_into().unwrap_or(usize::MAX));
        Ok(rows.map(|(row, previous)| chained(row, previous)).collect())
    }
}

fn chained(row: &AuditRow, previous: &str) -> ChainedRow {
    ChainedRow {
        seq: row.seq,
        at: row.at.as_millis(),
        actor: row.actor.clone(),
        kind: row.kind.as_str().to_owned(),
        entity: row.entity.as_str().to_owned(),
        entity_id: row.entity_id.to_string(),
        channel: row.channel.as_str().to_owned(),
        event_id: row.event_id.clone(),
        correlation_id: row.correlation_id.to_string(),
        source_version: row.source_version.as_millis(),
        received_at: row.received_at.as_millis(),
        changes: changes_json(row),
        previous_hash: previous.to_owned(),
        hash: row.hash.clone(),
    }
}
