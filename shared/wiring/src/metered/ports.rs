//! The ports that are counted.

use std::num::NonZeroU32;
use std::time::Duration;

use shared::ports::topic::{Publication, Published, Topic};
use shared::ports::{
    DeadLetter, Delivery, NewMessage, Queue, QueueDepth, ReplaySelection, SendOutcome,
};

use super::port::metered;

metered!(queue, MeteredQueue, Queue, "queue", {
    async fn send(batch: Vec<NewMessage>) -> Vec<SendOutcome>;
    async fn receive(max: NonZeroU32, visibility: Duration, wait: Duration) -> Vec<Delivery>;
    async fn extend(delivery: &Delivery, visibility: Duration) -> ();
    async fn ack(deliveries: &[Delivery]) -> ();
    async fn release(delivery: &Delivery, delay: Duration, reason: &str) -> ();
    async fn give_back(delivery: &Delivery, delay: Duration) -> ();
    async fn bury(delivery: &Delivery, reason: &str) -> ();
    async fn depth() -> QueueDepth;
    async fn dead_letters(after: Option<&str>, limit: NonZeroU32) -> Vec<DeadLetter>;
    async fn replay(selection: ReplaySelection) -> u64;
    async fn unpack(body: String) -> String;
    plain fn name() -> &str;
    plain fn max_body_bytes() -> usize;
});

#[cfg(feature = "objects")]
mod objects {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use shared::PortError;
    use shared::ports::{
        Blob, BlobKey, BlobLink, BlobRead, BlobStore, ByteRange, LinkPurpose, ListedBlob,
        NewUpload, PartLimits, PartTag, PutBlob, Sha256Digest, Upload,
    };

    use super::metered;

    metered!(blob_store, MeteredBlobStore, BlobStore, "blob_store", {
        async fn head(key: &BlobKey) -> Blob;
        async fn read(key: &BlobKey, range: Option<ByteRange>) -> BlobRead;
        async fn put(key: &BlobKey, body: bytes::Bytes, options: &PutBlob) -> Blob;
        async fn delete(key: &BlobKey) -> ();
        async fn list(
            prefix: &str,
            after: Option<&BlobKey>,
            limit: NonZeroU32,
        ) -> Vec<ListedBlob>;
        async fn begin(key: &BlobKey, options: &NewUpload) -> Upload;
        async fn put_part(upload: &Upload, number: u32, body: bytes::Bytes) -> PartTag;
        async fn complete(upload: &Upload, parts: &[PartTag]) -> Blob;
        async fn abandon(upload: &Upload) -> ();
        async fn link(purpose: &LinkPurpose, valid_for: Duration) -> BlobLink;
        plain fn part_limits() -> PartLimits;
        plain fn part_sent_by_link(
            etag: &str,
            sha256: &Sha256Digest
        ) -> Result<PartTag, PortError>;
    });
}

#[cfg(feature = "objects")]
pub(crate) use objects::blob_store;

metered!(topic, MeteredTopic, Topic, "topic", {
    async fn publish(batch: Vec<Publication>) -> Vec<Published>;
    plain fn name() -> &str;
    plain fn max_body_bytes() -> usize;
});

#[cfg(feature = "airflow")]
mod orchestrators {
    use shared::ports::orchestrator::{
        NewRun, Orchestrator, RunReport, Started, TaskFailure, WorkflowRun,
    };

    use super::metered;

    metered!(orchestrator, MeteredOrchestrator, Orchestrator, "orchestrator", {
        async fn start(run: &NewRun) -> Started;
        async fn look(run: &WorkflowRun) -> RunReport;
        async fn cancel(run: &WorkflowRun, reason: &str) -> RunReport;
        async fn failures(run: &WorkflowRun, n_most: usize) -> Vec<TaskFailure>;
    });
}

#[cfg(feature = "airflow")]
pub(crate) use orchestrators::orchestrator;

#[cfg(feature = "nifi")]
mod dataflows {
    use std::sync::Arc;

    use shared::ids::CorrelationId;
    use shared::ports::dataflow::{
        Bulletins, Dataflow, FlowPart, FlowReport, Switch, TraceEvent, TraceQuery,
    };
    use shared::ports::flow_files::{FlowFileSink, FlowFileSource, Receipt};

