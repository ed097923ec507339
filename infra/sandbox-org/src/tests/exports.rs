//! Bulk API 2.0: jobs that give rows.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::{Answer, Desk};
use crate::{BulkPace, BulkSettings, Seed, Settings};

async fn desk(seed: Seed, change: impl FnOnce(&mut BulkSettings)) -> Desk {
    let mut bulk = BulkSettings { pace: BulkPace::Polls, ..BulkSettings::default() };
    change(&mut bulk);
    Desk::with(Settings { seed, bulk, ..Settings::default() }).await
}

async fn open(desk: &Desk, operation: &str, soql: &str) -> Answer {
    desk.post("/jobs/query", json!({"operation": operation, "query": soql})).await
}

/// A job that has found its rows.
async fn run(desk: &Desk, operation: &str, soql: &str) -> (String, Json) {
    let made = open(desk, operation, soql).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let first = desk.get(&format!("/jobs/query/{id}")).await.body;
    assert_eq!(first["state"], "InProgress");
    let status = desk.get(&format!("/jobs/query/{id}")).await.body;
    assert_eq!(status["state"], "JobComplete");
    (id, status)
}

async fn page(desk: &Desk, id: &str, parameters: &str) -> Answer {
    let answer = desk.get(&format!("/jobs/query/{id}/results{parameters}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers[name].to_str().unwrap()
}

#[tokio::test]
async fn values_are_written_as_the_platform_writes_them() {
    let desk = desk(Seed::Empty, |_| {}).await;
    let account = desk
        .create(
            "Account",
            json!({"Name": "Roe, \"Inc.\"", "NumberOfEmployees": 1200, "AnnualRevenue": 5.0e7}),
        )
        .await;
    let case = desk.create("Case", json!({
        "AccountId": account, "Subject": "first\r\nsecond \u{0}", "Claim_Amount__c": 912_260_031, "Hours_Billed__c": 0.25,
        "Success_Chance__c": 0, "Filed_On__c": "2026-01-31", "IsEscalated": true, "Client_Reference__c": "#N/A",
    })).await;

    let soql = "SELECT Subject, Account.Name, Id, Account.NumberOfEmployees, Account.AnnualRevenue, Claim_Amount__c, \
                Hours_Billed__c, Success_Chance__c, Filed_On__c, IsEscalated, IsClosed, Reason, Contact.Email, \
                CreatedDate, Owner.Username, Client_Reference__c FROM Case";
    let (id, status) = run(&desk, "query", soql).await;
    let answer = page(&desk, &id, "").await;

    assert_eq!(
        answer.text,
        format!(
            "\"Subject\",\"Account.Name\",\"Id\",\"Account.NumberOfEmployees\",\"Account.AnnualRevenue\",\
             \"Claim_Amount__c\",\"Hours_Billed__c\",\"Success_Chance__c\",\"Filed_On__c\",\"IsEscalated\",\"IsClosed\",\
             \"Reason\",\"Contact.Email\",\"CreatedDate\",\"Owner.Username\",\"Client_Reference__c\"\n\
             \"first\r\nsecond \u{0}\",\"Roe, \"\"Inc.\"\"\",\"{case}\",\"1200\",\"5.0E7\",\"9.12260031E8\",\"0.25\",\"0.0\",\
             \"2026-01-31\",\"true\",\"false\",\"\",\"\",\"2026-06-20T12:00:00.000Z\",\"admin@sandbox.example\",\"#N/A\"\n"
        )
    );
    assert_eq!(answer.headers["sforce-locator"], "null");
    assert_eq!(answer.headers["sforce-numberofrecords"], "1");
    assert_eq!(answer.headers["content-type"], "text/csv; charset=UTF-8");
    assert_eq!(status["numberRecordsProcessed"], 1);
}

#[tokio::test]
async fn job_tells_about_itself() {
    let desk = desk(Seed::Empty, |_| {}).await;

    let made = open(&desk, "queryAll", "SELECT Id FROM Case").await.body;
    let id = made["id"].as_str().unwrap();

    assert_eq!(
        made,
        json!({
            "id": id, "operation": "queryAll", "object": "Case", "createdById": made["createdById"],
            "createdDate": "2026-06-20T12:00:00.000+0000", "systemModstamp": "2026-06-20T12:00:00.000+0000",
            "state": "UploadComplete", "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": 66.0,
            "lineEnding": "LF", "columnDelimiter": "COMMA",
        })
    );
    let early = desk.get(&format!("/jobs/query/{id}/results")).await;
    assert_eq!((early.status, &early.body[0]["errorCode"]), (400, &json!("INVALIDJOBSTATE")));
    let busy = desk.delete(&format!("/jobs/query/{id}")).await;
    assert_eq!(
        busy.body,
        json!([{"errorCode": "API_ERROR", "message": "Error encountered when deleting the job because the job is not terminated"}])
    );
    desk.get(&format!("/jobs/query/{id}")).await;
    let status = desk.get(&format!("/jobs/query/{id}")).await.body;
    assert_eq!(
        (&status["jobType"], &status["isPkChunkingSupported"]),
        (&json!("V2Query"), &json!(true))
    );
    assert_eq!(page(&desk, id, "").await.text, "\"Id\"\n");
    let listed = desk.get("/jobs/query?jobType=V2Query").await.body;
    assert_eq!(listed["records"][0]["id"], json!(id));
    assert_eq!(desk.delete(&format!("/jobs/query/{id}")).await.status, 204);
    assert_eq!(desk.get(&format!("/jobs/query/{id}")).await.status, 404);
    let (_, ordered) = run(&desk, "query", "SELECT Id FROM Case ORDER BY Id LIMIT 5").await;
    assert_eq!(ordered["isPkChunkingSupported"], false);
}

#[tokio::test]
async fn pages_can_be_read_again_and_keep_the_rows_as_they_were() {
    let desk = desk(Seed::Many { accounts: 5, contacts: 20, cases: 95 }, |_| {}).await;
    let (id, status) = run(&desk, "query", "SELECT Id, Priority, Account.Name FROM Case").await;
    assert_eq!(status["numberRecordsProcessed"], 95);
    let first = page(&desk, &id, "?maxRecords=40").await;
    let locator = header(&first, "sforce-locator").to_owned();
    let second = page(&desk, &id, &format!("?maxRecords=40&locator={locator}")).await;
    assert_eq!(locator, "NDA");
    assert_eq!(
        (header(&first, "sforce-numberofrecords"), header(&second, "sforce-numberofrecords")),
        ("40", "40")
    );

    let row = second.text.lines().nth(1).unwrap();
    let case = &row[1..19];
    desk.patch(&format!("/sobjects/Case/{case}"), json!({"Priority": "Changed"})).await;
    let cases = desk.query("SELECT Id, AccountId FROM Case LIMIT 1").await.body;
    let account = cases["records"][0]["AccountId"].as_str().unwrap().to_owned();
    desk.patch(&format!("/sobjects/Account/{account}"), json!({"Name": "Changed"})).await;
    let (later, _) = run(&desk, "query", "SELECT Priority, Account.Name FROM Case").await;

    assert_eq!(
        page(&desk, &id, &format!("?maxRecords=40&locator={locator}")).await.text,
        second.text
    );
    assert_eq!(page(&desk, &id, "?maxRecords=40").await.text, first.text);
    let later = page(&desk, &later, "").await.text;
    assert!(later.contains("\"Changed\"") && later.contains(",\"Changed\""));
    let last = header(&second, "sforce-locator");
    let third = page(&desk, &id, &format!("?maxRecords=40&locator={last}")).await;
    assert_eq!(
        (header(&third, "sforce-locator"), header(&third, "sforce-numberofrecords")),
        ("null", "15")
    );
    let pages = [first.text, second.text, third.text];
    assert!(pages.iter().all(|text| text.starts_with("\"Id\",\"Priority\",\"Account.Name\"\n")));
    let rows: std::collections::HashSet<&str> =
        pages.iter().flat_map(|text| text.lines().skip(1)).map(|row| &row[1..19]).collect();
    assert_eq!(rows.len(), 95);
    for wrong in
        ["?locator=null", "?locator=OTk5", "?locator=%25", "?maxRecords=0", "?maxRecords=x"]
    {
        assert_eq!(
            desk.get(&format!("/jobs/query/{id}/results{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn result_pages_are_named_five_at_a_time() {
    let desk =
        desk(Seed::Many { accounts: 1, contacts: 1, cases: 65 }, |bulk| bulk.page_records = 10)
            .await;
    let (id, _) = run(&desk, "query", "SELECT Id FROM Case").await;
    let mut n_rows = 0;
    let mut path = format!("/services/data/v66.0/jobs/query/{id}/resultPages");
    let mut sizes = Vec::new();
    loop {
        let named = desk.send("GET", &path, String::new(), &[]).await.body;
        sizes.push(named["resultPages"].as_array().unwrap().len());
        for one in named["resultPages"].as_array().unwrap() {
            let page =
                desk.send("GET", one["resultUrl"].as_str().unwrap(), String::new(), &[]).await;
            n_rows += page.text.lines().count() - 1;
        }
        match named["nextRecordsUrl"].as_str() {
            Some(next) => {
                assert_eq!(named["done"], false);
                path = next.to_owned();
            }
            None => break assert_eq!(named["done"], true),
        }
    }

    assert_eq!((sizes, n_rows), (vec![5, 2], 65));
}

#[tokio::test]
async fn query_that_exports_cannot_do_is_refused() {
    let desk = desk(Seed::Empty, |_| {}).await;

    for (soql, code, said) in [
        (
            "SELECT COUNT() FROM Case",
            "API_ERROR",
            "Aggregate functions and GROUP BY not supported in Bulk Query",
        ),
        (
            "SELECT Status, COUNT(Id) FROM Case GROUP BY Status",
            "API_ERROR",
            "Aggregate functions and GROUP BY not supported in Bulk Query",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk Query",
        ),
        (
            "SELECT Id, MailingAddress FROM Contact",
            "API_ERROR",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id, Contact.MailingAddress FROM Case",
            "API_ERROR",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id FROM Case LIMIT 5 OFFSET 5",
            "API_ERROR",
            "OFFSET clause not supported in Bulk Query",
        ),
        ("SELECT TYPEOF Owner WHEN User THEN Username END FROM Case", "MALFORMED_QUERY", ""),
        ("SELECT FIELDS(ALL) FROM Case", "MALFORMED_QUERY", ""),
        ("SELECT Subjekt FROM Case", "INVALID_FIELD", "\nSELECT Subjekt FROM Case"),
        ("SELECT Id FROM Kase", "INVALID_TYPE", "\n"),
    ] {
        let answer = open(&desk, "query", soql).await;
        assert_eq!(
            (answer.status, &answer.body[0]["errorCode"]),
            (400, &json!(code)),
            "{soql}: {}",
            answer.text
        );
        assert!(answer.body[0]["message"].as_str().unwrap().starts_with(said), "{}", answer.text);
    }
}

#[tokio::test]
async fn deleted_rows_come_with_query_all_only() {
    let desk = desk(Seed::Empty, |_| {}).await;
    let case = desk.create("Case", json!({"Subject": "Gone"})).await;
    desk.delete(&format!("/sobjects/Case/{case}")).await;

    let (without, _) = run(&desk, "query", "SELECT Id FROM Case").await;
    let (with, _) = run(&desk, "queryAll", "SELECT Id, IsDeleted FROM Case").await;

    assert_eq!(page(&desk, &without, "").await.text, "\"Id\"\n");
    assert_eq!(
        page(&desk, &with, "").await.text,
        format!("\"Id\",\"IsDeleted\"\n\"{case}\",\"true\"\n")
    );
}

#[tokio::test]
async fn other_version_aborted_job_and_spent_limit_are_told() {
    let desk = desk(Seed::Empty, |bulk| bulk.daily_query_jobs = 2).await;
    let (id, _) = run(&desk, "query", "SELECT Id FROM Case").await;
    let other = format!("/services/data/v65.0/jobs/query/{id}/results");
    assert_eq!(desk.send("GET", &other, String::new(), &[]).await.status, 409);

    let second = open(&desk, "query", "SELECT Id FROM Case").await.body;
    let path = format!("/jobs/query/{}", second["id"].as_str().unwrap());
    let aborted = desk.patch(&path, json!({"state": "Aborted"})).await;
    assert_eq!((aborted.status, &aborted.body["state"]), (200, &json!("Aborted")));
    assert_eq!(desk.get(&path).await.body["state"], "Aborted");
    assert_eq!(desk.get(&format!("{path}/results")).await.status, 400);

    let third = open(&desk, "query", "SELECT Id FROM Case").await;
    assert_eq!(
        (third.status, &third.body),
        (
            400,
            &json!([{"errorCode": "LIMIT_EXCEEDED", "message": "Max bulk v2 query jobs (2) per 24 hrs has been reached"}])
        )
    );
    assert_eq!(
        desk.get("/limits").await.body["DailyBulkV2QueryJobs"],
        json!({"Max": 2, "Remaining": 0})
    );
}

#[tokio::test]
async fn page_is_sent_in_pieces_and_packed_when_asked_for() {
    let desk = desk(Seed::Many { accounts: 10, contacts: 30, cases: 2_000 }, |_| {}).await;
    let soql = "SELECT Id, Subject, Description, Summary__c, Next_Step__c FROM Case";
    let (id, _) = run(&desk, "query", soql).await;
    let plain = page(&desk, &id, "").await.text;
    let ask = |encoding: &str| {
        Request::builder()
            .uri(format!("/services/data/v66.0/jobs/query/{id}/results"))
            .header("host", "org.test")
            .header("authorization", format!("Bearer {}", desk.token))
            .header("accept-encoding", encoding)
            .body(Body::empty())
            .unwrap()
    };

    let mut body = desk.router.clone().oneshot(ask("identity")).await.unwrap().into_body();
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        pieces.push(frame.unwrap().into_data().unwrap());
    }
    let packed = desk.router.clone().oneshot(ask("gzip")).await.unwrap();

    assert!(pieces.len() > 5 && pieces.iter().all(|piece| piece.len() < 80_000));
    assert_eq!(pieces.concat(), plain.as_bytes());
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.into_body().collect().await.unwrap().to_bytes();
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
}
