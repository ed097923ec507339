//! Changing rows, against the store in memory.

use std::sync::Arc;

use shared::ids::CorrelationId;
use shared::model::FieldValue;
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::{
    CaseStore as _, MemoryCaseStore, Outbox as _, OutboxStatus, SystemClock, SystemRandom,
};
use shared::sync::testing::salesforce_mappings;
use shared::sync::{FieldKind, FieldMapping, Mappings};

use super::*;

/// Our mappings, and a number and a flag of an account.
fn mappings() -> Mappings {
    let mut account = salesforce_mappings().of(Entity::Account).unwrap().clone();
    let direction = account.fields[0].direction;
    let custom = |remote: &str, local: &str, kind| FieldMapping {
        direction,
        ..FieldMapping::reading(remote, local, kind)
    };
    account.fields.push(custom("NumberOfEmployees", "custom.employees", FieldKind::Number));
    account.fields.push(custom("Active__c", "custom.active", FieldKind::Bool));
    Mappings::new("salesforce", [account])
}

async fn desk() -> (Arc<MemoryCaseStore>, Desk, EntityId) {
    let store = Arc::new(MemoryCaseStore::default());
    let write = sample_write(Entity::Account, 1, text_fields([]));
    let id = write.entity_id.clone();
    store.apply(write).await.unwrap();
    let main = ConnectionId::parse("main").unwrap();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let desk = Desk::new(store.clone(), store.clone(), clock, random, [(main, mappings())]);
    (store, desk, id)
}

fn author() -> Author {
    Author {
        actor: "person:anna".to_owned(),
        event_id: "command:1".to_owned(),
        correlation_id: CorrelationId::from_random(1),
    }
}

fn given(fields: &[&str]) -> BTreeMap<String, String> {
    texts(fields.iter().map(|it| Assignment::parse(it).unwrap()).collect()).unwrap()
}

#[tokio::test]
async fn values_are_read_as_their_fields_hold_them_and_wait_to_be_sent() {
    let (store, desk, id) = desk().await;
    let fields = given(&["industry=7", "custom.employees=7", "custom.active=true", "name=A=B"]);

    let answer = set(&desk, Entity::Account, &id, fields, &author()).await.unwrap();

    let Answer::Done(done) = answer else { panic!("{answer:?}") };
    assert!(done.is_changed && done.to_string().contains("waiting  name, industry"), "{done}");
    let row = store.rows().remove(&(Entity::Account, id.clone())).unwrap();
    assert_eq!(row["industry"], FieldValue::text("7"));
    assert_eq!(row["custom.employees"], FieldValue::Int(7));
    assert_eq!(row["custom.active"], FieldValue::Bool(true));
    assert_eq!(row["name"], FieldValue::text("A=B"));
    let audit = store.writes().pop().unwrap().audit.unwrap();
    assert_eq!(audit.actor, "person:anna");
    assert_eq!(store.waiting(OutboxStatus::Waiting, None, 9).await.unwrap().len(), 1);

    let emptied = set(&desk, Entity::Account, &id, given(&["industry="]), &author()).await;
    assert!(matches!(emptied, Ok(Answer::Done(Done { is_changed: true, .. }))));
    let row = store.rows().remove(&(Entity::Account, id)).unwrap();
    assert_eq!(row["industry"], FieldValue::Null);
}

#[tokio::test]
async fn every_refused_field_is_named_with_its_fix_and_nothing_is_changed() {
    let (store, desk, id) = desk().await;
    let long = format!("phone={}", "1".repeat(41));
    let fields = ["colour=red", "custom.employees=many", &long, "industry=Law"];

    let answer = set(&desk, Entity::Account, &id, given(&fields), &author()).await.unwrap();

    let Answer::Refused(refused) = answer else { panic!("{answer:?}") };
    let text = refused.to_string();
    for part in [
        "`colour` is no field of `account`: write one of",
        "`custom.employees` does not take that: write a number",
        "`phone` takes at most 40 characters",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("many") && refused.refused.len() == 3, "{text}");
    assert_eq!(store.writes().len(), 1);
}

#[tokio::test]
async fn new_row_is_made_deleted_and_restored_and_has_no_record_yet() {
    let (_store, desk, _) = desk().await;
    let made = create(&desk, Entity::Account, None, given(&["name=Roe Ltd"]), &author()).await;
    let Ok(Answer::Done(done)) = made else { panic!("{made:?}") };
    assert!(done.record_id.is_none() && done.to_string().contains("not made over there yet"));
    assert!(done.is_new && done.to_string().contains(": made"), "{done}");
    let id = done.id;

    let gone = answer(&desk, Entity::Account, desk.delete(Entity::Account, &id, &author()).await);
    assert!(matches!(gone.await, Ok(Answer::Done(Done { is_deleted: true, .. }))));
    let again = desk.delete(Entity::Account, &id, &author()).await;
    let again = answer(&desk, Entity::Account, again).await.unwrap();
    let Answer::Refused(refused) = again else { panic!("{again:?}") };
    assert!(refused.to_string().contains("restore it first"), "{refused}");
}

#[tokio::test]
async fn row_is_not_merged_into_itself() {
    let (_store, desk, id) = desk().await;
    let error = merge(&desk, Entity::Account, &id, &id, &author()).await.unwrap_err();
    assert!(shared::chain(&error).to_string().contains("not merged into itself"));
}

#[test]
fn field_is_given_once_and_with_an_equals_sign() {
    assert!(Assignment::parse("court").is_err() && Assignment::parse("=x").is_err());
    let twice = ["a=1", "a=2"].map(|it| Assignment::parse(it).unwrap());
    assert!(texts(twice.to_vec()).is_err());
}

#[test]
fn author_is_the_user_of_the_machine_unless_one_is_named() {
    let env = |name: &str| Env::from_pairs([("USER", name)]);
    let by = |author: Option<&str>| By { author: author.map(|it| PersonId::parse(it).unwrap()) };
    assert_eq!(by(None).person(&env("anna")), "anna");
    assert_eq!(by(Some("ben")).person(&env("anna")), "ben");
    assert_eq!(by(None).person(&env("anna b")), "command-line");
}
