//! The audit log, read and proved.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{CorrelationId, EntityId};
use shared::ports::{AuditLog, AuditRow, AuditVerification};
use shared::sync::{AuditColumns, ChainWalk};
use sqlx::FromRow;

use super::decode::{checked, count, entity_id, instant, json, number, word};
use super::sqlite_case_store::SqliteCaseStore;
use crate::error::read_error;

/// Progress is told after so many rows.
const N_ROWS_PER_STEP: u64 = 2_000;

#[derive(FromRow)]
struct StoredAudit {
    seq: i64,
    at: i64,
    actor: String,
    kind: String,
    entity: String,
    entity_id: String,
    channel: String,
    event_id: String,
    correlation_id: String,
    source_version: i64,
    received_at: i64,
    changes: String,
    previous_hash: String,
    hash: String,
}

impl StoredAudit {
    fn columns(&self) -> AuditColumns<'_> {
        AuditColumns {
            seq: count(self.seq),
            at: self.at,
            actor: &self.actor,
            kind: &self.kind,
            entity: &self.entity,
            entity_id: &self.entity_id,
            channel: &self.channel,
            event_id: &self.event_id,
            correlation_id: &self.correlation_id,
            source_version: self.source_version,
            received_at: self.received_at,
            changes: &self.changes,
        }
    }

    fn read(self) -> Result<AuditRow, sqlx::Error> {
        Ok(AuditRow {
            seq: count(self.seq),
            at: instant(self.at),
            actor: self.actor,
            kind: word(&self.kind)?,
            entity: word(&self.entity)?,
            entity_id: entity_id(self.entity_id)?,
            channel: word(&self.channel)?,
            event_id: self.event_id,
            correlation_id: checked(CorrelationId::parse(self.correlation_id))?,
            source_version: instant(self.source_version),
            received_at: instant(self.received_at),
            changes: json(&self.changes)?,
            hash: self.hash,
        })
    }
}

#[async_trait]
impl AuditLog for SqliteCaseStore {
    async fn audit(
        &self,
        _sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError> {
        let sql = match entity_id {
            Some(_) => {
                "SELECT * FROM audit WHERE entity_id = ?3 AND seq < ?1 ORDER BY seq DESC LIMIT ?2"
            }
            None => "SELECT * FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
        };
        let mut query = sqlx::query_as(sql).bind(before.map_or(i64::MAX, number)).bind(limit);
        if let Some(id) = entity_id {
            query = query.bind(id.as_str());
        }
        let rows: Vec<StoredAudit> = query
            .fetch_all(self.readers())
            .await
            .map_err(|cause| read_error(cause, "list", "audit"))?;
        let rows: Result<_, _> = rows.into_iter().map(StoredAudit::read).collect();
        rows.map_err(|cause| read_error(cause, "list", "audit"))
    }

    async fn verify(
        &self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<AuditVerification, PortError> {
        let mut walk = ChainWalk::default();
        let mut rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch(self.readers());
        loop {
            let next = rows.try_next().await;
            let Some(row) = next.map_err(|cause| read_error(cause, "verify", "audit"))? else {
                break;
            };
            let fits = match StoredAudit::from_row(&row) {
                Ok(row) => walk.check(&row.columns(), &row.previous_hash, &row.hash),
                Err(cause) => {
                    walk.unreadable(&cause);
                    false
                }
            };
            if !fits {
                break;
            }
            if walk.n_rows().is_multiple_of(N_ROWS_PER_STEP) {
                progress(walk.n_rows());
            }
        }
        progress(walk.n_rows());
        Ok(walk.finish())
    }
}
