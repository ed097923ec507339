//! The doors to the outside: one file a trait, with its contract in prose.
//!
//! Every port that tests need has an in-memory adapter, and a contract suite behind the feature
//! `testkit` that every other adapter must pass too.

mod audit_log;
mod authenticator;
mod call_observer;
mod case_store;
#[cfg(any(test, feature = "testkit"))]
pub mod case_store_contract;
mod case_view;
mod change_feed;
mod change_stream;
mod clock;
mod cost_ledger;
#[cfg(any(test, feature = "testkit"))]
pub mod cost_ledger_contract;
mod crm;
mod incident_view;
mod ledger;
mod matter_import;
#[cfg(any(test, feature = "testkit"))]
pub mod matter_import_contract;
mod memory_case_store;
mod memory_queue;
mod queue;
#[cfg(any(test, feature = "testkit"))]
pub mod queue_contract;
mod random;
mod remote_session;
mod secrets;
mod settings_store;
#[cfg(any(test, feature = "testkit"))]
pub mod settings_store_contract;
mod sync_journal;
mod walls;
#[cfg(any(test, feature = "testkit"))]
pub mod walls_contract;

pub use audit_log::{AuditFault, AuditLog, AuditRow, AuditVerification};
pub use authenticator::{Authenticator, NobodySignsIn, SignInError};
pub use call_observer::{CallObserver, PlatformCall};
pub use case_store::{
    AuditDraft, CaseStore, Committed, FieldChange, Shadow, TimelineDraft, Write, WriteKind,
};
pub use case_view::{
    CaseDetail, CaseFilter, CasePage, CaseSort, CaseSummary, CaseView, Communication, DayCount,
    Document, LagSummary, Overview, RecordSource, StatusCount, StoreDigest, TimelineEvent,
};
pub use change_feed::{ChangeFeed, ChangeRow};
pub use change_stream::{
    ChangeBatch, ChangeSink, ChangeStream, Extent, Gap, StreamHealth, StreamState, StreamStatus,
    StreamedChange, UnreadableEvent,
};
pub use clock::{Clock, SystemClock};
pub use cost_ledger::{
    CostBatch, CostGrouping, CostLedger, CostLine, CostQuery, CostSum, MemoryCostLedger,
};
pub use crm::{Crm, DeltaPage, DeltaQuery, Health, PageOrder, RemoteRecord};
pub use incident_view::{INCIDENT_SOURCE, Incident, IncidentFigures, IncidentView};
pub use ledger::{Ledger, LedgerEntry, MemoryLedger};
pub use matter_import::{
    ImportTallies, ImportTally, ImportedCommunication, ImportedDocument, ImportedEvent, ItemBatch,
    ItemBody, ItemDetails, MatterImport, MatterItem, import_audit,
};
pub use memory_case_store::MemoryCaseStore;
pub use memory_queue::MemoryQueue;
pub use queue::{
    DeadLetter, Delivery, NewMessage, Queue, QueueDepth, ReplaySelection, SendOutcome,
};
pub use random::{Random, SystemRandom};
pub use remote_session::{RemoteSession, RemoteSessions};
pub use secrets::{InvalidSecretAddress, LocalSecrets, SecretAddress, SecretWriter, Secrets};
pub use settings_store::{LedgerSettingsStore, SettingChange, SettingsStore, SettingsVersion};
pub use sync_journal::{RunOutcome, SyncJournal, SyncRun};
pub use walls::{Stance, Wall, Walls, wall_audit};
