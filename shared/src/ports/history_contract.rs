//! What every history must do, as code: see the contract of [`History`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use super::case_store::{CaseStore, Decision, FieldChange, Shadow, Write, WriteKind};
use super::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use super::clock::Clock;
use super::history::{History, PastRow};
use super::two_way_contract::HandClock;
use super::walls::{Stance, Wall, Walls};
use crate::auth::Sight;
use crate::ids::{EntityId, PersonId, RecordId};
use crate::model::{Entity, FieldValue, Fields};
use crate::sync::{ConflictPolicy, Side};
use crate::time::Timestamp;

/// Checks histories, each sentence on a fresh store from `open`, whose clock is the one it is given.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn history_contract<S, F, Fut>(open: F)
where
    S: CaseStore + Walls + History,
    F: Fn(Arc<dyn Clock>) -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    let past = async || {
        let clock = Arc::new(HandClock::default());
        Past { store: open(clock.clone()).await, clock }
    };
    row_is_not_there_before_it_is_made(past().await).await;
    fields_stand_as_they_stood_with_who_set_them(past().await).await;
    deleted_row_was_there_before_and_after(past().await).await;
    row_that_is_older_than_its_records_says_so(past().await).await;
    decisions_about_a_case_are_no_fields(past().await).await;
    id_that_stands_for_a_row_has_its_history(past().await).await;
    hidden_row_has_no_history(past().await).await;
}

struct Past<S> {
    store: Arc<S>,
    clock: Arc<HandClock>,
}

impl<S: CaseStore + Walls + History> Past<S> {
    /// Applies `write` a minute later; returns when.
    async fn apply(&self, mut write: Write) -> Timestamp {
        self.clock.pass(Duration::from_mins(1));
        let now = self.clock.now();
        // The memory store commits at the instant that the write itself names.
        match &mut write.audit {
            Some(draft) => draft.received_at = now,
            None => write.shadow.version = now,
        }
        self.store.apply(write).await.unwrap().at
    }

    async fn as_of(&self, entity: Entity, id: &EntityId, at: Timestamp) -> Option<PastRow> {
        self.store.as_of(&Sight::Everything, entity, id, at).await.unwrap()
    }
}

fn case(status: &str) -> Write {
    sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe"), ("status", status)]))
}

/// The next write of `write`, by `actor`, with the fields that `after` names.
fn changed(mut write: Write, revision: u64, actor: &str, after: Fields) -> Write {
    let changes = after.iter().map(|(name, value)| {
        let before = write.row.get(name).cloned().unwrap_or_default();
        FieldChange::new(name.as_str(), before, value.clone())
    });
    let changes = changes.collect();
    write.row.extend(after);
    write.timeline.clear();
    let mut write = next_write(write, WriteKind::Updated, revision);
    let draft = write.audit.as_mut().unwrap();
    (draft.actor, draft.changes) = (actor.to_owned(), changes);
    write
}

fn value(row: &PastRow, field: &str) -> FieldValue {
    row.fields.get(field).map(|it| it.value.clone()).unwrap_or_default()
}

async fn row_is_not_there_before_it_is_made<S: CaseStore + Walls + History>(past: Past<S>) {
    let write = case("New");
    let made_at = past.apply(write.clone()).await;
    let id = &write.entity_id;

    assert_eq!(past.as_of(Entity::Case, id, made_at.minus(Duration::from_millis(1))).await, None);
    assert_eq!(past.as_of(Entity::Contact, id, made_at).await, None);
    assert_eq!(past.as_of(Entity::Case, &EntityId::from_random(7), made_at).await, None);
    let row = past.as_of(Entity::Case, id, made_at).await.unwrap();
    assert_eq!((row.created_at, row.recorded_since), (made_at, Some(made_at)));
    assert!(row.is_recorded());
}

