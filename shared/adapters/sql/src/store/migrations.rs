//! The migrations of the case store, and how far a file has come.

use std::path::Path;

use shared::PortError;
use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::error::read_error;

/// Every migration, embedded.
pub(super) static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Where one migration stands in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// It was applied as this build knows it.
    Applied,
    /// It is yet to be applied.
    Pending,
    /// It was applied with other text: another build made these tables.
    Altered,
    /// It was applied by a newer build; this one does not know it.
    Unknown,
}

impl MigrationState {
    /// Returns the name used in lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Altered => "altered",
            Self::Unknown => "unknown",
        }
    }
}

/// One migration and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub description: String,
    /// The SHA-384 of its text, in lower-case hex: the applied one's, else that of this build.
    pub checksum: String,
    /// Where it stands.
    pub state: MigrationState,
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
    let mut list: Vec<_> = MIGRATOR
        .iter()
        .map(|known| {
            let stored = applied.iter().find(|it| it.version == known.version);
            let checksum = hex(&known.checksum);
            let state = match stored {
                None => MigrationState::Pending,
                Some(stored) if stored.checksum == checksum => MigrationState::Applied,
                Some(_) => MigrationState::Altered,
            };
            MigrationStatus {
                version: known.version,
                description: known.description.to_string(),
                checksum: stored.map_or(checksum, |it| it.checksum.clone()),
                state,
            }
        })
        .collect();
    list.extend(applied.into_iter().filter(|it| !MIGRATOR.version_exists(it.version)));
    list.sort_by_key(|it| it.version);
    Ok(list)
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
    let status = |(version, description, checksum): (i64, String, Vec<u8>)| MigrationStatus {
        version,
        description,
        checksum: hex(&checksum),
        state: MigrationState::Unknown,
    };
    Ok(rows.into_iter().map(status).collect())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
