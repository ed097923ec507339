//! Deletes, undeletes, merges, and what is gone for good.

use serde_json::{Value as Json, json};

use super::Desk;
use crate::Seed;

const WINDOW: &str = "?start=2026-06-20T11:00:00%2B00:00&end=2026-06-20T13:00:00%2B00:00";

async fn events(desk: &Desk) -> Vec<(String, Json)> {
    let log = desk.send("GET", "/_sandbox/events?max=1000", String::new(), &[]).await.body;
    log["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["payload"]["ChangeEventHeader"])
        .map(|header| {
            let what = format!("{} {}", header["changeType"], header["entityName"]);
            (what.replace('"', ""), header["recordIds"].clone())
        })
        .collect()
}

async fn binned(desk: &Desk, object: &str) -> Json {
    let path = format!("/queryAll?q=SELECT+COUNT()+FROM+{object}+WHERE+IsDeleted=true");
    desk.get(&path).await.body["totalSize"].clone()
}

#[tokio::test]
async fn merge_keeps_one_row_and_moves_the_children_without_a_word() {
    let desk = Desk::open(Seed::Empty).await;
    let winner = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let loser = desk.create("Account", json!({"Name": "Roe Ltd.", "Site": "Reno"})).await;
    let other = desk.create("Account", json!({"Name": "Roe Inc."})).await;
    let contact = desk.create("Contact", json!({"LastName": "Roe", "AccountId": loser})).await;
    let case = desk.create("Case", json!({"Subject": "Roe v. Doe", "ContactId": contact})).await;
    let before = events(&desk).await.len();
    desk.pass(60);

    let merge = json!({"merge": {"object": "Account", "master": winner, "losers": [loser, other],
                                 "fields": {"Site": "Reno"}}});
    let results = desk.inside(vec![merge]).await;

    assert_eq!(results, json!([{"id": winner, "success": true}]));
    let told = events(&desk).await.split_off(before);
    let expected = [
        ("DELETE Account".to_owned(), json!([loser, other])),
        ("UPDATE Account".to_owned(), json!([winner])),
    ];
    assert_eq!(told, expected);
    for (object, id) in [("Contact", &contact), ("Case", &case)] {
        let row = desk.get(&format!("/sobjects/{object}/{id}")).await.body;
        assert_eq!(row["AccountId"], json!(winner));
        assert_eq!(row["SystemModstamp"], "2026-06-20T12:01:00.000+0000");
        assert_eq!(row["LastModifiedDate"], "2026-06-20T12:00:00.000+0000");
    }
    let gone = desk
        .get("/queryAll?q=SELECT+MasterRecordId+FROM+Account+WHERE+IsDeleted=true+ORDER+BY+Id")
        .await
        .body;
    assert_eq!(gone["records"][0]["MasterRecordId"], json!(winner));
    assert_eq!(gone["totalSize"], 2);
    assert_eq!(desk.get(&format!("/sobjects/Account/{winner}")).await.body["Site"], "Reno");
}

#[tokio::test]
async fn merge_that_cannot_be_leaves_everything_as_it_was() {
    let desk = Desk::open(Seed::Empty).await;
    let winner = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let loser = desk.create("Account", json!({"Name": "Roe Ltd."})).await;
    let case = desk.create("Case", json!({"Subject": "x"})).await;
    let merge = async |object: &str, master: &str, losers: Json, fields: Json| {
        let merge = json!({"merge": {"object": object, "master": master, "losers": losers, "fields": fields}});
        let results = desk.inside(vec![merge]).await;
        results[0]["errors"][0]["statusCode"].clone()
    };

    assert_eq!(merge("Case", &case, json!([case]), json!({})).await, "MERGE_FAILED");
    assert_eq!(merge("Account", &winner, json!([]), json!({})).await, "MERGE_FAILED");
    assert_eq!(merge("Account", &winner, json!([winner]), json!({})).await, "MERGE_FAILED");
    assert_eq!(
        merge("Account", &winner, json!([case]), json!({})).await,
        "INVALID_CROSS_REFERENCE_KEY"
    );
    // Only the last step fails: the losers are in the bin by then.
    let bad = json!({"Name": "x".repeat(256)});
    assert_eq!(merge("Account", &winner, json!([loser]), bad).await, "STRING_TOO_LONG");
    assert_eq!(binned(&desk, "Account").await, 0);
}

#[tokio::test]
async fn account_takes_its_contacts_into_the_bin_and_back() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let before = desk.create("Contact", json!({"LastName": "Poe", "AccountId": account})).await;
    let with = desk.create("Contact", json!({"LastName": "Roe", "AccountId": account})).await;
    desk.inside(vec![json!({"delete": {"id": before}})]).await;
    desk.pass(1);

    desk.inside(vec![json!({"delete": {"id": account}})]).await;
    assert_eq!(
        (binned(&desk, "Account").await, binned(&desk, "Contact").await),
        (json!(1), json!(2))
    );
    desk.inside(vec![json!({"undelete": {"id": account}})]).await;

    assert_eq!(
        (binned(&desk, "Account").await, binned(&desk, "Contact").await),
        (json!(0), json!(1))
    );
    assert_eq!(desk.get(&format!("/sobjects/Contact/{with}")).await.status, 200);
    assert_eq!(desk.get(&format!("/sobjects/Contact/{before}")).await.status, 404);
    let told = events(&desk).await;
    let last: Vec<&str> = told.iter().rev().take(2).map(|(what, _)| what.as_str()).collect();
    assert_eq!(last, ["UNDELETE Contact", "UNDELETE Account"]);
}

