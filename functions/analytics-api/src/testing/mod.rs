//! Ports in memory, with a small law firm behind them.

mod book;
mod desk;
mod incidents;
mod pipelines;
mod questions;
mod queue;
mod reports;
mod screens;
mod shelf;
mod tally;
mod two_way;

pub(crate) use book::book;
pub(crate) use desk::TestDesk;
pub(crate) use pipelines::pipelines;
pub(crate) use questions::questions;
pub(crate) use reports::reports;
pub(crate) use two_way::two_way;

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use shared::auth::Sight;
use shared::ids::{ConnectionId, CorrelationId, EntityId, ObjectName, SalesforceId};
use shared::model::{Channel, Entity, FieldValue};
use shared::ports::{
    AuditLog, AuditRow, AuditVerification, CaseDetail, CaseFilter, CasePage, CaseSummary, CaseView,
    ChangeFeed, ChangeRow, Clock, Communication, DayCount, Document, FieldChange, LagSummary,
    Ledger, MemoryCaseStore, MemoryLedger, Overview, RecordSource, ReplaySelection, RunOutcome,
    StatusCount, StoreDigest, SyncJournal, SyncRun, TimelineEvent, Wall, WriteKind,
};
use shared::sync::{ConnectionState, ConnectionStatus, Cursor};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tokio::sync::watch;

/// The case that the small firm has.
pub(crate) const CASE_ID: &str = "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529";

/// Its id at Salesforce.
pub(crate) const REMOTE_ID: &str = "0015f00002J9YYEAA3";

/// When everything happened.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

/// Every port but the ledger, in memory; each call fails while `failure` is set.
pub(crate) struct Firm {
    pub(crate) failure: Mutex<Option<PortErrorKind>>,
    pub(crate) filters: Mutex<Vec<CaseFilter>>,
    pub(crate) replays: Mutex<Vec<ReplaySelection>>,
    pub(crate) n_overviews: Mutex<u32>,
    pub(crate) n_audit_rows: u64,
    pub(crate) walls: Mutex<Vec<Wall>>,
    pub(crate) rows: MemoryCaseStore,
    pub(crate) shelf: shelf::Shelf,
    changes: watch::Sender<Vec<ChangeRow>>,
}

impl Default for Firm {
    fn default() -> Self {
        Self {
            failure: Mutex::default(),
            filters: Mutex::default(),
            replays: Mutex::default(),
            n_overviews: Mutex::default(),
            n_audit_rows: 3,
            walls: Mutex::default(),
            rows: two_way::rows(),
            shelf: shelf::Shelf::default(),
            changes: watch::Sender::new(Vec::new()),
        }
    }
}

impl Firm {
    /// Commits `n_rows` more changes.
    pub(crate) fn commit(&self, n_rows: u64) {
        self.changes.send_modify(|rows| {
            let newest = rows.last().map_or(0, |row| row.seq);
            rows.extend((newest + 1..=newest + n_rows).map(change));
        });
    }

    fn answer<T>(&self, value: T) -> Result<T, PortError> {
        match *self.failure.lock().unwrap() {
            Some(kind) => Err(PortError::new(kind, "memory", "read", "secret-subject")
                .with_source("secret cause")
                .with_retry_after(Duration::from_millis(2500))),
            None => Ok(value),
        }
    }
}

/// A ledger with one connection and one cursor.
pub(crate) async fn ledger() -> MemoryLedger {
    let ledger = MemoryLedger::default();
    let state = ConnectionState {
        connection: connection(),
        platform: "salesforce".into(),
        status: ConnectionStatus::Healthy,
        detail: None,
        checked_at: NOON,
        last_success_at: Some(NOON),
        calls_left: Some(14_211),
    };
    let cursor = Cursor::resting(NOON);
    let name = ConnectionState::ledger_name(&connection());
    ledger.put(&name, &serde_json::to_string(&state).unwrap(), 0).await.unwrap();
    let name = Cursor::ledger_name(&connection(), &object());
    ledger.put(&name, &serde_json::to_string(&cursor).unwrap(), 0).await.unwrap();
    ledger.put("connection/odd", "{}", 0).await.unwrap();
    ledger
}

