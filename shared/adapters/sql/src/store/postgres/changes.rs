//! The change rows, followed.

use std::time::Duration;

use async_trait::async_trait;
use shared::PortError;
use shared::ports::{ChangeFeed, ChangeRow};
use tokio::time::{Instant, timeout_at};

use super::postgres_case_store::PostgresCaseStore;
use crate::postgres::port_error;
use crate::store::decode::{count, number};
use crate::store::rows::StoredChange;

/// How often the database is asked for what other processes committed while nobody tells us. The
/// port promises 250 ms.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often it is asked although we would be told.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(5);

#[async_trait]
impl ChangeFeed for PostgresCaseStore {
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<ChangeRow>, PortError> {
        let failed = |cause| port_error(cause, "list", "changes");
        let rows: Vec<StoredChange> = sqlx::query_as(
            "SELECT seq, at, entity, entity_id, kind, label, fields, lag_ms, correlation_id \
             FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(number(after))
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await
        .map_err(failed)?;
        rows.into_iter().map(StoredChange::read).collect::<Result<_, _>>().map_err(failed)
    }

    async fn newest_change(&self) -> Result<u64, PortError> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM changes")
            .fetch_one(self.readers())
            .await
            .map_err(|cause| port_error(cause, "read", "newest change"))?;
        Ok(newest.map_or(0, count))
    }

    async fn wait_for_change(&self, after: u64, wait: Duration) -> Result<(), PortError> {
        let deadline = Instant::now() + wait;
        let mut newest_known = self.newest_known();
        let hears = self.listener().hear();
        loop {
            if *newest_known.borrow_and_update() > after || self.newest_change().await? > after {
                return Ok(());
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(());
            }
            let pause = if *hears.borrow() { LOOK_ANYWAY_EVERY } else { LOOK_EVERY };
            // The sender lives as long as this store. It also speaks up when it goes deaf.
            let _ = timeout_at(deadline.min(now + pause), newest_known.changed()).await;
        }
    }
}