#[tokio::test]
async fn account_with_cases_stays_with_all_its_contacts() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    desk.create("Contact", json!({"LastName": "Poe", "AccountId": account})).await;
    let client = desk.create("Contact", json!({"LastName": "Roe", "AccountId": account})).await;
    let other = desk.create("Account", json!({"Name": "Doe LLC"})).await;
    desk.create("Case", json!({"Subject": "x", "ContactId": client, "AccountId": other})).await;

    let results = desk.inside(vec![json!({"delete": {"id": account}})]).await;

    assert_eq!(results[0]["errors"][0]["statusCode"], "DELETE_FAILED");
    assert_eq!(binned(&desk, "Contact").await, 0, "the first contact came back");
}

#[tokio::test]
async fn hard_deleted_row_is_known_to_the_log_of_deletions_only() {
    let desk = Desk::open(Seed::Empty).await;
    let soft = desk.create("Case", json!({"Subject": "soft"})).await;
    let hard = desk.create("Case", json!({"Subject": "hard"})).await;
    desk.inside(vec![json!({"delete": {"id": soft}})]).await;
    let before = events(&desk).await.len();
    desk.pass(10);

    desk.inside(vec![json!({"erase": {"id": soft}}), json!({"erase": {"id": hard}})]).await;

    desk.pass(10);
    assert_eq!(events(&desk).await.len(), before, "no event tells of it");
    assert_eq!(binned(&desk, "Case").await, 0);
    assert_eq!(desk.get(&format!("/sobjects/Case/{hard}")).await.body[0]["errorCode"], "NOT_FOUND");
    let log = desk.get(&format!("/sobjects/Case/deleted/{WINDOW}")).await.body;
    let dates = |n: usize| log["deletedRecords"][n]["deletedDate"].clone();
    assert_eq!(log["deletedRecords"][0]["id"], json!(soft));
    assert_eq!(dates(0), "2026-06-20T12:00:00.000+0000", "when it went into the bin");
    assert_eq!(dates(1), "2026-06-20T12:00:10.000+0000");
    let back = desk.inside(vec![json!({"undelete": {"id": soft}})]).await;
    assert_eq!(back[0]["errors"][0]["statusCode"], "INVALID_CROSS_REFERENCE_KEY");
}
