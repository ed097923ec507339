//! Imported items, kept beside what the case itself is made of, and written with their audit row.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use shared::ids::EntityId;
use shared::ports::{ImportTallies, ItemBatch, MatterImport, StoreDigest, import_audit};
use shared::{PortError, PortErrorKind};
use sqlx::{AssertSqlSafe, PgConnection};

use super::postgres_case_store::PostgresCaseStore;
use crate::postgres::{PLATFORM, port_error};
use crate::store::batch::Batch;
use crate::store::decode::entity_id;
use crate::store::imports::{
    Dialect, ImportedSums, PreparedItems, Standing, TABLES, add, imported_of, prepare,
};
use crate::store::jobs::{Answer, Job};
use crate::store::text::marked;

/// How PostgreSQL spells it.
pub(super) const DIALECT: Dialect = Dialect {
    lines: "jsonb_array_elements($1::jsonb) AS lines (line)",
    line: "line",
    casts: true,
    month: "to_char(to_timestamp(occurred_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM')",
};

/// Writes what is new or changed of `items`, and the audit row.
pub(super) async fn write(
    connection: &mut PgConnection,
    items: &ItemBatch,
    batch: &mut Batch<'_>,
) -> Result<Answer, sqlx::Error> {
    let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM cases WHERE id = $1)")
        .bind(items.case_id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    if !is_there {
        return Ok(Answer::NoCase);
    }
    let mut tallies = ImportTallies::new();
    for prepared in prepare(items, batch.at().as_millis(), marked)? {
        let tally = prepared.tally(standing(connection, &prepared).await?);
        if tally.writes() {
            // The text is made of the names of the tables alone.
            sqlx::query(AssertSqlSafe(prepared.table.upsert(&DIALECT)))
                .bind(&prepared.lines)
                .execute(&mut *connection)
                .await?;
        }
        add(&mut tallies, &prepared.source, tally);
    }
    if let Some(draft) = import_audit(items, &tallies) {
        batch.add_decision(&items.case_id, &draft)?;
    }
    Ok(Answer::Imported(tallies))
}

async fn standing(
    connection: &mut PgConnection,
    prepared: &PreparedItems,
) -> Result<Standing, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(prepared.table.compare(&DIALECT)))
        .bind(&prepared.lines)
        .fetch_one(connection)
        .await
}

impl PostgresCaseStore {
    async fn compare(&self, batch: &ItemBatch) -> Result<ImportTallies, sqlx::Error> {
        let mut snapshot = self.readers().begin().await?;
        let mut tallies = ImportTallies::new();
        for prepared in prepare(batch, 0, marked)? {
            let standing = standing(&mut snapshot, &prepared).await?;
            add(&mut tallies, &prepared.source, prepared.tally(standing));
        }
        Ok(tallies)
    }

    async fn digests(
        &self,
        case_id: &EntityId,
    ) -> Result<BTreeMap<String, StoreDigest>, sqlx::Error> {
        let mut snapshot = self.readers().begin().await?;
        let mut sums = ImportedSums::default();
        for table in TABLES {
            let sql = AssertSqlSafe(imported_of(table, "$1", "details::text"));
            let mut rows = sqlx::query_as::<_, (String, String, String)>(sql)
                .bind(case_id.as_str())
                .fetch(&mut *snapshot);
            while let Some((id, source, details)) = rows.try_next().await? {
                sums.add(&entity_id(id)?, &source, &details);
            }
        }
        Ok(sums.finish())
    }
}

#[async_trait]
impl MatterImport for PostgresCaseStore {
    async fn import_items(&self, batch: &ItemBatch) -> Result<ImportTallies, PortError> {
        let case_id = batch.case_id.as_str();
        let job = Job::Import(Box::new(batch.clone()));
        match self.commit(job, "import into", case_id).await? {
            Answer::Imported(tallies) => Ok(tallies),
            _ => Err(PortError::new(PortErrorKind::NotFound, PLATFORM, "import into", case_id)),
        }
    }

    async fn compare_items(&self, batch: &ItemBatch) -> Result<ImportTallies, PortError> {
        let compared = self.compare(batch).await;
        compared.map_err(|cause| port_error(cause, "compare with", batch.case_id.as_str()))
    }

    async fn imported(
        &self,
        case_id: &EntityId,
    ) -> Result<BTreeMap<String, StoreDigest>, PortError> {
        let digests = self.digests(case_id).await;
        digests.map_err(|cause| port_error(cause, "digest imports of", case_id.as_str()))
    }
}
