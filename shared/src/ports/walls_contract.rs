//! What every store must do about ethical walls, as code: see the contracts of [`Walls`],
//! [`CaseView`] and [`AuditLog`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

mod same_reads;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::audit_log::AuditLog;
use super::case_store::{CaseStore, Write, WriteKind};
use super::case_store_contract::{sample_write, text_fields};
use super::walls::{Stance, Wall, Walls};
use crate::auth::Sight;
use crate::ids::{EntityId, PersonId};
use crate::model::{Channel, Entity, FieldValue};
use crate::time::Timestamp;

pub use same_reads::{TestClock, sight_contract};

/// Returns the person `name`.
pub fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

/// Returns a wall that `chair` sets.
pub fn sample_wall(case_id: &EntityId, name: &str, stance: Stance) -> Wall {
    Wall {
        case_id: case_id.clone(),
        person: person(name),
        stance,
        reason: "advised the other side".to_owned(),
        set_by: person("chair"),
        set_at: Timestamp::parse("2026-11-22T11:00:00Z").unwrap(),
    }
}

fn case(number: u32) -> Write {
    let title = format!("Doe v. Roe {number}");
    sample_write(Entity::Case, number, text_fields([("title", title.as_str())]))
}

fn all_but(name: &str) -> Sight {
    Sight::AllBut(person(name))
}

fn only(name: &str) -> Sight {
    Sight::Only(person(name))
}

/// Checks walls and the audit log behind them, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn walls_contract<S, F, Fut>(open: F)
where
    S: CaseStore + AuditLog + Walls,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    another_wall_replaces_the_one_that_stands(&*open().await).await;
    lifting_tells_whether_there_was_one(&*open().await).await;
    each_decision_is_one_audit_row_of_the_chain(&*open().await).await;
    hidden_follows_the_stance(&*open().await).await;
    screened_person_sees_no_audit_row_of_the_case(&*open().await).await;
    client_sees_audit_rows_of_assigned_cases_alone(&*open().await).await;
    revision_grows_with_each_decision_alone(&*open().await).await;
}

async fn another_wall_replaces_the_one_that_stands<S: Walls>(store: &S) {
    // The case has not arrived yet.
    let id = case(1).entity_id;
    let first = sample_wall(&id, "ben", Stance::Screened);
    let second =
        Wall { reason: "retained".to_owned(), ..sample_wall(&id, "ben", Stance::Assigned) };
    let other = sample_wall(&id, "anna", Stance::Screened);

    for wall in [&first, &second, &other] {
        store.set_wall(wall).await.unwrap();
    }

    assert_eq!(store.walls_of(&id).await.unwrap(), [other, second]);
    assert!(store.walls_of(&case(2).entity_id).await.unwrap().is_empty());
}

async fn lifting_tells_whether_there_was_one<S: Walls + AuditLog>(store: &S) {
    let id = case(1).entity_id;
    let (anna, chair) = (person("anna"), person("chair"));
    assert!(!store.lift_wall(&id, &anna, &chair).await.unwrap());
    assert!(store.audit(&Sight::Everything, None, None, 10).await.unwrap().is_empty());
    store.set_wall(&sample_wall(&id, "anna", Stance::Screened)).await.unwrap();

    assert!(store.lift_wall(&id, &anna, &chair).await.unwrap());

    assert!(store.walls_of(&id).await.unwrap().is_empty());
    assert!(!store.lift_wall(&id, &anna, &chair).await.unwrap());
}

async fn each_decision_is_one_audit_row_of_the_chain<S: CaseStore + AuditLog + Walls>(store: &S) {
    let write = case(1);
    store.apply(write.clone()).await.unwrap();
    let wall = sample_wall(&write.entity_id, "anna", Stance::Screened);
    store.set_wall(&wall).await.unwrap();
    store.lift_wall(&wall.case_id, &wall.person, &person("dean")).await.unwrap();

    let rows = store.audit(&Sight::Everything, Some(&wall.case_id), None, 10).await.unwrap();

    assert_eq!(rows.iter().map(|it| it.seq).collect::<Vec<_>>(), [3, 2, 1]);
    let text = FieldValue::text("screened: advised the other side");
    for (row, actor, before, after) in [
        (&rows[1], "person:chair", FieldValue::Null, text.clone()),
        (&rows[0], "person:dean", text, FieldValue::Null),
    ] {
        assert_eq!((row.actor.as_str(), row.kind), (actor, WriteKind::Updated));
        assert_eq!((row.entity, row.channel), (Entity::Case, Channel::Api));
        assert_eq!(row.changes.len(), 1);
        let change = &row.changes[0];
        assert_eq!(change.field, "wall:anna");
        assert_eq!((&change.before, &change.after), (&before, &after));
    }
    let proved = store.verify(&|_| {}).await.unwrap();
    assert_eq!((proved.n_rows, proved.fault), (3, None));
}