/// A clock that stands still.
pub(crate) struct StoppedClock(pub(crate) Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub(crate) fn connection() -> ConnectionId {
    ConnectionId::parse("main").unwrap()
}

fn object() -> ObjectName {
    ObjectName::parse("Case").unwrap()
}

fn case_id() -> EntityId {
    EntityId::parse(CASE_ID).unwrap()
}

fn correlation() -> CorrelationId {
    CorrelationId::from_random(7)
}

fn change(seq: u64) -> ChangeRow {
    ChangeRow {
        seq,
        at: NOON,
        entity: Entity::Case,
        entity_id: case_id(),
        kind: WriteKind::Updated,
        label: Some("24-2-01234-5\nDoe v. Roe".into()),
        fields: vec!["status".into()],
        lag_ms: Some(12),
        correlation_id: correlation(),
    }
}

fn summary() -> CaseSummary {
    CaseSummary {
        id: case_id(),
        case_number: Some("00001026".into()),
        docket_number: Some("24-2-01234-5".into()),
        title: Some("Doe v. Roe".into()),
        court: Some("Superior Court of King County".into()),
        status: Some("Discovery".into()),
        priority: Some("High".into()),
        practice_area: Some("Family Law".into()),
        is_closed: false,
        account_name: Some("Doe Holdings".into()),
        contact_name: None,
        opened_at: Some(NOON),
        closed_at: None,
        updated_at: NOON,
    }
}

fn detail() -> CaseDetail {
    CaseDetail {
        summary: summary(),
        description: Some("Custody of two children.".into()),
        origin: Some("Phone".into()),
        reason: None,
        account_id: Some(case_id()),
        contact_id: None,
        is_deleted: false,
        source: Some(RecordSource {
            connection: connection(),
            object: object(),
            record_id: SalesforceId::parse(REMOTE_ID).unwrap().to_record_id(),
            version: NOON,
        }),
        timeline: vec![TimelineEvent {
            id: case_id(),
            occurred_at: NOON,
            event_type: "status_change".into(),
            title: "Active → Discovery".into(),
            description: None,
            importance: 3,
        }],
        documents: vec![Document {
            id: case_id(),
            exhibit_label: Some("A-1".into()),
            name: "Petition.pdf".into(),
            media_type: Some("application/pdf".into()),
            size_bytes: Some(48_112),
            sha256: None,
            created_at: NOON,
        }],
        communications: vec![Communication {
            id: case_id(),
            occurred_at: NOON,
            sender: Some("J. Doe".into()),
            recipient: None,
            medium: Some("mail".into()),
            subject: Some("Hearing".into()),
            content: None,
        }],
    }
}

#[async_trait]
impl CaseView for Firm {
    async fn overview(&self, _sight: &Sight, n_days: u32) -> Result<Overview, PortError> {
        *self.n_overviews.lock().unwrap() += 1;
        let day = DayCount { day: "2026-11-22".into(), n_opened: 4, n_closed: 1 };
        self.answer(Overview {
            as_of: NOON,
            n_accounts: 1000,
            n_contacts: 3000,
            n_cases: 10_000,
            n_open_cases: 7100,
            by_status: vec![
                StatusCount { status: Some("Active".into()), n_cases: 7100 },
                StatusCount { status: None, n_cases: 2900 },
            ],
            by_day: vec![day; usize::try_from(n_days).unwrap()],
            last_change_at: Some(NOON),
            n_changes_last_minute: 42,
            sync_lag: LagSummary { n_samples: 1000, p50_ms: Some(14), p99_ms: None },
        })
    }

    async fn cases(&self, sight: &Sight, filter: &CaseFilter) -> Result<CasePage, PortError> {
        self.filters.lock().unwrap().push(filter.clone());
        if filter.cursor.as_deref().is_some_and(|cursor| cursor != "next") {
            return Err(PortError::new(PortErrorKind::Rejected, "memory", "list", "cases"));
        }
        let items = if self.shows(sight, &case_id()) { vec![summary()] } else { Vec::new() };
        self.answer(CasePage { items, next_cursor: Some("next".into()) })
    }

    async fn case(&self, sight: &Sight, id: &str) -> Result<Option<CaseDetail>, PortError> {
        let is_shown = self.shows(sight, &case_id());
        if [CASE_ID, REMOTE_ID].contains(&id) {
            return self.answer(is_shown.then(detail));
        }
        let is_row = |it: &(Entity, EntityId)| it.0 == Entity::Case && it.1.as_str() == id;
        let found = self.rows.rows().into_keys().find(is_row);
        let case = found.map(|(_, id)| {
            let summary = CaseSummary { id, ..summary() };
            CaseDetail { summary, ..detail() }
        });
        self.answer(case)
    }

    async fn digest(&self) -> Result<StoreDigest, PortError> {
        self.answer(StoreDigest { n_records: 0, sum: String::new() })
    }
}

#[async_trait]
impl AuditLog for Firm {
    async fn audit(
        &self,
        sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError> {
        let is_known = entity_id.is_none_or(|id| id.as_str() == CASE_ID);
        let newest = before.map_or(self.n_audit_rows, |before| (before - 1).min(self.n_audit_rows));
        let newest = if is_known && self.shows(sight, &case_id()) { newest } else { 0 };
        let change = |field: &str, before, after| FieldChange::new(field, before, after);
        let row = |seq| AuditRow {
            seq,
            at: NOON,
            actor: "salesforce:main".into(),
            kind: WriteKind::Updated,
            entity: Entity::Case,
            entity_id: case_id(),
            channel: Channel::OutboundMessage,
            event_id: "04l000000000001AAA".into(),
            correlation_id: correlation(),
            source_version: NOON,
            received_at: NOON,
            changes: vec![
                change("is_closed", FieldValue::Null, FieldValue::Bool(true)),
                change("status", FieldValue::text("Active"), FieldValue::text("Discovery")),
                change("title", FieldValue::Int(4), FieldValue::Float(0.5)),
            ],
            hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        };
        let limit = usize::try_from(limit).unwrap();
        self.answer((1..=newest).rev().take(limit).map(row).collect())
    }

    async fn verify(
        &self,
        _progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<AuditVerification, PortError> {
        self.answer(AuditVerification { n_rows: 0, head: String::new(), fault: None })
    }
}

#[async_trait]
impl ChangeFeed for Firm {
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<ChangeRow>, PortError> {
        let limit = usize::try_from(limit).unwrap();
        let rows = self.changes.borrow();
        self.answer(rows.iter().filter(|row| row.seq > after).take(limit).cloned().collect())
    }

    async fn newest_change(&self) -> Result<u64, PortError> {
        self.answer(self.changes.borrow().last().map_or(0, |row| row.seq))
    }

    async fn wait_for_change(&self, after: u64, wait: Duration) -> Result<(), PortError> {
        let mut changes = self.changes.subscribe();
        let is_newer = |rows: &Vec<ChangeRow>| rows.last().is_some_and(|row| row.seq > after);
        let _ = tokio::time::timeout(wait, changes.wait_for(is_newer)).await;
        self.answer(())
    }
}

#[async_trait]
impl SyncJournal for Firm {
    async fn record(&self, _run: &SyncRun) -> Result<(), PortError> {
        self.answer(())
    }

    async fn recent(&self, limit: u32) -> Result<Vec<SyncRun>, PortError> {
        let run = SyncRun {
            id: correlation(),
            connection: connection(),
            object: object(),
            started_at: NOON,
            ended_at: None,
            outcome: RunOutcome::Running,
            n_read: 200,
            n_queued: 3,
            error: None,
        };
        self.answer(vec![run; usize::try_from(limit).unwrap().min(2)])
    }
}

#[cfg(test)]
pub(crate) use shelf::{FILED, SENT, Shelf, draft};

#[cfg(test)]
pub(crate) use two_way::{ROWS, refused_record};

#[cfg(test)]
pub(crate) use desk::{CHAIR, EXPIRED, UNCHECKED};

#[cfg(test)]
pub(crate) use pipelines::{FAILED_RUN, QUEUED_RUN};
#[cfg(test)]
pub(crate) use reports::READY_REPORT;
