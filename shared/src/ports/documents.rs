//! Documents of cases: what is known of each. Their bytes lie in a blob store.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::blob_digest::Sha256Digest;
use super::blob_names::{BlobKey, MediaType};
use super::case_store::{AuditDraft, Committed, FieldChange};
use super::case_view::Document;
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{CorrelationId, EntityId, text_id};
use crate::model::{Channel, FieldValue};
use crate::time::Timestamp;

/// What the keys of all documents begin with.
pub const DOCUMENTS_PREFIX: &str = BlobKey::DOCUMENTS;

/// The field by which a change row tells that the documents of a case are others.
pub const DOCUMENTS_FIELD: &str = "documents";

/// Returns the key under which the bytes of the document `id` lie.
pub fn document_key(id: &EntityId) -> BlobKey {
    BlobKey::of_document(id)
}

/// Derives the id of the document with these bytes in `case`: the same file sent twice for a case is
/// one document. The form is a version 8 `UUID` (RFC 9562, section 5.8) over SHA-256.
pub fn document_id(case: &EntityId, sha256: &Sha256Digest) -> EntityId {
    let digest = Sha256::new()
        .chain_update("document")
        .chain_update([0])
        .chain_update(case.as_str())
        .chain_update([0])
        .chain_update(sha256.as_bytes())
        .finalize();
    let bits = digest.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte));
    EntityId::of_bits(bits)
}

text_id!(
    /// What a document is called, such as `Petition.pdf`: 1 to 255 characters, none of them a slash,
    /// a backslash or a control character, and neither `.` nor `..`, so that it can name a file.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255, example = "Petition.pdf"))]
    DocumentName,
    "a document's name: 1 to 255 characters without slashes and control characters",
    |raw| {
        (1..=255).contains(&raw.chars().count())
            && !raw.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
            && !matches!(raw, "." | "..")
    }
);

/// A document to be filed; its bytes are in the blob store already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentDraft {
    /// Its id: see [`document_id`].
    pub id: EntityId,
    /// The case it belongs to.
    pub case_id: EntityId,
    /// Its name.
    pub name: DocumentName,
    /// What the bytes are.
    pub media_type: MediaType,
    /// How many bytes there are.
    pub size_bytes: u64,
    /// The digest of the bytes.
    pub sha256: Sha256Digest,
    /// The exhibit's label, such as `A-1`.
    pub exhibit_label: Option<String>,
    /// By what it is sorted.
    pub category: Option<String>,
    /// What it shows.
    pub description: Option<String>,
}

/// A document as it is filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FiledDocument {
    /// What its case shows too.
    #[serde(flatten)]
    pub document: Document,
    /// The case it belongs to.
    pub case_id: EntityId,
    /// By what it is sorted.
    pub category: Option<String>,
    /// What it shows.
    pub description: Option<String>,
}

/// What became of a filing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The document that stands now.
    pub document: FiledDocument,
    /// The commit; `None` when it stood so already.
    pub committed: Option<Committed>,
}

/// Who does something with a document, and by what request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentAct {
    /// Who, such as `person:anna`.
    pub actor: String,
    /// How they asked for it.
    pub channel: Channel,
    /// The request, such as its id.
    pub event_id: String,
    /// Ties what one request does together.
    pub correlation_id: CorrelationId,
    /// When.
    pub at: Timestamp,
}

impl DocumentAct {
    fn audit(&self, field: String, after: String) -> AuditDraft {
        AuditDraft {
            actor: self.actor.clone(),
            channel: self.channel,
            event_id: self.event_id.clone(),
            correlation_id: self.correlation_id.clone(),
            changes: vec![FieldChange::new(field, FieldValue::Null, FieldValue::Text(after))],
            source_version: self.at,
            received_at: self.at,
            // It says nothing about the sync lag.
            is_backfill: true,
        }
    }
}

