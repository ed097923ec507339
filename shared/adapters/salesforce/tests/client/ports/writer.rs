//! Records that are written by calls: each has a result, and the same twice does no harm.

use adapter_salesforce::SalesforceCrm;
use http::Method;
use sandbox_org::{Clock, Policy, Seed, Settings, ValidationRule};
use serde_json::json;
use shared::PortErrorKind;
use shared::ids::{EntityId, RecordId};
use shared::model::FieldValue;
use shared::ports::{
    Clock as _, Crm, CrmWriter, Refusal, RefusalClass, RemoteRecord, RemoteWrite, SystemClock,
    Target, WriteResult,
};
use shared::time::Timestamp;

use crate::support::{Act, Peer, Seen, fields, object, text};

const KEY: &str = "MoodBridge_Id__c";

fn settings() -> Settings {
    Settings { seed: Seed::Empty, ..Settings::default() }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

fn own(number: u128) -> EntityId {
    EntityId::from_random(number)
}

fn new(number: u128, values: &[(&str, FieldValue)]) -> RemoteWrite {
    let target = Target::New(own(number));
    RemoteWrite { target, fields: fields(values), unmodified_since: None }
}

fn change(id: &RecordId, values: &[(&str, FieldValue)]) -> RemoteWrite {
    let target = Target::Known(id.clone());
    RemoteWrite { target, fields: fields(values), unmodified_since: None }
}

fn guarded(id: &RecordId, since: Timestamp, values: &[(&str, FieldValue)]) -> RemoteWrite {
    RemoteWrite { unmodified_since: Some(since), ..change(id, values) }
}

fn done(result: &WriteResult) -> (RecordId, Option<RemoteRecord>) {
    match result {
        WriteResult::Done { record_id, state } => (record_id.clone(), state.clone()),
        other => panic!("not written: {other:?}"),
    }
}

fn refusal(result: &WriteResult) -> Refusal {
    match result {
        WriteResult::Refused(refusal) => refusal.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Makes accounts with these names; returns their ids and how they stand.
async fn accounts(crm: &SalesforceCrm, given: &[&str]) -> Vec<(RecordId, RemoteRecord)> {
    let writes: Vec<_> = (1..).zip(given).map(|(no, it)| new(no, &[("Name", text(it))])).collect();
    let results = crm.save(&object("Account"), &writes, &names(&["Name"])).await.unwrap();
    results.iter().map(done).map(|(id, state)| (id, state.unwrap())).collect()
}

#[tokio::test]
async fn new_record_that_is_sent_twice_is_one_record() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let write = [new(1, &[("Name", text("Acme"))]), new(2, &[("Name", text("Other"))])];

    let first = crm.save(&object("Account"), &write, &names(&["Name", "Phone"])).await.unwrap();
    let again = crm.save(&object("Account"), &write, &names(&["Name"])).await.unwrap();

    let (id, state) = done(&first[0]);
    let state = state.unwrap();
    assert_eq!(state.fields, fields(&[("Name", text("Acme")), ("Phone", FieldValue::Null)]));
    assert_eq!((&state.record_id, state.is_deleted, state.unread.len()), (&id, false, 0));
    assert_eq!(done(&again[0]).0, id);
    let rows = peer.rows(&format!("SELECT Id, {KEY} FROM Account ORDER BY Name")).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][KEY], json!(own(1).as_str()));
}

#[tokio::test]
async fn lost_answer_to_a_create_makes_no_second_record() {
    let lose = |seen: &Seen| match seen {
        it if it.is("POST", "/composite") && it.n_before == 0 => Act::LoseAnswer,
        _ => Act::Pass,
    };
    let peer = Peer::behind(settings(), lose).await;
    let crm = SalesforceCrm::over(peer.client());
    let write = [new(1, &[("Name", text("Acme"))])];

    let error = crm.save(&object("Account"), &write, &names(&["Name"])).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    done(&crm.save(&object("Account"), &write, &names(&["Name"])).await.unwrap()[0]);

    assert_eq!(peer.rows("SELECT Id FROM Account").await.len(), 1);
}

