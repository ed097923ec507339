//! Changes that are made here, against the store in memory.

use std::sync::Arc;

use super::*;
use crate::error::PortErrorKind;
use crate::ids::{ObjectName, PersonId, RecordId};
use crate::model::{Change, FieldValue};
use crate::ports::case_store_contract::text_fields;
use crate::ports::two_way_contract::HandClock;
use crate::ports::{ConflictFilter, MemoryCaseStore, Outbox as _, OutboxStatus, SystemRandom};
use crate::sync::testing::salesforce_mappings;
use crate::sync::{Authority, MergeContext, Merged, merge};

fn author() -> Author {
    Author {
        actor: "person:anna".to_owned(),
        event_id: "request-1".to_owned(),
        correlation_id: CorrelationId::from_random(1),
    }
}

fn named(connection: &str) -> (ConnectionId, Mappings) {
    (ConnectionId::parse(connection).unwrap(), salesforce_mappings())
}

fn desk_of(store: &Arc<MemoryCaseStore>, connections: &[&str]) -> Desk {
    let clock = Arc::new(HandClock::default());
    let mappings = connections.iter().map(|it| named(it));
    Desk::new(store.clone(), store.clone(), clock, Arc::new(SystemRandom), mappings)
}

/// Takes in an account as the platform holds it at `second`.
async fn report(store: &MemoryCaseStore, second: i64, name: &str, industry: &str) -> EntityId {
    let (connection, mappings) = named("main");
    let object = ObjectName::parse("Account").unwrap();
    let mapping = mappings.get(&object).unwrap();
    let record_id = RecordId::parse("0015f00002J9YYEAA3").unwrap();
    let key = RecordKey { connection, object, record_id };
    let version = crate::time::Timestamp::from_millis(1_700_000_000_000 + second * 1000);
    let event = crate::model::ChangeEvent {
        event_id: format!("e-{second}"),
        key: key.clone(),
        change: Change::Upsert,
        version: Some(version),
        scope: crate::model::Scope::Full,
        fields: text_fields([("Name", name), ("Industry", industry)]),
        unread: Vec::new(),
        channel: Channel::Poll,
        received_at: version,
        is_backfill: false,
        correlation_id: CorrelationId::from_random(2),
    };
    let shadow = store.shadow(&key).await.unwrap();
    let context = MergeContext {
        mapping,
        actor: "salesforce:main",
        authority: Authority::Read,
        reported: None,
    };
    let merged = merge(&event, shadow.as_ref(), context).unwrap();
    let Merged::Write(write) = merged else { panic!("{merged:?}") };
    store.apply(*write).await.unwrap();
    key.entity_id()
}

#[tokio::test]
async fn change_is_written_with_its_author_and_waits_to_be_sent() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main"]);
    let row = report(&store, 1, "Acme", "Law").await;

    let fields = text_fields([("name", "Acme Inc")]);
    let changed = desk.change(Entity::Account, &row, fields.clone(), &author()).await.unwrap();
    assert!(changed.committed.is_some_and(|it| it.change_seq.is_some()));
    let again = desk.change(Entity::Account, &row, fields, &author()).await.unwrap();
    assert_eq!(again.committed, None);

    let audit = store.writes().pop().unwrap().audit.unwrap();
    assert_eq!((audit.actor.as_str(), audit.channel), ("person:anna", Channel::Api));
    let waiting = store.waiting(OutboxStatus::Waiting, None, 10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].correlation_id, author().correlation_id);
}

