//! One case with all that hangs on it.

use shared::ids::{ConnectionId, EntityId, ObjectName, RecordId, SalesforceId};
use shared::ports::{CaseDetail, Communication, Document, RecordSource, TimelineEvent};
use sqlx::{AssertSqlSafe, FromRow, SqliteConnection, SqlitePool};

use super::cases::{JOIN_NAMES, SUMMARY_COLUMNS, StoredSummary};
use super::decode::{checked, count, entity_id, instant};

/// Timeline events and communications shown at most.
const N_LATEST: i64 = 200;

#[derive(FromRow)]
struct StoredCase {
    #[sqlx(flatten)]
    summary: StoredSummary,
    description: Option<String>,
    origin: Option<String>,
    reason: Option<String>,
    account_id: Option<String>,
    contact_id: Option<String>,
    is_deleted: bool,
    connection: String,
    object: String,
    record_id: String,
    version: i64,
}

/// Reads the case whose own id, or whose id at its source, is `id`.
pub(super) async fn read(
    readers: &SqlitePool,
    id: &str,
) -> Result<Option<CaseDetail>, sqlx::Error> {
    let (column, id) = if EntityId::parse(id).is_ok() {
        ("id", id.to_owned())
    } else {
        ("record_id", SalesforceId::parse(id).map_or_else(|_| id.to_owned(), Into::into))
    };
    // One transaction: the parts belong to one state of the case.
    let mut snapshot = readers.begin().await?;
    let stored: Option<StoredCase> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {SUMMARY_COLUMNS}, cases.description, cases.origin, cases.reason, \
         cases.account_id, cases.contact_id, cases.is_deleted, cases.connection, cases.object, \
         cases.record_id, cases.version FROM cases {JOIN_NAMES} \
         WHERE cases.{column} = ?1 ORDER BY cases.row_number LIMIT 1"
    )))
    .bind(id)
    .fetch_optional(&mut *snapshot)
    .await?;
    let Some(stored) = stored else { return Ok(None) };
    let summary = stored.summary.read()?;
    Ok(Some(CaseDetail {
        timeline: timeline(&mut snapshot, &summary.id).await?,
        documents: documents(&mut snapshot, &summary.id).await?,
        communications: communications(&mut snapshot, &summary.id).await?,
        summary,
        description: stored.description,
        origin: stored.origin,
        reason: stored.reason,
        account_id: stored.account_id.map(entity_id).transpose()?,
        contact_id: stored.contact_id.map(entity_id).transpose()?,
        is_deleted: stored.is_deleted,
        source: Some(RecordSource {
            connection: checked(ConnectionId::parse(stored.connection))?,
            object: checked(ObjectName::parse(stored.object))?,
            record_id: checked(RecordId::parse(stored.record_id))?,
            version: instant(stored.version),
        }),
    }))
}

#[derive(FromRow)]
struct StoredEvent {
    id: String,
    occurred_at: i64,
    event_type: String,
    title: String,
    description: Option<String>,
    importance: u8,
}

async fn timeline(
    connection: &mut SqliteConnection,
    case_id: &EntityId,
) -> Result<Vec<TimelineEvent>, sqlx::Error> {
    let rows: Vec<StoredEvent> = sqlx::query_as(
        "SELECT id, occurred_at, event_type, title, description, importance FROM timeline_events \
         WHERE case_id = ?1 ORDER BY occurred_at DESC, row_number DESC LIMIT ?2",
    )
    .bind(case_id.as_str())
    .bind(N_LATEST)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TimelineEvent {
                id: entity_id(row.id)?,
                occurred_at: instant(row.occurred_at),
                event_type: row.event_type,
                title: row.title,
                description: row.description,
                importance: row.importance,
            })
        })
        .collect()
}

#[derive(FromRow)]
struct StoredDocument {
    id: String,
    exhibit_label: Option<String>,
    name: String,
    media_type: Option<String>,
    size_bytes: Option<i64>,
    sha256: Option<String>,
    created_at: i64,
}

async fn documents(
    connection: &mut SqliteConnection,
    case_id: &EntityId,
) -> Result<Vec<Document>, sqlx::Error> {
    let rows: Vec<StoredDocument> = sqlx::query_as(
        "SELECT id, exhibit_label, name, media_type, size_bytes, sha256, created_at \
         FROM documents WHERE case_id = ?1 AND is_deleted = 0 \
         ORDER BY exhibit_label IS NULL, exhibit_label, created_at",
    )
    .bind(case_id.as_str())
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Document {
                id: entity_id(row.id)?,
                exhibit_label: row.exhibit_label,
                name: row.name,
                media_type: row.media_type,
                size_bytes: row.size_bytes.map(count),
                sha256: row.sha256,
                created_at: instant(row.created_at),
            })
        })
        .collect()
}

#[derive(FromRow)]
struct StoredCommunication {
    id: String,
    occurred_at: i64,
    sender: Option<String>,
    recipient: Option<String>,
    medium: Option<String>,
    subject: Option<String>,
    content: Option<String>,
}

async fn communications(
    connection: &mut SqliteConnection,
    case_id: &EntityId,
) -> Result<Vec<Communication>, sqlx::Error> {
    let rows: Vec<StoredCommunication> = sqlx::query_as(
        "SELECT id, occurred_at, sender, recipient, medium, subject, content FROM communications \
         WHERE case_id = ?1 ORDER BY occurred_at DESC, row_number DESC LIMIT ?2",
    )
    .bind(case_id.as_str())
    .bind(N_LATEST)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Communication {
                id: entity_id(row.id)?,
                occurred_at: instant(row.occurred_at),
                sender: row.sender,
                recipient: row.recipient,
                medium: row.medium,
                subject: row.subject,
                content: row.content,
            })
        })
        .collect()
}
