//! What the org tells about itself to whoever checks a copy of it: digest, counts, history.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::Desk;
use crate::{Seed, Settings};

/// Sums up the hashes of lines the way a person would: digit by digit, from the right.
fn sum(lines: &[&str]) -> String {
    let mut total = [0_u32; 32];
    for line in lines {
        let hash = Sha256::digest(line.as_bytes());
        let mut carry = 0;
        for idx in (0..32).rev() {
            let digit = total[idx] + u32::from(hash[idx]) + carry;
            (total[idx], carry) = (digit % 256, digit / 256);
        }
    }
    total.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn digest(desk: &Desk, more: &str) -> Json {
    let fields =
        "Subject,Claim_Amount__c,Hours_Billed__c,Filed_On__c,Next_Hearing__c,IsEscalated,ContactId";
    let path = format!("/_sandbox/digest?connection=main&object=Case&fields={fields}{more}");
    let answer = desk.send("GET", &path, String::new(), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

/// An org with two cases whose lines in a digest are known.
async fn desk() -> (Desk, [String; 2]) {
    let desk = Desk::open(Seed::Empty).await;
    let contact = desk.create("Contact", json!({"LastName": "Doe"})).await;
    let full = json!({
        "Subject": "  \"Doe\"\r\nv. Roe é ", "Claim_Amount__c": 5.0e7, "Hours_Billed__c": 12.25,
        "Filed_On__c": "2026-01-31", "Next_Hearing__c": "2026-01-01T11:00:00+01:00",
        "IsEscalated": true, "ContactId": contact,
    });
    let first = desk.create("Case", full).await;
    let second = desk.create("Case", json!({"Subject": "Empty"})).await;
    let lines = [
        format!(
            "[\"main\",\"Case\",\"{first}\",false,{{\"Claim_Amount__c\":50000000,\"ContactId\":\"{contact}\",\
             \"Filed_On__c\":\"2026-01-31\",\"Hours_Billed__c\":12.25,\"IsEscalated\":true,\
             \"Next_Hearing__c\":\"2026-01-01T10:00:00.000Z\",\"Subject\":\"\\\"Doe\\\"\\nv. Roe é\"}}]"
        ),
        format!(
            "[\"main\",\"Case\",\"{second}\",false,{{\"IsEscalated\":false,\"Subject\":\"Empty\"}}]"
        ),
    ];
    (desk, lines)
}

#[tokio::test]
async fn digest_is_the_sum_of_hand_made_lines() {
    let (desk, [first, second]) = desk().await;

    let all = digest(&desk, "").await;

    assert_eq!(all, json!({"n_records": 2, "sum": sum(&[&second, &first])}));
}

#[tokio::test]
async fn digest_of_ranges_adds_up_to_the_digest_of_all() {
    let (desk, [first, second]) = desk().await;
    let second_id = &second[16..34];

    let low = digest(&desk, &format!("&to_id={second_id}")).await;
    let high = digest(&desk, &format!("&from_id={}", &second_id[..15])).await;

    assert_eq!(low, json!({"n_records": 1, "sum": sum(&[&first])}));
    assert_eq!(high, json!({"n_records": 1, "sum": sum(&[&second])}));
}

#[tokio::test]
async fn row_in_the_recycle_bin_counts_only_when_asked_for() {
    let (desk, [first, second]) = desk().await;
    let path = format!("/services/data/v66.0/sobjects/Case/{}", &second[16..34]);
    desk.send("DELETE", &path, String::new(), &[]).await;

    let without = digest(&desk, "").await;
    let with = digest(&desk, "&deleted=true").await;

    assert_eq!(without["sum"], sum(&[&first]));
    assert_eq!(with["sum"], sum(&[&first, &second.replace(",false,{", ",true,{")]));
    let counts = desk.send("GET", "/_sandbox/counts", String::new(), &[]).await.body;
    assert_eq!(counts["Case"], json!({"live": 1, "deleted": 1}));
}

#[tokio::test]
async fn digest_names_what_is_wrong_with_the_wish() {
    let desk = Desk::open(Seed::Empty).await;

    for (query, said) in [
        ("connection=main&object=Case", "`fields` is missing"),
        ("object=Case&fields=Id", "`connection` is missing"),
        ("connection=main&object=Kase&fields=Id", "sObject type 'Kase' is not supported."),
        ("connection=main&object=Case&fields=Subjekt", "No such column 'Subjekt'"),
        ("connection=main&object=Contact&fields=MailingAddress", "No such column 'MailingAddress'"),
        ("connection=main&object=Case&fields=Id&to_id=5", "`to_id` is no id: 5"),
    ] {
        let answer =
            desk.send("GET", &format!("/_sandbox/digest?{query}"), String::new(), &[]).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text.contains(said), "{}", answer.text);
    }
}

#[tokio::test]
async fn history_tells_every_commit_in_order() {
    let settings = Settings { seed: Seed::Empty, keeps_history: true, ..Settings::default() };
    let desk = Desk::with(settings).await;
    let case = desk.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    desk.pass(61);
    let path = format!("/services/data/v66.0/sobjects/Case/{case}");
    let client = [("sforce-call-options", "client=mbr")];
    let body = json!({"Subject": null, "Claim_Amount__c": 10.5}).to_string();
    desk.send("PATCH", &path, body, &client).await;
    desk.post("/sobjects/Case", json!({"Subjekt": "refused"})).await;
    desk.send("DELETE", &path, String::new(), &[]).await;

    let told = desk.send("GET", "/_sandbox/history", String::new(), &[]).await;

    let lines: Vec<Json> =
        told.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> =
        lines.iter().map(|line| line["entries"][0]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["create", "update", "delete"]);
    let numbers: Vec<i64> = lines.iter().map(|line| line["number"].as_i64().unwrap()).collect();
    assert!(numbers.is_sorted());
    let update = &lines[1];
    assert_eq!(update["client"], "mbr");
    assert_eq!(update["origin"], "com/salesforce/api/rest/66.0;client=mbr");
    assert_eq!(update["at_ms"], super::NOON + 61_000);
    assert_eq!(
        update["entries"],
        json!([{"object": "Case", "id": case, "kind": "update", "stamp": "2026-06-20T12:01:01.000Z",
        "changes": {
            "LastModifiedDate": {"before": "2026-06-20T12:00:00.000Z", "after": "2026-06-20T12:01:01.000Z"},
            "SystemModstamp": {"before": "2026-06-20T12:00:00.000Z", "after": "2026-06-20T12:01:01.000Z"},
            "Subject": {"before": "Doe v. Roe", "after": null},
            "Claim_Amount__c": {"before": null, "after": 10.5},
        }}])
    );
    let page = format!("/_sandbox/history?after={}&limit=1", numbers[0]);
    let page = desk.send("GET", &page, String::new(), &[]).await;
    assert_eq!(serde_json::from_str::<Json>(&page.text).unwrap(), lines[1]);
}

#[tokio::test]
async fn org_without_history_says_so() {
    let desk = Desk::open(Seed::Empty).await;

    let answer = desk.send("GET", "/_sandbox/history", String::new(), &[]).await;

    assert_eq!(
        (answer.status, &answer.body[0]["errorCode"]),
        (409, &json!("FUNCTIONALITY_NOT_ENABLED"))
    );
}
