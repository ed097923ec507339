//! The cost ledger in the same database.

use std::time::Duration;

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{ConnectionId, CorrelationId, EntityId};
use shared::ports::{CostBatch, CostLedger, CostLine, CostQuery, CostSum};
use sqlx::{AssertSqlSafe, PgConnection};

use super::postgres_case_store::PostgresCaseStore;
use crate::postgres::port_error;
use crate::store::costs::{StoredCost, summary};
use crate::store::decode::number;
use crate::store::jobs::{Answer, Job};
use crate::store::text::marked;

/// How long a batch is remembered.
const BATCHES_KEPT_FOR: Duration = Duration::from_hours(24);

/// Adds a batch, unless it was added before.
pub(super) async fn record(
    connection: &mut PgConnection,
    batch: &CostBatch,
) -> Result<Answer, sqlx::Error> {
    sqlx::query("DELETE FROM cost_batches WHERE counted_at < $1")
        .bind(batch.at.minus(BATCHES_KEPT_FOR).as_millis())
        .execute(&mut *connection)
        .await?;
    let is_new = sqlx::query(
        "INSERT INTO cost_batches (id, counted_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
    )
    .bind(batch.id.as_str())
    .bind(batch.at.as_millis())
    .execute(&mut *connection)
    .await?
    .rows_affected()
        == 1;
    if is_new {
        for line in &batch.lines {
            add(connection, line).await?;
        }
    }
    Ok(Answer::Recorded)
}

async fn add(connection: &mut PgConnection, line: &CostLine) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO costs AS stored (day, platform, operation, unit, connection, case_id, run_id, \
         price_list, quantity, cost) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (day, platform, operation, unit, connection, case_id, run_id, price_list) \
         DO UPDATE SET quantity = stored.quantity + excluded.quantity, \
         cost = stored.cost + excluded.cost",
    )
    .bind(marked(&line.day))
    .bind(marked(&line.platform))
    .bind(marked(&line.operation))
    .bind(marked(&line.unit))
    .bind(line.connection.as_ref().map_or("", ConnectionId::as_str))
    .bind(line.case_id.as_ref().map_or("", EntityId::as_str))
    .bind(line.run_id.as_ref().map_or("", CorrelationId::as_str))
    .bind(marked(&line.price_list))
    .bind(number(line.quantity))
    .bind(line.cost.as_nanos())
    .execute(connection)
    .await
    .map(drop)
}

#[async_trait]
impl CostLedger for PostgresCaseStore {
    async fn record_costs(&self, batch: &CostBatch) -> Result<(), PortError> {
        let job = Job::RecordCosts(Box::new(batch.clone()));
        self.commit(job, "record costs", batch.id.as_str()).await.map(drop)
    }

    async fn costs(&self, sight: &Sight, query: &CostQuery) -> Result<Vec<CostSum>, PortError> {
        let person = sight.person().map_or("", |it| it.as_str());
        let rows: Vec<StoredCost> = sqlx::query_as(AssertSqlSafe(summary(sight, query)))
            .bind(query.from_day.as_deref().unwrap_or_default())
            .bind(query.until_day.as_deref().unwrap_or("9999-12-31"))
            .bind(query.platform.as_deref().unwrap_or_default())
            .bind(query.case_id.as_ref().map_or("", EntityId::as_str))
            .bind(person)
            .bind(i64::from(query.limit))
            .fetch_all(self.readers())
            .await
            .map_err(|cause| port_error(cause, "sum up", "costs"))?;
        Ok(rows.into_iter().map(StoredCost::read).collect())
    }
}
