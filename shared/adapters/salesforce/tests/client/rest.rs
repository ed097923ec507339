//! The REST resources of a sandbox org, each with every answer that it has.

use std::time::Duration;

use adapter_salesforce::WriteOptions;
use adapter_salesforce::error::ErrorClass;
use adapter_salesforce::rest::CompositePart;
use adapter_salesforce::rest::{
    CollectionWrite, DeletedAnswer, FieldChange, Graph, GuardedAnswer, GuardedUpdate, NewRecord,
    QueryScope, ReadAnswer, RecordUpdate, SchemaDrift, UpdateAnswer, UpdatedAnswer, UpsertAnswer,
};
use http::Method;
use sandbox_org::{Seed, Settings};
use serde_json::{Value, json};
use shared::ids::SalesforceId;
use shared::model::FieldValue;
use shared::ports::{Clock, SystemClock};
use shared::time::Timestamp;
use shared::{PortErrorKind, chain};

use crate::support::{Act, Peer, fields, object, text};

const KEY: &str = "MoodBridge_Id__c";

async fn empty() -> Peer {
    Peer::start(Settings { seed: Seed::Empty, ..Settings::default() }).await
}

fn no_options() -> WriteOptions {
    WriteOptions::default()
}

/// Waits until the org's stamps, which are whole seconds, are later than they were.
async fn next_second() {
    let now_ms = SystemClock.now().as_millis().rem_euclid(1000);
    tokio::time::sleep(Duration::from_millis(1050 - u64::try_from(now_ms).unwrap())).await;
}

#[tokio::test]
async fn versions_limits_and_counts_are_told() {
    let peer = Peer::start(Settings::default()).await;
    let client = peer.client();
    let versions = client.versions().await.unwrap();
    assert!(versions.iter().any(|it| it.version == client.api_version()));
    assert!(client.serves_version().await.unwrap());
    let limits = client.limits().await.unwrap();
    assert!(limits.remaining("DailyApiRequests").unwrap() > 0);
    let counts = client.record_counts(&[object("Case"), object("Contact")]).await.unwrap();
    assert_eq!((counts["Case"], counts["Contact"]), (10_000, 3_000));
    assert!(client.usage().unwrap().n_used >= 3);
}

