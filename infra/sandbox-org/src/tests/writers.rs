//! Several writers at once: locks, long transactions, and what replication tells meanwhile.

use serde_json::{Value as Json, json};

use super::Desk;
use crate::Seed;

const WINDOW: &str = "?start=2026-06-20T11:00:00%2B00:00&end=2026-06-20T13:00:00%2B00:00";

async fn open(desk: &Desk, changes: Json, after_ms: Option<i64>) -> Json {
    let body = json!({"changes": changes, "commit_after_ms": after_ms}).to_string();
    desk.send("POST", "/_sandbox/transactions", body, &[]).await.body["transaction"].clone()
}

#[tokio::test]
async fn late_commit_becomes_visible_with_the_stamp_of_its_statement() {
    let desk = Desk::open(Seed::Empty).await;
    let early = desk.create("Case", json!({"Subject": "Early"})).await;
    let late = desk.create("Case", json!({"Subject": "Late"})).await;
    desk.pass(10);
    let change = json!([{"update": {"id": late, "fields": {"Priority": "High"}}}]);
    open(&desk, change, Some(5_000)).await;
    desk.pass(2);
    desk.patch(&format!("/sobjects/Case/{early}"), json!({"Priority": "Low"})).await;
    desk.pass(1);

    let covered = desk.get(&format!("/sobjects/Case/updated/{WINDOW}")).await.body;
    assert_eq!(covered["latestDateCovered"], "2026-06-20T12:00:10.000+0000");
    assert_eq!(covered["ids"].as_array().unwrap().len(), 1, "the other one changed later");
    let read = desk.get(&format!("/sobjects/Case/{late}")).await.body;
    assert_eq!(read["Priority"], "Medium");

    desk.pass(2);
    let read = desk.get(&format!("/sobjects/Case/{late}")).await.body;
    assert_eq!(read["Priority"], "High");
    assert_eq!(read["SystemModstamp"], "2026-06-20T12:00:10.000+0000");
    let row = desk.get(&format!("/sobjects/Case/{early}")).await.body;
    assert_eq!(row["SystemModstamp"], "2026-06-20T12:00:12.000+0000");
    let log = desk.send("GET", "/_sandbox/events", String::new(), &[]).await.body;
    let last = log["events"].as_array().unwrap().last().unwrap().clone();
    let header = &last["payload"]["ChangeEventHeader"];
    assert_eq!(header["recordIds"], json!([late]));
    assert_eq!(header["commitTimestamp"].as_i64().unwrap() % 60_000, 15_000, "when it committed");
    let on = "?start=2026-06-20T12:00:10%2B00:00&end=2026-06-20T13:00:00%2B00:00";
    let rest = desk.get(&format!("/sobjects/Case/updated/{on}")).await.body;
    assert_eq!(rest["ids"], json!([late, early]));
    assert_eq!(rest["latestDateCovered"], "2026-06-20T12:00:15.000+0000");
}

#[tokio::test]
async fn rows_of_an_open_transaction_are_locked() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let change = json!([{"update": {"id": account, "fields": {"Site": "late"}}}]);
    let number = open(&desk, change, None).await;
    let path = format!("/sobjects/Account/{account}");

    let refused = desk.patch(&path, json!({"Site": "now"})).await;
    let child =
        desk.post("/sobjects/Contact", json!({"LastName": "Roe", "AccountId": account})).await;
    let end = format!("/_sandbox/transactions/{number}");
    desk.send("DELETE", &end, String::new(), &[]).await;
    let taken = desk.patch(&path, json!({"Site": "now"})).await;

    let message =
        format!("unable to obtain exclusive access to this record or 1 records: {account}");
    let locked = json!([{"message": message, "errorCode": "UNABLE_TO_LOCK_ROW", "fields": []}]);
    assert_eq!((refused.status, refused.body), (400, locked.clone()));
    assert_eq!((child.status, child.body), (400, locked));
    assert_eq!(taken.status, 204);
    assert_eq!(desk.send("DELETE", &end, String::new(), &[]).await.status, 404);
    assert_eq!(desk.get(&path).await.body["Site"], "now");
}

