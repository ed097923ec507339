//! The case store, read side: what people look at.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{ConnectionId, EntityId, ObjectName, RecordId};
use crate::time::Timestamp;

/// The figures of the first page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// When these figures were read.
    pub as_of: Timestamp,
    /// Accounts that are not deleted.
    pub n_accounts: u64,
    /// Contacts that are not deleted.
    pub n_contacts: u64,
    /// Cases that are not deleted.
    pub n_cases: u64,
    /// Of those, the open ones.
    pub n_open_cases: u64,
    /// Cases by status, the largest first.
    pub by_status: Vec<StatusCount>,
    /// Cases opened and closed per day in UTC, the earliest first, days without any included.
    pub by_day: Vec<DayCount>,
    /// When the store last changed.
    pub last_change_at: Option<Timestamp>,
    /// Changes applied in the last minute.
    pub n_changes_last_minute: u64,
    /// From accepted event to committed row, over the newest thousand changes; those that reading a
    /// whole object brought are left out.
    pub sync_lag: LagSummary,
}

/// How many cases have one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusCount {
    /// The status; `None` where a case has none.
    pub status: Option<String>,
    /// How many.
    pub n_cases: u64,
}

/// What one day brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayCount {
    /// The day, such as `2026-11-22`.
    pub day: String,
    /// Cases opened.
    pub n_opened: u64,
    /// Cases closed.
    pub n_closed: u64,
}

/// A summary of delays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LagSummary {
    /// How many changes were looked at.
    pub n_samples: u64,
    /// Half of them were faster, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 99 of 100 were faster, in milliseconds.
    pub p99_ms: Option<u64>,
}

/// By what cases are ordered; ties are broken by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaseSort {
    /// The last changed first.
    #[default]
    UpdatedDesc,
    /// The last opened first.
    OpenedDesc,
    /// The first opened first.
    OpenedAsc,
    /// By docket number.
    DocketAsc,
    /// By title.
    TitleAsc,
}

/// Which cases to list. Empty fields do not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Words that each must occur, by beginning, in docket number, case number, title, court,
    /// account or contact name.
    pub search: Option<String>,
    /// Only this status.
    pub status: Option<String>,
    /// Only this court.
    pub court: Option<String>,
    /// Only this priority.
    pub priority: Option<String>,
    /// Only cases of this account.
    pub account_id: Option<EntityId>,
    /// Only open ones, or only closed ones.
    pub is_closed: Option<bool>,
    /// Opened at this instant or later.
    pub opened_from: Option<Timestamp>,
    /// Opened before this instant.
    pub opened_until: Option<Timestamp>,
    /// The order.
    pub sort: CaseSort,
    /// Where the page begins: [`CasePage::next_cursor`] of the page before.
    pub cursor: Option<String>,
    /// How many to return, 1 to 200.
    pub limit: u32,
}

/// One page of cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CasePage {
    /// The cases.
    pub items: Vec<CaseSummary>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// One line of a list of cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaseSummary {
    /// Our id.
    pub id: EntityId,
    /// The number the remote system gave it.
    pub case_number: Option<String>,
    /// The court's number.
    pub docket_number: Option<String>,
    /// Its title, such as `Doe v. Roe`.
    pub title: Option<String>,
    /// The court.
    pub court: Option<String>,
    /// The status.
    pub status: Option<String>,
    /// The priority.
    pub priority: Option<String>,
    /// Family law, contract, and so on.
    pub practice_area: Option<String>,
    /// Whether it is closed.
    pub is_closed: bool,
    /// The client's name.
    pub account_name: Option<String>,
    /// The contact's name.
    pub contact_name: Option<String>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// When our row last changed.
    pub updated_at: Timestamp,
}

/// Everything about one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaseDetail {
    /// What the list shows too.
    #[serde(flatten)]
    pub summary: CaseSummary,
    /// What it is about.
    pub description: Option<String>,
    /// How it came in: phone, web, mail.
    pub origin: Option<String>,
    /// Why it was opened.
    pub reason: Option<String>,
    /// The account's id.
    pub account_id: Option<EntityId>,
    /// The contact's id.
    pub contact_id: Option<EntityId>,
    /// Whether it is deleted at its source.
    pub is_deleted: bool,
    /// Where it came from, and how fresh it is.
    pub source: Option<RecordSource>,
    /// What happened, the latest first, at most 200 events.
    pub timeline: Vec<TimelineEvent>,
    /// Its exhibits and other documents.
    pub documents: Vec<Document>,
    /// Letters, mails and calls, the latest first, at most 200.
    pub communications: Vec<Communication>,
}

/// The remote record behind a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordSource {
    /// The connection.
    pub connection: ConnectionId,
    /// The object.
    pub object: ObjectName,
    /// The id over there.
    pub record_id: RecordId,
    /// The version we hold.
    pub version: Timestamp,
}

/// Something that happened in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineEvent {
    /// Its id.
    pub id: EntityId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its kind, such as `status_change` or `placement_denial`.
    pub event_type: String,
    /// One line.
    pub title: String,
    /// More, when there is more.
    pub description: Option<String>,
    /// 1 (note) to 5 (critical).
    pub importance: u8,
}

/// An exhibit or another document of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    /// Its id.
    pub id: EntityId,
    /// The exhibit's label, such as `A-1`.
    pub exhibit_label: Option<String>,
    /// Its name.
    pub name: String,
    /// Its media type, such as `application/pdf`.
    pub media_type: Option<String>,
    /// Its length in bytes.
    pub size_bytes: Option<u64>,
    /// Its SHA-256 in lower-case hex.
    pub sha256: Option<String>,
    /// When it was filed.
    pub created_at: Timestamp,
}

/// A letter, mail or call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Communication {
    /// Its id.
    pub id: EntityId,
    /// When it was sent or held.
    pub occurred_at: Timestamp,
    /// Who spoke.
    pub sender: Option<String>,
    /// Whom it was meant for.
    pub recipient: Option<String>,
    /// Mail, phone, letter.
    pub medium: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its text.
    pub content: Option<String>,
}

/// A digest of the whole store that does not depend on the order of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreDigest {
    /// How many records were counted in, deleted ones included.
    pub n_records: u64,
    /// The sum, modulo 2^256, of the SHA-256 of each record, in lower-case hex. A record is its
    /// key, whether it is deleted, and its mapped fields, as one line of canonical JSON.
    pub sum: String,
}

/// Reads the case store.
///
/// # Contract
///
/// - A row that [`CaseStore::apply`](super::CaseStore::apply) has committed is seen by the next call.
/// - A case that `sight` does not show is in no list, count or detail: the answer is the one that
///   would be given if it did not exist.
/// - Following [`CasePage::next_cursor`] shows every case that matches and does not change meanwhile
///   exactly once.
#[async_trait]
pub trait CaseView: Send + Sync {
    /// Reads the figures of the first page, over the last `n_days` days.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn overview(&self, sight: &Sight, n_days: u32) -> Result<Overview, PortError>;

    /// Lists cases that are not deleted.
    ///
    /// # Errors
    ///
    /// `Rejected` when the cursor was not made by this store for this order.
    async fn cases(&self, sight: &Sight, filter: &CaseFilter) -> Result<CasePage, PortError>;

    /// Reads one case, by our id or by its id at its source.
    ///
    /// # Errors
    ///
    /// As the platform answers. An unknown id is not an error.
    async fn case(&self, sight: &Sight, id: &str) -> Result<Option<CaseDetail>, PortError>;

    /// Digests every record, streaming.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn digest(&self) -> Result<StoreDigest, PortError>;
}
