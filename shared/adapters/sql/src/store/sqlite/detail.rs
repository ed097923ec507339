//! One case with all that hangs on it.

use shared::auth::Sight;
use shared::ids::{EntityId, PersonId, SalesforceId};
use shared::ports::{CaseDetail, Communication, Document, TimelineEvent};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

use crate::store::rows::{
    DETAIL_COLUMNS, JOIN_NAMES, SUMMARY_COLUMNS, StoredCase, StoredCommunication, StoredDocument,
    StoredEvent,
};
use crate::store::sight::{hangs_on, shown_cases};

/// Timeline events and communications shown at most.
const N_LATEST: i64 = 200;

/// Reads the case whose own id, or whose id at its source, is `id`, when `sight` shows it.
pub(super) async fn read(
    readers: &SqlitePool,
    sight: &Sight,
    id: &str,
) -> Result<Option<CaseDetail>, sqlx::Error> {
    let (column, id) = if EntityId::parse(id).is_ok() {
        ("id", id.to_owned())
    } else {
        ("record_id", SalesforceId::parse(id).map_or_else(|_| id.to_owned(), Into::into))
    };
    // One transaction: the parts belong to one state of the case.
    let mut snapshot = readers.begin().await?;
    let shown = shown_cases(sight, "cases.id", "?2").unwrap_or_else(|| "?2 IS NULL".to_owned());
    let stored: Option<StoredCase> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {SUMMARY_COLUMNS}, {DETAIL_COLUMNS} FROM cases {JOIN_NAMES} \
         WHERE cases.{column} = ?1 AND {shown} ORDER BY cases.row_number LIMIT 1"
    )))
    .bind(id)
    .bind(sight.person().map(PersonId::as_str))
    .fetch_optional(&mut *snapshot)
    .await?;
    let Some(stored) = stored else { return Ok(None) };
    let case = stored.read()?;
    Ok(Some(CaseDetail {
        timeline: timeline(&mut snapshot, sight, &case.summary.id).await?,
        documents: documents(&mut snapshot, sight, &case.summary.id).await?,
        communications: communications(&mut snapshot, sight, &case.summary.id).await?,
        ..case
    }))
}

async fn timeline(
    connection: &mut SqliteConnection,
    sight: &Sight,
    case_id: &EntityId,
) -> Result<Vec<TimelineEvent>, sqlx::Error> {
    let of_case = hangs_on(sight, "?1", "?2");
    let rows: Vec<StoredEvent> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT id, occurred_at, event_type, title, description, importance FROM timeline_events \
         WHERE {of_case} ORDER BY occurred_at DESC, row_number DESC LIMIT ?3"
    )))
    .bind(case_id.as_str())
    .bind(sight.person().map(PersonId::as_str))
    .bind(N_LATEST)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoredEvent::read).collect()
}

async fn documents(
    connection: &mut SqliteConnection,
    sight: &Sight,
    case_id: &EntityId,
) -> Result<Vec<Document>, sqlx::Error> {
    let of_case = hangs_on(sight, "?1", "?2");
    let rows: Vec<StoredDocument> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT id, exhibit_label, name, media_type, size_bytes, sha256, created_at \
         FROM documents WHERE {of_case} AND is_deleted = 0 \
         ORDER BY exhibit_label IS NULL, exhibit_label, created_at"
    )))
    .bind(case_id.as_str())
    .bind(sight.person().map(PersonId::as_str))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoredDocument::read).collect()
}

async fn communications(
    connection: &mut SqliteConnection,
    sight: &Sight,
    case_id: &EntityId,
) -> Result<Vec<Communication>, sqlx::Error> {
    let of_case = hangs_on(sight, "?1", "?2");
    let rows: Vec<StoredCommunication> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT id, occurred_at, sender, recipient, medium, subject, content FROM communications \
         WHERE {of_case} ORDER BY occurred_at DESC, row_number DESC LIMIT ?3"
    )))
    .bind(case_id.as_str())
    .bind(sight.person().map(PersonId::as_str))
    .bind(N_LATEST)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoredCommunication::read).collect()
}
