//! What every reader of many rows must do, as code: see the contract of [`CurrentRows`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::sync::Arc;

use super::case_store::{CaseStore, WriteKind};
use super::case_store_contract::{next_write, sample_write, text_fields};
use super::current_rows::{CurrentRow, CurrentRows};
use super::two_way_contract::account;
use super::walls::{Stance, Walls};
use super::walls_contract::{person, sample_wall};
use crate::auth::Sight;
use crate::ids::EntityId;
use crate::model::{Entity, FieldValue};

/// Checks the reading of many rows, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn current_rows_contract<S, F, Fut>(open: F)
where
    S: CaseStore + CurrentRows + Walls,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    rows_come_in_the_order_of_their_ids(&*open().await).await;
    row_comes_with_all_that_was_written(&*open().await).await;
    merged_row_names_what_took_its_place(&*open().await).await;
    each_row_comes_once_behind_the_last(&*open().await).await;
    row_that_is_not_shown_never_comes(&*open().await).await;
}

async fn one<S: CurrentRows>(store: &S, entity: Entity, id: &EntityId) -> CurrentRow {
    let found = store.current_rows(entity, std::slice::from_ref(id)).await.unwrap();
    assert_eq!(found.len(), 1);
    found.into_iter().next().unwrap().unwrap()
}

async fn rows_come_in_the_order_of_their_ids<S: CaseStore + CurrentRows>(store: &S) {
    for number in 1..=300 {
        store.apply(account(number, &format!("Acme {number}"))).await.unwrap();
    }
    let id = |number| account(number, "").entity_id;
    let unknown = EntityId::from_random(7);

    let mut ids: Vec<_> = (1..=300).rev().map(id).collect();
    ids.extend([unknown.clone(), id(5)]);
    let found = store.current_rows(Entity::Account, &ids).await.unwrap();

    let name = |row: &Option<CurrentRow>| Some(row.as_ref()?.fields.get("name")?.to_string());
    let mut wanted: Vec<_> = (1..=300).rev().map(|it| Some(format!("Acme {it}"))).collect();
    wanted.extend([None, Some("Acme 5".to_owned())]);
    assert_eq!(found.iter().map(name).collect::<Vec<_>>(), wanted);
    assert_eq!(store.current_rows(Entity::Account, &[]).await.unwrap(), []);
    let elsewhere = store.current_rows(Entity::Contact, &[id(1)]).await.unwrap();
    assert_eq!(elsewhere, [None]);
}

async fn row_comes_with_all_that_was_written<S: CaseStore + CurrentRows>(store: &S) {
    let row = text_fields([("title", "Doe v. Roe"), ("opened_at", "2026-11-22T10:00:00.000Z")]);
    let mut write = sample_write(Entity::Case, 1, row);
    write.row.insert("is_closed".to_owned(), FieldValue::Bool(true));
    write.row.insert("custom.rating".to_owned(), FieldValue::Int(5));
    store.apply(write.clone()).await.unwrap();

    let found = one(store, Entity::Case, &write.entity_id).await;
    for (name, value) in &write.row {
        assert_eq!(found.fields.get(name), Some(value), "{name}");
    }
    assert_eq!((&found.key, found.version), (&write.shadow.key, write.shadow.version));
    assert_eq!((found.is_deleted, found.merged_into), (false, None));

    let mut gone = next_write(write.clone(), WriteKind::Deleted, 1);
    gone.row.insert("title".to_owned(), FieldValue::Null);
    store.apply(gone).await.unwrap();
    let found = one(store, Entity::Case, &write.entity_id).await;
    assert!(found.is_deleted && found.fields.get("title").is_none_or(FieldValue::is_null));
}

async fn merged_row_names_what_took_its_place<S: CaseStore + CurrentRows>(store: &S) {
    let (loser, winner) = (account(1, "Acme"), account(2, "Acme Inc"));
    store.apply(loser.clone()).await.unwrap();
    store.apply(winner.clone()).await.unwrap();
    let mut merged = next_write(loser.clone(), WriteKind::Deleted, 1);
    merged.marks.merged_into = Some(winner.entity_id.clone());
    store.apply(merged.clone()).await.unwrap();

    let found = one(store, Entity::Account, &loser.entity_id).await;
    assert_eq!((found.is_deleted, found.merged_into), (true, Some(winner.entity_id.clone())));
    assert_eq!(one(store, Entity::Account, &winner.entity_id).await.merged_into, None);

    merged.marks.merged_into = None;
    store.apply(next_write(merged, WriteKind::Restored, 2)).await.unwrap();
    let found = one(store, Entity::Account, &loser.entity_id).await;
    assert_eq!((found.is_deleted, found.merged_into), (false, None));
}

/// Walks along all rows, `limit` at a time.
async fn walked<S: CurrentRows>(
    store: &S,
    sight: &Sight,
    entity: Entity,
    limit: u32,
) -> Vec<(EntityId, CurrentRow)> {
    let mut rows: Vec<(EntityId, CurrentRow)> = Vec::new();
    loop {
        let after = rows.last().map(|it| it.0.clone());
        let next = store.rows_after(sight, entity, after.as_ref(), limit).await.unwrap();
        assert!(next.len() <= limit as usize);
        if next.is_empty() {
            return rows;
        }
        rows.extend(next);
    }
}

async fn each_row_comes_once_behind_the_last<S: CaseStore + CurrentRows>(store: &S) {
    for number in 1..=30 {
        store.apply(account(number, &format!("Acme {number}"))).await.unwrap();
    }
    store.apply(next_write(account(7, "Acme 7"), WriteKind::Deleted, 1)).await.unwrap();

    let mut wanted: Vec<_> =
        (1..=30).filter(|it| *it != 7).map(|it| account(it, "").entity_id).collect();
    wanted.sort();
    for limit in [1, 7, 100] {
        let rows = walked(store, &Sight::Everything, Entity::Account, limit).await;
        let ids: Vec<_> = rows.iter().map(|it| it.0.clone()).collect();
        assert_eq!(ids, wanted);
        for (id, row) in &rows {
            assert_eq!(*row, one(store, Entity::Account, id).await);
        }
    }
}

async fn row_that_is_not_shown_never_comes<S: CaseStore + CurrentRows + Walls>(store: &S) {
    for number in 1..=5 {
        let row = text_fields([("title", "Doe v. Roe")]);
        store.apply(sample_write(Entity::Case, number, row)).await.unwrap();
    }
    store.apply(account(1, "Acme")).await.unwrap();
    let id = |number| sample_write(Entity::Case, number, text_fields([])).entity_id;
    store.set_wall(&sample_wall(&id(2), "anna", Stance::Screened)).await.unwrap();
    store.set_wall(&sample_wall(&id(4), "anna", Stance::Assigned)).await.unwrap();

    let anna = || person("anna");
    for (sight, cases, n_accounts) in [
        (Sight::Everything, vec![1, 2, 3, 4, 5], 1),
        (Sight::AllBut(anna()), vec![1, 3, 4, 5], 1),
        (Sight::Only(anna()), vec![4], 0),
    ] {
        let mut wanted: Vec<_> = cases.into_iter().map(id).collect();
        wanted.sort();
        let found = walked(store, &sight, Entity::Case, 2).await;
        assert_eq!(found.into_iter().map(|it| it.0).collect::<Vec<_>>(), wanted, "{sight:?}");
        assert_eq!(walked(store, &sight, Entity::Account, 2).await.len(), n_accounts, "{sight:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;
    use crate::ports::case_store_contract::feed_contract;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_many_rows() {
        current_rows_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_the_feed() {
        feed_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }
}