#[tokio::test]
async fn guarded_write_is_refused_after_a_remote_change_and_the_others_are_done() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["A", "B"]).await;
    let (a, b) = (&made[0].0, &made[1].0);
    let since = made[0].1.version;
    // The stamp of what somebody changes must be of a later second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let path = format!("sobjects/Account/{a}");
    peer.call(Method::PATCH, &path, &json!({"Phone": "theirs"})).await;

    let writes = [
        guarded(a, since, &[("Phone", text("ours"))]),
        guarded(b, since, &[("Phone", text("ours"))]),
    ];
    let results = crm.save(&object("Account"), &writes, &names(&["Phone"])).await.unwrap();

    assert_eq!(results[0], WriteResult::Changed);
    let state = done(&results[1]).1.unwrap();
    assert_eq!(state.fields["Phone"], text("ours"));
    assert!(state.version > since);
    let read = crm.read(&object("Account"), a, &names(&["Phone"])).await.unwrap().unwrap();
    assert_eq!(read.fields["Phone"], text("theirs"));
    let own = [guarded(a, read.version, &[("Phone", FieldValue::Null)])];
    let results = crm.save(&object("Account"), &own, &names(&["Phone"])).await.unwrap();
    assert_eq!(done(&results[0]).1.unwrap().fields["Phone"], FieldValue::Null);
}

#[tokio::test]
async fn call_of_every_kind_of_write_keeps_their_order_and_its_bounds() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["A", "B"]).await;
    let limits = crm.limits();
    let now = crm.health().await.unwrap().remote_now.plus(std::time::Duration::from_secs(60));

    let writes = [
        guarded(&made[1].0, now, &[("Site", text("guarded"))]),
        new(7, &[("Name", text("New"))]),
        change(&made[0].0, &[("Site", text("free"))]),
    ];
    let results = crm.save(&object("Account"), &writes, &names(&["Site"])).await.unwrap();
    assert_eq!(done(&results[0]).0, made[1].0);
    assert_eq!(done(&results[2]).1.unwrap().fields["Site"], text("free"));
    assert!(!made.iter().any(|it| it.0 == done(&results[1]).0));

    let full: Vec<_> =
        (0..limits.max_guarded).map(|_| guarded(&made[0].0, now, &[("Site", text("x"))])).collect();
    assert!(crm.save(&object("Account"), &full, &[]).await.is_ok());
    for (n_records, since) in [(limits.max_guarded + 1, Some(now)), (limits.max_records + 1, None)]
    {
        let write = RemoteWrite { unmodified_since: since, ..change(&made[0].0, &[]) };
        let error = crm.save(&object("Account"), &vec![write; n_records], &[]).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected);
    }
    let guard_of_nothing = RemoteWrite { unmodified_since: Some(now), ..new(9, &[]) };
    let error = crm.save(&object("Account"), &[guard_of_nothing], &[]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(crm.save(&object("Account"), &[], &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn locked_and_crowded_records_are_for_one_alone() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["A", "B", "C"]).await;
    let writes: Vec<_> = made.iter().map(|it| change(&it.0, &[("Phone", text("1"))])).collect();
    let lock = json!({"ids": [made[1].0.as_str()], "n": 2});
    peer.call(Method::POST, "/_sandbox/locks", &lock).await;

    let results = crm.save(&object("Account"), &writes, &names(&["Phone"])).await.unwrap();
    done(&results[0]);
    done(&results[2]);
    let locked = refusal(&results[1]);
    assert_eq!(locked.class, RefusalClass::Alone);
    assert_eq!(locked.setback.code, "UNABLE_TO_LOCK_ROW");
    let guard = [guarded(&made[1].0, made[1].1.version, &[("Phone", text("1"))])];
    let results = crm.save(&object("Account"), &guard, &[]).await.unwrap();
    assert_eq!(refusal(&results[0]).class, RefusalClass::Alone);

    let policy = Policy { max_trigger_rows: Some(1), ..Policy::default() };
    peer.call(Method::PUT, "/_sandbox/policy", &serde_json::to_value(&policy).unwrap()).await;
    let results = crm.save(&object("Account"), &writes, &names(&["Phone"])).await.unwrap();
    for result in &results {
        assert_eq!(refusal(result).class, RefusalClass::Alone, "{result:?}");
    }
    let results = crm.save(&object("Account"), &writes[..1], &names(&["Phone"])).await.unwrap();
    done(&results[0]);
}

#[tokio::test]
async fn refusal_names_the_field_and_the_fix_and_no_value() {
    let rule = ValidationRule {
        object: "Account".into(),
        field: "Site".into(),
        must_not_be: json!("hunter2"),
        message: "hunter2 is not a site".into(),
        at_field: true,
    };
    let policy = Policy { validation_rules: vec![rule], ..Policy::default() };
    let peer = Peer::start(Settings { policy, ..settings() }).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["A", "B"]).await;
    let now = crm.health().await.unwrap().remote_now.plus(std::time::Duration::from_secs(60));
    let bad = [("Site", text("hunter2"))];
    let good = [("Site", text("fine"))];

    let free = [
        change(&made[0].0, &bad),
        change(&made[1].0, &good),
        new(5, &[("Name", text("N")), ("Site", text("hunter2"))]),
        new(6, &[("Site", text("no name"))]),
    ];
    let with_guard = [guarded(&made[0].0, now, &bad), guarded(&made[1].0, now, &good)];
    let free = crm.save(&object("Account"), &free, &[]).await.unwrap();
    let with_guard = crm.save(&object("Account"), &with_guard, &[]).await.unwrap();

    for result in [&free[0], &free[2], &with_guard[0]] {
        let Refusal { class, setback } = refusal(result);
        assert_eq!(class, RefusalClass::Permanent);
        assert_eq!(setback.code, "FIELD_CUSTOM_VALIDATION_EXCEPTION");
        assert_eq!(setback.fields, ["Site"]);
        assert!(setback.words.contains("rule") && !format!("{setback:?}").contains("hunter2"));
    }
    let missing = refusal(&free[3]).setback;
    assert_eq!(
        (missing.code.as_str(), missing.fields.as_slice()),
        ("REQUIRED_FIELD_MISSING", &names(&["Name"])[..])
    );
    done(&free[1]);
    done(&with_guard[1]);
}

