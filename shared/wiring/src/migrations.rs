//! The tables of a case store: bringing them up to date, and saying how they stand.

use std::fmt;
use std::sync::Arc;

use adapter_sql::MigrationPolicy;
use adapter_sql::store::PostgresCaseStore;
use serde::Serialize;
use shared::ports::SystemClock;
use url::Url;

use crate::error::WiringError;

/// One migration and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationLine {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub description: String,
    /// `applied`, `pending`, `altered` or `unknown`.
    pub state: &'static str,
    /// The checksum of its text.
    pub checksum: String,
}

/// Every migration of a case store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// The case store.
    pub address: String,
    /// Its migrations, in order.
    pub migrations: Vec<MigrationLine>,
}

impl MigrationReport {
    /// Returns the number of the last migration that was applied, 0 when none was.
    pub fn version(&self) -> i64 {
        let applied = self.migrations.iter().filter(|it| it.state != "pending");
        applied.map(|it| it.version).max().unwrap_or(0)
    }

    /// Tells whether every migration was applied as this build knows it.
    pub fn is_current(&self) -> bool {
        self.migrations.iter().all(|it| it.state == "applied")
    }
}

impl fmt::Display for MigrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        for MigrationLine { version, description, state, .. } in &self.migrations {
            write!(f, "\n  {version:>4}  {state:<8}  {description}")?;
        }
        Ok(())
    }
}

/// Applies every migration that is missing, and makes the store when there is none.
///
/// # Errors
///
/// [`WiringError`] when the store cannot be opened or a migration fails.
pub async fn migrate(address: &Url) -> Result<(), WiringError> {
    let (policy, clock) = (MigrationPolicy::Apply, Arc::new(SystemClock));
    match address.scheme() {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let path = crate::address::file(address)?;
            let opened = adapter_sql::store::SqliteCaseStore::open(&path, policy, clock).await;
            opened.map(drop).map_err(|error| WiringError::unusable(address, error))
        }
        "postgres" | "postgresql" => {
            let database = crate::postgres::postgres(address).await?;
            let opened = PostgresCaseStore::open(&database, policy, clock).await;
            opened.map(drop).map_err(|error| crate::postgres::unopened(&database, error))
        }
        _ => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}

/// Brings the tables to `version`, up or down; 0 is before the first. What later versions keep is
/// lost on the way down.
///
/// # Errors
///
/// [`WiringError`] when the store cannot be opened, no migration has that number, or one fails.
pub async fn migrate_to(address: &Url, version: i64) -> Result<(), WiringError> {
    match address.scheme() {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let path = crate::address::file(address)?;
            let moved = adapter_sql::store::move_to_version(&path, version).await;
            moved.map_err(|error| WiringError::unusable(address, error))
        }
        "postgres" | "postgresql" => {
            let database = crate::postgres::postgres(address).await?;
            let moved = adapter_sql::store::move_postgres_to_version(&database, version).await;
            moved.map_err(|error| crate::postgres::unopened(&database, error))
        }
        _ => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}

/// Says where each migration of the store at `address` stands; changes nothing.
///
/// # Errors
///
/// [`WiringError`] when the store cannot be read.
pub async fn migration_report(address: &Url) -> Result<MigrationReport, WiringError> {
    let (shown, list) = match address.scheme() {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let path = crate::address::file(address)?;
            (address.to_string(), adapter_sql::store::migration_status(&path).await)
        }
        "postgres" | "postgresql" => {
            let database = crate::postgres::postgres(address).await?;
            let list = adapter_sql::store::postgres_migration_status(&database).await;
            (database.address().to_owned(), list)
        }
        _ => return Err(WiringError::UnknownPlatform { address: address.clone() }),
    };
    let list = list.map_err(|error| WiringError::unusable(&shown, error))?;
    let migrations = list
        .into_iter()
        .map(|it| MigrationLine {
            version: it.version,
            description: it.description,
            state: it.state.as_str(),
            checksum: it.checksum,
        })
        .collect();
    Ok(MigrationReport { address: shown, migrations })
}