impl DocumentDraft {
    /// Makes the audit row of its filing.
    pub fn filing_audit(&self, act: &DocumentAct) -> AuditDraft {
        let Self { id, name, size_bytes, sha256, .. } = self;
        act.audit(format!("document:{id}"), format!("{name}: {size_bytes} bytes, SHA-256 {sha256}"))
    }

    /// Returns what stands once it is filed at `at`.
    pub fn filed_at(&self, at: Timestamp) -> FiledDocument {
        FiledDocument {
            document: Document {
                id: self.id.clone(),
                exhibit_label: self.exhibit_label.clone(),
                name: self.name.to_string(),
                media_type: Some(self.media_type.to_string()),
                size_bytes: Some(self.size_bytes),
                sha256: Some(self.sha256.to_string()),
                created_at: at,
            },
            case_id: self.case_id.clone(),
            category: self.category.clone(),
            description: self.description.clone(),
        }
    }
}

impl FiledDocument {
    /// Makes the audit row of somebody who was given its bytes.
    pub fn reading_audit(&self, act: &DocumentAct) -> AuditDraft {
        let Document { id, name, .. } = &self.document;
        act.audit(format!("document-read:{id}"), name.clone())
    }
}

/// Files documents, and finds them.
///
/// # Contract
///
/// - [`file`](Documents::file) writes the document, an audit row of its case, an `updated` one with
///   the field `document:ID`, and a change row of the case with the field [`DOCUMENTS_FIELD`], in one
///   transaction that is durable when it returns, or nothing at all.
/// - A document is known by its id. One that stands as it is given is left alone: no row is written.
///   Of concurrent filings of one document exactly one is new.
/// - A document of a case that a [`Sight`] does not show is found as if it did not exist.
/// - [`note_read`](Documents::note_read) writes an audit row of the case, an `updated` one with the
///   field `document-read:ID`. It is no change row: nothing is another than before.
///
/// `shared::ports::documents_contract` checks these for every adapter.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Files `document`, in the name of who does it.
    ///
    /// # Errors
    ///
    /// `NotFound` when its case is not there, which the error names; `Conflict` when the id stands for
    /// another document, or for this one with another name, label or description.
    async fn file(&self, document: &DocumentDraft, act: &DocumentAct) -> Result<Filed, PortError>;

    /// Finds a document with its case, where `sight` shows the case, and so the one into which it was merged.
    ///
    /// # Errors
    ///
    /// As the platform answers. An unknown id is not an error.
    async fn find(&self, sight: &Sight, id: &EntityId) -> Result<Option<FiledDocument>, PortError>;

    /// Notes in the audit log that somebody is given the bytes of a document. Note it before the bytes
    /// are given.
    ///
    /// # Errors
    ///
    /// `NotFound` when the document is not there, else as the platform answers.
    async fn note_read(&self, id: &EntityId, act: &DocumentAct) -> Result<(), PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_is_known_by_its_case_and_its_bytes() {
        let (one, two) = (EntityId::from_random(1), EntityId::from_random(2));
        let (abc, abd) = (Sha256Digest::of(b"abc"), Sha256Digest::of(b"abd"));
        let id = document_id(&one, &abc);

        assert_eq!(id, document_id(&one, &abc));
        assert_ne!(id, document_id(&two, &abc));
        assert_ne!(id, document_id(&one, &abd));
        assert_eq!(id.as_str().as_bytes()[14], b'8');
        assert_eq!(document_key(&id).as_str(), format!("documents/{id}"));
        BlobKey::parse(document_key(&id).as_str()).unwrap();
    }

    #[test]
    fn name_can_name_a_file() {
        for raw in ["Petition.pdf", "Ü 1", ".hidden", &"x".repeat(255)] {
            assert!(DocumentName::parse(raw).is_ok(), "{raw}");
        }
        for raw in ["", ".", "..", "a/b", "a\\b", "a\nb", &"x".repeat(256)] {
            assert!(DocumentName::parse(raw).is_err(), "{raw:?}");
        }
    }
}
