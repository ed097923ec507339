//! Figures of the incidents that matters were imported with.

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::PersonId;
use shared::ports::{IncidentFigures, IncidentView};
use sqlx::AssertSqlSafe;

use super::imports::DIALECT;
use super::sqlite_case_store::SqliteCaseStore;
use crate::error::read_error;
use crate::store::imports::{IncidentStatements, figures};

impl SqliteCaseStore {
    async fn incident_figures(
        &self,
        sight: &Sight,
        n_latest: u32,
    ) -> Result<IncidentFigures, sqlx::Error> {
        let person = sight.person().map(PersonId::as_str);
        let sql = IncidentStatements::new(sight, &DIALECT);
        // One transaction: the figures belong together.
        let mut snapshot = self.readers().begin().await?;
        let totals = sqlx::query_as(AssertSqlSafe(sql.totals)).bind(person);
        let totals = totals.fetch_one(&mut *snapshot).await?;
        let months = sqlx::query_as(AssertSqlSafe(sql.months)).bind(person);
        let months = months.fetch_all(&mut *snapshot).await?;
        let categories = sqlx::query_as(AssertSqlSafe(sql.categories)).bind(person);
        let categories = categories.fetch_all(&mut *snapshot).await?;
        let latest = sqlx::query_as(AssertSqlSafe(sql.latest)).bind(person);
        let latest: Vec<_> = latest.bind(i64::from(n_latest)).fetch_all(&mut *snapshot).await?;
        Ok(figures(totals, months, categories, &latest))
    }
}

#[async_trait]
impl IncidentView for SqliteCaseStore {
    async fn incidents(&self, sight: &Sight, n_latest: u32) -> Result<IncidentFigures, PortError> {
        let figures = self.incident_figures(sight, n_latest).await;
        figures.map_err(|cause| read_error(cause, "sum up", "incidents"))
    }
}
