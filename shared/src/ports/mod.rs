//! The doors to the outside: one file a trait, with its contract in prose.
//!
//! Every port that tests need has an in-memory adapter, and a contract suite behind the feature
//! `testkit` that every other adapter must pass too.

mod audit_chain;
mod audit_log;
mod authenticator;
mod blob_digest;
mod blob_names;
mod blob_notice;
mod blob_store;
#[cfg(any(test, feature = "testkit"))]
pub mod blob_store_contract;
mod bulk_reader;
mod call_observer;
mod case_store;
#[cfg(any(test, feature = "testkit"))]
pub mod case_store_contract;
mod case_tally;
#[cfg(any(test, feature = "testkit"))]
pub mod case_tally_contract;
mod case_view;
mod change_feed;
mod change_stream;
mod clock;
mod conflicts;
#[cfg(any(test, feature = "testkit"))]
pub mod conflicts_contract;
mod cost_ledger;
#[cfg(any(test, feature = "testkit"))]
pub mod cost_ledger_contract;
mod crm;
mod crm_writer;
mod current_rows;
#[cfg(any(test, feature = "testkit"))]
pub mod current_rows_contract;
pub mod dataflow;
mod deploy_target;
#[cfg(any(test, feature = "testkit"))]
pub mod deploy_target_contract;
mod documents;
#[cfg(any(test, feature = "testkit"))]
pub mod documents_contract;
mod field_views;
#[cfg(any(test, feature = "testkit"))]
pub mod field_views_contract;
pub mod flow_files;
#[cfg(any(test, feature = "testkit"))]
pub mod flow_files_contract;
mod history;
#[cfg(any(test, feature = "testkit"))]
pub mod history_contract;
mod idempotency;
#[cfg(any(test, feature = "testkit"))]
pub mod idempotency_contract;
mod incident_view;
mod json_lake_files;
mod lake_files;
#[cfg(any(test, feature = "testkit"))]
pub mod lake_files_contract;
mod ledger;
mod log_search;
#[cfg(any(test, feature = "testkit"))]
pub mod log_search_contract;
mod matter_import;
#[cfg(any(test, feature = "testkit"))]
pub mod matter_import_contract;
mod memory_blob_store;
mod memory_case_store;
mod memory_deploy_target;
mod memory_field_views;
mod memory_flow_files;
mod memory_log_search;
mod memory_orchestrator;
mod memory_pipeline_journal;
mod memory_queue;
mod memory_report_journal;
pub mod orchestrator;
#[cfg(any(test, feature = "testkit"))]
pub mod orchestrator_contract;
mod outbox;
mod pipeline_engine;
mod pipeline_journal;
#[cfg(any(test, feature = "testkit"))]
pub mod pipeline_journal_contract;
mod query_engine;
mod queue;
#[cfg(any(test, feature = "testkit"))]
pub mod queue_contract;
mod random;
mod reconcile_journal;
#[cfg(any(test, feature = "testkit"))]
pub mod reconcile_journal_contract;
mod record_scan;
#[cfg(any(test, feature = "testkit"))]
pub mod record_scan_contract;
mod remote_session;
mod report_journal;
#[cfg(any(test, feature = "testkit"))]
pub mod report_journal_contract;
#[cfg(feature = "analytics")]
mod report_printer;
mod schema_reader;
mod secrets;
mod settings_store;
#[cfg(any(test, feature = "testkit"))]
pub mod settings_store_contract;
mod sync_journal;
mod tables;
pub mod topic;
#[cfg(any(test, feature = "testkit"))]
pub mod topic_contract;
#[cfg(any(test, feature = "testkit"))]
pub mod two_way_contract;
mod usage_meter;
mod walls;
#[cfg(any(test, feature = "testkit"))]
pub mod walls_contract;
pub mod warehouse;
mod webhook;

