//! The schema changes while the org runs.

use serde_json::{Value as Json, json};

use super::Desk;
use crate::{Seed, Settings};

async fn alter(desk: &Desk, alteration: Json) -> u16 {
    desk.send("POST", "/_sandbox/schema", alteration.to_string(), &[]).await.status
}

async fn last_event(desk: &Desk) -> Json {
    let log = desk.send("GET", "/_sandbox/events?max=1000", String::new(), &[]).await.body;
    log["events"].as_array().unwrap().last().unwrap()["payload"].clone()
}

#[tokio::test]
async fn new_field_is_described_written_queried_and_told_at_once() {
    let desk = Desk::open(Seed::Empty).await;
    let case = desk.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let add = json!({"add": {"object": "Case", "name": "Judge__c", "type": "string", "length": 10,
                             "unique": true, "external_id": true, "label": "Presiding judge"}});

    assert_eq!(alter(&desk, add.clone()).await, 204);
    assert_eq!(alter(&desk, add).await, 400, "it is there already");
    let path = format!("/sobjects/Case/{case}");
    assert_eq!(desk.patch(&path, json!({"Judge__c": "Ito"})).await.status, 204);

    let described = desk.get("/sobjects/Case/describe").await.body;
    let field = described["fields"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&field["name"], &field["label"]), (&json!("Judge__c"), &json!("Presiding judge")));
    assert_eq!(desk.get(&path).await.body["Judge__c"], "Ito");
    let found = desk.query("SELECT Id FROM Case WHERE Judge__c = 'ito'").await.body;
    assert_eq!(found["totalSize"], 1);
    assert_eq!(last_event(&desk).await["Judge__c"], "Ito");
    let same = desk.post("/sobjects/Case", json!({"Subject": "x", "Judge__c": "ITO"})).await;
    assert_eq!(same.body[0]["errorCode"], "DUPLICATE_VALUE");
    let upserted = desk.patch("/sobjects/Case/Judge__c/Ito", json!({"Priority": "High"})).await;
    assert_eq!((upserted.status, &upserted.body["id"]), (200, &json!(case)));
}

#[tokio::test]
async fn removed_field_is_gone_and_its_neighbours_stay() {
    let desk = Desk::open(Seed::Empty).await;
    let fields = json!({"Subject": "x", "Docket_Number__c": "26CV1", "Court__c": "Alameda"});
    let case = desk.create("Case", fields).await;
    let remove = json!({"remove": {"object": "Case", "field": "Docket_Number__c"}});
    let page = desk.query("SELECT Id, Docket_Number__c FROM Case").await;
    assert_eq!(page.status, 200);

    assert_eq!(alter(&desk, remove.clone()).await, 204);

    assert_eq!(alter(&desk, remove).await, 400);
    let row = desk.get(&format!("/sobjects/Case/{case}")).await.body;
    assert_eq!(row["Court__c"], "Alameda");
    assert!(row.get("Docket_Number__c").is_none());
    let refused = desk.query("SELECT Docket_Number__c FROM Case").await;
    assert_eq!(refused.body[0]["errorCode"], "INVALID_FIELD");
    let standard = json!({"remove": {"object": "Case", "field": "Subject"}});
    assert_eq!(alter(&desk, standard).await, 400);
    let again = json!({"add": {"object": "Case", "name": "Docket_Number__c", "type": "double"}});
    assert_eq!(alter(&desk, again).await, 204);
    let row = desk.get(&format!("/sobjects/Case/{case}")).await.body;
    assert_eq!(row["Docket_Number__c"], Json::Null, "values went with the field");
}

#[tokio::test]
async fn retyped_field_keeps_what_fits_and_tells_of_what_does_not() {
    let desk = Desk::open(Seed::Empty).await;
    let fits = desk.create("Case", json!({"Subject": "x", "Docket_Number__c": "42"})).await;
    let lost = desk.create("Case", json!({"Subject": "x", "Docket_Number__c": "26CV1"})).await;

    let retype =
        json!({"change": {"object": "Case", "field": "Docket_Number__c", "type": "double"}});
    assert_eq!(alter(&desk, retype).await, 204);

    let read = async |id: &str| {
        desk.get(&format!("/sobjects/Case/{id}")).await.body["Docket_Number__c"].clone()
    };
    assert_eq!((read(&fits).await, read(&lost).await), (json!(42.0), Json::Null));
    let header = last_event(&desk).await["ChangeEventHeader"].clone();
    assert_eq!(header["changeType"], "GAP_UPDATE");
    assert_eq!(header["recordIds"], json!(["500*"]));
}

#[tokio::test]
async fn shorter_field_cuts_what_is_too_long() {
    let desk = Desk::open(Seed::Empty).await;
    let case = desk.create("Case", json!({"Subject": "x", "Court__c": "Alameda County"})).await;
    desk.pass(60);

    let shorter = json!({"change": {"object": "Case", "field": "Court__c", "length": 7}});
    assert_eq!(alter(&desk, shorter).await, 204);

    let path = format!("/sobjects/Case/{case}");
    let row = desk.get(&path).await.body;
    assert_eq!(row["Court__c"], "Alameda");
    assert_eq!(row["SystemModstamp"], "2026-06-20T12:00:00.000+0000", "nobody changed the row");
    let refused = desk.patch(&path, json!({"Court__c": "Alameda County"})).await;
    assert_eq!(refused.body[0]["errorCode"], "STRING_TOO_LONG");
}

#[tokio::test]
async fn org_may_begin_without_the_field_for_external_ids() {
    let settings =
        Settings { seed: Seed::Firm, has_external_id_field: false, ..Settings::default() };
    let desk = Desk::with(settings).await;

    let described = desk.get("/sobjects/Case/describe").await.body;

    let fields = described["fields"].as_array().unwrap();
    assert!(fields.iter().all(|field| field["externalId"] == false));
    assert_eq!(desk.query("SELECT COUNT() FROM Case").await.body["totalSize"], 10_000);
    let first =
        desk.query("SELECT Account.Name, Court__c FROM Case WHERE Court__c != null LIMIT 1");
    assert!(first.await.body["records"][0]["Account"]["Name"].is_string());
}

#[tokio::test]
async fn shared_external_id_is_a_matter_of_choice() {
    let desk = Desk::open(Seed::Empty).await;
    let add = json!({"add": {"object": "Account", "name": "Ref__c", "type": "string", "length": 10, "external_id": true}});
    assert_eq!(alter(&desk, add).await, 204);
    let one = desk.create("Account", json!({"Name": "Roe LLC", "Ref__c": "A"})).await;
    let two = desk.create("Account", json!({"Name": "Doe LLC", "Ref__c": "a"})).await;

    let upserted = desk.patch("/sobjects/Account/Ref__c/A", json!({"Name": "x"})).await;
    let read = desk.get("/sobjects/Account/Ref__c/A").await;
    let record = json!({"attributes": {"type": "Account"}, "Ref__c": "A", "Name": "x"});
    let several =
        desk.patch("/composite/sobjects/Account/Ref__c", json!({"records": [record]})).await;

    let url = |id: &str| format!("/services/data/v66.0/sobjects/Account/{id}");
    assert_eq!((upserted.status, upserted.body), (300, json!([url(&one), url(&two)])));
    assert_eq!(read.status, 300);
    assert_eq!(several.body[0]["errors"][0]["statusCode"], "DUPLICATE_EXTERNAL_ID");
}
