//! What every store must do about documents, as code: see the contract of [`Documents`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::sync::Arc;

use futures_util::future::join_all;

use super::audit_log::AuditLog;
use super::blob_digest::Sha256Digest;
use super::blob_names::MediaType;
use super::case_store::{CaseStore, Write, WriteKind};
use super::case_store_contract::{next_write, sample_write, text_fields};
use super::case_view::CaseView;
use super::change_feed::ChangeFeed;
use super::documents::{
    DOCUMENTS_FIELD, DocumentAct, DocumentDraft, DocumentName, Documents, document_id,
};
use super::walls::{Stance, Walls};
use super::walls_contract::{person, sample_wall};
use crate::auth::Sight;
use crate::error::PortErrorKind;
use crate::ids::{CorrelationId, EntityId};
use crate::model::{Channel, Entity, FieldValue};
use crate::time::Timestamp;

fn case(number: u32) -> Write {
    let docket = format!("24-CV-{number:05}");
    let row = text_fields([("title", "Doe v. Roe"), ("docket_number", &docket)]);
    sample_write(Entity::Case, number, row)
}

/// Returns a document of `case_id` whose bytes are those of `text`.
pub fn sample_document(case_id: &EntityId, text: &str) -> DocumentDraft {
    let sha256 = Sha256Digest::of(text.as_bytes());
    DocumentDraft {
        id: document_id(case_id, &sha256),
        case_id: case_id.clone(),
        name: DocumentName::parse("Petition ü.pdf").unwrap(),
        media_type: MediaType::parse("application/pdf").unwrap(),
        size_bytes: text.len() as u64,
        sha256,
        exhibit_label: Some("A-1".to_owned()),
        category: None,
        description: Some("a\0b \u{10fffe}".to_owned()),
    }
}

/// Returns who files and reads documents.
pub fn sample_act() -> DocumentAct {
    DocumentAct {
        actor: "person:anna".to_owned(),
        channel: Channel::Api,
        event_id: "request:1".to_owned(),
        correlation_id: CorrelationId::from_random(9),
        at: Timestamp::parse("2026-11-23T10:00:00Z").unwrap(),
    }
}

/// Checks documents and the audit log behind them, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn documents_contract<S, F, Fut>(open: F)
where
    S: CaseStore + AuditLog + Walls + Documents,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    filed_document_is_found_with_its_case(&*open().await).await;
    filing_is_one_audit_row(&*open().await).await;
    filing_again_changes_nothing(&*open().await).await;
    other_content_under_the_same_id_conflicts(&*open().await).await;
    document_of_an_unknown_case_is_refused(&*open().await).await;
    one_of_many_concurrent_filings_is_new(&*open().await).await;
    document_behind_a_wall_is_not_there(&*open().await).await;
    reading_is_one_audit_row(&*open().await).await;
}

/// Checks what followers and readers of cases see of a filing, on a fresh store.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn filing_is_seen_contract<S>(store: &S)
where
    S: CaseStore + CaseView + ChangeFeed + Documents,
{
    let case_id = case(1).entity_id;
    store.apply(case(1)).await.unwrap();
    let before = store.newest_change().await.unwrap();
    let document = sample_document(&case_id, "abc");

    let filed = store.file(&document, &sample_act()).await.unwrap();
    store.file(&document, &sample_act()).await.unwrap();
    store.note_read(&document.id, &sample_act()).await.unwrap();

    let told = store.changes_after(before, 9).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(Some(told[0].seq), filed.committed.unwrap().change_seq);
    assert_eq!((told[0].entity, &told[0].entity_id), (Entity::Case, &case_id));
    assert_eq!((told[0].kind, told[0].lag_ms), (WriteKind::Updated, None));
    assert_eq!(told[0].fields, [DOCUMENTS_FIELD]);
    assert_eq!(told[0].label.as_deref(), Some("24-CV-00001 · Doe v. Roe"));
    assert_eq!(told[0].correlation_id, sample_act().correlation_id);
    let detail = store.case(&Sight::Everything, case_id.as_str()).await.unwrap().unwrap();
    assert_eq!(detail.documents, [filed.document.document]);
    // What comes later is numbered behind it.
    store.apply(case(2)).await.unwrap();
    assert_eq!(store.changes_after(told[0].seq, 9).await.unwrap().len(), 1);
}

