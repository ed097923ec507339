//! Tables of PostgreSQL that pipelines read and write.

mod columns;
mod faults;
mod load;
mod read;

use std::collections::BTreeMap;

use async_trait::async_trait;
use shared::etl::{DatabaseTable, no_such_name};
use shared::ports::{TableError, TableLoad, TableLoading, TableRows, Tables};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::postgres::{PostgresOptions, port_error};

/// How long a connection may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);
/// What a session is set to: a statement may take as long as a load needs, and values are written in
/// one form, whatever the database is set to.
const SESSION: &[(&str, &str)] = &[
    ("statement_timeout", "15min"),
    ("lock_timeout", "1min"),
    ("idle_in_transaction_session_timeout", "10min"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO"),
    ("extra_float_digits", "1"),
];

/// Databases, each by the name that the settings give it. None is asked before a table of it is.
#[derive(Debug, Default)]
pub struct PostgresTables {
    databases: BTreeMap<String, PostgresOptions>,
}

impl PostgresTables {
    /// Reads and writes tables of `databases`.
    pub fn new(databases: BTreeMap<String, PostgresOptions>) -> Self {
        Self { databases }
    }

    /// Opens a connection of its own, which ends with the work.
    async fn connect(&self, table: &DatabaseTable) -> Result<PgConnection, TableError> {
        let Some(options) = self.databases.get(&table.database) else {
            let known: Vec<&str> = self.databases.keys().map(String::as_str).collect();
            return Err(TableError::Unfit(match known.as_slice() {
                [] => format!(
                    "no database is named in the settings: add `pipelines.databases.{}`, with its \
                     address",
                    table.database
                ),
                known => no_such_name("database in `pipelines.databases`", &table.database, known),
            }));
        };
        let options = options.connection().clone().options(SESSION.iter().copied());
        let subject = table.to_string();
        let connected = tokio::time::timeout(PATIENCE, options.connect()).await;
        let connected = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        connected.map_err(|cause| port_error(cause, "connect", &subject).into())
    }
}

#[async_trait]
impl Tables for PostgresTables {
    async fn read(
        &self,
        table: &DatabaseTable,
        columns: &[String],
    ) -> Result<Box<dyn TableRows>, TableError> {
        let connection = self.connect(table).await?;
        Ok(Box::new(read::Rows::begin(connection, table, columns).await?))
    }

    async fn load(&self, load: TableLoad) -> Result<Box<dyn TableLoading>, TableError> {
        let connection = self.connect(&load.table).await?;
        Ok(Box::new(load::Loading::begin(connection, load).await?))
    }
}

/// Writes a name as SQL does.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes names as SQL does, each behind `before`.
fn listed<'a>(before: &str, names: impl IntoIterator<Item = &'a String>) -> String {
    let names = names.into_iter().map(|it| format!("{before}{}", quoted(it)));
    names.collect::<Vec<_>>().join(", ")
}

/// Writes the name of a table as SQL does.
fn full_name(table: &DatabaseTable) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.name))
}

/// Makes a statement of parts that are our own text and quoted names.
fn statement(
    text: String,
) -> sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(AssertSqlSafe(text))
}

#[cfg(test)]
mod tests;
