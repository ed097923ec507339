//! What every case store must do when rows travel both ways, as code: see the contracts of
//! [`CaseStore`] and [`Outbox`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::case_store::{CaseStore, Shadow, Write, WriteKind};
use super::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use super::clock::Clock;
use super::outbox::{Claim, Outbox, OutboxEntry, OutboxKind, OutboxMark, OutboxStatus, Setback};
use crate::error::PortErrorKind;
use crate::ids::{EntityId, RecordId};
use crate::model::{Edit, Entity, FieldValue, Presence, PresenceEdit, RecordKey};
use crate::time::Timestamp;

/// A clock that goes on only when it is told to.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl Default for HandClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_800_000_000_000))
    }
}

impl HandClock {
    /// Moves it on.
    pub fn pass(&self, time: Duration) {
        let millis = time.as_millis().try_into().unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(super) fn account(number: u32, name: &str) -> Write {
    sample_write(Entity::Account, number, text_fields([("name", name)]))
}

fn local_key(entity: Entity, id: &EntityId) -> RecordKey {
    RecordKey { record_id: RecordId::of_local(id), ..sample_key(entity, 1) }
}

/// A write of a row that is made here and waits to be sent.
fn made_here(entity: Entity, bits: u128) -> Write {
    let id = EntityId::from_random(bits);
    let mut write = sample_write(entity, 1, text_fields([("name", "Made Here")]));
    write.entity_id = id.clone();
    write.shadow = Shadow::unseen(local_key(entity, &id));
    let edit = Edit::new(FieldValue::text("Made Here"), write.audit.as_ref().unwrap().received_at);
    write.shadow.edits.fields.insert("Name".to_owned(), edit);
    write.marks.outbox = OutboxMark::Send(OutboxKind::Create);
    write
}

fn waits(mut write: Write, kind: OutboxKind) -> Write {
    write.marks.outbox = OutboxMark::Send(kind);
    write
}

fn claim(entity: Entity, owner: &str) -> Claim {
    let RecordKey { connection, object, .. } = sample_key(entity, 1);
    Claim { connection, object, owner: owner.to_owned(), lease: Duration::from_mins(1), limit: 10 }
}

fn setback(code: &str) -> Setback {
    Setback { code: code.to_owned(), words: "try later".to_owned(), fields: vec!["Name".into()] }
}

fn keys(entries: &[OutboxEntry]) -> Vec<RecordKey> {
    entries.iter().map(|it| it.key.clone()).collect()
}

/// Checks shadows with edits, moved keys and aliases, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn identity_contract<S, F, Fut>(open: F)
where
    S: CaseStore,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    edits_come_back_as_they_were_written(&*open().await).await;
    shadows_come_in_the_order_they_were_asked_for(&*open().await).await;
    named_record_keeps_its_row(&*open().await).await;
    record_is_not_named_like_another(&*open().await).await;
    merged_row_stands_for_its_survivor(&*open().await).await;
    row_that_is_back_stands_for_itself(&*open().await).await;
    custom_fields_are_taken(&*open().await).await;
}

async fn edits_come_back_as_they_were_written<S: CaseStore>(store: &S) {
    let mut write = account(1, "Acme");
    let at = write.shadow.version;
    let mut edit = Edit::new(FieldValue::text("Acme Inc"), at);
    edit.replace(FieldValue::Null, at);
    write.shadow.edits.fields.insert("Name".to_owned(), edit);
    write.shadow.edits.presence =
        Some(PresenceEdit { wanted: Presence::Deleted, at, is_parked: true });

    store.apply(write.clone()).await.unwrap();

    let stored = store.shadow(&write.shadow.key).await.unwrap().unwrap();
    assert_eq!(stored, Shadow { revision: 1, ..write.shadow });
}

async fn shadows_come_in_the_order_they_were_asked_for<S: CaseStore>(store: &S) {
    store.apply(account(1, "One")).await.unwrap();
    store.apply(account(3, "Three")).await.unwrap();
    let asked: Vec<_> = [3, 2, 1].map(|it| sample_key(Entity::Account, it)).into();

    let found = store.shadows(&asked).await.unwrap();

    let names: Vec<_> = found
        .iter()
        .map(|it| it.as_ref().map(|it| it.fields["name"].as_text().unwrap().to_owned()))
        .collect();
    assert_eq!(names, [Some("Three".to_owned()), None, Some("One".to_owned())]);
    assert!(store.shadows(&[]).await.unwrap().is_empty());
}

/// Names the record that `write` made here.
fn named(write: &Write, number: u32) -> Write {
    let mut named = next_write(write.clone(), WriteKind::Updated, 1);
    named.marks.was_named = Some(write.shadow.key.record_id.clone());
    named.marks.outbox = OutboxMark::Clear;
    named.shadow.key = sample_key(Entity::Account, number);
    named.shadow.edits.fields.clear();
    named.audit = None;
    named
}

async fn named_record_keeps_its_row<S: CaseStore>(store: &S) {
    let made = made_here(Entity::Account, 7);
    store.apply(made.clone()).await.unwrap();
    assert_eq!(
        store.locate(Entity::Account, &made.entity_id).await.unwrap(),
        Some(made.shadow.key.clone())
    );

    let named = named(&made, 5);
    store.apply(named.clone()).await.unwrap();

    let key = sample_key(Entity::Account, 5);
    assert_eq!(store.shadow(&made.shadow.key).await.unwrap(), None);
    let shadow = store.shadow(&key).await.unwrap().unwrap();
    assert_eq!((shadow.revision, &shadow.entity_id), (2, &made.entity_id));
    for id in [&made.entity_id, &key.entity_id()] {
        assert_eq!(store.locate(Entity::Account, id).await.unwrap(), Some(key.clone()));
    }
    assert_eq!(store.locate(Entity::Contact, &made.entity_id).await.unwrap(), None);
}

async fn record_is_not_named_like_another<S: CaseStore>(store: &S) {
    let made = made_here(Entity::Account, 7);
    store.apply(made.clone()).await.unwrap();
    store.apply(account(5, "Other")).await.unwrap();

    let error = store.apply(named(&made, 5)).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Conflict);
    assert!(store.shadow(&made.shadow.key).await.unwrap().is_some());
}

