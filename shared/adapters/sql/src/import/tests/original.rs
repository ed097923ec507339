//! Makes files as an existing MoodBridge makes them, and imports them.

use std::path::PathBuf;
use std::sync::Arc;

use shared::auth::Sight;
use shared::ids::{ConnectionId, CorrelationId};
use shared::ports::{AuditLog, SystemClock};
use shared::time::Timestamp;
use sqlx::sqlite::SqliteJournalMode;

use crate::MigrationPolicy;
use crate::import::{
    FileReport, ImportError, ImportOptions, ImportStores, MatterFile, check_file, import_file,
};
use crate::store::SqliteCaseStore;

pub(super) use crate::testkit::{
    MATTER, MATTER_LATER as LATER, MATTER_TABLES as TABLES, write_matter as write,
};

/// The docket number of [`MATTER`].
pub(super) const DOCKET: &str = "24/CV 7";

/// A folder with a file and a store that is imported to.
pub(super) struct Desk {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Arc<SqliteCaseStore>,
}

impl Desk {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.db");
        let policy = MigrationPolicy::Apply;
        let store = SqliteCaseStore::open(&path, policy, Arc::new(SystemClock)).await.unwrap();
        Self { folder, store: Arc::new(store) }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("main.db")
    }

    /// Runs `sql` on the file, as MoodBridge would.
    pub(super) async fn write(&self, sql: &str) {
        write(&self.file(), SqliteJournalMode::Delete, sql).await;
    }

    pub(super) fn stores(&self) -> ImportStores {
        ImportStores { store: self.store.clone(), imports: self.store.clone() }
    }

    pub(super) async fn check(&self) -> Result<FileReport, ImportError> {
        let mut file = MatterFile::open(&self.file(), None).await?;
        check_file(&mut file, &self.stores(), &options(), &|_| {}).await
    }

    pub(super) async fn import(&self) -> Result<FileReport, ImportError> {
        let mut file = MatterFile::open(&self.file(), None).await?;
        import_file(&mut file, &self.stores(), &options(), &|_| {}).await
    }

    pub(super) async fn n_audit_rows(&self) -> usize {
        self.store.audit(&Sight::Everything, None, None, 200).await.unwrap().len()
    }
}

pub(super) fn options() -> ImportOptions {
    ImportOptions {
        connection: ConnectionId::parse("moodbridge").unwrap(),
        exhibits: None,
        at: Timestamp::parse("2026-11-23T00:00:00Z").unwrap(),
        correlation_id: CorrelationId::from_random(7),
    }
}