#[tokio::test]
async fn describe_is_kept_for_an_hour_and_asked_anew_on_demand() {
    let peer =
        Peer::behind(Settings { seed: Seed::Empty, ..Settings::default() }, |_| Act::Pass).await;
    let client = peer.client();
    for _ in 0..3 {
        let described = client.describe(&object("case")).await.unwrap();
        let shape = described.shape().unwrap();
        assert_eq!(shape.name, "Case");
        assert!(shape.field("subject").unwrap().updateable);
        assert!(shape.field("Status").unwrap().picklist_values.contains(&"New".to_owned()));
    }
    let global = client.describe_global().await.unwrap();
    let json: Value = global.parse().unwrap();
    assert!(json["sobjects"].as_array().unwrap().iter().any(|it| it["name"] == "Case"));
    let line = peer.line.as_ref().unwrap();
    assert_eq!(line.n_seen("GET", "/sobjects/case/describe"), 1);
    client.describe_anew(&object("Case")).await.unwrap();
    assert!(client.take_drifts().is_empty());
    let error = client.describe(&object("Nonsense__c")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
}

#[tokio::test]
async fn record_is_created_read_updated_and_deleted() {
    let peer = empty().await;
    let client = peer.client();
    let case = object("Case");
    let id = client
        .create(
            &case,
            &fields(&[("Subject", text("A v. B")), ("Priority", text("High"))]),
            &no_options(),
        )
        .await
        .unwrap();
    let names = ["Subject".to_owned(), "Priority".to_owned()];
    let read = async |since| client.read_record(&case, &id, &names, since).await.unwrap();
    let ReadAnswer::Found(found) = read(None).await else { panic!() };
    assert_eq!((&found["Subject"], &found["Priority"]), (&text("A v. B"), &text("High")));

    let change = fields(&[("Subject", text("C v. D")), ("Priority", FieldValue::Null)]);
    let written = client.update(&case, &id, &change, None, &no_options()).await.unwrap();
    assert_eq!(written, UpdateAnswer::Written);
    let ReadAnswer::Found(found) = read(None).await else { panic!() };
    assert_eq!((&found["Subject"], &found["Priority"]), (&text("C v. D"), &FieldValue::Null));
    assert_eq!(
        read(Some(SystemClock.now().plus(Duration::from_secs(5)))).await,
        ReadAnswer::NotModified
    );

    assert!(client.delete(&case, &id).await.unwrap());
    assert!(!client.delete(&case, &id).await.unwrap());
    assert_eq!(read(None).await, ReadAnswer::Gone);
    let error = client.update(&case, &id, &change, None, &no_options()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Conflict, "{}", chain(&error));
    // A place that is not there says nothing of a record.
    let error = client.delete(&object("Nonsense__c"), &id).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
}

#[tokio::test]
async fn update_is_written_only_where_nobody_else_wrote_since() {
    let peer = empty().await;
    let client = peer.client();
    let case = object("Case");
    let id = client.create(&case, &fields(&[("Subject", text("A"))]), &no_options()).await.unwrap();
    let rows = peer.rows("SELECT LastModifiedDate FROM Case").await;
    let seen = Timestamp::parse(rows[0]["LastModifiedDate"].as_str().unwrap()).unwrap();
    let update = async |subject: &str| {
        let change = fields(&[("Subject", text(subject))]);
        client.update(&case, &id, &change, Some(seen), &no_options()).await.unwrap()
    };
    assert_eq!(update("B").await, UpdateAnswer::Written);
    next_second().await;
    let path = format!("sobjects/Case/{}", id.as_str());
    peer.call(Method::PATCH, &path, &json!({"Subject": "theirs"})).await;
    assert_eq!(update("ours").await, UpdateAnswer::Changed);
    assert_eq!(peer.rows("SELECT Subject FROM Case").await[0]["Subject"], "theirs");
}

#[tokio::test]
async fn upsert_finds_its_record_by_the_external_id() {
    let peer = empty().await;
    let client = peer.client();
    let case = object("Case");
    let upsert = async |value: &str, subject: &str| {
        client
            .upsert(&case, KEY, value, &fields(&[("Subject", text(subject))]), &no_options())
            .await
            .unwrap()
    };
    let UpsertAnswer::Created(id) = upsert("a/b ?#ü", "one").await else { panic!() };
    assert_eq!(upsert("a/b ?#ü", "two").await, UpsertAnswer::Updated(Some(id)));
    assert_eq!(peer.rows("SELECT Id, Subject FROM Case").await.len(), 1);

    let many =
        Peer::behind(Settings { seed: Seed::Empty, ..Settings::default() }, |seen| {
            match seen.method == "PATCH" {
                true => Act::Answer(300, "application/json", r#"["/services/data/v66.0/a","/b"]"#),
                false => Act::Pass,
            }
        })
        .await;
    let answer = many.client().upsert(&case, KEY, "x", &fields(&[]), &no_options()).await.unwrap();
    assert_eq!(answer, UpsertAnswer::Ambiguous { n_records: 2 });
}

#[tokio::test]
async fn answer_of_a_proxy_is_no_success() {
    let peer =
        Peer::behind(Settings { seed: Seed::Empty, ..Settings::default() }, |seen| {
            match seen.path.contains("/sobjects/") || seen.path.contains("/composite") {
                true => Act::Answer(200, "text/html", "<h1>Sign in</h1>"),
                false => Act::Pass,
            }
        })
        .await;
    let client = peer.client();
    let (case, id) = (object("Case"), SalesforceId::parse("5005f00002J9YYE").unwrap());
    let some = fields(&[("Subject", text("A"))]);
    let records = [NewRecord { object: case.clone(), fields: some.clone() }];
    for error in [
        client.create(&case, &some, &no_options()).await.unwrap_err(),
        client.update(&case, &id, &some, None, &no_options()).await.unwrap_err(),
        client.delete(&case, &id).await.unwrap_err(),
        client.upsert(&case, KEY, "x", &some, &no_options()).await.unwrap_err(),
        client.read_record(&case, &id, &[], None).await.unwrap_err(),
        client
            .write_collection(&CollectionWrite::Create(&records), false, &no_options())
            .await
            .unwrap_err(),
        client.describe(&case).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));
    }
}

