//! What every case store and every ledger must do, as code: see the contracts of [`CaseStore`],
//! [`AuditLog`], [`AuditChain`], [`ChangeFeed`] and [`Ledger`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::audit_chain::AuditChain;
use super::audit_log::AuditLog;
use super::case_store::{
    AuditDraft, CaseStore, FieldChange, Marks, Shadow, TimelineDraft, Write, WriteKind,
};
use super::change_feed::ChangeFeed;
use super::ledger::Ledger;
use crate::auth::Sight;
use crate::error::PortErrorKind;
use crate::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use crate::model::{Channel, Entity, FieldValue, Fields, RecordKey};
use crate::sync::ChainWalk;
use crate::time::Timestamp;

/// Returns the key of the sample record `number` of `entity`.
pub fn sample_key(entity: Entity, number: u32) -> RecordKey {
    let (object, prefix) = match entity {
        Entity::Account => ("Account", "001"),
        Entity::Contact => ("Contact", "003"),
        Entity::Case => ("Case", "500"),
    };
    let id = crate::ids::SalesforceId::parse(format!("{prefix}{number:012}")).unwrap();
    RecordKey {
        connection: ConnectionId::parse("main").unwrap(),
        object: ObjectName::parse(object).unwrap(),
        record_id: RecordId::parse(id.as_str()).unwrap(),
    }
}

/// Returns a write that creates the sample record `number` of `entity` with `row`.
pub fn sample_write(entity: Entity, number: u32, row: Fields) -> Write {
    let key = sample_key(entity, number);
    let version = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let changes = row
        .iter()
        .map(|(field, after)| FieldChange::new(field.as_str(), FieldValue::Null, after.clone()))
        .collect();
    let opened = TimelineDraft {
        occurred_at: version,
        event_type: "opened",
        title: "Case opened".to_owned(),
        importance: 3,
    };
    Write {
        entity,
        entity_id: key.entity_id(),
        kind: WriteKind::Created,
        is_deleted: false,
        shadow: Shadow {
            fields: row.clone(),
            version,
            field_versions: [("Status".to_owned(), version.plus(Duration::from_secs(1)))].into(),
            presence_version: version,
            ..Shadow::unseen(key)
        },
        row,
        audit: Some(AuditDraft {
            actor: "salesforce:main".to_owned(),
            channel: Channel::OutboundMessage,
            event_id: format!("event-{number}"),
            correlation_id: CorrelationId::from_random(number.into()),
            changes,
            source_version: version,
            received_at: version.plus(Duration::from_millis(250)),
            is_backfill: false,
        }),
        timeline: if entity == Entity::Case { vec![opened] } else { Vec::new() },
        marks: Marks::default(),
    }
}

/// Returns `write` as the next one of its record, at `revision`.
#[must_use]
pub fn next_write(mut write: Write, kind: WriteKind, revision: u64) -> Write {
    write.kind = kind;
    write.shadow.is_deleted = kind == WriteKind::Deleted;
    write.is_deleted = write.shadow.is_deleted;
    write.shadow.revision = revision;
    write
}

/// Returns fields of text.
pub fn text_fields<const N: usize>(fields: [(&str, &str); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), FieldValue::text(value))).collect()
}

fn case(number: u32) -> Write {
    let docket = format!("24-CV-{number:05}");
    let row = text_fields([("title", "Doe v. Roe"), ("docket_number", &docket)]);
    sample_write(Entity::Case, number, row)
}

/// Checks writes and the audit log, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn write_contract<S, F, Fut>(open: F)
where
    S: CaseStore + AuditLog,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    shadow_comes_back_as_it_was_written(&*open().await).await;
    stale_write_conflicts_and_leaves_nothing(&*open().await).await;
    unknown_column_is_rejected_and_leaves_nothing(&*open().await).await;
    one_of_many_concurrent_writers_wins(&*open().await).await;
    audit_rows_form_one_chain(&*open().await).await;
    audit_is_listed_newest_first_by_pages(&*open().await).await;
    write_without_audit_moves_the_shadow_alone(&*open().await).await;
}

async fn shadow_comes_back_as_it_was_written<S: CaseStore>(store: &S) {
    let write = case(1);
    assert_eq!(store.shadow(&write.shadow.key).await.unwrap(), None);

    store.apply(write.clone()).await.unwrap();

    let stored = store.shadow(&write.shadow.key).await.unwrap().unwrap();
    assert_eq!(stored, Shadow { revision: 1, ..write.shadow });
}