    use super::metered;

    metered!(dataflow, MeteredDataflow, Dataflow, "dataflow", {
        async fn look() -> FlowReport;
        async fn switch(part: Option<&FlowPart>, to: Switch) -> ();
        async fn trace(query: &TraceQuery) -> Vec<TraceEvent>;
        plain fn bulletins(after: Option<u64>) -> Bulletins;
    });

    metered!(flow_files, MeteredFlowFiles, FlowFileSink, "flow_files", {
        async fn send(source: Arc<dyn FlowFileSource>, correlation: &CorrelationId) -> Receipt;
    });
}

#[cfg(feature = "nifi")]
pub(crate) use dataflows::{dataflow, flow_files};

#[cfg(feature = "snowflake")]
mod warehouses {
    use shared::ports::warehouse::{
        FileFault, Load, LoadReport, Merge, MergeReport, Progress, Rows, Statement,
        StatementHandle, Step, Warehouse,
    };

    use super::metered;

    metered!(warehouse, MeteredWarehouse, Warehouse, "warehouse", {
        async fn submit(statement: &Statement) -> StatementHandle;
        async fn poll(handle: &StatementHandle) -> Progress;
        async fn rows(handle: &StatementHandle) -> Rows;
        async fn cancel(handle: &StatementHandle) -> ();
        async fn load(load: &Load, begun: Option<&StatementHandle>) -> Step<LoadReport>;
        async fn rejected_rows(load: &Load, begun: &StatementHandle, limit: u32) -> Vec<FileFault>;
        async fn merge(merge: &Merge, begun: Option<&StatementHandle>) -> Step<MergeReport>;
    });
}

#[cfg(feature = "snowflake")]
pub(crate) use warehouses::warehouse;

#[cfg(feature = "sql")]
mod stores {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use shared::auth::Sight;
    use shared::ids::{ConnectionId, CorrelationId, EntityId, ObjectName, PersonId};
    use shared::model::{Entity, RecordKey};
    use shared::ports::{
        AuditChain, AuditLog, AuditRow, AuditVerification, CaseDetail, CaseFilter, CasePage,
        CaseStore, CaseTally, CaseView, ChainedRow, ChangeFeed, ChangeRow, Claim, Committed,
        Conflict, ConflictFilter, Conflicts, CostBatch, CostLedger, CostQuery, CostSum, CurrentRow,
        CurrentRows, DayTally, DocumentAct, DocumentDraft, Documents, FieldColumns, FieldViews,
        Filed, FiledDocument, History, ImportTallies, IncidentFigures, IncidentView, ItemBatch,
        Kept, Ledger, LedgerEntry, MatterImport, Outbox, OutboxDepth, OutboxEntry, OutboxStatus,
        Overview, PartitionRun, PartitionTally, PastRow, PipelineJournal, PipelineRun,
        PipelineRunFilter, ReconcileJournal, Reconciliation, RecordScan, Report, ReportFilter,
        ReportJournal, ScanRange, ScannedRecord, Setback, Shadow, ShownCases, StoreDigest,
        SyncJournal, SyncRun, TallyQuery, Wall, Walls, Write,
    };
    use shared::time::Timestamp;

    use super::metered;

    metered!(case_store, MeteredCaseStore, CaseStore, "case_store", {
        async fn shadow(key: &RecordKey) -> Option<Shadow>;
        async fn shadows(keys: &[RecordKey]) -> Vec<Option<Shadow>>;
        async fn locate(entity: Entity, id: &EntityId) -> Option<RecordKey>;
        async fn apply(write: Write) -> Committed;
    });

    metered!(outbox, MeteredOutbox, Outbox, "outbox", {
        async fn claim(claim: &Claim) -> Vec<OutboxEntry>;
        async fn postpone(keys: &[(RecordKey, Option<Setback>)], delay: Duration) -> ();
        async fn hold(key: &RecordKey, setback: &Setback) -> ();
        async fn resend(connection: &ConnectionId, key: Option<&RecordKey>) -> u64;
        async fn depths() -> Vec<OutboxDepth>;
        async fn waiting(
            status: OutboxStatus,
            after: Option<&RecordKey>,
            limit: u32,
        ) -> Vec<OutboxEntry>;
        async fn standing(key: &RecordKey) -> Option<(OutboxStatus, OutboxEntry)>;
    });