#[tokio::test]
async fn query_ends_when_the_org_says_so_and_a_long_one_goes_in_a_body() {
    let peer = Peer::start(Settings::default()).await;
    let client = peer.client();
    let mut rows =
        client.query("Contact", "SELECT Id, Account.Name FROM Contact", QueryScope::Live);
    let mut n_rows = 0;
    while let Some(page) = rows.next_page().await.unwrap() {
        assert!(page.rows.iter().all(|it| it.contains_key("Account.Name")));
        n_rows += page.rows.len();
    }
    assert_eq!(n_rows, 3_000);
    assert!(rows.next_page().await.unwrap().is_none());

    let ids: Vec<String> = peer
        .rows("SELECT Id FROM Contact LIMIT 1500")
        .await
        .iter()
        .map(|it| format!("'{}'", it["Id"].as_str().unwrap()))
        .collect();
    let soql = format!("SELECT Id FROM Contact WHERE Id IN ({})", ids.join(","));
    assert!(soql.len() > 30_000);
    let page = client.query("Contact", &soql, QueryScope::Live).next_page().await.unwrap().unwrap();
    assert_eq!(page.n_total, Some(1500));

    let endless = format!("SELECT Id FROM Contact WHERE Name = '{}'", "x".repeat(100_000));
    let error = client.query("Contact", &endless, QueryScope::Live).next_page().await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn collection_has_one_result_a_record_in_its_order() {
    let peer = empty().await;
    let client = peer.client();
    let contact = |name: FieldValue| NewRecord {
        object: object("Contact"),
        fields: fields(&[("LastName", name)]),
    };
    let records = [contact(text("A")), contact(FieldValue::Null), contact(text("C"))];
    let write = CollectionWrite::Create(&records);

    let results = client.write_collection(&write, false, &no_options()).await.unwrap();
    let ids: Vec<SalesforceId> =
        [0, 2].map(|idx| results[idx as usize].as_ref().unwrap().id.clone()).to_vec();
    let fault = results[1].as_ref().unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.class),
        ("REQUIRED_FIELD_MISSING", ErrorClass::Permanent)
    );
    assert_eq!(fault.names, ["LastName"]);

    let results = client.write_collection(&write, true, &no_options()).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap_err().class, ErrorClass::RetryAlone);

    let updates: Vec<RecordUpdate> = ids
        .iter()
        .map(|id| RecordUpdate {
            object: object("Contact"),
            id: id.clone(),
            fields: fields(&[("Title", text("Partner"))]),
        })
        .collect();
    let write = CollectionWrite::Update(&updates);
    let results = client.write_collection(&write, false, &no_options()).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    let gone = SalesforceId::parse("0030000000zzzzz").unwrap();
    let read = client
        .read_collection(
            &object("Contact"),
            &[ids[1].clone(), gone, ids[0].clone()],
            &["LastName".to_owned(), "Title".to_owned()],
        )
        .await
        .unwrap();
    assert_eq!(read[0].as_ref().unwrap()["LastName"], text("C"));
    assert_eq!(read[1], None);
    assert_eq!(read[2].as_ref().unwrap()["Title"], text("Partner"));

    let contact = object("Contact");
    let records = [
        fields(&[(KEY, text("1")), ("LastName", text("New"))]),
        fields(&[(KEY, text("1")), ("LastName", text("Same"))]),
    ];
    let (one, both) = records.split_at(1);
    let upsert = |records| CollectionWrite::Upsert { object: &contact, external_id: KEY, records };
    let results = client.write_collection(&upsert(one), false, &no_options()).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap().is_created, Some(true));
    let results = client.write_collection(&upsert(both), false, &no_options()).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap().is_created, Some(false));

    let delete = CollectionWrite::Delete(&ids);
    let results = client.write_collection(&delete, false, &no_options()).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(peer.rows("SELECT Id FROM Contact").await.len(), 1);
}

#[tokio::test]
async fn collection_that_no_call_takes_calls_nothing() {
    let peer =
        Peer::behind(Settings { seed: Seed::Empty, ..Settings::default() }, |_| Act::Pass).await;
    let client = peer.client();
    let contact = object("Contact");
    let many = vec![NewRecord { object: contact.clone(), fields: fields(&[]) }; 201];
    let no_key = [fields(&[("LastName", text("A"))])];
    for write in [
        CollectionWrite::Create(&many),
        CollectionWrite::Create(&[]),
        CollectionWrite::Upsert { object: &contact, external_id: KEY, records: &no_key },
    ] {
        let error = client.write_collection(&write, false, &no_options()).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected);
    }
    assert!(peer.line.as_ref().unwrap().seen().is_empty());
}

