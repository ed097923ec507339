//! One case with all that hangs on it.

use shared::ids::{ConnectionId, ObjectName, RecordId};
use shared::ports::{
    CaseDetail, Communication, Document, FiledDocument, RecordSource, TimelineEvent,
};
use sqlx::FromRow;

use super::case::StoredSummary;
use crate::store::decode::{checked, count, entity_id, instant};
use crate::store::text::StoredText;

/// The columns of a case beside those of its line.
pub(in crate::store) const DETAIL_COLUMNS: &str = "cases.description, cases.origin, cases.reason, \
     cases.account_id, cases.contact_id, cases.is_deleted, cases.connection, cases.object, \
     cases.record_id, cases.version";

/// A case as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredCase {
    #[sqlx(flatten)]
    summary: StoredSummary,
    description: Option<StoredText>,
    origin: Option<StoredText>,
    reason: Option<StoredText>,
    account_id: Option<String>,
    contact_id: Option<String>,
    is_deleted: bool,
    connection: String,
    object: String,
    record_id: String,
    version: i64,
}

impl StoredCase {
    /// Reads it in the words of the port; nothing hangs on it yet.
    pub(in crate::store) fn read(self) -> Result<CaseDetail, sqlx::Error> {
        Ok(CaseDetail {
            summary: self.summary.read()?,
            description: self.description.map(Into::into),
            origin: self.origin.map(Into::into),
            reason: self.reason.map(Into::into),
            account_id: self.account_id.map(entity_id).transpose()?,
            contact_id: self.contact_id.map(entity_id).transpose()?,
            is_deleted: self.is_deleted,
            source: Some(RecordSource {
                connection: checked(ConnectionId::parse(self.connection))?,
                object: checked(ObjectName::parse(self.object))?,
                record_id: checked(RecordId::parse(self.record_id))?,
                version: instant(self.version),
            }),
            timeline: Vec::new(),
            documents: Vec::new(),
            communications: Vec::new(),
        })
    }
}

/// A timeline event as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredEvent {
    id: String,
    occurred_at: i64,
    event_type: StoredText,
    title: StoredText,
    description: Option<StoredText>,
    importance: i16,
}

impl StoredEvent {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<TimelineEvent, sqlx::Error> {
        Ok(TimelineEvent {
            id: entity_id(self.id)?,
            occurred_at: instant(self.occurred_at),
            event_type: self.event_type.into(),
            title: self.title.into(),
            description: self.description.map(Into::into),
            importance: checked(u8::try_from(self.importance))?,
        })
    }
}

/// A document as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredDocument {
    id: String,
    exhibit_label: Option<StoredText>,
    name: StoredText,
    media_type: Option<StoredText>,
    size_bytes: Option<i64>,
    sha256: Option<String>,
    created_at: i64,
}

impl StoredDocument {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<Document, sqlx::Error> {
        Ok(Document {
            id: entity_id(self.id)?,
            exhibit_label: self.exhibit_label.map(Into::into),
            name: self.name.into(),
            media_type: self.media_type.map(Into::into),
            size_bytes: self.size_bytes.map(count),
            sha256: self.sha256,
            created_at: instant(self.created_at),
        })
    }
}

/// A document as it is stored, with its case.
#[derive(FromRow)]
pub(in crate::store) struct StoredFiling {
    #[sqlx(flatten)]
    document: StoredDocument,
    case_id: String,
    category: Option<StoredText>,
    description: Option<StoredText>,
}

impl StoredFiling {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<FiledDocument, sqlx::Error> {
        Ok(FiledDocument {
            document: self.document.read()?,
            case_id: entity_id(self.case_id)?,
            category: self.category.map(Into::into),
            description: self.description.map(Into::into),
        })
    }
}

/// A letter, mail or call as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredCommunication {
    id: String,
    occurred_at: i64,
    sender: Option<StoredText>,
    recipient: Option<StoredText>,
    medium: Option<StoredText>,
    subject: Option<StoredText>,
    content: Option<StoredText>,
}

impl StoredCommunication {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<Communication, sqlx::Error> {
        Ok(Communication {
            id: entity_id(self.id)?,
            occurred_at: instant(self.occurred_at),
            sender: self.sender.map(Into::into),
            recipient: self.recipient.map(Into::into),
            medium: self.medium.map(Into::into),
            subject: self.subject.map(Into::into),
            content: self.content.map(Into::into),
        })
    }
}
