//! What names an upload to its client: all that is needed to go on, so that nothing of it is kept here.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::ids::EntityId;
use shared::ports::{
    DocumentDraft, DocumentName, MediaType, Sha256Digest, Upload, UploadId, document_id,
    document_key,
};

use super::MAX_SIZE_BYTES;
use super::bodies::{CATEGORY, DESCRIPTION, EXHIBIT_LABEL, is_line};

/// The longest token, in characters: the longest names, and the longest id of an upload.
const MAX_CHARS: usize = 12_000;

/// An upload with what is known of its document.
///
/// It is not signed: nothing in it opens anything. The key is derived from the case, which the path
/// names and the walls guard, and from the digest; a store knows its upload by key and id together. So
/// an altered one names no upload, or tells another name for the sender's own document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ticket {
    /// The store's id of the upload.
    #[serde(rename = "u")]
    pub(crate) upload: UploadId,
    /// The digest of the whole.
    #[serde(rename = "h")]
    pub(crate) sha256: Sha256Digest,
    /// How many bytes there are.
    #[serde(rename = "s")]
    pub(crate) size_bytes: u64,
    /// The document's name.
    #[serde(rename = "n")]
    pub(crate) name: DocumentName,
    /// What the bytes are.
    #[serde(rename = "m")]
    pub(crate) media_type: MediaType,
    /// The exhibit's label.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(crate) exhibit_label: Option<String>,
    /// By what it is sorted.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    /// What it shows.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

impl Ticket {
    /// Begins the ticket of `upload` for `draft`.
    pub(crate) fn new(upload: UploadId, draft: DocumentDraft) -> Self {
        let DocumentDraft { name, media_type, size_bytes, sha256, .. } = draft;
        let DocumentDraft { exhibit_label, category, description, .. } = draft;
        Self { upload, sha256, size_bytes, name, media_type, exhibit_label, category, description }
    }

    /// Spells it in letters, digits, `-` and `_`.
    pub(crate) fn encode(&self) -> String {
        // Such a struct is always JSON.
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads what [`encode`](Ticket::encode) spelled; `None` when it is something else.
    pub(crate) fn decode(raw: &str) -> Option<Self> {
        if raw.len() > MAX_CHARS {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(raw).ok()?;
        let ticket: Self = serde_json::from_slice(&bytes).ok()?;
        let texts = [
            (&ticket.exhibit_label, EXHIBIT_LABEL),
            (&ticket.category, CATEGORY),
            (&ticket.description, DESCRIPTION),
        ];
        let fits =
            texts.iter().all(|(text, form)| text.as_deref().is_none_or(|it| is_line(it, form.1)));
        Some(ticket).filter(|it| fits && it.size_bytes <= MAX_SIZE_BYTES)
    }

    /// Returns the upload of a document of `case`.
    pub(crate) fn upload_in(&self, case: &EntityId) -> Upload {
        Upload { key: document_key(&document_id(case, &self.sha256)), id: self.upload.clone() }
    }

    /// Returns the document that it becomes in `case`.
    pub(crate) fn draft_in(&self, case: &EntityId) -> DocumentDraft {
        let Self { sha256, size_bytes, name, media_type, .. } = self.clone();
        let Self { exhibit_label, category, description, .. } = self.clone();
        DocumentDraft {
            id: document_id(case, &sha256),
            case_id: case.clone(),
            name,
            media_type,
            size_bytes,
            sha256,
            exhibit_label,
            category,
            description,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::ports::documents_contract::sample_document;

    use super::*;

    #[test]
    fn ticket_is_read_as_it_was_spelled_and_names_the_same_document() {
        let case = EntityId::from_random(1);
        let draft = DocumentDraft {
            description: Some("What was said".to_owned()),
            ..sample_document(&case, "abc")
        };
        let ticket = Ticket::new(UploadId::parse("0a").unwrap(), draft.clone());

        let read = Ticket::decode(&ticket.encode()).unwrap();

        assert_eq!(read, ticket);
        assert_eq!(read.draft_in(&case), draft);
        assert_eq!(read.upload_in(&case).key, document_key(&draft.id));
        let other = EntityId::from_random(2);
        assert_ne!(read.upload_in(&other).key, document_key(&draft.id));
    }

    #[test]
    fn what_is_no_ticket_is_refused() {
        let spell = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        let hash = "a".repeat(64);
        let good = format!(r#"{{"u":"1","h":"{hash}","s":1,"n":"a","m":"a/b"}}"#);
        assert!(Ticket::decode(&spell(&good)).is_some());
        for wrong in [
            good.replace("\"s\":1", "\"s\":99999999999999"),
            good.replace("\"n\":\"a\"", "\"n\":\"../a\""),
            good.replace("\"s\":1", "\"s\":1,\"e\":\"a\\nb\""),
            good.replace("\"s\":1", "\"s\":1,\"x\":1"),
            "[]".to_owned(),
        ] {
            assert_eq!(Ticket::decode(&spell(&wrong)), None, "{wrong}");
        }
        for raw in ["", "!", "AAAA", &"A".repeat(MAX_CHARS + 1)] {
            assert_eq!(Ticket::decode(raw), None);
        }
    }
}
