//! Reports of the small firm: one of the clock that is ready, and one that waits.

use std::num::NonZeroU32;
use std::sync::Arc;

use shared::auth::Sight;
use shared::ids::CorrelationId;
use shared::ports::{
    BlobKey, BlobStore as _, DeliveryState, MemoryBlobStore, MemoryPipelineJournal, MemoryQueue,
    MemoryReportJournal, PutBlob, Report, ReportDelivery, ReportFile, ReportFormat,
    ReportJournal as _, ReportKind, ReportReceiver, ReportState, SystemRandom,
};
use shared::reports::{ReportDefinitions, ReportDesk, ReportDeskPorts};

use super::{Firm, NOON, StoppedClock};

/// A report that is ready.
pub(crate) const READY_REPORT: &str = "3af7651916cd43dd8448eb211c80319c";

fn ready() -> Report {
    let file = |format: ReportFormat, table: Option<&str>, n_bytes| ReportFile {
        format,
        table: table.map(str::to_owned),
        key: BlobKey::parse(format!("files/a/{}", format.as_str())).unwrap(),
        n_bytes,
    };
    Report {
        id: CorrelationId::parse(READY_REPORT).unwrap(),
        report: "firm-monthly".to_owned(),
        kind: ReportKind::Firm,
        subject: None,
        period: "2026-10".to_owned(),
        formats: vec![ReportFormat::Html, ReportFormat::Csv],
        state: ReportState::Ready,
        message: None,
        ordered_by: "schedule".to_owned(),
        sight: Sight::Everything,
        correlation_id: CorrelationId::parse(READY_REPORT).unwrap(),
        idempotency_key: Some("schedule/2026-10".to_owned()),
        n_attempts: 1,
        leased_until: None,
        files: vec![
            file(ReportFormat::Html, None, 4),
            file(ReportFormat::Csv, Some("by_period"), 3),
        ],
        deliveries: vec![ReportDelivery {
            state: DeliveryState::Sent,
            n_attempts: 1,
            ..ReportDelivery::pending(ReportReceiver::Topic)
        }],
        requested_at: NOON,
        finished_at: Some(NOON),
    }
}

/// Opens the desk over `firm`.
pub(crate) async fn reports(firm: &Arc<Firm>) -> ReportDesk {
    let clock = Arc::new(StoppedClock(NOON));
    let store = Arc::new(MemoryBlobStore::new(clock.clone()));
    let journal = Arc::new(MemoryReportJournal::default());
    let ready = ready();
    for (file, text) in ready.files.iter().zip(["page", "a,b"]) {
        store.put(&file.key, text.into(), &PutBlob::default()).await.unwrap();
    }
    journal.open_report(&ready).await.unwrap();
    ReportDesk::new(ReportDeskPorts {
        definitions: ReportDefinitions::default(),
        journal,
        queue: Arc::new(MemoryQueue::new("reports", NonZeroU32::MIN, clock.clone())),
        store,
        view: firm.clone(),
        pipelines: Arc::new(MemoryPipelineJournal::default()),
        clock,
        random: Arc::new(SystemRandom),
    })
}
