//! The database that is copied into, in one transaction.

use shared::ports::{AuditVerification, StoreDigest};
use sqlx::{AssertSqlSafe, Executor, Postgres, Transaction};

use super::error::{CopyError, failed};
use crate::database::MigrationPolicy;
use crate::postgres::{self, PostgresOptions};
use crate::store::chain::walk;
use crate::store::decode::{count, number};
use crate::store::postgres::{SCHEMA, digest, tables};

/// A column, and the type that text is cast to.
#[derive(sqlx::FromRow)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// Its type.
    pub(super) form: String,
}

/// A case store that nobody sees before it is complete.
pub(super) struct Target {
    transaction: Transaction<'static, Postgres>,
}

impl Target {
    /// Makes the tables where they are missing, and keeps every other writer out.
    pub(super) async fn open(to: &PostgresOptions) -> Result<Self, CopyError> {
        let options = to.clone().with_schema(SCHEMA);
        let pool = postgres::open(&options, &tables(), MigrationPolicy::Apply)
            .await
            .map_err(CopyError::Target)?;
        let mut transaction = pool.begin().await.map_err(failed("transaction"))?;
        transaction
            .execute(
                "SET LOCAL statement_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0; \
                 SELECT 1 FROM ends FOR UPDATE",
            )
            .await
            .map_err(failed("ends"))?;
        Ok(Self { transaction })
    }

    /// Refuses a target that holds rows.
    pub(super) async fn refuse_unless_empty(&mut self, names: &[String]) -> Result<(), CopyError> {
        for table in names {
            if self.columns(table).await?.is_empty() {
                return Err(CopyError::UnknownTable { table: table.clone() });
            }
            if self.count(table).await? > 0 {
                return Err(CopyError::NotEmpty { table: table.clone() });
            }
        }
        Ok(())
    }

    /// Returns the columns of `table` that are stored, not computed.
    pub(super) async fn columns(&mut self, table: &str) -> Result<Vec<Column>, CopyError> {
        sqlx::query_as(
            "SELECT column_name::text AS name, data_type::text AS form \
             FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 \
             AND is_generated = 'NEVER' ORDER BY ordinal_position",
        )
        .bind(SCHEMA)
        .bind(table)
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(failed(table))
    }

    /// Inserts `lines`, an array of JSON of arrays of the values of `columns`.
    pub(super) async fn insert(
        &mut self,
        table: &str,
        columns: &[Column],
        lines: String,
    ) -> Result<(), CopyError> {
        let names: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
        let values: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(place, it)| format!("(line ->> {place})::{}", it.form))
            .collect();
        // The names come from the catalogue of the target.
        let sql = AssertSqlSafe(format!(
            "INSERT INTO {table} ({}) SELECT {} FROM jsonb_array_elements($1::jsonb) AS l (line)",
            names.join(", "),
            values.join(", ")
        ));
        let inserted = sqlx::query(sql).bind(lines).execute(&mut *self.transaction).await;
        inserted.map(drop).map_err(failed(table))
    }

    /// Counts the rows of `table`.
    pub(super) async fn count(&mut self, table: &str) -> Result<u64, CopyError> {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let n_rows: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(failed(table))?;
        Ok(count(n_rows))
    }

    /// Has new rows begin behind those that were copied.
    pub(super) async fn finish(
        &mut self,
        newest_change: u64,
        chain: &AuditVerification,
    ) -> Result<(), CopyError> {
        sqlx::query("UPDATE ends SET audit_seq = $1, audit_hash = $2, change_seq = $3")
            .bind(number(chain.n_rows))
            .bind(&chain.head)
            .bind(number(newest_change))
            .execute(&mut *self.transaction)
            .await
            .map_err(failed("ends"))?;
        let numbered: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.columns \
             WHERE table_schema = $1 AND is_identity = 'YES' AND column_name = 'row_number'",
        )
        .bind(SCHEMA)
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(failed("row numbers"))?;
        for table in numbered {
            let sql = AssertSqlSafe(format!(
                "SELECT setval(pg_get_serial_sequence('{SCHEMA}.{table}', 'row_number'), \
                 max(row_number)) FROM {table} HAVING count(*) > 0"
            ));
            let set = sqlx::query(sql).execute(&mut *self.transaction).await;
            set.map_err(failed(&table))?;
        }
        Ok(())
    }

    /// Digests every record.
    pub(super) async fn digest(&mut self) -> Result<StoreDigest, CopyError> {
        digest(&mut self.transaction).await.map_err(failed("digest"))
    }

    /// Proves the audit log.
    pub(super) async fn verify(&mut self) -> Result<AuditVerification, CopyError> {
        let rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch(&mut *self.transaction);
        walk(rows, &|_| {}).await.map_err(failed("audit"))
    }

    /// Returns the counts of the first page.
    pub(super) async fn figures(&mut self) -> Result<Vec<(String, i64)>, CopyError> {
        sqlx::query_as("SELECT name, n_rows FROM row_counts ORDER BY name")
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(failed("row_counts"))
    }

    /// Shows everything to everybody.
    pub(super) async fn commit(self) -> Result<(), CopyError> {
        self.transaction.commit().await.map_err(failed("transaction"))
    }
}
