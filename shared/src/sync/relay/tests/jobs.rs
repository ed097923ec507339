//! Records that go by jobs, and what is left of jobs that died.

use super::org::Death;
use super::*;

async fn many(world: &World, n: usize) -> Vec<(RecordId, EntityId)> {
    let mut accounts = Vec::new();
    for number in 0..n {
        accounts.push(world.account(&format!("acc-{number:03}"), "Acme").await);
    }
    world.pass(5);
    for (number, (_, row)) in accounts.iter().enumerate() {
        world.change(row, "phone", &number.to_string()).await;
    }
    accounts
}

async fn check_sent(world: &World, accounts: &[(RecordId, EntityId)]) {
    for (number, (id, _)) in accounts.iter().enumerate() {
        assert_eq!(world.org.field(id, "Phone"), Some(number.to_string()));
        let edits = world.shadow("Account", id).await.edits;
        assert!(edits.fields.is_empty(), "{edits:?}");
    }
    assert_eq!(world.n_waiting(OutboxStatus::Waiting).await, 0);
}

#[tokio::test]
async fn very_many_go_by_a_job() {
    let world = World::new();
    let accounts = many(&world, 30).await;

    assert_eq!(world.send().await.unwrap().n_sent, 30);

    assert_eq!(world.org.state().calls, ["job Update 30 Account"]);
    check_sent(&world, &accounts).await;
    assert_eq!(world.send().await.unwrap(), RelayTally::default());
}

#[tokio::test]
async fn new_rows_go_by_a_job_and_get_their_names() {
    let world = World::new();
    let mut rows = Vec::new();
    for _ in 0..25 {
        rows.push(world.create(Entity::Account, fields(&[("name", "A")])).await);
    }

    assert_eq!(world.send().await.unwrap().n_sent, 25);

    assert_eq!(world.org.state().calls, ["job Create 25 Account"]);
    for row in &rows {
        let record = world.org.state().external[row].clone();
        let located = world.store.locate(Entity::Account, row).await.unwrap().unwrap();
        assert_eq!(located.record_id, record);
    }
}

#[tokio::test]
async fn job_whose_process_died_is_settled_by_the_next_one() {
    let world = World::new();
    let accounts = many(&world, 30).await;
    world.org.state().dies = Some(Death::AfterStart);
    assert!(world.send().await.is_err());
    assert!(world.shadow("Account", &accounts[0].0).await.edits.flights().next().is_some());

    assert_eq!(world.send().await.unwrap().n_sent, 30);

    assert_eq!(world.org.state().calls, ["job Update 30 Account", "resume"]);
    assert_eq!(world.org.state().writes.len(), 30, "something was sent twice");
    check_sent(&world, &accounts).await;
}

#[tokio::test]
async fn records_of_a_job_that_never_started_are_sent_again() {
    let world = World::new();
    let accounts = many(&world, 30).await;
    world.org.state().dies = Some(Death::BeforeStart);
    assert!(world.send().await.is_err());

    world.send().await.unwrap();

    check_sent(&world, &accounts).await;
    assert_eq!(world.org.state().writes.len(), 30);
}

#[tokio::test]
async fn job_that_somebody_follows_is_left_to_them() {
    let world = World::new();
    let accounts = many(&world, 30).await;
    world.org.state().dies = Some(Death::AfterStart);
    assert!(world.send().await.is_err());
    // As if that process were alive still.
    let name = "relay-job/main/Account";
    let entry = world.ledger.get(name).await.unwrap().unwrap();
    let mut note: serde_json::Value = serde_json::from_str(&entry.value).unwrap();
    note["until"] = serde_json::json!(world.clock.now().plus(Duration::from_mins(1)));
    world.ledger.put(name, &note.to_string(), entry.revision).await.unwrap();

    assert_eq!(world.send().await.unwrap(), RelayTally::default());
    world.pass(60);
    assert_eq!(world.send().await.unwrap().n_sent, 30);
    check_sent(&world, &accounts).await;
}

#[tokio::test]
async fn each_record_of_a_job_is_settled_by_its_own_result() {
    let world = World::new();
    let accounts = many(&world, 24).await;
    let refuse = |place: usize, class, code| {
        let id = accounts[place].0.to_string();
        world.org.state().refusals.insert(id, [refusal(class, code)].into());
    };
    refuse(3, RefusalClass::Permanent, "REQUIRED_FIELD_MISSING");
    refuse(7, RefusalClass::Alone, "UNABLE_TO_LOCK_ROW");

    let tally = world.send().await.unwrap();
    assert_eq!((tally.n_sent, tally.n_held, tally.n_postponed), (22, 1, 1));

    assert_eq!(world.send().await.unwrap().n_sent, 1);
    world.store.resend(&main(), None).await.unwrap();
    assert_eq!(world.send().await.unwrap().n_sent, 1);
    check_sent(&world, &accounts).await;
}

#[tokio::test]
async fn change_that_a_job_overwrote_is_put_back_when_its_event_comes() {
    let world = World::new();
    let accounts = many(&world, 24).await;
    let (id, row) = accounts[5].clone();
    world.pass(10);
    // Later than our edit, so theirs wins; and before the job lands, so it is overwritten.
    world.org.state().meanwhile = vec![(id.clone(), fields(&[("Phone", "theirs")]))];
    let version = world.clock.now().plus(Duration::from_secs(2));
    world.send().await.unwrap();
    assert_eq!(world.org.field(&id, "Phone").as_deref(), Some("5"));

    world.pass(10);
    let event = ChangeEvent {
        event_id: "late".to_owned(),
        key: World::key("Account", &id),
        change: crate::model::Change::Upsert,
        version: Some(version.to_second()),
        scope: Scope::Changed,
        fields: fields(&[("Phone", "theirs")]),
        unread: Vec::new(),
        channel: Channel::ChangeEvent,
        received_at: world.clock.now(),
        is_backfill: false,
        correlation_id: CorrelationId::from_random(3),
    };
    let mappings = salesforce_mappings();
    let inbound = Inbound {
        store: &*world.store,
        crm: &*world.org,
        mapping: mappings.get(&object("Account")).unwrap(),
        actor: "salesforce:main",
    };
    inbound.absorb(&event, Authority::Reported).await.unwrap();
    world.send().await.unwrap();

    assert_eq!(world.org.field(&id, "Phone").as_deref(), Some("theirs"));
    let row = &world.store.rows()[&(Entity::Account, row)];
    assert_eq!(row["phone"].as_text(), Some("theirs"));
}
