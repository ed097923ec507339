//! The change rows, followed.

use std::time::Duration;

use async_trait::async_trait;
use shared::PortError;
use shared::ports::{ChangeFeed, ChangeRow};
use tokio::time::{Instant, timeout_at};

use super::sqlite_case_store::SqliteCaseStore;
use crate::error::read_error;
use crate::store::decode::{count, number};
use crate::store::rows::StoredChange;

/// How often the file is asked for what other processes committed. The port promises 250 ms.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[async_trait]
impl ChangeFeed for SqliteCaseStore {
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<ChangeRow>, PortError> {
        let rows: Vec<StoredChange> = sqlx::query_as(
            "SELECT seq, at, entity, entity_id, kind, label, fields, lag_ms, correlation_id \
             FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )
        .bind(number(after))
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(|cause| read_error(cause, "list", "changes"))?;
        let changes: Result<_, _> = rows.into_iter().map(StoredChange::read).collect();
        changes.map_err(|cause| read_error(cause, "list", "changes"))
    }

    async fn newest_change(&self) -> Result<u64, PortError> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM changes")
            .fetch_one(self.readers())
            .await
            .map_err(|cause| read_error(cause, "read", "newest change"))?;
        Ok(newest.map_or(0, count))
    }

    async fn wait_for_change(&self, after: u64, wait: Duration) -> Result<(), PortError> {
        let deadline = Instant::now() + wait;
        let mut newest_here = self.newest_here();
        loop {
            if *newest_here.borrow_and_update() > after || self.newest_change().await? > after {
                return Ok(());
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(());
            }
            let next_look = deadline.min(now + LOOK_EVERY);
            // The sender lives as long as this store: only a new change row ends the wait early.
            let _ = timeout_at(next_look, newest_here.changed()).await;
        }
    }
}
