//! The audit log, read and proved.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{EntityId, PersonId};
use shared::ports::{AuditLog, AuditRow, AuditVerification};
use shared::sync::ChainWalk;
use sqlx::{AssertSqlSafe, FromRow};

use super::sqlite_case_store::SqliteCaseStore;
use crate::error::read_error;
use crate::store::decode::number;
use crate::store::rows::StoredAudit;
use crate::store::sight::shown_rows;

/// Progress is told after so many rows.
const N_ROWS_PER_STEP: u64 = 2_000;

#[async_trait]
impl AuditLog for SqliteCaseStore {
    async fn audit(
        &self,
        sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError> {
        let mut conditions = "seq < ?1".to_owned();
        if entity_id.is_some() {
            conditions.push_str(" AND entity_id = ?3");
        }
        if let Some(shown) = shown_rows(sight, "?4") {
            conditions.push_str(" AND ");
            conditions.push_str(&shown);
        }
        let sql = format!("SELECT * FROM audit WHERE {conditions} ORDER BY seq DESC LIMIT ?2");
        let query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(before.map_or(i64::MAX, number))
            .bind(limit)
            .bind(entity_id.map(EntityId::as_str))
            .bind(sight.person().map(PersonId::as_str));
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