    metered!(conflicts, MeteredConflicts, Conflicts, "conflicts", {
        async fn conflicts(sight: &Sight, filter: &ConflictFilter) -> Vec<Conflict>;
        async fn conflict(sight: &Sight, id: u64) -> Option<Conflict>;
        async fn n_open_conflicts() -> u64;
    });

    metered!(reconcile_journal, MeteredReconcileJournal, ReconcileJournal, "reconcile_journal", {
        async fn record_reconciliation(run: &Reconciliation) -> ();
        async fn reconciliations(limit: u32) -> Vec<Reconciliation>;
    });

    metered!(record_scan, MeteredRecordScan, RecordScan, "record_scan", {
        async fn n_records(connection: &ConnectionId, object: &ObjectName) -> u64;
        async fn scan(range: &ScanRange) -> Vec<ScannedRecord>;
    });

    metered!(current_rows, MeteredCurrentRows, CurrentRows, "current_rows", {
        async fn current_rows(entity: Entity, ids: &[EntityId]) -> Vec<Option<CurrentRow>>;
        async fn rows_after(
            sight: &Sight,
            entity: Entity,
            after: Option<&EntityId>,
            limit: u32,
        ) -> Vec<(EntityId, CurrentRow)>;
    });

    metered!(case_view, MeteredCaseView, CaseView, "case_view", {
        async fn overview(sight: &Sight, n_days: u32) -> Overview;
        async fn cases(sight: &Sight, filter: &CaseFilter) -> CasePage;
        async fn case(sight: &Sight, id: &str) -> Option<CaseDetail>;
        async fn digest() -> StoreDigest;
    });

    metered!(audit_log, MeteredAuditLog, AuditLog, "audit_log", {
        async fn audit(
            sight: &Sight,
            entity_id: Option<&EntityId>,
            before: Option<u64>,
            limit: u32,
        ) -> Vec<AuditRow>;
        async fn verify(progress: &(dyn Fn(u64) + Send + Sync)) -> AuditVerification;
    });

    metered!(audit_chain, MeteredAuditChain, AuditChain, "audit_chain", {
        async fn chained_after(after: u64, limit: u32) -> Vec<ChainedRow>;
    });

    metered!(field_views, MeteredFieldViews, FieldViews, "field_views", {
        async fn publish(columns: &FieldColumns) -> bool;
        async fn published() -> FieldColumns;
    });

    metered!(history, MeteredHistory, History, "history", {
        async fn as_of(
            sight: &Sight,
            entity: Entity,
            id: &EntityId,
            at: Timestamp,
        ) -> Option<PastRow>;
    });

    metered!(change_feed, MeteredChangeFeed, ChangeFeed, "change_feed", {
        async fn changes_after(after: u64, limit: u32) -> Vec<ChangeRow>;
        async fn newest_change() -> u64;
        async fn wait_for_change(after: u64, wait: Duration) -> ();
    });

    metered!(walls, MeteredWalls, Walls, "walls", {
        async fn set_wall(wall: &Wall) -> ();
        async fn lift_wall(case_id: &EntityId, person: &PersonId, by: &PersonId) -> bool;
        async fn walls_of(case_id: &EntityId) -> Vec<Wall>;
        async fn shows_all(sight: &Sight) -> bool;
        async fn walls_revision() -> u64;
        async fn hidden(sight: &Sight, cases: &[EntityId]) -> BTreeSet<EntityId>;
        async fn shown(sight: &Sight) -> ShownCases;
    });

    metered!(sync_journal, MeteredSyncJournal, SyncJournal, "sync_journal", {
        async fn record(run: &SyncRun) -> ();
        async fn recent(limit: u32) -> Vec<SyncRun>;
    });

