//! What people look at, as the port asks for it.

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ports::{CaseDetail, CaseFilter, CasePage, CaseView, Overview, StoreDigest};
use sqlx::{Postgres, Transaction};

use super::postgres_case_store::PostgresCaseStore;
use super::{cases, detail, overview, shadow};
use crate::postgres::port_error;

#[async_trait]
impl CaseView for PostgresCaseStore {
    async fn overview(&self, sight: &Sight, n_days: u32) -> Result<Overview, PortError> {
        let failed = |cause| port_error(cause, "read", "overview");
        let mut snapshot = self.snapshot().await.map_err(failed)?;
        overview::read(&mut snapshot, sight, self.clock().now(), n_days).await.map_err(failed)
    }

    async fn cases(&self, sight: &Sight, filter: &CaseFilter) -> Result<CasePage, PortError> {
        cases::list(self.readers(), sight, filter).await
    }

    async fn case(&self, sight: &Sight, id: &str) -> Result<Option<CaseDetail>, PortError> {
        let failed = |cause| port_error(cause, "read case", id);
        let mut snapshot = self.snapshot().await.map_err(failed)?;
        detail::read(&mut snapshot, sight, id).await.map_err(failed)
    }

    async fn digest(&self) -> Result<StoreDigest, PortError> {
        let failed = |cause| port_error(cause, "digest", "records");
        let mut snapshot = self.unhurried_snapshot().await.map_err(failed)?;
        shadow::digest(&mut snapshot).await.map_err(failed)
    }
}

impl PostgresCaseStore {
    /// Begins to read one state of the store, whatever is committed meanwhile.
    pub(in crate::store) async fn snapshot(
        &self,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.readers().begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    /// Begins to read one state of the store for as long as it takes.
    pub(super) async fn unhurried_snapshot(
        &self,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut snapshot = self.snapshot().await?;
        sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *snapshot).await?;
        Ok(snapshot)
    }
}
