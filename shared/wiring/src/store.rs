//! Case stores by address.

use std::sync::Arc;

use shared::ports::{AuditLog, CaseStore, CaseView, ChangeFeed, Ledger, SyncJournal, Walls};
use url::Url;

use crate::error::WiringError;

/// The ports that one case store stands behind.
#[derive(Clone)]
pub struct CaseStores {
    /// Writes.
    pub store: Arc<dyn CaseStore>,
    /// Reads for people.
    pub view: Arc<dyn CaseView>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// The change rows.
    pub feed: Arc<dyn ChangeFeed>,
    /// Who is screened from which case.
    pub walls: Arc<dyn Walls>,
    /// The sync runs.
    pub journal: Arc<dyn SyncJournal>,
    /// Cursors and states.
    pub ledger: Arc<dyn Ledger>,
}

/// Opens the case store at `address`, such as `sqlite:cases.db`. Its tables must be current.
///
/// # Errors
///
/// [`WiringError`] when no adapter takes the scheme, or what stands there cannot be used; then the
/// cause says what to do, such as `moodbridge db migrate`.
pub async fn case_store(address: &Url) -> Result<CaseStores, WiringError> {
    match address.scheme() {
        "sqlite" => {
            let path = crate::address::file(address)?;
            let store = adapter_sql::store::SqliteCaseStore::open(
                &path,
                adapter_sql::MigrationPolicy::Check,
                Arc::new(shared::ports::SystemClock),
            )
            .await
            .map_err(|error| WiringError::unusable(address, error))?;
            let store = Arc::new(store);
            Ok(CaseStores {
                store: store.clone(),
                view: store.clone(),
                audit: store.clone(),
                feed: store.clone(),
                walls: store.clone(),
                journal: store.clone(),
                ledger: store,
            })
        }
        _ => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}
