//! What people look at, as the port asks for it.

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ports::{CaseDetail, CaseFilter, CasePage, CaseView, Overview, StoreDigest};
use sqlx::{Sqlite, Transaction};

use super::sqlite_case_store::SqliteCaseStore;
use super::{cases, detail, overview, shadow};
use crate::error::read_error;

#[async_trait]
impl CaseView for SqliteCaseStore {
    async fn overview(&self, sight: &Sight, n_days: u32) -> Result<Overview, PortError> {
        overview::read(self.readers(), sight, self.clock().now(), n_days)
            .await
            .map_err(|cause| read_error(cause, "read", "overview"))
    }

    async fn cases(&self, sight: &Sight, filter: &CaseFilter) -> Result<CasePage, PortError> {
        cases::list(self.readers(), sight, filter).await
    }

    async fn case(&self, sight: &Sight, id: &str) -> Result<Option<CaseDetail>, PortError> {
        detail::read(self.readers(), sight, id)
            .await
            .map_err(|cause| read_error(cause, "read case", id))
    }

    async fn digest(&self) -> Result<StoreDigest, PortError> {
        shadow::digest(self.readers()).await.map_err(|cause| read_error(cause, "digest", "records"))
    }
}

impl SqliteCaseStore {
    /// Begins to read one state of the store, whatever is committed meanwhile.
    pub(in crate::store) async fn snapshot(
        &self,
    ) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.readers().begin().await
    }
}