async fn fields_stand_as_they_stood_with_who_set_them<S: CaseStore + Walls + History>(
    past: Past<S>,
) {
    let made = case("New");
    let id = made.entity_id.clone();
    let made_at = past.apply(made.clone()).await;
    let mut next = text_fields([("status", "Trial")]);
    next.insert("custom.rating".to_owned(), FieldValue::Int(5));
    let mut second = changed(made, 1, "person:anna", next);
    let decision = Decision {
        policy: ConflictPolicy::NewestWins,
        winner: Side::Local,
        other: FieldValue::text("Closed"),
    };
    let changes = &mut second.audit.as_mut().unwrap().changes;
    changes.iter_mut().find(|it| it.field == "status").unwrap().decisions.push(decision.clone());
    let tried_at = past.apply(second.clone()).await;
    let third = changed(second.clone(), 2, "person:bert", text_fields([("status", "Closed")]));
    let closed_at = past.apply(third).await;

    let first = past.as_of(Entity::Case, &id, tried_at.minus(Duration::from_millis(1))).await;
    let first = first.unwrap();
    assert_eq!(value(&first, "status"), FieldValue::text("New"));
    assert_eq!(value(&first, "custom.rating"), FieldValue::Null);
    assert_eq!(first.fields["status"].set_by.as_ref().unwrap().at, made_at);

    let middle = past.as_of(Entity::Case, &id, closed_at.minus(Duration::from_millis(1))).await;
    let middle = middle.unwrap();
    assert_eq!(value(&middle, "status"), FieldValue::text("Trial"));
    assert_eq!(value(&middle, "custom.rating"), FieldValue::Int(5));
    let set_by = middle.fields["status"].set_by.clone().unwrap();
    let draft = second.audit.unwrap();
    assert_eq!((set_by.seq, set_by.at, set_by.actor.as_str()), (2, tried_at, "person:anna"));
    assert_eq!((set_by.event_id, set_by.correlation_id), (draft.event_id, draft.correlation_id));
    assert_eq!(set_by.decisions, [decision]);
    let title = middle.fields["title"].clone();
    assert_eq!((title.value, title.set_by.unwrap().seq), (FieldValue::text("Doe v. Roe"), 1));

    let last = past.as_of(Entity::Case, &id, closed_at).await.unwrap();
    assert_eq!(value(&last, "status"), FieldValue::text("Closed"));
    assert_eq!(last.fields["status"].set_by.as_ref().unwrap().actor, "person:bert");
}

async fn deleted_row_was_there_before_and_after<S: CaseStore + Walls + History>(past: Past<S>) {
    let made = case("New");
    let id = made.entity_id.clone();
    let made_at = past.apply(made.clone()).await;
    let gone = next_write(changed(made, 1, "person:anna", Fields::new()), WriteKind::Deleted, 1);
    let gone_at = past.apply(gone.clone()).await;
    let back_at = past.apply(next_write(gone, WriteKind::Restored, 2)).await;

    for (at, is_deleted, seq) in [(made_at, false, 1), (gone_at, true, 2), (back_at, false, 3)] {
        let row = past.as_of(Entity::Case, &id, at).await.unwrap();
        assert_eq!(row.is_deleted, is_deleted);
        assert_eq!(row.presence_set_by.unwrap().seq, seq);
    }
}

async fn row_that_is_older_than_its_records_says_so<S: CaseStore + Walls + History>(past: Past<S>) {
    let mut quiet = case("New");
    quiet.audit = None;
    quiet.timeline.clear();
    let made_at = past.apply(quiet).await;
    let id = case("New").entity_id;
    let unrecorded = past.as_of(Entity::Case, &id, made_at).await.unwrap();
    assert_eq!((unrecorded.recorded_since, unrecorded.is_recorded()), (None, false));
    assert_eq!(value(&unrecorded, "status"), FieldValue::text("New"));

    let next = changed(case("New"), 1, "person:anna", text_fields([("status", "Trial")]));
    let changed_at = past.apply(next.clone()).await;
    let gone = next_write(changed(next, 2, "person:anna", Fields::new()), WriteKind::Deleted, 2);
    past.apply(gone).await;

    let older = past.as_of(Entity::Case, &id, made_at).await.unwrap();
    assert_eq!((older.recorded_since, older.is_recorded()), (Some(changed_at), false));
    assert!(!older.is_deleted && older.presence_set_by.is_none());
    for (field, wanted) in [("status", "New"), ("title", "Doe v. Roe")] {
        assert_eq!(value(&older, field), FieldValue::text(wanted));
        assert_eq!(older.fields[field].set_by, None);
    }
    let later = past.as_of(Entity::Case, &id, changed_at).await.unwrap();
    assert!(later.is_recorded());
    assert_eq!(value(&later, "status"), FieldValue::text("Trial"));
}