#[tokio::test]
async fn change_that_somebody_else_was_faster_than_is_made_again() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main"]);
    let row = report(&store, 1, "Acme", "Law").await;
    let change = |name| {
        let (desk, row) = (&desk, row.clone());
        async move { desk.change(Entity::Account, &row, text_fields([("name", name)]), &author()).await }
    };
    store.refuse_next(3);
    change("Acme Inc").await.unwrap();

    store.refuse_next(MAX_TRIES);
    let error = change("Acme Ltd").await.unwrap_err();
    let DeskError::Store(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_the_way_out() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main", "other"]);
    let row = report(&store, 1, "Acme", "Law").await;
    let nowhere = EntityId::from_random(9);
    let name = || text_fields([("name", "A")]);

    let errors = [
        desk.change(Entity::Contact, &row, name(), &author()).await.unwrap_err(),
        desk.change(Entity::Account, &nowhere, name(), &author()).await.unwrap_err(),
        desk.change(Entity::Account, &row, text_fields([("colour", "red")]), &author())
            .await
            .unwrap_err(),
        desk.restore(Entity::Account, &row, &author()).await.unwrap_err(),
        desk.merge(Entity::Account, &row, &row, &author()).await.unwrap_err(),
        desk.create(Entity::Account, None, name(), &author()).await.unwrap_err(),
        desk.create(
            Entity::Account,
            Some(&ConnectionId::parse("third").unwrap()),
            name(),
            &author(),
        )
        .await
        .unwrap_err(),
        desk_of(&store, &["other"]).delete(Entity::Account, &row, &author()).await.unwrap_err(),
    ];
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    for (told, wanted) in told.iter().zip([
        "no contact",
        "no account",
        "`colour` is no field of `account`: write one of `name`",
        "it is not deleted",
        "no account",
        "several connections take account: name one of `main`, `other`",
        "the connection `third` takes no account",
        "the connection `main` takes no account",
    ]) {
        assert!(told.contains(wanted), "{told} does not say: {wanted}");
    }
    assert_eq!(store.writes().len(), 1);
}

#[tokio::test]
async fn conflict_is_decided_for_either_side_or_neither() {
    for (verdict, wanted, waits) in [
        (Verdict::Local, "ours", 1),
        (Verdict::Remote, "theirs", 0),
        (Verdict::Other(FieldValue::text("both")), "both", 1),
    ] {
        let store = Arc::new(MemoryCaseStore::default());
        let (connection, mut mappings) = named("main");
        let object = ObjectName::parse("Account").unwrap();
        let mut mapping = mappings.get(&object).unwrap().clone();
        for field in &mut mapping.fields {
            field.conflicts = crate::sync::ConflictPolicy::Manual;
        }
        mappings = Mappings::new("salesforce", [mapping.clone()]);
        let clock = Arc::new(HandClock::default());
        let random = Arc::new(SystemRandom);
        let desk = Desk::new(store.clone(), store.clone(), clock, random, [(connection, mappings)]);
        let row = report(&store, 1, "Acme", "Law").await;
        let change = text_fields([("industry", "ours")]);
        desk.change(Entity::Account, &row, change, &author()).await.unwrap();
        // The conflict as a merge under that mapping opens it.
        let key = store.locate(Entity::Account, &row).await.unwrap().unwrap();
        let shadow = store.shadow(&key).await.unwrap().unwrap();
        let event = crate::model::ChangeEvent {
            event_id: "e-2".to_owned(),
            key,
            change: Change::Upsert,
            version: Some(crate::time::Timestamp::from_millis(1_900_000_000_000)),
            scope: crate::model::Scope::Changed,
            fields: text_fields([("Industry", "theirs")]),
            unread: Vec::new(),
            channel: Channel::Poll,
            received_at: shadow.version,
            is_backfill: false,
            correlation_id: CorrelationId::from_random(2),
        };
        let context = MergeContext {
            mapping: &mapping,
            actor: "salesforce:main",
            authority: Authority::Reported,
            reported: None,
        };
        let Merged::Write(write) = merge(&event, Some(&shadow), context).unwrap() else {
            panic!("nothing to write")
        };
        store.apply(*write).await.unwrap();
        let filter = ConflictFilter { limit: 10, ..ConflictFilter::default() };
        let id = store.conflicts(&Sight::Everything, &filter).await.unwrap()[0].id;

        let nobody = Sight::Only(PersonId::parse("client").unwrap());
        let unseen = desk.decide(&nobody, id, &verdict, &author()).await.unwrap_err();
        assert!(matches!(unseen, DeskError::NoConflict { .. }), "{unseen}");
        desk.decide(&Sight::Everything, id, &verdict, &author()).await.unwrap();

        let value = store.rows()[&(Entity::Account, row)]["industry"].clone();
        assert_eq!(value.as_text(), Some(wanted));
        let waiting = store.waiting(OutboxStatus::Waiting, None, 10).await.unwrap();
        assert_eq!(waiting.len(), waits, "{wanted}");
        let again = desk.decide(&Sight::Everything, id, &verdict, &author()).await.unwrap_err();
        assert!(matches!(again, DeskError::NoConflict { .. }), "{again}");
    }
}

