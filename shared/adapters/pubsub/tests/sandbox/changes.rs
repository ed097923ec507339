//! What happens in the org arrives as it happened.

use serde_json::json;
use shared::model::{Change, FieldName, FieldValue, Scope};
use shared::time::Timestamp;

use crate::support::Firm;

#[tokio::test]
async fn every_kind_of_change_arrives_with_what_it_says() {
    let firm = Firm::start().await;
    let _following = firm.follow();
    let account = firm.create("Account", json!({"Name": "Roe Ltd"})).await;
    let contact = firm
        .create(
            "Contact",
            json!({"LastName": "Doe", "AccountId": account, "MailingCity": "Reno", "Email": "a@b.test"}),
        )
        .await;
    let change = json!({"FirstName": "Ann", "MailingCity": null, "MailingStreet": "1 Main St"});
    firm.update("Contact", &contact, change).await;
    firm.call("DELETE", &format!("/services/data/v66.0/sobjects/Contact/{contact}"), json!({}))
        .await;
    firm.call("POST", &format!("/_sandbox/undelete/{contact}"), json!({})).await;

    let events = firm.wait_for(5).await;

    let shown: Vec<_> =
        events.iter().map(|it| (it.key.object.as_str(), it.change, it.scope)).collect();
    assert_eq!(
        shown,
        [
            ("Account", Change::Upsert, Scope::Full),
            ("Contact", Change::Upsert, Scope::Full),
            ("Contact", Change::Upsert, Scope::Changed),
            ("Contact", Change::Delete, Scope::Changed),
            ("Contact", Change::Undelete, Scope::Full),
        ]
    );
    assert_eq!(events[1].fields["LastName"], FieldValue::text("Doe"));
    assert_eq!(events[1].fields["AccountId"], FieldValue::text(&account));
    assert!(events[1].fields["FirstName"].is_null());
    let changed = &events[2].fields;
    let names: Vec<_> = changed.keys().map(FieldName::as_str).collect();
    assert_eq!(names, ["FirstName", "LastModifiedDate", "MailingCity", "MailingStreet"]);
    assert!(changed["MailingCity"].is_null());
    assert_eq!(changed["MailingStreet"], FieldValue::text("1 Main St"));
    assert_eq!(events[4].fields["MailingStreet"], FieldValue::text("1 Main St"));
}

/// A worker compares versions of events with those of records that it read.
#[tokio::test]
async fn version_of_an_event_is_the_stamp_of_the_record() {
    let firm = Firm::start().await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    firm.update("Case", &case, json!({"Status": "Trial"})).await;

    firm.catch_up().await.unwrap();

    let path = format!("/services/data/v66.0/sobjects/Case/{case}?fields=SystemModstamp");
    let record = firm.call("GET", &path, json!({})).await;
    let stamp = Timestamp::parse(record["SystemModstamp"].as_str().unwrap()).unwrap();
    assert_eq!(firm.events()[1].version, Some(stamp));
}

#[tokio::test]
async fn rows_that_changed_alike_are_told_apart() {
    let firm = Firm::start().await;
    let (one, two) = (
        firm.create("Case", json!({"Subject": "1"})).await,
        firm.create("Case", json!({"Subject": "2"})).await,
    );
    let change = |id| json!({"update": {"id": id, "fields": {"Status": "Trial"}}});
    let changes = json!({"changes": [change(&one), change(&two)]});
    firm.call("POST", "/_sandbox/changes", changes).await;

    firm.catch_up().await.unwrap();

    let events = firm.events();
    let ids: Vec<_> = events[2..].iter().map(|it| it.key.record_id.as_str()).collect();
    assert_eq!(ids, [one, two]);
    assert_eq!(events[2].fields, events[3].fields);
}

#[tokio::test]
async fn new_field_in_the_middle_of_the_stream_changes_no_name_of_another() {
    let firm = Firm::start().await;
    let _following = firm.follow();
    let account = firm.create("Account", json!({"Name": "Roe Ltd"})).await;
    firm.update("Account", &account, json!({"Phone": "555"})).await;
    firm.wait_for(2).await;
    let add = json!({"object": "Account", "name": "Judge__c", "type": "string", "length": 80});
    firm.call("POST", "/_sandbox/schema", json!({"add": add})).await;
    firm.update("Account", &account, json!({"Judge__c": "Poe", "Fax": "556"})).await;
    let remove = json!({"remove": {"object": "Account", "field": "Judge__c"}});
    firm.call("POST", "/_sandbox/schema", remove).await;
    firm.update("Account", &account, json!({"Site": "Reno"})).await;

    let events = firm.wait_for(4).await;

    let names = |idx: usize| events[idx].fields.keys().map(FieldName::as_str).collect::<Vec<_>>();
    assert_eq!(names(1), ["LastModifiedDate", "Phone"]);
    assert_eq!(names(2), ["Fax", "Judge__c", "LastModifiedDate"]);
    assert_eq!(names(3), ["LastModifiedDate", "Site"]);
}

#[tokio::test]
async fn gaps_wildcards_and_overflows_ask_for_a_read() {
    let firm = Firm::start().await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    for (kind, ids) in [
        ("GAP_UPDATE", json!([case])),
        ("GAP_DELETE", json!([case])),
        ("GAP_UPDATE", json!(["500*"])),
        ("GAP_OVERFLOW", json!([])),
    ] {
        let order = json!({"type": kind, "object": "Case", "ids": ids});
        firm.call("POST", "/_sandbox/events", order).await;
    }

    firm.catch_up().await.unwrap();

    let events = firm.events();
    let shown: Vec<_> =
        events[1..].iter().map(|it| (it.change, it.key.record_id.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Change::Unknown, case.as_str()),
            (Change::Delete, case.as_str()),
            (Change::Unknown, "000000000000000AAA"),
            (Change::Unknown, "000000000000000AAA"),
        ]
    );
}

#[tokio::test]
async fn large_text_that_is_told_as_a_difference_asks_for_a_read() {
    let firm = Firm::start().await;
    firm.call("PUT", "/_sandbox/policy", json!({"large_text_diffs": true})).await;
    let lines = |last: &str| {
        let lines: Vec<_> = (0..60).map(|line| format!("Line {line} of the pleading")).collect();
        format!("{}\n{last}", lines.join("\n"))
    };
    let case = firm.create("Case", json!({"Subject": "1", "Description": lines("one")})).await;
    firm.update("Case", &case, json!({"Description": lines("two")})).await;

    firm.catch_up().await.unwrap();

    let events = firm.events();
    assert_eq!(events[0].fields["Description"], FieldValue::text(&lines("one")));
    assert_eq!((events[1].change, events[1].fields.len()), (Change::Unknown, 0));
}