#[tokio::test]
async fn missing_record_is_gone_and_a_bad_lookup_is_not() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let account = accounts(&crm, &["A"]).await.remove(0).0;
    let person = [("LastName", text("Smith")), ("AccountId", text(account.as_str()))];
    let contacts =
        crm.save(&object("Contact"), &[new(1, &person), new(2, &person)], &[]).await.unwrap();
    let (here, bin) = (done(&contacts[0]).0, done(&contacts[1]).0);
    done(&crm.delete(&object("Contact"), std::slice::from_ref(&bin)).await.unwrap()[0]);
    let never = RecordId::parse("0035f00002J9YYEAA3").unwrap();
    let now = crm.health().await.unwrap().remote_now.plus(std::time::Duration::from_secs(60));
    let title = [("Title", text("T"))];
    let lookup = [("AccountId", text("0015f00002J9YYEAA3"))];

    for guard in [None, Some(now)] {
        let write = |id: &RecordId, values: &[(&str, FieldValue)]| RemoteWrite {
            unmodified_since: guard,
            ..change(id, values)
        };
        let writes = [write(&bin, &title), write(&never, &title), write(&here, &lookup)];
        let results = crm.save(&object("Contact"), &writes, &names(&["Title"])).await.unwrap();
        let classes: Vec<_> = results.iter().map(|it| refusal(it).class).collect();
        let wanted = [RefusalClass::Gone, RefusalClass::Gone, RefusalClass::Permanent];
        assert_eq!(classes, wanted, "{results:?}");
    }
    let orphan = [("LastName", text("S")), lookup[0].clone()];
    let results = crm.save(&object("Contact"), &[new(3, &orphan)], &[]).await.unwrap();
    assert_eq!(refusal(&results[0]).class, RefusalClass::Permanent);
}

#[tokio::test]
async fn org_without_the_external_id_is_told_to_be_set_up() {
    let peer = Peer::start(Settings { has_external_id_field: false, ..settings() }).await;
    let crm = SalesforceCrm::over(peer.client());
    let writes = [new(1, &[("Name", text("A"))]), new(2, &[("Name", text("B"))])];

    let results = crm.save(&object("Account"), &writes, &names(&["Name", KEY])).await.unwrap();

    for result in &results {
        let Refusal { class, setback } = refusal(result);
        assert_eq!(
            (class, setback.fields.as_slice()),
            (RefusalClass::Permanent, &names(&[KEY])[..])
        );
        assert!(setback.words.contains("run the set-up"), "{}", setback.words);
    }
    assert_eq!(crm.find(&object("Account"), &own(1), &[]).await.unwrap(), None);

    let setup = crm.client().setup();
    setup.ensure_external_id(&object("Account")).await.unwrap();
    let results = crm.save(&object("Account"), &writes, &names(&["Name", KEY])).await.unwrap();
    let (id, state) = done(&results[0]);
    assert_eq!(state.unwrap().fields[KEY], text(own(1).as_str()));
    let found = crm.find(&object("Account"), &own(1), &[]).await.unwrap().unwrap();
    assert_eq!(found.record_id, id);
}