async fn merged_row_stands_for_its_survivor<S: CaseStore>(store: &S) {
    let (loser, winner) = (account(1, "Acme"), account(2, "Acme Inc"));
    store.apply(loser.clone()).await.unwrap();
    store.apply(winner.clone()).await.unwrap();

    let mut merged = next_write(loser.clone(), WriteKind::Deleted, 1);
    merged.marks.merged_into = Some(winner.entity_id.clone());
    store.apply(merged).await.unwrap();

    let found = store.locate(Entity::Account, &loser.entity_id).await.unwrap();
    assert_eq!(found, Some(winner.shadow.key));
}

async fn row_that_is_back_stands_for_itself<S: CaseStore>(store: &S) {
    let (loser, winner) = (account(1, "Acme"), account(2, "Acme Inc"));
    store.apply(loser.clone()).await.unwrap();
    store.apply(winner.clone()).await.unwrap();
    let mut merged = next_write(loser.clone(), WriteKind::Deleted, 1);
    merged.marks.merged_into = Some(winner.entity_id.clone());
    store.apply(merged.clone()).await.unwrap();

    merged.marks.merged_into = None;
    store.apply(next_write(merged, WriteKind::Restored, 2)).await.unwrap();

    let found = store.locate(Entity::Account, &loser.entity_id).await.unwrap();
    assert_eq!(found, Some(loser.shadow.key));
    let found = store.locate(Entity::Account, &winner.entity_id).await.unwrap();
    assert_eq!(found, Some(winner.shadow.key));
}

async fn custom_fields_are_taken<S: CaseStore>(store: &S) {
    let mut write = account(1, "Acme");
    write.row.insert("custom.rating".to_owned(), FieldValue::Int(5));
    store.apply(write.clone()).await.unwrap();

    let mut write = next_write(write, WriteKind::Updated, 1);
    write.row.insert("custom.rating".to_owned(), FieldValue::Null);
    store.apply(write).await.unwrap();
}

