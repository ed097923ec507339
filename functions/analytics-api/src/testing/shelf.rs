//! The documents of the small firm: one that is filed, and one that is being sent.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use serde_json::json;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::model::Entity;
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::documents_contract::sample_act;
use shared::ports::{
    BlobStore, CaseStore, DocumentAct, DocumentDraft, DocumentName, Documents, Filed,
    FiledDocument, MediaType, MemoryBlobStore, MemoryCaseStore, NewUpload, PutBlob, Sha256Digest,
    document_id, document_key,
};

use super::{Firm, NOON, StoppedClock, case_id};

/// The bytes of the document that is filed.
pub(crate) const FILED: &[u8] = b"%PDF-1.7 as it was filed";

/// The bytes of the document that is being sent: one part, which has come.
pub(crate) const SENT: &[u8] = b"abc";

/// Returns a document of the firm's case with these bytes.
pub(crate) fn draft(bytes: &[u8]) -> DocumentDraft {
    let sha256 = Sha256Digest::of(bytes);
    DocumentDraft {
        id: document_id(&case_id(), &sha256),
        case_id: case_id(),
        name: DocumentName::parse("Petition ü.pdf").unwrap(),
        media_type: MediaType::parse("application/pdf").unwrap(),
        size_bytes: bytes.len() as u64,
        sha256,
        exhibit_label: Some("A-1".to_owned()),
        category: None,
        description: None,
    }
}

/// The documents, and the store of their bytes.
pub(crate) struct Shelf {
    pub(crate) rows: MemoryCaseStore,
    pub(crate) bytes: Arc<MemoryBlobStore>,
    /// Names the upload that is going on.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests go on with it"))]
    pub(crate) upload: String,
    /// The `ETag` of its part.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests go on with it"))]
    pub(crate) etag: String,
}

impl Default for Shelf {
    fn default() -> Self {
        let rows = MemoryCaseStore::default();
        let mut case = sample_write(Entity::Case, 1, text_fields([]));
        case.entity_id = case_id();
        case.shadow.entity_id = case_id();
        rows.apply(case).now_or_never().unwrap().unwrap();
        let (filed, sent) = (draft(FILED), draft(SENT));
        rows.file(&filed, &sample_act()).now_or_never().unwrap().unwrap();

        let bytes = Arc::new(MemoryBlobStore::new(Arc::new(StoppedClock(NOON))));
        let put = PutBlob { media_type: filed.media_type.clone(), ..PutBlob::default() };
        let put = bytes.put(&document_key(&filed.id), FILED.into(), &put).now_or_never();
        put.unwrap().unwrap();
        let plan = NewUpload { media_type: sent.media_type.clone(), sha256: Some(sent.sha256) };
        let begun = bytes.begin(&document_key(&sent.id), &plan).now_or_never().unwrap().unwrap();
        let tag = bytes.put_part(&begun, 0, SENT.into()).now_or_never().unwrap().unwrap();
        let ticket = json!({"u": begun.id, "h": sent.sha256, "s": sent.size_bytes, "n": sent.name,
            "m": sent.media_type, "e": sent.exhibit_label});
        let upload = BASE64_URL_SAFE_NO_PAD.encode(ticket.to_string());
        Self { rows, bytes, upload, etag: format!("\"{tag}\"") }
    }
}

#[cfg(test)]
impl Firm {
    /// Returns what the audit log tells of documents, the latest first.
    pub(crate) async fn audit_of_documents(&self) -> Vec<shared::ports::AuditRow> {
        use shared::ports::AuditLog as _;
        self.shelf.rows.audit(&Sight::Everything, None, None, 100).await.unwrap()
    }
}

#[async_trait]
impl Documents for Firm {
    async fn file(&self, document: &DocumentDraft, act: &DocumentAct) -> Result<Filed, PortError> {
        self.answer(())?;
        self.shelf.rows.file(document, act).await
    }

    async fn find(&self, sight: &Sight, id: &EntityId) -> Result<Option<FiledDocument>, PortError> {
        self.answer(())?;
        let found = self.shelf.rows.find(&Sight::Everything, id).await?;
        Ok(found.filter(|it| self.shows(sight, &it.case_id)))
    }

    async fn note_read(&self, id: &EntityId, act: &DocumentAct) -> Result<(), PortError> {
        self.answer(())?;
        self.shelf.rows.note_read(id, act).await
    }
}
