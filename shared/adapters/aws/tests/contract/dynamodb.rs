//! Facts and claims in `DynamoDB`.

use std::sync::Arc;
use std::time::Duration;

use adapter_aws::testkit::TestAccount;
use adapter_aws::{DynamoIdempotency, DynamoLedger};
use shared::ports::case_store_contract::ledger_contract;
use shared::ports::{Ledger as _, SystemClock, idempotency_contract};

#[tokio::test]
async fn ledger_keeps_the_contract() {
    let Some(account) = TestAccount::open().await else { return };
    let table = account.table(&["kind", "name"]).await;
    ledger_contract(&DynamoLedger::new(&account.account, table)).await;
}

#[tokio::test]
async fn list_is_read_over_all_pages() {
    let Some(account) = TestAccount::open().await else { return };
    let table = account.table(&["kind", "name"]).await;
    let ledger = DynamoLedger::new(&account.account, table);
    // A page of DynamoDB holds 1 MB.
    let value = "x".repeat(200_000);
    for number in 0..8 {
        ledger.put(&format!("large/{number}"), &value, 0).await.unwrap();
    }
    assert_eq!(ledger.list("large/").await.unwrap().len(), 8);
    assert_eq!(ledger.list("lar").await.unwrap().len(), 8);
}

#[tokio::test]
async fn claims_keep_the_contract() {
    let Some(account) = TestAccount::open().await else { return };
    let table = account.table(&["id"]).await;
    let store = DynamoIdempotency::new(&account.account, table, Arc::new(SystemClock));
    idempotency_contract::contract(Arc::new(store), Duration::from_secs(1)).await;
}