async fn stale_write_conflicts_and_leaves_nothing<S: CaseStore + AuditLog>(store: &S) {
    let write = case(1);
    store.apply(write.clone()).await.unwrap();
    let key = write.shadow.key.clone();

    for revision in [0, 2] {
        let stale = next_write(write.clone(), WriteKind::Deleted, revision);
        let error = store.apply(stale).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Conflict);
    }

    assert!(!store.shadow(&key).await.unwrap().unwrap().is_deleted);
    assert_eq!(store.audit(&Sight::Everything, None, None, 10).await.unwrap().len(), 1);
}

async fn unknown_column_is_rejected_and_leaves_nothing<S: CaseStore + AuditLog>(store: &S) {
    let mut write = case(1);
    write.row.insert("shoe_size".to_owned(), FieldValue::Int(43));

    let error = store.apply(write.clone()).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(error.to_string().contains("case.shoe_size"), "{error}");
    assert_eq!(store.shadow(&write.shadow.key).await.unwrap(), None);
    assert!(store.audit(&Sight::Everything, None, None, 10).await.unwrap().is_empty());
}

async fn one_of_many_concurrent_writers_wins<S: CaseStore + AuditLog>(store: &S) {
    let rivals = join_all((0..20).map(|_| store.apply(case(1)))).await;
    let others = join_all((2..20).map(|number| store.apply(case(number)))).await;

    assert_eq!(rivals.iter().filter(|it| it.is_ok()).count(), 1);
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(store.verify(&|_| {}).await.unwrap().n_rows, 19);
}

async fn audit_rows_form_one_chain<S: CaseStore + AuditLog>(store: &S) {
    for number in 1..=5 {
        store.apply(case(number)).await.unwrap();
    }

    let found = store.verify(&|_| {}).await.unwrap();

    let newest = store.audit(&Sight::Everything, None, None, 1).await.unwrap();
    assert_eq!((found.n_rows, found.fault), (5, None));
    assert_eq!(found.head, newest[0].hash);
}

async fn audit_is_listed_newest_first_by_pages<S: CaseStore + AuditLog>(store: &S) {
    let first = case(1);
    store.apply(first.clone()).await.unwrap();
    store.apply(case(2)).await.unwrap();
    store.apply(next_write(first.clone(), WriteKind::Updated, 1)).await.unwrap();

    let seqs = |rows: Vec<super::AuditRow>| rows.iter().map(|it| it.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.audit(&Sight::Everything, None, None, 2).await.unwrap()), [3, 2]);
    assert_eq!(seqs(store.audit(&Sight::Everything, None, Some(2), 2).await.unwrap()), [1]);

    let of_one = store.audit(&Sight::Everything, Some(&first.entity_id), None, 10).await.unwrap();
    let draft = first.audit.unwrap();
    assert_eq!(of_one[1].changes, draft.changes);
    assert_eq!(of_one[1].correlation_id, draft.correlation_id);
    assert_eq!((of_one[0].kind, of_one[1].kind), (WriteKind::Updated, WriteKind::Created));
    assert_eq!(seqs(of_one), [3, 1]);
}

async fn write_without_audit_moves_the_shadow_alone<S: CaseStore + AuditLog>(store: &S) {
    let write = case(1);
    store.apply(write.clone()).await.unwrap();
    let mut quiet = next_write(write.clone(), WriteKind::Updated, 1);
    quiet.audit = None;
    quiet.timeline.clear();

    let committed = store.apply(quiet).await.unwrap();

    assert_eq!(committed.change_seq, None);
    assert_eq!(store.shadow(&write.shadow.key).await.unwrap().unwrap().revision, 2);
    assert_eq!(store.audit(&Sight::Everything, None, None, 10).await.unwrap().len(), 1);
}

/// Checks the audit log as it is stored, on a fresh store.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn audit_chain_contract<S: CaseStore + AuditLog + AuditChain>(store: &S) {
    let mut odd = case(1);
    // What an engine cannot hold as it is, is hashed as it was written.
    odd.audit.as_mut().unwrap().actor = "person:a\0b\u{10fffe}".to_owned();
    store.apply(odd).await.unwrap();
    for number in 2..=5 {
        store.apply(case(number)).await.unwrap();
    }

    let first = store.chained_after(0, 2).await.unwrap();
    let rest = store.chained_after(2, 9).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 3));
    assert!(store.chained_after(5, 9).await.unwrap().is_empty());

    let mut walk = ChainWalk::default();
    for row in first.iter().chain(&rest) {
        assert!(walk.check(&row.columns(), &row.previous_hash, &row.hash), "{row:?}");
    }
    assert_eq!(walk.finish(), store.verify(&|_| {}).await.unwrap());
    assert_eq!(first[0].actor, "person:a\0b\u{10fffe}");
}