    metered!(pipeline_journal, MeteredPipelineJournal, PipelineJournal, "pipeline_journal", {
        async fn open_run(run: &PipelineRun, replayed: Option<&str>, keep: u32) -> PipelineRun;
        async fn pipeline_run(id: &CorrelationId) -> Option<Kept<PipelineRun>>;
        async fn replayed_rows(id: &CorrelationId) -> Option<String>;
        async fn put_run(run: &PipelineRun, revision: u64, names: &[String]) -> bool;
        async fn pipeline_runs(filter: &PipelineRunFilter) -> Vec<PipelineRun>;
        async fn partition(run: &CorrelationId, number: u32) -> Option<Kept<PartitionRun>>;
        async fn put_partition(partition: &PartitionRun, revision: u64) -> bool;
        async fn partitions(run: &CorrelationId) -> Vec<PartitionRun>;
        async fn tally_partitions(run: &CorrelationId) -> Vec<PartitionTally>;
    });

    metered!(report_journal, MeteredReportJournal, ReportJournal, "report_journal", {
        async fn open_report(report: &Report) -> Report;
        async fn report(id: &CorrelationId) -> Option<Kept<Report>>;
        async fn put_report(report: &Report, revision: u64) -> bool;
        async fn reports(filter: &ReportFilter) -> Vec<Report>;
    });

    metered!(cost_ledger, MeteredCostLedger, CostLedger, "cost_ledger", {
        async fn record_costs(batch: &CostBatch) -> ();
        async fn costs(sight: &Sight, query: &CostQuery) -> Vec<CostSum>;
    });

    metered!(documents, MeteredDocuments, Documents, "documents", {
        async fn file(document: &DocumentDraft, act: &DocumentAct) -> Filed;
        async fn find(sight: &Sight, id: &EntityId) -> Option<FiledDocument>;
        async fn note_read(id: &EntityId, act: &DocumentAct) -> ();
    });

    metered!(matter_import, MeteredMatterImport, MatterImport, "matter_import", {
        async fn import_items(batch: &ItemBatch) -> ImportTallies;
        async fn compare_items(batch: &ItemBatch) -> ImportTallies;
        async fn imported(case_id: &EntityId) -> BTreeMap<String, StoreDigest>;
    });

    metered!(case_tally, MeteredCaseTally, CaseTally, "case_tally", {
        async fn tally(sight: &Sight, query: &TallyQuery) -> Vec<DayTally>;
    });

    metered!(incident_view, MeteredIncidentView, IncidentView, "incident_view", {
        async fn incidents(sight: &Sight, n_latest: u32) -> IncidentFigures;
    });

    metered!(ledger, MeteredLedger, Ledger, "ledger", {
        async fn get(name: &str) -> Option<LedgerEntry>;
        async fn put(name: &str, value: &str, expected_revision: u64) -> u64;
        async fn list(prefix: &str) -> Vec<(String, LedgerEntry)>;
    });
}

#[cfg(feature = "sql")]
pub(crate) use stores::{
    audit_chain, audit_log, case_store, case_tally, case_view, change_feed, conflicts, cost_ledger,
    current_rows, documents, field_views, history, incident_view, ledger, matter_import, outbox,
    pipeline_journal, reconcile_journal, record_scan, report_journal, sync_journal, walls,
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use shared::ports::{MemoryQueue, SystemClock};

    use super::*;

    #[tokio::test]
    async fn every_call_is_counted_under_its_outcome() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let page = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let clock = Arc::new(SystemClock);
        let queue = queue(Arc::new(MemoryQueue::new("events", NonZeroU32::MIN, clock)));

        queue.send(vec![NewMessage { body: "a".into(), ..NewMessage::default() }]).await.unwrap();
        let too_long = "x".repeat(queue.max_body_bytes() + 1);
        let refused = queue.send(vec![NewMessage { body: too_long, ..NewMessage::default() }]);
        refused.await.unwrap_err();

        let page = page.render();
        let count = |outcome: &str| {
            format!(r#"port_calls_total{{port="queue",method="send",outcome="{outcome}"}} 1"#)
        };
        assert!(page.contains(&count("ok")) && page.contains(&count("rejected")), "{page}");
        assert!(
            page.contains(r#"port_call_seconds_count{port="queue",method="send"} 2"#),
            "{page}"
        );
    }
}