#[tokio::test]
async fn twenty_five_guarded_updates_go_in_one_call() {
    let peer =
        Peer::behind(Settings { seed: Seed::Empty, ..Settings::default() }, |_| Act::Pass).await;
    let client = peer.client();
    let records: Vec<NewRecord> = (0..25)
        .map(|idx| NewRecord {
            object: object("Case"),
            fields: fields(&[("Subject", text(&format!("{idx}")))]),
        })
        .collect();
    let written = client
        .write_collection(&CollectionWrite::Create(&records), false, &no_options())
        .await
        .unwrap();
    let seen = peer.line.as_ref().unwrap().seen();
    let headers = &seen.last().unwrap().headers;
    assert_eq!(headers["sforce-call-options"], "client=moodbridge");
    assert_eq!(headers["sforce-auto-assign"], "FALSE");
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(!headers.contains_key("sforce-duplicate-rule-header"));
    let rows = peer.rows("SELECT LastModifiedDate FROM Case ORDER BY LastModifiedDate DESC").await;
    let seen = Timestamp::parse(rows[0]["LastModifiedDate"].as_str().unwrap()).unwrap();
    let ids: Vec<SalesforceId> = written.into_iter().map(|it| it.unwrap().id).collect();
    next_second().await;
    let path = format!("sobjects/Case/{}", ids[3].as_str());
    peer.call(Method::PATCH, &path, &json!({"Subject": "theirs"})).await;
    let updates: Vec<GuardedUpdate> = ids
        .iter()
        .enumerate()
        .map(|(idx, id)| GuardedUpdate {
            object: object("Case"),
            id: id.clone(),
            fields: match idx {
                7 => fields(&[("Subject", text(&"x".repeat(300)))]),
                _ => fields(&[("Subject", text("ours"))]),
            },
            unchanged_since: seen,
        })
        .collect();

    let answers = client.update_if_unchanged("Case", &updates, &no_options()).await.unwrap();

    for (idx, answer) in answers.iter().enumerate() {
        match (idx, answer) {
            (3, GuardedAnswer::Changed) => {}
            (7, GuardedAnswer::Failed(fault)) => assert_eq!(fault.code, "STRING_TOO_LONG"),
            (_, GuardedAnswer::Written) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(peer.line.as_ref().unwrap().n_seen("POST", "/composite"), 1);
    assert_eq!(peer.rows("SELECT Id FROM Case WHERE Subject = 'ours'").await.len(), 23);
    let many = vec![updates[0].clone(); 26];
    let error = client.update_if_unchanged("Case", &many, &no_options()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn collection_is_written_and_read_back_in_one_call() {
    let peer =
        Peer::behind(Settings { seed: Seed::Empty, ..Settings::default() }, |_| Act::Pass).await;
    let client = peer.client();
    let case = object("Case");
    let records = [
        fields(&[(KEY, text("1")), ("Subject", text("A"))]),
        fields(&[(KEY, text("2")), ("Subject", text(&"x".repeat(300)))]),
    ];
    let write = CollectionWrite::Upsert { object: &case, external_id: KEY, records: &records };
    let soql =
        format!("SELECT Id, {KEY}, SystemModstamp, CaseNumber FROM Case WHERE {KEY} IN ('1','2')");

    let done = client.write_and_read_back(&write, &soql, &no_options()).await.unwrap();

    let id = &done.results[0].as_ref().unwrap().id;
    assert_eq!(done.results[1].as_ref().unwrap_err().code, "STRING_TOO_LONG");
    let read_back = done.read_back.unwrap();
    let [row] = read_back.rows.as_slice() else { panic!("{read_back:?}") };
    assert_eq!(row["Id"].as_text(), Some(id.as_str()));
    assert!(row["SystemModstamp"].as_text().is_some() && row["CaseNumber"].as_text().is_some());
    let calls = peer.line.as_ref().unwrap().seen();
    assert_eq!(calls.iter().filter(|it| it.path.contains("/services/data")).count(), 1);
}

#[tokio::test]
async fn query_that_fails_behind_a_write_loses_no_result() {
    let peer = empty().await;
    let records = [NewRecord { object: object("Case"), fields: fields(&[("Subject", text("A"))]) }];
    let write = CollectionWrite::Create(&records);
    let soql = "SELECT Nonsense__c FROM Case";
    let done = peer.client().write_and_read_back(&write, soql, &no_options()).await.unwrap();
    assert!(done.results[0].is_ok());
    assert_eq!(done.read_back, None);
    assert_eq!(peer.rows("SELECT Id FROM Case").await.len(), 1);
}

#[tokio::test]
async fn graph_is_written_whole_or_not_at_all() {
    let peer = empty().await;
    let client = peer.client();
    let part = |name: &str, object: &str, body: Value| {
        let url = format!("/services/data/v66.0/sobjects/{object}");
        CompositePart::new(&Method::POST, url, name.to_owned(), body)
    };
    let graph = |id: &str, last_name: Value| Graph {
        graph_id: id.to_owned(),
        composite_request: vec![
            part("account", "Account", json!({"Name": id})),
            part(
                "contact",
                "Contact",
                json!({"LastName": last_name, "AccountId": "@{account.id}"}),
            ),
        ],
    };
    let graphs = [graph("good", json!("Smith")), graph("bad", Value::Null)];

    let answers = client.graph("Account", &graphs, &no_options()).await.unwrap();

    assert_eq!((answers[0].is_successful, answers[1].is_successful), (true, false));
    assert_eq!(answers[0].parts.len(), 2);
    assert!(answers[1].parts.iter().all(|it| it.fault().is_some()));
    let names: Vec<_> = peer.rows("SELECT Name FROM Account").await;
    assert_eq!(names.len(), 1);
    assert_eq!(names[0]["Name"], "good");
}

#[tokio::test]
async fn next_window_begins_where_the_org_says_that_this_one_is_complete() {
    let peer = empty().await;
    let client = peer.client();
    let case = object("Case");
    let id = client.create(&case, &fields(&[("Subject", text("A"))]), &no_options()).await.unwrap();
    let gone =
        client.create(&case, &fields(&[("Subject", text("B"))]), &no_options()).await.unwrap();
    client.delete(&case, &gone).await.unwrap();
    next_second().await;
    let until = SystemClock.now().plus(Duration::from_secs(60));
    let from = until.minus(Duration::from_secs(600));

    let UpdatedAnswer::Ids { ids, complete_until } =
        client.updated(&case, from, until).await.unwrap()
    else {
        panic!()
    };
    assert!(ids.contains(&id) && !ids.contains(&gone));
    assert!(complete_until <= until);
    let DeletedAnswer::Records { records, .. } = client.deleted(&case, from, until).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(records.iter().map(|it| &it.id).collect::<Vec<_>>(), [&gone]);

    let old = until.minus(Duration::from_secs(40 * 24 * 3600));
    assert_eq!(client.updated(&case, old, until).await.unwrap(), UpdatedAnswer::LogTooShort);
    assert!(matches!(
        client.deleted(&case, old, until).await.unwrap(),
        DeletedAnswer::LogTooShort { .. }
    ));
    for (code, wanted) in [
        (r#"[{"errorCode":"EXCEEDED_ID_LIMIT","message":"x"}]"#, UpdatedAnswer::TooMany),
        (r#"[{"errorCode":"INVALID_REPLICATION_DATE","message":"x"}]"#, UpdatedAnswer::LogTooShort),
    ] {
        let peer =
            Peer::behind(Settings { seed: Seed::Empty, ..Settings::default() }, move |seen| {
                match seen.is("GET", "/updated") {
                    true => Act::Answer(400, "application/json", code),
                    false => Act::Pass,
                }
            })
            .await;
        assert_eq!(peer.client().updated(&case, from, until).await.unwrap(), wanted);
    }
}

#[tokio::test]
async fn field_that_appears_in_the_org_is_seen_as_drift() {
    let peer = empty().await;
    let client = peer.client();
    let before = client.describe(&object("Case")).await.unwrap();
    let metadata = json!({"type": "Text", "label": "Fresh", "length": 20});
    let field = json!({"FullName": "Case.Fresh__c", "Metadata": metadata});
    let made = peer.call(Method::POST, "tooling/sobjects/CustomField", &field).await;

    client.describe_anew(&object("Case")).await.unwrap();
    let drifts = client.take_drifts();
    assert_eq!(drifts[0].new_fields, ["Fresh__c"]);

    let path = format!("tooling/sobjects/CustomField/{}", made["id"].as_str().unwrap());
    peer.call(Method::PATCH, &path, &json!({"Metadata": {"length": 10}})).await;
    let after = client.describe_anew(&object("Case")).await.unwrap();
    let SchemaDrift { changed_fields, .. } = &client.take_drifts()[0];
    assert_eq!(changed_fields[0].changes, [FieldChange::Length { from: 20, to: 10 }]);
    assert_ne!(before.shape().unwrap().fingerprint(), after.shape().unwrap().fingerprint());
}