/// Checks what is seen of the documents of a case that was merged into another, on a fresh store.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn documents_of_merged_cases_contract<S>(store: &S)
where
    S: CaseStore + CaseView + Documents + Walls,
{
    let [gone, survivor] = [1, 2].map(|it| case(it).entity_id);
    for number in [1, 2] {
        store.apply(case(number)).await.unwrap();
    }
    let document = sample_document(&gone, "abc");
    store.file(&document, &sample_act()).await.unwrap();
    let mut merged = next_write(case(1), WriteKind::Deleted, 1);
    merged.marks.merged_into = Some(survivor.clone());
    store.apply(merged.clone()).await.unwrap();
    store.set_wall(&sample_wall(&gone, "anna", Stance::Screened)).await.unwrap();
    store.set_wall(&sample_wall(&survivor, "olga", Stance::Screened)).await.unwrap();
    store.set_wall(&sample_wall(&survivor, "carl", Stance::Assigned)).await.unwrap();

    for (sight, is_shown) in [
        (Sight::Everything, true),
        (Sight::AllBut(person("paul")), true),
        (Sight::AllBut(person("anna")), false),
        (Sight::AllBut(person("olga")), false),
        (Sight::Only(person("carl")), false),
    ] {
        let found = store.find(&sight, &document.id).await.unwrap();
        assert_eq!(found.is_some(), is_shown, "{sight:?}");
        let case = store.case(&sight, survivor.as_str()).await.unwrap();
        let n_shown = case.map_or(0, |it| it.documents.len());
        assert_eq!(n_shown, usize::from(is_shown), "{sight:?}");
    }

    merged.marks.merged_into = None;
    store.apply(next_write(merged, WriteKind::Restored, 2)).await.unwrap();
    let n_documents = async |id: &EntityId| {
        store.case(&Sight::Everything, id.as_str()).await.unwrap().unwrap().documents.len()
    };
    assert_eq!((n_documents(&gone).await, n_documents(&survivor).await), (1, 0));
}

async fn filed_document_is_found_with_its_case<S: CaseStore + Documents>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let document = sample_document(&case(1).entity_id, "abc");
    assert_eq!(store.find(&Sight::Everything, &document.id).await.unwrap(), None);

    let filed = store.file(&document, &sample_act()).await.unwrap();

    let found = store.find(&Sight::Everything, &document.id).await.unwrap().unwrap();
    assert_eq!(found, filed.document);
    assert_eq!(found, document.filed_at(filed.committed.unwrap().at));
}

async fn filing_is_one_audit_row<S: CaseStore + AuditLog + Documents>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let case_id = case(1).entity_id;
    let document = sample_document(&case_id, "abc");

    store.file(&document, &sample_act()).await.unwrap();

    let rows = store.audit(&Sight::Everything, Some(&case_id), None, 9).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].kind, rows[0].actor.as_str()), (WriteKind::Updated, "person:anna"));
    assert_eq!(rows[0].changes.len(), 1);
    let change = &rows[0].changes[0];
    assert_eq!(change.field, format!("document:{}", document.id));
    assert_eq!(change.before, FieldValue::Null);
    let told = change.after.as_text().unwrap();
    assert!(told.contains("Petition ü.pdf") && told.contains(&document.sha256.to_string()));
    assert_eq!(store.verify(&|_| {}).await.unwrap().fault, None);
}

async fn filing_again_changes_nothing<S: CaseStore + AuditLog + Documents>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let document = sample_document(&case(1).entity_id, "abc");
    let first = store.file(&document, &sample_act()).await.unwrap();

    let later = DocumentAct { actor: "person:olga".to_owned(), ..sample_act() };
    let again = store.file(&document, &later).await.unwrap();

    assert_eq!((again.document, again.committed), (first.document, None));
    assert_eq!(store.audit(&Sight::Everything, None, None, 9).await.unwrap().len(), 2);
}