#[tokio::test]
async fn locks_can_be_ordered_for_rows_parents_and_by_chance() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let contacts: Vec<Json> = (0..100)
        .map(|n| json!({"attributes": {"type": "Contact"}, "LastName": format!("Roe {n}"), "AccountId": account}))
        .collect();
    let lock = async |order: Json| {
        desk.send("DELETE", "/_sandbox/locks", String::new(), &[]).await;
        assert_eq!(desk.send("POST", "/_sandbox/locks", order.to_string(), &[]).await.status, 204);
    };
    let create = async || {
        let answer = desk.post("/composite/sobjects", json!({"records": contacts})).await.body;
        let results = answer.as_array().unwrap().clone();
        results.iter().filter(|one| one["success"] == false).count()
    };

    lock(json!({"parents": [account], "n": 3})).await;
    assert_eq!(create().await, 3);
    assert_eq!(create().await, 0);
    lock(json!({"probability": 0.3, "seed": 7})).await;
    let n = create().await;
    assert!((15..45).contains(&n), "{n} of 100 were locked");
    lock(json!({"ids": [account], "for_ms": 5_000})).await;
    let path = format!("/sobjects/Account/{account}");
    assert_eq!(desk.patch(&path, json!({"Site": "x"})).await.status, 400);
    desk.pass(5);
    assert_eq!(desk.patch(&path, json!({"Site": "x"})).await.status, 204);
}

#[tokio::test]
async fn replication_windows_are_bounded() {
    let desk = Desk::open(Seed::Empty).await;
    let ask = async |kind: &str, start: &str, end: &str| {
        let path = format!("/sobjects/Case/{kind}/?start={start}Z&end={end}Z");
        let answer = desk.get(&path).await;
        (answer.status, answer.body[0]["errorCode"].clone())
    };
    let refused = (400, json!("INVALID_REPLICATION_DATE"));

    assert_eq!(ask("updated", "2026-05-21T12:00:00", "2026-06-20T12:00:00").await.0, 200);
    assert_eq!(ask("updated", "2026-05-21T11:59:59", "2026-06-20T12:00:00").await, refused);
    assert_eq!(ask("deleted", "2026-06-05T12:00:00", "2026-06-20T12:00:00").await.0, 200);
    assert_eq!(ask("deleted", "2026-06-05T11:59:59", "2026-06-20T12:00:00").await, refused);
    assert_eq!(ask("updated", "2026-06-20T11:59:30", "2026-06-20T12:00:00").await, refused);
    assert_eq!(ask("updated", "2026-06-20T12:00:00", "2026-06-20T11:00:00").await, refused);
    assert_eq!(ask("updated", "noon", "2026-06-20T11:00:00").await.1, json!("MISSING_ARGUMENT"));

    for n in 0..3 {
        desk.create("Case", json!({"Subject": format!("Case {n}")})).await;
    }
    desk.pass(1);
    let policy = json!({"max_replicated_ids": 2}).to_string();
    desk.send("PUT", "/_sandbox/policy", policy, &[]).await;
    let many = ask("updated", "2026-06-20T11:00:00", "2026-06-20T13:00:00").await;
    assert_eq!(many, (400, json!("EXCEEDED_ID_LIMIT")));
}

#[tokio::test]
async fn old_deletions_are_forgotten_and_that_is_told() {
    let mut desk = Desk::open(Seed::Empty).await;
    let case = desk.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/services/data/v66.0/sobjects/Case/{case}");
    desk.send("DELETE", &path, String::new(), &[]).await;
    desk.pass(60);
    let log = desk.get(&format!("/sobjects/Case/deleted/{WINDOW}")).await.body;
    assert_eq!(log["deletedRecords"][0]["deletedDate"], "2026-06-20T12:00:00.000+0000");
    assert_eq!(log["earliestDateAvailable"], "2026-06-05T12:01:00.000+0000");

    let body = json!({"before": "2026-06-20T12:00:30Z"}).to_string();
    desk.send("POST", "/_sandbox/purge", body, &[]).await;
    let log = desk.get(&format!("/sobjects/Case/deleted/{WINDOW}")).await.body;
    assert_eq!(log["deletedRecords"], json!([]));
    assert_eq!(log["earliestDateAvailable"], "2026-06-20T12:00:30.000+0000");

    let second = desk.create("Case", json!({"Subject": "Roe v. Doe"})).await;
    let path = format!("/services/data/v66.0/sobjects/Case/{second}");
    desk.send("DELETE", &path, String::new(), &[]).await;
    let count = "/queryAll?q=SELECT+COUNT()+FROM+Case+WHERE+IsDeleted=true";
    desk.pass(14 * 86_400);
    desk.login().await;
    assert_eq!(desk.get(count).await.body["totalSize"], 1);
    desk.pass(86_400 + 2 * 3_600);
    desk.login().await;
    assert_eq!(desk.get(count).await.body["totalSize"], 0, "the bin keeps rows for 15 days");
}
