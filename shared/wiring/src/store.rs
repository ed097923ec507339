//! Case stores by address.

use std::sync::Arc;

use adapter_sql::MigrationPolicy;
use adapter_sql::store::PostgresCaseStore;
use shared::ports::{
    AuditChain, AuditLog, CaseStore, CaseTally, CaseView, ChangeFeed, Conflicts, CostLedger,
    CurrentRows, Documents, FieldViews, History, IncidentView, Ledger, LedgerSettingsStore,
    MatterImport, Outbox, PipelineJournal, ReconcileJournal, RecordScan, ReportJournal,
    SettingsStore, SyncJournal, SystemClock, Walls,
};
use url::Url;

use crate::error::WiringError;
use crate::metered;

/// The ports that one case store stands behind.
#[derive(Clone)]
pub struct CaseStores {
    /// Writes.
    pub store: Arc<dyn CaseStore>,
    /// What waits to be sent.
    pub outbox: Arc<dyn Outbox>,
    /// What both sides changed and a person decides.
    pub conflicts: Arc<dyn Conflicts>,
    /// The comparisons of both sides.
    pub comparisons: Arc<dyn ReconcileJournal>,
    /// All records of an object with their rows.
    pub scan: Arc<dyn RecordScan>,
    /// Reads for people.
    pub view: Arc<dyn CaseView>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// The audit log as it is stored.
    pub chain: Arc<dyn AuditChain>,
    /// Custom fields as columns.
    pub field_views: Arc<dyn FieldViews>,
    /// How rows once stood.
    pub history: Arc<dyn History>,
    /// The change rows.
    pub feed: Arc<dyn ChangeFeed>,
    /// Many rows at once.
    pub rows: Arc<dyn CurrentRows>,
    /// Who is screened from which case.
    pub walls: Arc<dyn Walls>,
    /// Documents of cases.
    pub documents: Arc<dyn Documents>,
    /// What was imported with matters.
    pub imports: Arc<dyn MatterImport>,
    /// The figures of incidents.
    pub incidents: Arc<dyn IncidentView>,
    /// Counts of cases.
    pub tally: Arc<dyn CaseTally>,
    /// The sync runs.
    pub journal: Arc<dyn SyncJournal>,
    /// Runs of pipelines.
    pub pipelines: Arc<dyn PipelineJournal>,
    /// Reports that were asked for.
    pub reports: Arc<dyn ReportJournal>,
    /// What calls to platforms cost.
    pub costs: Arc<dyn CostLedger>,
    /// Cursors and states.
    pub ledger: Arc<dyn Ledger>,
    /// Settings that were changed, in the same ledger.
    pub settings: Arc<dyn SettingsStore>,
}

impl CaseStores {
    fn of<S>(store: S) -> Self
    where
        S: CaseStore
            + Outbox
            + Conflicts
            + ReconcileJournal
            + RecordScan
            + CaseView
            + AuditLog
            + AuditChain
            + FieldViews
            + History
            + ChangeFeed
            + CurrentRows
            + Walls
            + Documents
            + MatterImport
            + IncidentView
            + CaseTally
            + SyncJournal
            + PipelineJournal
            + ReportJournal
            + CostLedger
            + Ledger
            + 'static,
    {
        let store = Arc::new(store);
        let ledger = metered::ledger(store.clone());
        Self {
            store: metered::case_store(store.clone()),
            outbox: metered::outbox(store.clone()),
            conflicts: metered::conflicts(store.clone()),
            comparisons: metered::reconcile_journal(store.clone()),
            scan: metered::record_scan(store.clone()),
            view: metered::case_view(store.clone()),
            audit: metered::watched(metered::audit_log(store.clone())),
            chain: metered::audit_chain(store.clone()),
            field_views: metered::field_views(store.clone()),
            history: metered::history(store.clone()),
            feed: metered::change_feed(store.clone()),
            rows: metered::current_rows(store.clone()),
            walls: metered::walls(store.clone()),
            documents: metered::documents(store.clone()),
            imports: metered::matter_import(store.clone()),
            incidents: metered::incident_view(store.clone()),
            tally: metered::case_tally(store.clone()),
            journal: metered::sync_journal(store.clone()),
            pipelines: metered::pipeline_journal(store.clone()),
            reports: metered::report_journal(store.clone()),
            costs: metered::cost_ledger(store.clone()),
            settings: Arc::new(LedgerSettingsStore::new(ledger.clone())),
            ledger,
        }
    }
}

impl CaseStores {
    /// Keeps cursors and states in the ledger at `address` instead, where one is given. Settings stay
    /// with the rows.
    ///
    /// # Errors
    ///
    /// [`WiringError`] when no adapter of this build takes the address.
    pub async fn with_ledger(self, address: Option<&Url>) -> Result<Self, WiringError> {
        match address {
            Some(address) => Ok(Self { ledger: crate::ledger::ledger(address).await?, ..self }),
            None => Ok(self),
        }
    }
}

/// Opens the case store at `address`, such as `sqlite:cases.db` or `postgres://user@host/database`.
/// Its tables must be current.
///
/// # Errors
///
/// [`WiringError`] when no adapter takes the scheme, or what stands there cannot be used; then the
/// cause says what to do, such as `moodbridge db migrate`.
pub async fn case_store(address: &Url) -> Result<CaseStores, WiringError> {
    let (policy, clock) = (MigrationPolicy::Check, Arc::new(SystemClock));
    match address.scheme() {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let path = crate::address::file(address)?;
            let store = adapter_sql::store::SqliteCaseStore::open(&path, policy, clock).await;
            store.map(CaseStores::of).map_err(|error| WiringError::unusable(address, error))
        }
        "postgres" | "postgresql" => {
            let database = crate::postgres::postgres(address).await?;
            let store = PostgresCaseStore::open(&database, policy, clock).await;
            store.map(CaseStores::of).map_err(|error| crate::postgres::unopened(&database, error))
        }
        _ => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}
