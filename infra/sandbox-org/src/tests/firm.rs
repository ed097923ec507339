//! The seeded firm, pages, packing and refused logins.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use super::Desk;
use crate::Seed;

#[tokio::test]
async fn pages_of_a_query_hold_every_row_once() {
    let desk = Desk::open(Seed::Firm).await;
    let path =
        "/services/data/v66.0/query?q=SELECT+Id,Account.Name+FROM+Case+ORDER+BY+SystemModstamp,Id";

    let mut answer = desk.send("GET", path, String::new(), &[]).await;
    let mut ids = std::collections::HashSet::new();
    let mut n_pages = 0;
    loop {
        n_pages += 1;
        let rows = answer.body["records"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| row["Id"].as_str().unwrap().to_owned()));
        match answer.body["nextRecordsUrl"].as_str() {
            Some(next) => answer = desk.send("GET", next, String::new(), &[]).await,
            None => break,
        }
    }

    assert_eq!((n_pages, ids.len()), (5, 10_000));
    assert_eq!(answer.body["done"], true);
    let small = [("sforce-query-options", "batchSize=250")];
    let page = desk.send("GET", path, String::new(), &small).await;
    assert_eq!(page.body["records"].as_array().unwrap().len(), 250);
    let foreign = desk.get("/query/01gMb0000000099-2000").await;
    assert_eq!(foreign.body[0]["errorCode"], "INVALID_QUERY_LOCATOR");
}

#[tokio::test]
async fn seeded_firm_is_laid_out_up_to_the_present_day() {
    let desk = Desk::open(Seed::Firm).await;

    for (soql, n) in [
        ("SELECT COUNT() FROM Account", 1_000),
        ("SELECT COUNT() FROM Contact WHERE Account.Name != null", 3_000),
        ("SELECT COUNT() FROM Case", 10_000),
        ("SELECT COUNT() FROM Case WHERE ContactId = null OR Subject = null", 0),
        ("SELECT COUNT() FROM Case WHERE IsClosed = true AND ClosedDate = null", 0),
        ("SELECT COUNT() FROM Case WHERE SystemModstamp < 2024-01-01T00:00:00Z", 0),
        ("SELECT COUNT() FROM Case WHERE CreatedDate > TODAY", 0),
    ] {
        assert_eq!(desk.query(soql).await.body["totalSize"], n, "{soql}");
    }
    let newest = desk.query("SELECT CreatedDate FROM Case ORDER BY CreatedDate DESC LIMIT 1").await;
    assert!(newest.body["records"][0]["CreatedDate"].as_str() > Some("2026-06-20T09"));
}

#[tokio::test]
async fn request_and_answer_may_be_packed() {
    use std::io::{Read, Write};
    let desk = Desk::open(Seed::Empty).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(br#"{"Name": "Roe LLC"}"#).unwrap();
    let request = |method: &str, path: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", desk.token))
    };

    let create =
        request("POST", "/services/data/v66.0/sobjects/Account").header("content-encoding", "gzip");
    let created = desk
        .router
        .clone()
        .oneshot(create.body(Body::from(packed.finish().unwrap())).unwrap())
        .await
        .unwrap();
    let describe = request("GET", "/services/data/v66.0/sobjects/Case/describe")
        .header("accept-encoding", "gzip");
    let described =
        desk.router.clone().oneshot(describe.body(Body::empty()).unwrap()).await.unwrap();

    assert_eq!(created.status(), 201);
    assert_eq!(described.headers()["content-encoding"], "gzip");
    let bytes = described.into_body().collect().await.unwrap().to_bytes();
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
    assert!(text.contains("Docket_Number__c"));
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let mut desk = Desk::open(Seed::Empty).await;
    desk.token.clear();
    for (form, error) in [
        (
            "grant_type=client_credentials&client_id=x&client_secret=sandbox-secret",
            "invalid_client_id",
        ),
        (
            "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=x",
            "invalid_client",
        ),
        (
            "grant_type=password&client_id=moodbridge-sandbox&client_secret=sandbox-secret&username=a&password=b",
            "invalid_grant",
        ),
        ("grant_type=refresh_token&client_id=moodbridge-sandbox&refresh_token=x", "invalid_grant"),
        (
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c",
            "invalid_grant",
        ),
        ("", "unsupported_grant_type"),
    ] {
        let answer = desk.send("POST", "/services/oauth2/token", form.to_owned(), &[]).await;
        assert_eq!((answer.status, &answer.body["error"]), (400, &json!(error)), "{form}");
    }
    assert_eq!(desk.get("/limits").await.status, 401);
}
