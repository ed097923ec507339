//! Why the org refuses records: rules of an administrator, field security, limits.

use serde_json::{Value as Json, json};

use super::{Answer, Desk};
use crate::{DuplicateRule, Policy, Seed, Settings, ValidationRule};

async fn ruled(policy: Policy) -> Desk {
    Desk::with(Settings { seed: Seed::Empty, policy, ..Settings::default() }).await
}

fn told(answer: &Answer) -> (u16, &str, &str) {
    let error = &answer.body[0];
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    (answer.status, text("errorCode"), text("message"))
}

async fn alter(desk: &Desk, alteration: Json) {
    let answer = desk.send("POST", "/_sandbox/schema", alteration.to_string(), &[]).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

#[tokio::test]
async fn validation_rule_speaks_in_its_own_words() {
    let rule = ValidationRule {
        object: "Case".into(),
        field: "Status".into(),
        must_not_be: json!("Trial"),
        message: "A case goes to trial by order of a partner.".into(),
        at_field: true,
    };
    let desk = ruled(Policy { validation_rules: vec![rule], ..Policy::default() }).await;
    let case = desk.create("Case", json!({"Subject": "Doe v. Roe"})).await;

    let refused = desk.patch(&format!("/sobjects/Case/{case}"), json!({"Status": "TRIAL"})).await;

    let message = "A case goes to trial by order of a partner.";
    assert_eq!(told(&refused), (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message));
    assert_eq!(refused.body[0]["fields"], json!(["Status"]));
}

#[tokio::test]
async fn duplicate_rule_alerts_or_blocks() {
    let rule = |allow_save| DuplicateRule {
        object: "Contact".into(),
        name: "Standard_Contact_Duplicate_Rule".into(),
        fields: vec!["Email".into()],
        allow_save,
    };
    let create = async |desk: &Desk, insists: bool| {
        let body = json!({"LastName": "Roe", "Email": "Roe@example.com"}).to_string();
        let header =
            [("sforce-duplicate-rule-header", "allowSave=true; includeRecordDetails=true")];
        let headers = if insists { &header[..] } else { &[] };
        desk.send("POST", "/services/data/v66.0/sobjects/Contact", body, headers).await
    };

    for (allow_save, insisting) in [(true, 201), (false, 400)] {
        let desk =
            ruled(Policy { duplicate_rules: vec![rule(allow_save)], ..Policy::default() }).await;
        let first =
            desk.create("Contact", json!({"LastName": "Doe", "Email": "roe@example.com"})).await;
        let refused = create(&desk, false).await;

        assert_eq!(told(&refused), (400, "DUPLICATES_DETECTED", "Use one of these records?"));
        let result = &refused.body[0]["duplicateResult"];
        assert_eq!(result["allowSave"], json!(allow_save));
        assert_eq!(result["duplicateRule"], "Standard_Contact_Duplicate_Rule");
        assert_eq!(result["matchResults"][0]["matchRecords"][0]["record"]["Id"], json!(first));
        let record =
            json!({"attributes": {"type": "Contact"}, "LastName": "x", "Email": "roe@example.com"});
        let several = desk.post("/composite/sobjects", json!({"records": [record]})).await.body;
        let error = &several[0]["errors"][0];
        assert_eq!(error["statusCode"], "DUPLICATES_DETECTED");
        assert_eq!(error["duplicateResult"]["allowSave"], json!(allow_save));
        assert_eq!(create(&desk, true).await.status, insisting);
    }
}

#[tokio::test]
async fn restricted_picklist_takes_its_words_only() {
    let desk = Desk::open(Seed::Empty).await;
    let case = desk.create("Case", json!({"Subject": "x", "Origin": "Carrier pigeon"})).await;
    alter(
        &desk,
        json!({"change": {"object": "Case", "field": "Origin", "values": ["Phone", "Email"], "restricted": true}}),
    )
    .await;

    let path = format!("/sobjects/Case/{case}");
    let refused = desk.patch(&path, json!({"Origin": "Web"})).await;
    let taken = desk.patch(&path, json!({"Subject": "y"})).await;

    assert_eq!(told(&refused).1, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    assert_eq!(refused.body[0]["fields"], json!(["Origin"]));
    assert_eq!(taken.status, 204, "rows keep what they have");
    assert_eq!(desk.get(&path).await.body["Origin"], "Carrier pigeon");
}

#[tokio::test]
async fn hidden_field_is_not_there_and_read_only_one_is_not_written() {
    let desk = Desk::open(Seed::Empty).await;
    let case = desk.create("Case", json!({"Subject": "x", "Docket_Number__c": "26CV1"})).await;
    let path = format!("/sobjects/Case/{case}");
    let access = |access: &str| json!({"change": {"object": "Case", "field": "Docket_Number__c", "access": access}});

    alter(&desk, access("read_only")).await;
    let refused = desk.patch(&path, json!({"Docket_Number__c": "26CV2"})).await;
    assert_eq!(told(&refused).1, "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert!(told(&refused).2.starts_with("Unable to create/update fields: Docket_Number__c."));
    assert_eq!(desk.get(&path).await.body["Docket_Number__c"], "26CV1");

    alter(&desk, access("hidden")).await;
    let refused = desk.patch(&path, json!({"Docket_Number__c": "26CV2"})).await;
    let message = "No such column 'Docket_Number__c' on sobject of type Case";
    assert_eq!(told(&refused), (400, "INVALID_FIELD", message));
    let query = desk.query("SELECT Docket_Number__c FROM Case").await;
    assert_eq!(told(&query).1, "INVALID_FIELD");
    assert!(desk.get(&path).await.body.get("Docket_Number__c").is_none());
    let described = desk.get("/sobjects/Case/describe").await.body;
    let names: Vec<&Json> =
        described["fields"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
    assert!(!names.contains(&&json!("Docket_Number__c")));

    alter(&desk, access("full")).await;
    assert_eq!(desk.get(&path).await.body["Docket_Number__c"], "26CV1");
}

#[tokio::test]
async fn platform_limits_refuse_records() {
    let policy = Policy { max_trigger_rows: Some(3), max_rows: Some(12), ..Policy::default() };
    let desk = ruled(policy).await;
    let create = async |n: usize| {
        let records: Vec<Json> =
            (0..n).map(|_| json!({"attributes": {"type": "Account"}, "Name": "Roe LLC"})).collect();
        desk.post("/composite/sobjects", json!({"records": records})).await.body
    };

    let too_many = create(4).await;
    let enough = create(3).await;

    let error = &too_many[3]["errors"][0];
    assert_eq!(error["statusCode"], "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
    assert!(error["message"].as_str().unwrap().contains("System.LimitException"));
    assert_eq!(enough[2]["success"], true);
    // Users and the organization take room too.
    let mut full = Json::Null;
    for _ in 0..3 {
        full = create(3).await;
    }
    assert_eq!(full[2]["errors"][0]["statusCode"], "STORAGE_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn rows_must_make_sense_as_a_whole() {
    let desk = Desk::open(Seed::Empty).await;
    let parent = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let child = desk.create("Account", json!({"Name": "Roe Ltd.", "ParentId": parent})).await;
    let users = desk.query("SELECT Id FROM User ORDER BY Id").await.body["records"].clone();
    let user = users[1]["Id"].clone();

    let circle =
        desk.patch(&format!("/sobjects/Account/{parent}"), json!({"ParentId": child})).await;
    let own = desk.patch(&format!("/sobjects/Account/{parent}"), json!({"ParentId": parent})).await;
    let large =
        desk.patch(&format!("/sobjects/Account/{parent}"), json!({"NumberOfEmployees": 1e9})).await;

    assert_eq!(told(&circle).1, "CIRCULAR_DEPENDENCY");
    assert_eq!(told(&own).1, "CIRCULAR_DEPENDENCY");
    assert_eq!(told(&large).1, "NUMBER_OUTSIDE_VALID_RANGE");
    let owned = desk.patch(&format!("/sobjects/Account/{parent}"), json!({"OwnerId": user})).await;
    assert_eq!(owned.status, 204);
}

#[tokio::test]
async fn writing_to_what_is_gone_is_told_apart() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let path = format!("/sobjects/Account/{account}");
    desk.inside(vec![json!({"delete": {"id": account}})]).await;

    let update = desk.patch(&path, json!({"Site": "x"})).await;
    let child =
        desk.post("/sobjects/Contact", json!({"LastName": "Roe", "AccountId": account})).await;
    let never = desk.patch("/sobjects/Account/001Mb00000000ZZ", json!({"Site": "x"})).await;
    let record = json!({"attributes": {"type": "Account"}, "id": account, "Site": "x"});
    let several = desk.patch("/composite/sobjects", json!({"records": [record]})).await.body;

    let deleted =
        json!([{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]);
    assert_eq!((update.status, update.body), (404, deleted));
    assert_eq!(told(&child).1, "ENTITY_IS_DELETED");
    assert_eq!(told(&never), (404, "NOT_FOUND", "The requested resource does not exist"));
    let error =
        json!({"statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": []});
    assert_eq!(several[0], json!({"id": account, "success": false, "errors": [error]}));
}
