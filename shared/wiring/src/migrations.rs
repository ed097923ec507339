//! The tables of a case store: bringing them up to date, and saying how they stand.

use std::fmt;

use serde::Serialize;
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
    match address.scheme() {
        "sqlite" => {
            let path = crate::address::file(address)?;
            adapter_sql::store::SqliteCaseStore::open(
                &path,
                adapter_sql::MigrationPolicy::Apply,
                std::sync::Arc::new(shared::ports::SystemClock),
            )
            .await
            .map(|_| ())
            .map_err(|error| WiringError::unusable(address, error))
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
    match address.scheme() {
        "sqlite" => {
            let path = crate::address::file(address)?;
            let migrations = adapter_sql::store::migration_status(&path)
                .await
                .map_err(|error| WiringError::unusable(address, error))?
                .into_iter()
                .map(|it| MigrationLine {
                    version: it.version,
                    description: it.description,
                    state: it.state.as_str(),
                    checksum: it.checksum,
                })
                .collect();
            Ok(MigrationReport { address: address.to_string(), migrations })
        }
        _ => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}
