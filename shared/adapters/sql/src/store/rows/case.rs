//! Cases as lists show them.

use shared::ports::{CaseSort, CaseSummary};
use sqlx::FromRow;

use crate::store::cursor::{Cursor, SortKey};
use crate::store::decode::{entity_id, instant};
use crate::store::text::StoredText;

/// The columns of a line, read from `cases` joined with the names.
pub(in crate::store) const SUMMARY_COLUMNS: &str = "cases.id, cases.case_number, cases.docket_number, \
     cases.title, cases.court, cases.status, cases.priority, cases.practice_area, \
     cases.is_closed, accounts.name AS account_name, contacts.full_name AS contact_name, \
     cases.opened_at, cases.closed_at, cases.updated_at";
/// Adds the names to `cases`.
pub(in crate::store) const JOIN_NAMES: &str = "LEFT JOIN accounts ON accounts.id = cases.account_id \
     LEFT JOIN contacts ON contacts.id = cases.contact_id";

/// One line as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredSummary {
    id: String,
    case_number: Option<StoredText>,
    docket_number: Option<StoredText>,
    title: Option<StoredText>,
    court: Option<StoredText>,
    status: Option<StoredText>,
    priority: Option<StoredText>,
    practice_area: Option<StoredText>,
    is_closed: bool,
    account_name: Option<StoredText>,
    contact_name: Option<StoredText>,
    opened_at: Option<i64>,
    closed_at: Option<i64>,
    updated_at: i64,
}

impl StoredSummary {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<CaseSummary, sqlx::Error> {
        Ok(CaseSummary {
            id: entity_id(self.id)?,
            case_number: self.case_number.map(Into::into),
            docket_number: self.docket_number.map(Into::into),
            title: self.title.map(Into::into),
            court: self.court.map(Into::into),
            status: self.status.map(Into::into),
            priority: self.priority.map(Into::into),
            practice_area: self.practice_area.map(Into::into),
            is_closed: self.is_closed,
            account_name: self.account_name.map(Into::into),
            contact_name: self.contact_name.map(Into::into),
            opened_at: self.opened_at.map(instant),
            closed_at: self.closed_at.map(instant),
            updated_at: instant(self.updated_at),
        })
    }
}

/// One line of a list, with what it may be ordered by.
#[derive(FromRow)]
pub(in crate::store) struct ListedCase {
    /// What is shown.
    #[sqlx(flatten)]
    pub(in crate::store) summary: StoredSummary,
    docket_key: String,
    title_key: String,
    opened_key: i64,
}

impl ListedCase {
    /// Says where the page behind this line begins.
    pub(in crate::store) fn cursor(&self, sort: CaseSort) -> Result<Cursor, sqlx::Error> {
        let key = match sort {
            CaseSort::UpdatedDesc => SortKey::Instant(self.summary.updated_at),
            CaseSort::OpenedDesc | CaseSort::OpenedAsc => SortKey::Instant(self.opened_key),
            CaseSort::DocketAsc => SortKey::Text(self.docket_key.clone()),
            CaseSort::TitleAsc => SortKey::Text(self.title_key.clone()),
        };
        Ok(Cursor(sort, key, entity_id(self.summary.id.clone())?))
    }
}