#[tokio::test]
async fn row_tells_of_each_field_how_it_stands() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main"]);
    let row = report(&store, 1, "Acme", "Law").await;
    let fields = text_fields([("name", "Acme Inc")]);
    desk.change(Entity::Account, &row, fields, &author()).await.unwrap();

    let standing = desk.standing(Entity::Account, &row).await.unwrap();

    assert_eq!((standing.revision, standing.presence), (2, Stand::InStep));
    let of = |name: &str| standing.fields.iter().find(|it| it.field == name).unwrap();
    assert_eq!(of("name").stand, Stand::Waiting);
    assert_eq!(of("name").value, FieldValue::text("Acme Inc"));
    assert_eq!(of("name").remote_value, FieldValue::text("Acme"));
    assert_eq!(of("industry").stand, Stand::InStep);
    assert!(of("industry").can_change);
}

#[tokio::test]
async fn author_who_looked_at_an_older_row_is_refused() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main"]);
    let row = report(&store, 1, "Acme", "Law").await;
    let change = |name, revision| {
        let (desk, row) = (&desk, row.clone());
        let fields = text_fields([("name", name)]);
        async move { desk.change_as_of(Entity::Account, &row, fields, Some(revision), &author()).await }
    };
    change("Acme Inc", 1).await.unwrap();
    let late = change("Acme Ltd", 1).await.unwrap_err();
    assert!(matches!(late, DeskError::ChangedMeanwhile), "{late}");
    change("Acme Ltd", 2).await.unwrap();
}

#[tokio::test]
async fn row_is_made_once_under_its_id() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main"]);
    let id = EntityId::from_random(77);
    let make = |name| {
        let (desk, id) = (&desk, id.clone());
        let fields = text_fields([("name", name)]);
        async move { desk.create_as(Entity::Account, id, None, fields, &author()).await }
    };
    let first = make("Acme").await.unwrap();
    assert_eq!((first.entity_id, first.committed.is_some()), (id.clone(), true));
    let second = make("Acme").await.unwrap();
    assert_eq!((second.entity_id, second.committed), (id.clone(), None));
    assert_eq!(store.writes().len(), 1);
}

#[tokio::test]
async fn id_of_a_merged_row_deletes_nothing() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main"]);
    let merged = report(&store, 1, "Acme", "Law").await;
    let kept = EntityId::from_random(7);
    let name = text_fields([("name", "Acme Inc")]);
    desk.create_as(Entity::Account, kept.clone(), None, name, &author()).await.unwrap();
    desk.merge(Entity::Account, &merged, &kept, &author()).await.unwrap();

    let told = desk.delete(Entity::Account, &merged, &author()).await.unwrap_err().to_string();

    assert!(told.contains(&format!("was merged into `{kept}`")), "{told}");
    let key = store.locate(Entity::Account, &kept).await.unwrap().unwrap();
    assert!(!store.shadow(&key).await.unwrap().unwrap().is_deleted);
    assert!(desk.delete(Entity::Account, &kept, &author()).await.is_ok());
}

#[tokio::test]
async fn every_field_that_would_be_refused_is_named() {
    let store = Arc::new(MemoryCaseStore::default());
    let desk = desk_of(&store, &["main"]);
    let row = report(&store, 1, "Acme", "Law").await;
    let fields = text_fields([("name", "A"), ("colour", "red"), ("flavour", "sweet")]);
    for id in [Some(&row), None] {
        let faults = desk.faults(Entity::Account, id, None, &fields).await.unwrap();
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
