//! The audit log, read and proved.

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{EntityId, PersonId};
use shared::ports::{AuditLog, AuditRow, AuditVerification};
use sqlx::AssertSqlSafe;

use super::sqlite_case_store::SqliteCaseStore;
use crate::error::read_error;
use crate::store::chain::walk;
use crate::store::decode::number;
use crate::store::rows::StoredAudit;
use crate::store::sight::shown_rows;

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
        let rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch(self.readers());
        walk(rows, progress).await.map_err(|cause| read_error(cause, "verify", "audit"))
    }
}
