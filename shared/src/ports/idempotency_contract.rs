//! What every store of claims must do, as code: see the contract of [`IdempotencyStore`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::idempotency::{ClaimRequest, Claimed, IdempotencyStore};
use crate::error::PortErrorKind;

/// A lease that does not end while a step runs.
const LONG: Duration = Duration::from_secs(60);

/// Checks every sentence of the contract; `short` is the shortest lease that can be told from none.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn contract(store: Arc<dyn IdempotencyStore>, short: Duration) {
    of_concurrent_claims_one_is_granted(&store).await;
    repeated_request_is_granted_again(&store).await;
    completed_work_tells_its_result(&store).await;
    ended_lease_goes_to_the_next_and_its_first_owner_changes_nothing(&store, short).await;
    ended_lease_that_nobody_took_is_still_completed(&store, short).await;
    released_claim_is_free_at_once(&store).await;
    result_is_forgotten_when_it_was_to_be(&store, short).await;
    key_with_another_fingerprint_is_rejected(&store).await;
    settling_twice_changes_nothing(&store).await;
}

fn request<'a>(key: &'a str, owner: &'a str) -> ClaimRequest<'a> {
    ClaimRequest { key, owner, fingerprint: "f", lease: LONG }
}

async fn claim(store: &Arc<dyn IdempotencyStore>, key: &str, owner: &str) -> Claimed {
    store.claim(request(key, owner)).await.unwrap()
}

async fn of_concurrent_claims_one_is_granted(store: &Arc<dyn IdempotencyStore>) {
    let owners: Vec<String> = (0..32).map(|it| format!("owner-{it}")).collect();
    let claims = join_all(owners.iter().map(|owner| claim(store, "race", owner))).await;
    assert_eq!(claims.iter().filter(|it| **it == Claimed::Granted).count(), 1, "{claims:?}");
    assert!(claims.iter().all(|it| !matches!(it, Claimed::Completed { .. })), "{claims:?}");
}

async fn repeated_request_is_granted_again(store: &Arc<dyn IdempotencyStore>) {
    assert_eq!(claim(store, "again", "a").await, Claimed::Granted);
    assert_eq!(claim(store, "again", "a").await, Claimed::Granted);
    assert!(matches!(claim(store, "again", "b").await, Claimed::InProgress { .. }));
}

async fn completed_work_tells_its_result(store: &Arc<dyn IdempotencyStore>) {
    assert_eq!(claim(store, "done", "a").await, Claimed::Granted);
    store.complete("done", "a", "✓ \"42\"", LONG).await.unwrap();
    let done = Claimed::Completed { result: "✓ \"42\"".to_owned() };
    assert_eq!(claim(store, "done", "b").await, done);
    assert_eq!(claim(store, "done", "a").await, done);
}

async fn ended_lease_goes_to_the_next_and_its_first_owner_changes_nothing(
    store: &Arc<dyn IdempotencyStore>,
    short: Duration,
) {
    let first = ClaimRequest { lease: short, ..request("zombie", "first") };
    assert_eq!(store.claim(first).await.unwrap(), Claimed::Granted);
    tokio::time::sleep(short * 2).await;
    assert_eq!(claim(store, "zombie", "second").await, Claimed::Granted);

    let late = store.complete("zombie", "first", "stale", LONG).await.unwrap_err();
    assert_eq!(late.kind(), PortErrorKind::Conflict);
    let late = store.release("zombie", "first").await.unwrap_err();
    assert_eq!(late.kind(), PortErrorKind::Conflict);

    assert!(matches!(claim(store, "zombie", "third").await, Claimed::InProgress { .. }));
    store.complete("zombie", "second", "true", LONG).await.unwrap();
    let late = store.complete("zombie", "first", "stale", LONG).await.unwrap_err();
    assert_eq!(late.kind(), PortErrorKind::Conflict);
    let done = Claimed::Completed { result: "true".to_owned() };
    assert_eq!(claim(store, "zombie", "third").await, done);
}

async fn ended_lease_that_nobody_took_is_still_completed(
    store: &Arc<dyn IdempotencyStore>,
    short: Duration,
) {
    let first = ClaimRequest { lease: short, ..request("slow", "first") };
    store.claim(first).await.unwrap();
    tokio::time::sleep(short * 2).await;
    store.complete("slow", "first", "late", LONG).await.unwrap();
    let done = Claimed::Completed { result: "late".to_owned() };
    assert_eq!(claim(store, "slow", "second").await, done);
}

async fn released_claim_is_free_at_once(store: &Arc<dyn IdempotencyStore>) {
    assert_eq!(claim(store, "free", "a").await, Claimed::Granted);
    store.release("free", "a").await.unwrap();
    assert_eq!(claim(store, "free", "b").await, Claimed::Granted);
}

async fn result_is_forgotten_when_it_was_to_be(store: &Arc<dyn IdempotencyStore>, short: Duration) {
    assert_eq!(claim(store, "old", "a").await, Claimed::Granted);
    store.complete("old", "a", "1", short).await.unwrap();
    tokio::time::sleep(short * 2).await;
    assert_eq!(claim(store, "old", "b").await, Claimed::Granted);
}

async fn key_with_another_fingerprint_is_rejected(store: &Arc<dyn IdempotencyStore>) {
    assert_eq!(claim(store, "print", "a").await, Claimed::Granted);
    let other = ClaimRequest { fingerprint: "g", ..request("print", "b") };
    assert_eq!(store.claim(other).await.unwrap_err().kind(), PortErrorKind::Rejected);
    store.complete("print", "a", "1", LONG).await.unwrap();
    assert_eq!(store.claim(other).await.unwrap_err().kind(), PortErrorKind::Rejected);
}

async fn settling_twice_changes_nothing(store: &Arc<dyn IdempotencyStore>) {
    assert_eq!(claim(store, "twice", "a").await, Claimed::Granted);
    store.complete("twice", "a", "1", LONG).await.unwrap();
    store.complete("twice", "a", "1", LONG).await.unwrap();
    store.release("twice", "a").await.unwrap();
    let done = Claimed::Completed { result: "1".to_owned() };
    assert_eq!(claim(store, "twice", "b").await, done);

    store.release("never-claimed", "a").await.unwrap();
    store.release("never-claimed", "a").await.unwrap();
}
