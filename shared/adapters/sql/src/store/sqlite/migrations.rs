//! The migrations of the case store, and how far a file has come.

use std::path::Path;

use shared::PortError;
use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::database::Database;
use crate::error::{OpenError, read_error};
use crate::store::migrations::{MigrationStatus, compare};

/// Every migration, embedded.
pub(in crate::store) static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Brings the tables of the file at `path` to `version`, up or down; 0 is before the first.
///
/// # Errors
///
/// [`OpenError`] when the file cannot be opened, or no migration has that number.
pub async fn move_to_version(path: &Path, version: i64) -> Result<(), OpenError> {
    Database::move_to(path, &MIGRATOR, version).await
}

/// Lists every migration of the case store and where it stands in the file at `path`.
///
/// A file that does not exist lacks them all; it is not made.
///
/// # Errors
///
/// `Unavailable` when the file cannot be read.
pub async fn migration_status(path: &Path) -> Result<Vec<MigrationStatus>, PortError> {
    let applied = if path.exists() {
        applied(path)
            .await
            .map_err(|cause| read_error(cause, "read migrations of", &path.display().to_string()))?
    } else {
        Vec::new()
    };
    Ok(compare(&MIGRATOR, applied))
}

async fn applied(path: &Path) -> Result<Vec<MigrationStatus>, sqlx::Error> {
    let mut connection =
        SqliteConnectOptions::new().filename(path).pragma("query_only", "1").connect().await?;
    let is_known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')",
    )
    .fetch_one(&mut connection)
    .await?;
    let rows: Vec<(i64, String, Vec<u8>)> = if is_known {
        sqlx::query_as("SELECT version, description, checksum FROM _sqlx_migrations")
            .fetch_all(&mut connection)
            .await?
    } else {
        Vec::new()
    };
    connection.close().await?;
    Ok(rows.into_iter().map(MigrationStatus::applied).collect())
}
