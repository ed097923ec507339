//! What every scan of records must do, as code: see the contract of [`RecordScan`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::sync::Arc;

use super::case_store::{CaseStore, WriteKind};
use super::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use super::record_scan::{RecordScan, ScanRange};
use super::two_way_contract::account;
use crate::ids::RecordId;
use crate::model::{Entity, FieldValue};

/// Checks scans, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn record_scan_contract<S, F, Fut>(open: F)
where
    S: CaseStore + RecordScan,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    records_come_by_their_ids_page_by_page(&*open().await).await;
    record_comes_with_its_row(&*open().await).await;
    records_that_are_there_are_counted(&*open().await).await;
}

fn range(after: Option<&RecordId>, until: Option<&RecordId>, limit: u32) -> ScanRange {
    let key = sample_key(Entity::Account, 1);
    ScanRange {
        connection: key.connection,
        object: key.object,
        after: after.cloned(),
        until: until.cloned(),
        limit,
    }
}

async fn ids<S: RecordScan>(store: &S, range: &ScanRange) -> Vec<RecordId> {
    store.scan(range).await.unwrap().into_iter().map(|it| it.shadow.key.record_id).collect()
}

async fn records_come_by_their_ids_page_by_page<S: CaseStore + RecordScan>(store: &S) {
    for number in [3, 1, 5, 4, 2] {
        store.apply(account(number, "Acme")).await.unwrap();
    }
    store
        .apply(sample_write(Entity::Contact, 9, text_fields([("last_name", "Other")])))
        .await
        .unwrap();
    let wanted: Vec<_> =
        (1..=5).map(|number| sample_key(Entity::Account, number).record_id).collect();

    let first = ids(store, &range(None, None, 2)).await;
    let second = ids(store, &range(first.last(), None, 2)).await;
    let third = ids(store, &range(second.last(), None, 2)).await;
    assert_eq!([first, second, third].concat(), wanted);
    assert_eq!(ids(store, &range(Some(&wanted[0]), Some(&wanted[2]), 9)).await, wanted[1..=2]);
    assert!(ids(store, &range(wanted.last(), None, 9)).await.is_empty());
}

async fn record_comes_with_its_row<S: CaseStore + RecordScan>(store: &S) {
    let mut write = account(1, "Acme");
    write.row.insert("custom.rating".to_owned(), FieldValue::Int(5));
    store.apply(write.clone()).await.unwrap();

    let found = store.scan(&range(None, None, 9)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].shadow.fields, write.shadow.fields);
    assert_eq!((found[0].shadow.revision, found[0].is_row_deleted), (1, false));
    let row = found[0].row.clone().unwrap();
    for (name, value) in &write.row {
        assert_eq!(row.get(name), Some(value), "{name}");
    }

    let mut gone = next_write(write, WriteKind::Deleted, 1);
    gone.is_deleted = true;
    store.apply(gone).await.unwrap();
    assert!(store.scan(&range(None, None, 9)).await.unwrap()[0].is_row_deleted);
}

async fn records_that_are_there_are_counted<S: CaseStore + RecordScan>(store: &S) {
    store.apply(account(1, "Acme")).await.unwrap();
    store.apply(account(2, "Acme")).await.unwrap();
    let mut gone = next_write(account(1, "Acme"), WriteKind::Deleted, 1);
    gone.shadow.is_deleted = true;
    store.apply(gone).await.unwrap();

    let key = sample_key(Entity::Account, 1);
    assert_eq!(store.n_records(&key.connection, &key.object).await.unwrap(), 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_scans() {
        record_scan_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }
}
