//! The migrations of the case store on PostgreSQL, and how far a database has come.

use shared::PortError;
use sqlx::migrate::Migrator;

use crate::postgres::{self, PLATFORM, PostgresOptions, Tables, port_error};
use crate::store::migrations::{MigrationStatus, compare};

/// Every migration, embedded.
fn migrator() -> Migrator {
    sqlx::migrate!("../../migrations/postgres")
}

/// The tables of the case store.
pub(super) fn tables() -> Tables {
    Tables::new("moodbridge", migrator())
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