async fn hidden_follows_the_stance<S: Walls>(store: &S) {
    let [screened, assigned, plain] = [1, 2, 3].map(|number| case(number).entity_id);
    store.set_wall(&sample_wall(&screened, "anna", Stance::Screened)).await.unwrap();
    store.set_wall(&sample_wall(&assigned, "anna", Stance::Assigned)).await.unwrap();
    let asked = [screened.clone(), assigned.clone(), plain.clone()];

    for (sight, hidden, shows_all) in [
        (Sight::Everything, vec![], true),
        (all_but("anna"), vec![&screened], false),
        (all_but("ben"), vec![], true),
        (only("anna"), vec![&screened, &plain], false),
        (only("ben"), vec![&screened, &assigned, &plain], false),
    ] {
        let hidden: BTreeSet<_> = hidden.into_iter().cloned().collect();
        assert_eq!(store.hidden(&sight, &asked).await.unwrap(), hidden, "{sight:?}");
        assert_eq!(store.shows_all(&sight).await.unwrap(), shows_all, "{sight:?}");
        assert!(store.hidden(&sight, &[]).await.unwrap().is_empty(), "{sight:?}");
        let shown = store.shown(&sight).await.unwrap();
        for id in &asked {
            assert_eq!(shown.contains(id), !hidden.contains(id), "{sight:?}");
        }
    }
}

async fn screened_person_sees_no_audit_row_of_the_case<S>(store: &S)
where
    S: CaseStore + AuditLog + Walls,
{
    let (hidden, shown) = (case(1), case(2));
    store.apply(hidden.clone()).await.unwrap();
    store.apply(shown.clone()).await.unwrap();
    store.apply(sample_write(Entity::Account, 1, text_fields([("name", "Acme")]))).await.unwrap();
    store.set_wall(&sample_wall(&hidden.entity_id, "anna", Stance::Screened)).await.unwrap();

    let rows = store.audit(&all_but("anna"), None, None, 10).await.unwrap();
    let of_hidden = store.audit(&all_but("anna"), Some(&hidden.entity_id), None, 10).await.unwrap();
    let of_shown = store.audit(&all_but("anna"), Some(&shown.entity_id), None, 10).await.unwrap();

    assert_eq!(rows.iter().map(|it| it.seq).collect::<Vec<_>>(), [3, 2]);
    assert!(of_hidden.is_empty());
    assert_eq!(of_shown.len(), 1);
    // A page is as long as asked for, however many hidden rows stand between.
    let first = store.audit(&all_but("anna"), None, None, 1).await.unwrap();
    assert_eq!(first[0].seq, 3);
    assert_eq!(store.audit(&all_but("ben"), None, None, 10).await.unwrap().len(), 4);
}

async fn client_sees_audit_rows_of_assigned_cases_alone<S>(store: &S)
where
    S: CaseStore + AuditLog + Walls,
{
    let (own, other) = (case(1), case(2));
    store.apply(own.clone()).await.unwrap();
    store.apply(other.clone()).await.unwrap();
    let account = sample_write(Entity::Account, 1, text_fields([("name", "Acme")]));
    store.apply(account.clone()).await.unwrap();
    store.set_wall(&sample_wall(&own.entity_id, "carl", Stance::Assigned)).await.unwrap();

    let rows = store.audit(&only("carl"), None, None, 10).await.unwrap();

    assert_eq!(rows.iter().map(|it| it.seq).collect::<Vec<_>>(), [4, 1]);
    for id in [&other.entity_id, &account.entity_id] {
        assert!(store.audit(&only("carl"), Some(id), None, 10).await.unwrap().is_empty());
    }
}

async fn revision_grows_with_each_decision_alone<S: CaseStore + Walls>(store: &S) {
    let id = case(1).entity_id;
    let mut seen = vec![store.walls_revision().await.unwrap()];
    store.apply(case(1)).await.unwrap();
    assert_eq!(store.walls_revision().await.unwrap(), seen[0]);

    let wall = sample_wall(&id, "anna", Stance::Screened);
    store.set_wall(&wall).await.unwrap();
    seen.push(store.walls_revision().await.unwrap());
    store.set_wall(&Wall { stance: Stance::Assigned, ..wall.clone() }).await.unwrap();
    seen.push(store.walls_revision().await.unwrap());
    store.lift_wall(&id, &wall.person, &wall.set_by).await.unwrap();
    seen.push(store.walls_revision().await.unwrap());

    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_walls() {
        walls_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }
}
