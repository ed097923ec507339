//! What tests of reports work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::EntityId;
use crate::ports::{
    CaseDetail, CaseFilter, CasePage, CaseSummary, CaseTally, CaseView, Clock, DayTally, Document,
    Overview, StoreDigest, TallyQuery, TimelineEvent,
};
use crate::time::Timestamp;

/// A clock that stands.
pub(super) struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A clock that always tells `raw`.
pub(super) fn at(raw: &str) -> Arc<Standing> {
    Arc::new(Standing(Timestamp::parse(raw).unwrap()))
}

/// A store with one case, which may be hidden from everybody but the platform.
#[derive(Default)]
pub(super) struct OneCase {
    is_hidden: AtomicBool,
}

impl OneCase {
    pub(super) fn id() -> EntityId {
        EntityId::parse("7d1c2f04-93be-8a57-b0c1-6e2f40a9d813").unwrap()
    }

    pub(super) fn hide(&self) {
        self.is_hidden.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl CaseView for OneCase {
    async fn overview(&self, _sight: &Sight, _n_days: u32) -> Result<Overview, PortError> {
        Ok(Overview::default())
    }

    async fn cases(&self, _sight: &Sight, _filter: &CaseFilter) -> Result<CasePage, PortError> {
        Ok(CasePage::default())
    }

    async fn case(&self, sight: &Sight, id: &str) -> Result<Option<CaseDetail>, PortError> {
        let is_hidden = self.is_hidden.load(Ordering::Relaxed) && *sight != Sight::Everything;
        if is_hidden || id != "case" && id != Self::id().as_str() {
            return Ok(None);
        }
        let when = Timestamp::parse("2026-11-03T12:00:00Z").unwrap();
        Ok(Some(CaseDetail {
            summary: CaseSummary {
                id: Self::id(),
                case_number: None,
                docket_number: Some("2026-CV-1".to_owned()),
                title: Some("Doe <b>v.</b> Roe".to_owned()),
                court: None,
                status: Some("Open".to_owned()),
                priority: None,
                practice_area: None,
                is_closed: false,
                account_name: Some("=cmd|' /C calc'!A0".to_owned()),
                contact_name: None,
                opened_at: Some(when),
                closed_at: None,
                updated_at: when,
            },
            description: None,
            origin: None,
            reason: None,
            account_id: None,
            contact_id: None,
            is_deleted: false,
            source: None,
            timeline: vec![TimelineEvent {
                id: Self::id(),
                occurred_at: when,
                event_type: "status_change".to_owned(),
                title: "=1+1".to_owned(),
                description: None,
                importance: 2,
            }],
            documents: vec![Document {
                id: Self::id(),
                exhibit_label: Some("A-1".to_owned()),
                name: "Petition.pdf".to_owned(),
                media_type: None,
                size_bytes: Some(12_345),
                sha256: None,
                created_at: when,
            }],
            communications: Vec::new(),
        }))
    }

    async fn digest(&self) -> Result<StoreDigest, PortError> {
        Ok(StoreDigest { n_records: 0, sum: String::new() })
    }
}

/// A firm without cases.
pub(super) struct NoCases;

#[async_trait]
impl CaseTally for NoCases {
    async fn tally(&self, _sight: &Sight, _query: &TallyQuery) -> Result<Vec<DayTally>, PortError> {
        Ok(Vec::new())
    }
}
