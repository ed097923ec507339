//! What every store of conflicts must do, as code: see the contract of [`Conflicts`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::sync::Arc;

use super::case_store::{CaseStore, Write, WriteKind};
use super::case_store_contract::{next_write, sample_key};
use super::conflicts::{ConflictDraft, ConflictFilter, ConflictMark, Conflicts, Resolution};
use super::two_way_contract::account;
use crate::auth::Sight;
use crate::ids::CorrelationId;
use crate::model::{Entity, FieldValue, RecordKey};
use crate::sync::ConflictPolicy;
use crate::time::Timestamp;

/// Checks conflicts, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn conflicts_contract<S, F, Fut>(open: F)
where
    S: CaseStore + Conflicts,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    conflict_opens_moves_and_ends_with_writes(&*open().await).await;
    conflicts_are_listed_newest_first(&*open().await).await;
}

fn disputed(mut write: Write, field: &str, remote: &str) -> Write {
    let draft = ConflictDraft {
        field: field.to_owned(),
        local_field: field.to_lowercase(),
        local_value: FieldValue::text("ours"),
        remote_value: FieldValue::text(remote),
        remote_version: Timestamp::parse("2026-11-22T10:00:00Z").unwrap(),
        policy: ConflictPolicy::Manual,
        correlation_id: CorrelationId::from_random(9),
    };
    write.marks.conflicts.push(ConflictMark::Open(draft));
    write
}

fn all(is_resolved: bool) -> ConflictFilter {
    ConflictFilter { is_resolved, limit: 10, ..ConflictFilter::default() }
}

async fn conflict_opens_moves_and_ends_with_writes<S: CaseStore + Conflicts>(store: &S) {
    let write = account(1, "Acme");
    store.apply(disputed(write.clone(), "Name", "theirs")).await.unwrap();
    let again = next_write(write.clone(), WriteKind::Updated, 1);
    store.apply(disputed(again, "Name", "theirs again")).await.unwrap();

    let open = store.conflicts(&Sight::Everything, &all(false)).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].remote_value.as_text(), Some("theirs again"));
    assert_eq!((&open[0].key, &open[0].entity_id), (&write.shadow.key, &write.entity_id));
    assert_eq!(store.n_open_conflicts().await.unwrap(), 1);

    let mut end = next_write(write, WriteKind::Updated, 2);
    end.marks.conflicts.push(ConflictMark::Close {
        field: "Name".to_owned(),
        resolution: Resolution::Remote,
        by: "person:anna".to_owned(),
    });
    store.apply(end).await.unwrap();

    assert!(store.conflicts(&Sight::Everything, &all(false)).await.unwrap().is_empty());
    let ended = store.conflict(&Sight::Everything, open[0].id).await.unwrap().unwrap();
    assert_eq!(ended.resolution, Some(Resolution::Remote));
    assert_eq!(ended.resolved_by.as_deref(), Some("person:anna"));
    assert!(ended.resolved_at.is_some());
    assert_eq!(store.conflicts(&Sight::Everything, &all(true)).await.unwrap(), [ended]);
    assert_eq!(store.conflict(&Sight::Everything, 999).await.unwrap(), None);
}

async fn conflicts_are_listed_newest_first<S: CaseStore + Conflicts>(store: &S) {
    for number in 1..=3 {
        let write = disputed(account(number, "Acme"), "Name", "theirs");
        store.apply(disputed(write, "Phone", "1")).await.unwrap();
    }
    let page = ConflictFilter { limit: 4, ..all(false) };
    let first = store.conflicts(&Sight::Everything, &page).await.unwrap();
    let before = first.last().map(|it| it.id);
    let rest =
        store.conflicts(&Sight::Everything, &ConflictFilter { before, ..page }).await.unwrap();
    let ids: Vec<_> = first.iter().chain(&rest).map(|it| it.id).collect();
    assert_eq!(ids.len(), 6);
    assert!(ids.is_sorted_by(|a, b| a > b));

    let entity_id = Some(sample_key(Entity::Account, 2).entity_id());
    let of_one = ConflictFilter { entity_id, ..all(false) };
    assert_eq!(store.conflicts(&Sight::Everything, &of_one).await.unwrap().len(), 2);
    let RecordKey { connection, object, .. } = sample_key(Entity::Account, 2);
    for (filter, n_wanted) in [
        (ConflictFilter { connection: Some(connection), ..all(false) }, 6),
        (ConflictFilter { object: Some(object), ..all(false) }, 6),
        (ConflictFilter { object: Some(sample_key(Entity::Case, 1).object), ..all(false) }, 0),
    ] {
        assert_eq!(store.conflicts(&Sight::Everything, &filter).await.unwrap().len(), n_wanted);
    }
    let none = Sight::Only(crate::ids::PersonId::parse("client").unwrap());
    assert!(store.conflicts(&none, &all(false)).await.unwrap().is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_conflicts() {
        conflicts_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }
}
