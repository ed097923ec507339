//! The audit log, read and proved.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::ports::{AuditLog, AuditRow, AuditVerification};
use shared::sync::ChainWalk;
use sqlx::FromRow;

use super::postgres_case_store::PostgresCaseStore;
use crate::postgres::port_error;
use crate::store::decode::number;
use crate::store::rows::StoredAudit;

/// Progress is told after so many rows.
const N_ROWS_PER_STEP: u64 = 2_000;

#[async_trait]
impl AuditLog for PostgresCaseStore {
    async fn audit(
        &self,
        _sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError> {
        let failed = |cause| port_error(cause, "list", "audit");
        let sql = match entity_id {
            Some(_) => {
                "SELECT * FROM moodbridge.audit WHERE entity_id = $3 AND seq < $1 \
                 ORDER BY seq DESC LIMIT $2"
            }
            None => "SELECT * FROM moodbridge.audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
        };
        let query = sqlx::query_as(sql).bind(before.map_or(i64::MAX, number));
        let mut query = query.bind(i64::from(limit));
        if let Some(id) = entity_id {
            query = query.bind(id.as_str());
        }
        let rows: Vec<StoredAudit> = query.fetch_all(self.readers()).await.map_err(failed)?;
        rows.into_iter().map(StoredAudit::read).collect::<Result<_, _>>().map_err(failed)
    }

    async fn verify(
        &self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<AuditVerification, PortError> {
        let failed = |cause| port_error(cause, "verify", "audit");
        let mut snapshot = self.unhurried_snapshot().await.map_err(failed)?;
        let mut walk = ChainWalk::default();
        let mut rows =
            sqlx::query("SELECT * FROM moodbridge.audit ORDER BY seq").fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
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
