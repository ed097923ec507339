//! Mapped custom fields as typed columns, on both engines.

use async_trait::async_trait;
use shared::PortError;
use shared::ports::{FieldColumns, FieldViews};
use sqlx::Connection;

use super::{PostgresCaseStore, SqliteCaseStore};
use crate::field_views::{postgres, sqlite};

#[async_trait]
impl FieldViews for SqliteCaseStore {
    async fn publish(&self, columns: &FieldColumns) -> Result<bool, PortError> {
        let failed = |cause| Self::read_failed(cause, "publish", "views of custom fields");
        if sqlite::is_shown(self.readers(), columns).await.map_err(failed)? {
            return Ok(false);
        }
        let (mut connection, turnstile) = self.alone().await.map_err(failed)?;
        let turn = turnstile.enter().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        drop(turn);
        let is_new = sqlite::publish(&mut transaction, columns).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        Ok(is_new)
    }

    async fn published(&self) -> Result<FieldColumns, PortError> {
        sqlite::published(self.readers())
            .await
            .map_err(|cause| Self::read_failed(cause, "list", "views of custom fields"))
    }
}

#[async_trait]
impl FieldViews for PostgresCaseStore {
    async fn publish(&self, columns: &FieldColumns) -> Result<bool, PortError> {
        let failed = |cause| Self::read_failed(cause, "publish", "views of custom fields");
        if postgres::is_shown(self.readers(), columns).await.map_err(failed)? {
            return Ok(false);
        }
        // A connection of its own: whatever ends this early also ends its lock.
        let mut connection = self.readers().acquire().await.map_err(failed)?.detach();
        let is_new = postgres::publish(&mut connection, columns).await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        Ok(is_new)
    }

    async fn published(&self) -> Result<FieldColumns, PortError> {
        postgres::published(self.readers())
            .await
            .map_err(|cause| Self::read_failed(cause, "list", "views of custom fields"))
    }
}