/// Checks the outbox, each sentence on a fresh store from `open`, which is given its clock.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn outbox_contract<S, F, Fut>(open: F)
where
    S: CaseStore + Outbox,
    F: Fn(Arc<HandClock>) -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    let clock = Arc::new(HandClock::default());
    let fresh = || open(Arc::clone(&clock));
    claimed_record_is_given_once_until_its_lease_ends(&*fresh().await, &clock).await;
    record_waits_from_one_write_to_the_other(&*fresh().await, &clock).await;
    postponed_record_comes_back_with_its_setback(&*fresh().await, &clock).await;
    held_record_waits_for_a_person(&*fresh().await).await;
    new_edit_lets_a_held_record_go(&*fresh().await, &clock).await;
    depths_are_counted_by_object(&*fresh().await).await;
    waiting_records_are_listed_by_pages(&*fresh().await).await;
    named_record_keeps_its_place(&*fresh().await).await;
    record_is_looked_up_with_its_status(&*fresh().await).await;
}

async fn record_is_looked_up_with_its_status<S: CaseStore + Outbox>(store: &S) {
    let write = waits(account(1, "Acme"), OutboxKind::Update);
    let key = &write.shadow.key;
    assert_eq!(store.standing(key).await.unwrap(), None);
    store.apply(write.clone()).await.unwrap();
    let (status, entry) = store.standing(key).await.unwrap().unwrap();
    assert_eq!((status, &entry.entity_id), (OutboxStatus::Waiting, &write.entity_id));

    store.hold(key, &setback("REQUIRED_FIELD_MISSING")).await.unwrap();

    let (status, entry) = store.standing(key).await.unwrap().unwrap();
    assert_eq!(
        (status, entry.last),
        (OutboxStatus::Failed, Some(setback("REQUIRED_FIELD_MISSING")))
    );
}

async fn claimed_record_is_given_once_until_its_lease_ends<S: CaseStore + Outbox>(
    store: &S,
    clock: &HandClock,
) {
    let write = waits(account(1, "Acme"), OutboxKind::Update);
    store.apply(write.clone()).await.unwrap();

    assert!(store.claim(&claim(Entity::Case, "a")).await.unwrap().is_empty());
    let first = store.claim(&claim(Entity::Account, "a")).await.unwrap();
    assert_eq!(keys(&first), std::slice::from_ref(&write.shadow.key));
    assert_eq!((first[0].kind, first[0].n_attempts), (OutboxKind::Update, 0));
    assert_eq!(first[0].entity_id, write.entity_id);
    assert_eq!(first[0].correlation_id, write.audit.unwrap().correlation_id);
    for owner in ["a", "b"] {
        assert!(store.claim(&claim(Entity::Account, owner)).await.unwrap().is_empty());
    }

    clock.pass(Duration::from_secs(61));
    assert_eq!(store.claim(&claim(Entity::Account, "b")).await.unwrap().len(), 1);
}

async fn record_waits_from_one_write_to_the_other<S: CaseStore + Outbox>(
    store: &S,
    clock: &HandClock,
) {
    let write = waits(account(1, "Acme"), OutboxKind::Update);
    store.apply(write.clone()).await.unwrap();
    let mut keep = next_write(write.clone(), WriteKind::Updated, 1);
    keep.marks.outbox = OutboxMark::Keep;
    store.apply(keep).await.unwrap();
    assert_eq!(store.claim(&claim(Entity::Account, "a")).await.unwrap().len(), 1);

    let again = waits(next_write(write.clone(), WriteKind::Updated, 2), OutboxKind::Delete);
    store.apply(again).await.unwrap();
    let claimed = store.claim(&claim(Entity::Account, "a")).await.unwrap();
    assert_eq!(claimed[0].kind, OutboxKind::Delete);

    let mut clear = next_write(write, WriteKind::Updated, 3);
    clear.marks.outbox = OutboxMark::Clear;
    store.apply(clear).await.unwrap();
    clock.pass(Duration::from_hours(1));
    assert!(store.claim(&claim(Entity::Account, "a")).await.unwrap().is_empty());
}

async fn postponed_record_comes_back_with_its_setback<S: CaseStore + Outbox>(
    store: &S,
    clock: &HandClock,
) {
    let write = waits(account(1, "Acme"), OutboxKind::Update);
    store.apply(write.clone()).await.unwrap();
    store.claim(&claim(Entity::Account, "a")).await.unwrap();
    let key = write.shadow.key;

    let untried = [(key.clone(), None)];
    store.postpone(&untried, Duration::from_secs(5)).await.unwrap();
    assert!(store.claim(&claim(Entity::Account, "a")).await.unwrap().is_empty());
    clock.pass(Duration::from_secs(6));
    assert_eq!(store.claim(&claim(Entity::Account, "a")).await.unwrap()[0].n_attempts, 0);

    let tried = [(key, Some(setback("UNABLE_TO_LOCK_ROW")))];
    store.postpone(&tried, Duration::ZERO).await.unwrap();
    let claimed = store.claim(&claim(Entity::Account, "a")).await.unwrap();
    assert_eq!(claimed[0].n_attempts, 1);
    assert_eq!(claimed[0].last, Some(setback("UNABLE_TO_LOCK_ROW")));
}