/// Checks the change feed, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn feed_contract<S, F, Fut>(open: F)
where
    S: CaseStore + ChangeFeed,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    changes_follow_in_order(&*open().await).await;
    waiting_reader_wakes_at_a_commit(&*open().await).await;
    reader_who_is_behind_does_not_wait(&*open().await).await;
    wait_ends_without_a_change(&*open().await).await;
}

async fn changes_follow_in_order<S: CaseStore + ChangeFeed>(store: &S) {
    assert_eq!(store.newest_change().await.unwrap(), 0);
    let first = store.apply(case(1)).await.unwrap().change_seq.unwrap();
    let person = text_fields([("first_name", "Ada"), ("last_name", "Byron")]);
    let second = store.apply(sample_write(Entity::Contact, 1, person)).await.unwrap();

    let all = store.changes_after(0, 10).await.unwrap();
    let later = store.changes_after(first, 10).await.unwrap();

    assert_eq!(all.len(), 2);
    assert_eq!(all[0].label.as_deref(), Some("24-CV-00001 · Doe v. Roe"));
    assert_eq!(all[0].fields, ["docket_number", "title"]);
    assert_eq!(later, all[1..]);
    assert_eq!(later[0].label.as_deref(), Some("Ada Byron"));
    assert_eq!((later[0].seq, later[0].at), (second.change_seq.unwrap(), second.at));
    assert_eq!(store.newest_change().await.unwrap(), later[0].seq);
    assert_eq!(store.changes_after(0, 1).await.unwrap(), all[..1]);
}

async fn waiting_reader_wakes_at_a_commit<S: CaseStore + ChangeFeed>(store: &S) {
    let started = Instant::now();
    let wait = store.wait_for_change(0, Duration::from_secs(10));
    let (waited, applied) = futures_util::future::join(wait, store.apply(case(1))).await;

    waited.unwrap();
    applied.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

async fn reader_who_is_behind_does_not_wait<S: CaseStore + ChangeFeed>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let started = Instant::now();

    store.wait_for_change(0, Duration::from_secs(10)).await.unwrap();

    assert!(started.elapsed() < Duration::from_secs(5));
}

async fn wait_ends_without_a_change<S: CaseStore + ChangeFeed>(store: &S) {
    let newest = store.apply(case(1)).await.unwrap().change_seq.unwrap();

    store.wait_for_change(newest, Duration::from_millis(20)).await.unwrap();

    assert_eq!(store.newest_change().await.unwrap(), newest);
}

/// Checks a fresh ledger.
///
/// # Panics
///
/// When the ledger breaks the contract.
pub async fn ledger_contract(ledger: &dyn Ledger) {
    assert_eq!(ledger.get("cursor/main/Case").await.unwrap(), None);
    assert_eq!(ledger.put("cursor/main/Case", "a", 0).await.unwrap(), 1);
    assert_eq!(ledger.put("cursor/main/Case", "b", 1).await.unwrap(), 2);

    for stale in [0, 1, 3] {
        let error = ledger.put("cursor/main/Case", "c", stale).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Conflict);
    }
    let missing = ledger.put("nowhere", "c", 1).await.unwrap_err();
    assert_eq!(missing.kind(), PortErrorKind::Conflict);
    let entry = ledger.get("cursor/main/Case").await.unwrap().unwrap();
    assert_eq!((entry.value.as_str(), entry.revision), ("b", 2));

    ledger.put("cursor/main/Account", "", 0).await.unwrap();
    ledger.put("cursor%", "x", 0).await.unwrap();
    ledger.put("curs", "x", 0).await.unwrap();
    let names = |list: Vec<(String, _)>| list.into_iter().map(|(it, _)| it).collect::<Vec<_>>();
    assert_eq!(
        names(ledger.list("cursor/").await.unwrap()),
        ["cursor/main/Account", "cursor/main/Case"]
    );
    assert_eq!(names(ledger.list("").await.unwrap()).len(), 4);
    assert!(ledger.list("z").await.unwrap().is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{MemoryCaseStore, MemoryLedger};

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_writes() {
        write_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
        audit_chain_contract(&MemoryCaseStore::default()).await;
    }

    #[tokio::test]
    async fn memory_ledger_keeps_its_contract() {
        ledger_contract(&MemoryLedger::default()).await;
    }
}
