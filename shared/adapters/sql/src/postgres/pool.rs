//! Connections to a PostgreSQL database.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Connection, PgPool};

use super::error::PostgresOpenError;
use super::migrations::{Tables, bring_up_to_date};
use super::options::PostgresOptions;
use crate::database::MigrationPolicy;

/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first connection may take.
const FIRST_PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection may have been idle and still be used without a question.
const TRUSTED: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_secs(30);
const LIFETIME: Duration = Duration::from_mins(30);

/// Opens a database and brings `tables` up to date, or checks that they are.
///
/// # Errors
///
/// See [`PostgresOpenError`].
pub(crate) async fn open(
    options: &PostgresOptions,
    tables: &Tables,
    policy: MigrationPolicy,
) -> Result<PgPool, PostgresOpenError> {
    bring_up_to_date(options, tables, policy).await?;
    connect(options).await
}

/// Returns connections to a database that answers.
///
/// # Errors
///
/// [`PostgresOpenError::Unreachable`].
pub(crate) async fn connect(options: &PostgresOptions) -> Result<PgPool, PostgresOpenError> {
    let pool = pool_options(options).connect_with(options.connection().clone()).await;
    pool.map_err(|source| unreachable(options, source))
}

/// Returns connections to a database that is only asked when the first one is needed.
///
/// Must be called within a Tokio runtime.
pub(crate) fn connect_lazily(options: &PostgresOptions) -> PgPool {
    pool_options(options).connect_lazy_with(options.connection().clone())
}

fn pool_options(options: &PostgresOptions) -> PgPoolOptions {
    PgPoolOptions::new()
        .min_connections(0)
        .max_connections(options.max_connections())
        .acquire_timeout(PATIENCE)
        .idle_timeout(IDLE)
        .max_lifetime(LIFETIME)
        // A connection in steady use is not asked whether it still stands: that would double the
        // round trips. After a pause it is, as the server may have been started again.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < TRUSTED || connection.ping().await.is_ok()) })
        })
}

/// Opens one connection of its own, without the time limit of the others.
pub(super) async fn connect_alone(
    options: &PostgresOptions,
) -> Result<sqlx::PgConnection, PostgresOpenError> {
    let connection = options.connection().clone().options([("statement_timeout", "0")]);
    match tokio::time::timeout(FIRST_PATIENCE, connection.connect()).await {
        Ok(connected) => connected.map_err(|source| unreachable(options, source)),
        Err(_) => Err(unreachable(options, sqlx::Error::PoolTimedOut)),
    }
}

pub(super) fn unreachable(options: &PostgresOptions, source: sqlx::Error) -> PostgresOpenError {
    PostgresOpenError::Unreachable { address: options.address().to_owned(), source }
}