async fn other_content_under_the_same_id_conflicts<S: CaseStore + AuditLog + Documents>(store: &S) {
    for number in [1, 2] {
        store.apply(case(number)).await.unwrap();
    }
    let document = sample_document(&case(1).entity_id, "abc");
    let filed = store.file(&document, &sample_act()).await.unwrap();

    let others = [
        DocumentDraft { name: DocumentName::parse("b").unwrap(), ..document.clone() },
        DocumentDraft { media_type: MediaType::default(), ..document.clone() },
        DocumentDraft { size_bytes: 4, ..document.clone() },
        DocumentDraft { sha256: Sha256Digest::of(b"x"), ..document.clone() },
        DocumentDraft { exhibit_label: None, ..document.clone() },
        DocumentDraft { category: Some("Letter".to_owned()), ..document.clone() },
        DocumentDraft { description: Some(String::new()), ..document.clone() },
        DocumentDraft { case_id: case(2).entity_id, ..document.clone() },
    ];
    for other in others {
        let refused = store.file(&other, &sample_act()).await.unwrap_err();
        assert_eq!(refused.kind(), PortErrorKind::Conflict, "{other:?}");
    }
    let found = store.find(&Sight::Everything, &document.id).await.unwrap();
    assert_eq!(found, Some(filed.document));
    assert_eq!(store.audit(&Sight::Everything, None, None, 9).await.unwrap().len(), 3);
}

async fn document_of_an_unknown_case_is_refused<S: AuditLog + Documents>(store: &S) {
    let document = sample_document(&case(1).entity_id, "abc");

    let refused = store.file(&document, &sample_act()).await.unwrap_err();

    assert_eq!(refused.kind(), PortErrorKind::NotFound);
    assert!(refused.to_string().contains(document.case_id.as_str()), "{refused}");
    assert_eq!(store.find(&Sight::Everything, &document.id).await.unwrap(), None);
    assert!(store.audit(&Sight::Everything, None, None, 9).await.unwrap().is_empty());
}

async fn one_of_many_concurrent_filings_is_new<S: CaseStore + AuditLog + Documents>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let document = sample_document(&case(1).entity_id, "abc");
    let act = sample_act();

    let filings = join_all((0..8).map(|_| store.file(&document, &act))).await;

    let n_new = filings.into_iter().filter(|it| it.as_ref().unwrap().committed.is_some()).count();
    assert_eq!(n_new, 1);
    assert_eq!(store.audit(&Sight::Everything, None, None, 9).await.unwrap().len(), 2);
}

async fn document_behind_a_wall_is_not_there<S: CaseStore + Walls + Documents>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let case_id = case(1).entity_id;
    let document = sample_document(&case_id, "abc");
    store.file(&document, &sample_act()).await.unwrap();
    store.set_wall(&sample_wall(&case_id, "anna", Stance::Screened)).await.unwrap();
    store.set_wall(&sample_wall(&case_id, "carl", Stance::Assigned)).await.unwrap();

    for (sight, is_there) in [
        (Sight::Everything, true),
        (Sight::AllBut(person("anna")), false),
        (Sight::AllBut(person("olga")), true),
        (Sight::Only(person("carl")), true),
        (Sight::Only(person("olga")), false),
        (Sight::Only(person("anna")), false),
    ] {
        let found = store.find(&sight, &document.id).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{sight:?}");
    }
}

async fn reading_is_one_audit_row<S: CaseStore + AuditLog + Documents>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let case_id = case(1).entity_id;
    let document = sample_document(&case_id, "abc");
    let missing = store.note_read(&document.id, &sample_act()).await.unwrap_err();
    assert_eq!(missing.kind(), PortErrorKind::NotFound);
    store.file(&document, &sample_act()).await.unwrap();

    for _ in 0..2 {
        store.note_read(&document.id, &sample_act()).await.unwrap();
    }

    let rows = store.audit(&Sight::Everything, Some(&case_id), None, 9).await.unwrap();
    assert_eq!(rows.len(), 4);
    let change = &rows[0].changes[0];
    assert_eq!(change.field, format!("document-read:{}", document.id));
    assert_eq!(change.after.as_text(), Some("Petition ü.pdf"));
    assert_eq!(rows[0].actor, "person:anna");
    assert_eq!(store.verify(&|_| {}).await.unwrap().fault, None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_documents() {
        documents_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }
}