fn wall(case_id: &EntityId, at: Timestamp) -> Wall {
    Wall {
        case_id: case_id.clone(),
        person: PersonId::parse("bert").unwrap(),
        stance: Stance::Screened,
        reason: "former client".to_owned(),
        set_by: PersonId::parse("anna").unwrap(),
        set_at: at,
    }
}

async fn decisions_about_a_case_are_no_fields<S: CaseStore + Walls + History>(past: Past<S>) {
    let write = case("New");
    past.store.set_wall(&wall(&write.entity_id, past.clock.now())).await.unwrap();
    let walled_at = past.clock.now();
    let made_at = past.apply(write.clone()).await;

    assert_eq!(past.as_of(Entity::Case, &write.entity_id, walled_at).await, None);
    let row = past.as_of(Entity::Case, &write.entity_id, made_at).await.unwrap();
    assert_eq!(row.recorded_since, Some(made_at));
    assert!(!row.fields.keys().any(|it| it.starts_with("wall")), "{:?}", row.fields);
}

async fn id_that_stands_for_a_row_has_its_history<S: CaseStore + Walls + History>(past: Past<S>) {
    let id = EntityId::from_random(7);
    let mut made = sample_write(Entity::Account, 1, text_fields([("name", "Made Here")]));
    made.entity_id = id.clone();
    let mut key = sample_key(Entity::Account, 1);
    key.record_id = RecordId::of_local(&id);
    made.shadow = Shadow::unseen(key.clone());
    past.apply(made.clone()).await;
    let mut named = next_write(made, WriteKind::Updated, 1);
    named.marks.was_named = Some(key.record_id);
    named.shadow.key = sample_key(Entity::Account, 1);
    let named_at = past.apply(named).await;

    let alias = sample_key(Entity::Account, 1).entity_id();
    let row = past.as_of(Entity::Account, &alias, named_at).await.unwrap();
    assert_eq!(
        (row.entity_id, row.fields["name"].value.clone()),
        (id, FieldValue::text("Made Here"))
    );
}

async fn hidden_row_has_no_history<S: CaseStore + Walls + History>(past: Past<S>) {
    let (case, account) =
        (case("New"), sample_write(Entity::Account, 1, text_fields([("name", "Acme")])));
    past.apply(case.clone()).await;
    let at = past.apply(account.clone()).await;
    past.store.set_wall(&wall(&case.entity_id, at)).await.unwrap();
    let person = |name: &str| PersonId::parse(name).unwrap();

    for (sight, shows_case, shows_account) in [
        (Sight::AllBut(person("bert")), false, true),
        (Sight::AllBut(person("carl")), true, true),
        (Sight::Only(person("carl")), false, false),
    ] {
        let seen = past.store.as_of(&sight, Entity::Case, &case.entity_id, at).await.unwrap();
        assert_eq!(seen.is_some(), shows_case, "{sight:?}");
        let seen = past.store.as_of(&sight, Entity::Account, &account.entity_id, at).await.unwrap();
        assert_eq!(seen.is_some(), shows_account, "{sight:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_histories() {
        history_contract(|clock| async { Arc::new(MemoryCaseStore::new(clock)) }).await;
    }
}
