//! The migrations of the case store on PostgreSQL, and how far a database has come.

use shared::PortError;
use sqlx::migrate::Migrator;

use crate::postgres::{self, PLATFORM, PostgresOpenError, PostgresOptions, Tables, port_error};
use crate::store::migrations::{MigrationStatus, compare};

/// Where the tables of the case store are.
pub(in crate::store) const SCHEMA: &str = "moodbridge";

/// Every migration, embedded.
fn migrator() -> Migrator {
    sqlx::migrate!("../../migrations/postgres")
}

/// The tables of the case store.
pub(in crate::store) fn tables() -> Tables {
    Tables::new(SCHEMA, migrator()).with_field_views()
}

/// Brings the tables in the database of `options` to `version`, up or down; 0 is before the first.
///
/// # Errors
///
/// [`PostgresOpenError`] when the database cannot be reached, or no migration has that number.
pub async fn move_postgres_to_version(
    options: &PostgresOptions,
    version: i64,
) -> Result<(), PostgresOpenError> {
    postgres::move_to(options, &tables(), version).await
}

/// Lists every migration of the case store and where it stands in the database of `options`.
///
/// # Errors
///
/// `Unavailable` when the database cannot be read.
pub async fn postgres_migration_status(
    options: &PostgresOptions,
) -> Result<Vec<MigrationStatus>, PortError> {
    let unreachable = |error| {
        let kind = shared::PortErrorKind::Unavailable;
        PortError::new(kind, PLATFORM, "read migrations of", options.address()).with_source(error)
    };
    let pool = postgres::connect(options).await.map_err(unreachable)?;
    let failed = |cause| port_error(cause, "read migrations of", options.address());
    let is_known: bool =
        sqlx::query_scalar("SELECT to_regclass('moodbridge.migration') IS NOT NULL")
            .fetch_one(&pool)
            .await
            .map_err(failed)?;
    let rows: Vec<(i64, String, Vec<u8>)> = if is_known {
        sqlx::query_as("SELECT version, description, checksum FROM moodbridge.migration")
            .fetch_all(&pool)
            .await
            .map_err(failed)?
    } else {
        Vec::new()
    };
    pool.close().await;
    Ok(compare(&migrator(), rows.into_iter().map(MigrationStatus::applied).collect()))
}