#[tokio::test]
async fn records_are_read_in_their_order_from_the_bin_too_at_the_orgs_time() {
    let clock = Clock::new(|| SystemClock.now().as_millis() + 3_600_000);
    let peer = Peer::start(Settings { clock, ..settings() }).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["A", "B"]).await;
    crm.delete(&object("Account"), &[made[1].0.clone()]).await.unwrap();
    let never = RecordId::parse("0015f00002J9YYEAA3").unwrap();
    let ids = [made[1].0.clone(), never, made[0].0.clone(), made[1].0.clone()];

    let read = crm
        .read_many(&object("Account"), &ids, &names(&["Name", "Nothing__c", "BillingAddress"]))
        .await
        .unwrap();

    let [first, second, third, fourth] = read.records.as_slice() else { panic!("{read:?}") };
    assert_eq!(second, &None);
    assert_eq!(first, fourth);
    let (first, third) = (first.as_ref().unwrap(), third.as_ref().unwrap());
    assert!(first.is_deleted && !third.is_deleted);
    assert_eq!(third.fields, fields(&[("Name", text("A"))]));
    assert_eq!(third.unread, ["Nothing__c", "BillingAddress"]);
    assert!(crm.read_many(&object("Account"), &[], &[]).await.unwrap().records.is_empty());
    // The org's clock is an hour ahead of ours.
    let ahead = read.read_at.since(SystemClock.now()).as_secs();
    assert!((3_590..3_600).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn deleted_record_stays_deleted_and_comes_back_when_told() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["A", "B"]).await;
    let ids = [made[0].0.clone(), made[1].0.clone()];
    let never = RecordId::parse("0015f00002J9YYEAA3").unwrap();

    for _ in 0..2 {
        let results = crm.delete(&object("Account"), &ids[..1]).await.unwrap();
        assert_eq!(done(&results[0]).0, ids[0]);
    }
    assert_eq!(peer.rows("SELECT Id FROM Account").await.len(), 1);
    let gone = crm.delete(&object("Account"), std::slice::from_ref(&never)).await.unwrap();
    assert_eq!(refusal(&gone[0]).class, RefusalClass::Gone);

    let all = [ids[0].clone(), ids[1].clone(), never];
    let results = crm.undelete(&object("Account"), &all).await.unwrap();
    assert_eq!(done(&results[0]).0, ids[0]);
    assert_eq!(done(&results[1]).0, ids[1], "it was never away");
    assert_eq!(refusal(&results[2]).class, RefusalClass::Permanent);
    assert_eq!(peer.rows("SELECT Id FROM Account").await.len(), 2);
    let too_many = vec![ids[0].clone(); crm.limits().max_records + 1];
    let error = crm.delete(&object("Account"), &too_many).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn merge_that_was_done_already_is_done() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["Winner", "Loser", "Other"]).await;
    let (winner, loser) = (&made[0].0, &made[1].0);

    for _ in 0..2 {
        let result = crm.merge(&object("Account"), winner, loser).await.unwrap();
        assert_eq!(&done(&result).0, winner);
    }
    let other = crm.merge(&object("Account"), &made[2].0, loser).await.unwrap();
    assert_eq!(refusal(&other).class, RefusalClass::Gone);
    let rows = peer.rows("SELECT Id FROM Account").await;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|it| it["Id"] == winner.as_str()));
}

#[tokio::test]
async fn record_is_found_by_our_id_even_in_the_bin() {
    let peer = Peer::start(settings()).await;
    let crm = SalesforceCrm::over(peer.client());
    let made = accounts(&crm, &["A"]).await;
    let find = || async { crm.find(&object("Account"), &own(1), &[]).await };

    assert_eq!(find().await.unwrap().unwrap().record_id, made[0].0);
    crm.delete(&object("Account"), &[made[0].0.clone()]).await.unwrap();
    assert!(find().await.unwrap().unwrap().is_deleted);
    // A record that was made anew for the row comes first.
    let again = accounts(&crm, &["A"]).await;
    assert_eq!(find().await.unwrap().unwrap().record_id, again[0].0);
    assert_eq!(crm.find(&object("Account"), &own(99), &[]).await.unwrap(), None);
}