pub use audit_chain::{AuditChain, ChainedRow};
pub use audit_log::{AuditFault, AuditLog, AuditRow, AuditVerification};
pub use authenticator::{Authenticator, NobodySignsIn, SignInError};
pub use blob_digest::{RunningSha256, Sha256Digest, checked_bytes};
pub use blob_names::{BlobKey, BlobVersion, MediaType, PartTag, Upload, UploadId};
pub use blob_notice::{BlobChange, BlobNotice, BlobOrder};
pub use blob_store::{
    Blob, BlobBytes, BlobLink, BlobRead, BlobStore, ByteRange, LinkPurpose, ListedBlob, NewUpload,
    PartLimits, PutBlob, PutCondition, read_whole,
};
pub use bulk_reader::{BulkRead, BulkReadTotals, BulkReader, RecordSink};
pub use call_observer::{CallObserver, PlatformCall};
pub use case_store::{
    AuditDraft, CaseStore, Committed, Decision, FieldChange, Marks, Shadow, TimelineDraft, Write,
    WriteKind,
};
pub use case_tally::{CaseDimension, CaseMeasure, CaseTally, DayTally, TallyQuery};
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
pub use conflicts::{
    Conflict, ConflictDraft, ConflictFilter, ConflictMark, Conflicts, MERGED_FIELD, PRESENCE_FIELD,
    Resolution,
};
pub use cost_ledger::{
    CostBatch, CostGrouping, CostLedger, CostLine, CostQuery, CostSum, MemoryCostLedger,
};
pub use crm::{Crm, DeltaPage, DeltaQuery, Health, PageOrder, RemoteRecord};
pub use crm_writer::{
    BulkAction, BulkJournal, BulkResults, BulkWriter, CrmWriter, ReadBack, Refusal, RefusalClass,
    RemoteWrite, Target, WriteResult, WriterLimits,
};
pub use current_rows::{CurrentRow, CurrentRows};
pub use deploy_target::{
    Alarm, CheckAnswer, DeployTarget, DeployedFunction, Digest, InvalidDigest, MAX_NOTE_CHARS,
    NewRoute, PublishedVersion, Route, VersionNumber, VersionRuns,
};
pub use documents::{
    DOCUMENTS_FIELD, DOCUMENTS_PREFIX, DocumentAct, DocumentDraft, DocumentName, Documents, Filed,
    FiledDocument, document_id, document_key,
};
pub use field_views::{ColumnKind, CustomField, FieldColumn, FieldColumns, FieldViews};
pub use history::{History, PastField, PastRow, SetBy};
pub use idempotency::{ClaimRequest, Claimed, IdempotencyStore, MemoryIdempotency};
pub use incident_view::{INCIDENT_SOURCE, Incident, IncidentFigures, IncidentView};
pub use json_lake_files::{JsonLakeFiles, check_row};
pub use lake_files::{LakeFiles, LakeRows, TableWriter, WrittenFile};
pub use ledger::{Ledger, LedgerEntry, MemoryLedger};
pub use log_search::{
    AnswerForm, BegunSearch, FoundLogs, InvalidLogLevel, LineFilter, LogAnswer, LogLevel, LogLine,
    LogQuestion, LogRow, LogSearch, LogText, LogWish,
};
pub use matter_import::{
    ImportTallies, ImportTally, ImportedCommunication, ImportedDocument, ImportedEvent, ItemBatch,
    ItemBody, ItemDetails, MatterImport, MatterItem, import_audit,
};
pub use memory_blob_store::MemoryBlobStore;
pub use memory_case_store::MemoryCaseStore;
pub use memory_deploy_target::MemoryDeployTarget;
pub use memory_field_views::MemoryFieldViews;
pub use memory_flow_files::MemoryFlowFiles;
pub use memory_log_search::MemoryLogSearch;
pub use memory_orchestrator::MemoryOrchestrator;
pub use memory_pipeline_journal::MemoryPipelineJournal;
pub use memory_queue::MemoryQueue;
pub use memory_report_journal::MemoryReportJournal;
pub use outbox::{
    Claim, Outbox, OutboxDepth, OutboxEntry, OutboxKind, OutboxMark, OutboxStatus, Setback,
};
pub use pipeline_engine::{PipelineEngine, PipelineProgress, RunOptions};
pub use pipeline_journal::{
    Kept, PartitionRun, PartitionTally, PipelineJournal, PipelineRun, PipelineRunFilter,
    PipelineRunKind, PipelineRunState, RunCounts,
};
pub use query_engine::{OpenAnswer, PreparedQuery, Query, QueryEngine, QueryLimits, QueryRows};
pub use queue::{
    DeadLetter, Delivery, NewMessage, Queue, QueueDepth, ReplaySelection, SendOutcome,
};
pub use random::{Random, SystemRandom};
pub use reconcile_journal::{
    Difference, DifferenceKind, ReconcileJournal, ReconcileOutcome, Reconciliation,
};
pub use record_scan::{RecordScan, ScanRange, ScannedRecord};
pub use remote_session::{RemoteSession, RemoteSessions};
pub use report_journal::{
    DeliveryState, Report, ReportDelivery, ReportFile, ReportFilter, ReportFormat, ReportJournal,
    ReportKind, ReportReader, ReportReceiver, ReportState,
};
#[cfg(feature = "analytics")]
pub use report_printer::ReportPrinter;
pub use schema_reader::SchemaReader;
pub use secrets::{InvalidSecretAddress, LocalSecrets, SecretAddress, SecretWriter, Secrets};
pub use settings_store::{LedgerSettingsStore, SettingChange, SettingsStore, SettingsVersion};
pub use sync_journal::{RunOutcome, SyncJournal, SyncRun};
pub use tables::{LoadId, Loaded, TableError, TableLoad, TableLoading, TableRows, Tables, TextRow};
pub use usage_meter::{FunctionUsage, MeasuredUsage, UsageMeter};
pub use walls::{ShownCases, Stance, Wall, Walls, wall_audit};
pub use webhook::WebhookSender;