async fn held_record_waits_for_a_person<S: CaseStore + Outbox>(store: &S) {
    let write = waits(account(1, "Acme"), OutboxKind::Update);
    let key = write.shadow.key.clone();
    store.apply(write).await.unwrap();
    store.claim(&claim(Entity::Account, "a")).await.unwrap();
    store.hold(&key, &setback("STRING_TOO_LONG")).await.unwrap();

    assert!(store.claim(&claim(Entity::Account, "a")).await.unwrap().is_empty());
    let failed = store.waiting(OutboxStatus::Failed, None, 10).await.unwrap();
    assert_eq!(failed[0].last, Some(setback("STRING_TOO_LONG")));
    assert_eq!(store.depths().await.unwrap()[0].n_failed, 1);

    assert_eq!(store.resend(&key.connection, Some(&key)).await.unwrap(), 1);
    assert_eq!(store.resend(&key.connection, None).await.unwrap(), 0);
    assert_eq!(store.claim(&claim(Entity::Account, "a")).await.unwrap().len(), 1);
}

async fn new_edit_lets_a_held_record_go<S: CaseStore + Outbox>(store: &S, clock: &HandClock) {
    let write = waits(account(1, "Acme"), OutboxKind::Update);
    let key = write.shadow.key.clone();
    store.apply(write.clone()).await.unwrap();
    store.claim(&claim(Entity::Account, "a")).await.unwrap();
    store.hold(&key, &setback("STRING_TOO_LONG")).await.unwrap();
    clock.pass(Duration::from_secs(1));

    let again = waits(next_write(write, WriteKind::Updated, 1), OutboxKind::Update);
    store.apply(again).await.unwrap();

    let claimed = store.claim(&claim(Entity::Account, "a")).await.unwrap();
    assert_eq!((claimed[0].n_attempts, &claimed[0].last), (0, &None));
}

async fn depths_are_counted_by_object<S: CaseStore + Outbox>(store: &S) {
    assert!(store.depths().await.unwrap().is_empty());
    for number in 1..=3 {
        store.apply(waits(account(number, "Acme"), OutboxKind::Update)).await.unwrap();
    }
    let person = sample_write(Entity::Contact, 1, text_fields([("last_name", "Byron")]));
    store.apply(waits(person, OutboxKind::Delete)).await.unwrap();

    let depths = store.depths().await.unwrap();

    let counts: Vec<_> =
        depths.iter().map(|it| (it.object.as_str(), it.n_waiting, it.n_deletes)).collect();
    assert_eq!(counts, [("Account", 3, 0), ("Contact", 1, 1)]);
    assert!(depths[0].oldest.is_some());
}

async fn waiting_records_are_listed_by_pages<S: CaseStore + Outbox>(store: &S) {
    for number in 1..=5 {
        store.apply(waits(account(number, "Acme"), OutboxKind::Update)).await.unwrap();
    }
    let mut seen = Vec::new();
    while let Ok(page) = store.waiting(OutboxStatus::Waiting, seen.last(), 2).await {
        if page.is_empty() {
            break;
        }
        seen.extend(keys(&page));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

async fn named_record_keeps_its_place<S: CaseStore + Outbox>(store: &S) {
    let made = made_here(Entity::Account, 7);
    store.apply(made.clone()).await.unwrap();
    let mut named = named(&made, 5);
    named.marks.outbox = OutboxMark::Keep;
    store.apply(named).await.unwrap();

    let claimed = store.claim(&claim(Entity::Account, "a")).await.unwrap();

    assert_eq!(keys(&claimed), [sample_key(Entity::Account, 5)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_identity() {
        identity_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_the_outbox() {
        outbox_contract(|clock| async { Arc::new(MemoryCaseStore::new(clock)) }).await;
    }
}
