//! Faults as a client on the other side of a connection meets them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "these are tests; clippy does not count their helpers"
)]

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use sandbox_org::{RunningSandbox, Sandbox, Seed, Settings};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Client {
    http: reqwest::Client,
    org: RunningSandbox,
    token: String,
}

/// What came of a request, as far as it came.
struct Came {
    /// Nothing when the connection ended before an answer.
    status: Option<u16>,
    headers: String,
    body: Vec<u8>,
    /// Whether the connection was reset, rather than closed.
    was_reset: bool,
}

impl Client {
    async fn start(seed: Seed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let org = Sandbox::start(Settings { seed, ..Settings::default() }, listener).unwrap();
        let timeout = Duration::from_secs(20);
        let http = reqwest::Client::builder().timeout(timeout).no_proxy().build().unwrap();
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=sandbox-secret";
        let request = http.post(format!("{}/services/oauth2/token", org.url())).body(form);
        let text = request.send().await.unwrap().text().await.unwrap();
        let answer: Json = serde_json::from_str(&text).unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { http, org, token }
    }

    async fn order(&self, order: Json) {
        let url = format!("{}/_sandbox/faults", self.org.url());
        self.http.delete(&url).send().await.unwrap();
        let answer = self.http.post(&url).body(order.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap());
    }

    async fn fired(&self) -> Json {
        let url = format!("{}/_sandbox/faults", self.org.url());
        let text = self.http.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Json>(&text).unwrap()["fired"].clone()
    }

    async fn call(&self, method: &str, path: &str, body: Json) -> (u16, Json) {
        let url = format!("{}/services/data/v66.0{path}", self.org.url());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.token);
        let answer = request.body(body).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Json::Null))
    }

    async fn count(&self, object: &str) -> u64 {
        let path = format!("/query?q=SELECT+COUNT()+FROM+{object}");
        self.call("GET", &path, Json::Null).await.1["totalSize"].as_u64().unwrap()
    }

    /// Sends a request over a connection of its own and keeps every byte that comes back.
    async fn raw(&self, method: &str, path: &str, body: &str, packed: bool) -> Came {
        let mut tcp = TcpStream::connect(self.org.addr).await.unwrap();
        let packing = if packed { "accept-encoding: gzip\r\n" } else { "" };
        let request = format!(
            "{method} /services/data/v66.0{path} HTTP/1.1\r\nhost: org\r\nconnection: close\r\n\
             authorization: Bearer {}\r\n{packing}content-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let read = tcp.read_to_end(&mut bytes).await;
        let was_reset =
            read.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
        let head = String::from_utf8_lossy(&bytes[..end.unwrap_or(0)]).to_lowercase();
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let body = end.map(|end| bytes[end + 4..].to_vec()).unwrap_or_default();
        Came { status, headers: head, body, was_reset }
    }
}

/// Puts the chunks of a body together; nothing when the last one is missing.
fn unchunked(body: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut all) = (body, Vec::new());
    loop {
        let end = rest.windows(2).position(|part| part == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        rest = rest.get(end + 2..)?;
        if size == 0 {
            return Some(all);
        }
        all.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

const CASES: &str = "/query?q=SELECT+Id,Subject+FROM+Case+ORDER+BY+Id+LIMIT+2000";

#[tokio::test]
async fn connection_is_reset_before_the_answer_and_nothing_was_done() {
    let client = Client::start(Seed::Empty).await;
    client.order(json!({"kind": "reset"})).await;

    let came = client.raw("POST", "/sobjects/Account", r#"{"Name":"Roe LLC"}"#, false).await;

    assert_eq!((came.status, came.was_reset), (None, true));
    assert_eq!(client.count("Account").await, 0);
    assert_eq!(client.fired().await, json!({"reset": 1}));
}

#[tokio::test]
async fn answer_is_lost_and_the_write_was_done() {
    let client = Client::start(Seed::Empty).await;
    client.order(json!({"kind": "lose_answer", "method": "POST"})).await;

    let came = client.raw("POST", "/sobjects/Account", r#"{"Name":"Roe LLC"}"#, false).await;

    assert_eq!((came.status, came.was_reset), (None, true));
    assert_eq!(client.count("Account").await, 1);
}

#[tokio::test]
async fn connection_is_reset_in_the_middle_of_the_body() {
    let client = Client::start(Seed::Firm).await;
    client.order(json!({"kind": "reset_mid_body", "fraction": 0.3})).await;

    let came = client.raw("GET", CASES, "", false).await;

    assert_eq!((came.status, came.was_reset), (Some(200), true));
    assert!(!came.body.is_empty(), "something came");
    assert!(came.body.starts_with(b"{") || unchunked(&came.body).is_none());
}

#[tokio::test]
async fn body_ends_early_and_http_finds_nothing_wrong() {
    let client = Client::start(Seed::Firm).await;
    let whole = client.raw("GET", CASES, "", false).await.body.len();
    client.order(json!({"kind": "early_end", "n": 2})).await;

    let plain = client.raw("GET", CASES, "", false).await;
    let packed = client.raw("GET", CASES, "", true).await;

    assert_eq!((plain.status, plain.was_reset), (Some(200), false));
    assert!(plain.headers.contains("transfer-encoding: chunked"));
    let short = unchunked(&plain.body).unwrap();
    assert!(!short.is_empty() && short.len() < whole);
    assert!(serde_json::from_slice::<Json>(&short).is_err());
    assert!(packed.headers.contains("content-encoding: gzip"));
    let mut unpacked = Vec::new();
    let bytes = unchunked(&packed.body).unwrap();
    GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == short, "what is packed is whole, as far as it goes");
}

#[tokio::test]
async fn packed_body_breaks_off() {
    let client = Client::start(Seed::Firm).await;
    client.order(json!({"kind": "truncated_gzip"})).await;

    let came = client.raw("GET", CASES, "", true).await;

    let bytes = unchunked(&came.body).unwrap();
    let mut unpacked = Vec::new();
    let error = GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn pages_and_empty_answers_come_in_place_of_the_platforms() {
    let client = Client::start(Seed::Empty).await;
    for (kind, status, body) in [
        ("html_503", 503, "<html>"),
        ("html_200", 200, "<!doctype html>"),
        ("empty_200", 200, ""),
        ("empty_420", 420, ""),
        ("empty_406", 406, ""),
        ("html_414", 414, "<h1>Bad Message 414</h1>"),
    ] {
        client.order(json!({"kind": kind})).await;
        let came = client.raw("POST", "/sobjects/Account", r#"{"Name":"Roe"}"#, false).await;
        assert_eq!(came.status, Some(status), "{kind}");
        assert!(String::from_utf8_lossy(&came.body).starts_with(body), "{kind}");
        assert_eq!(came.body.is_empty(), body.is_empty(), "{kind}");
    }
    assert_eq!(client.count("Account").await, 0);
}

#[tokio::test]
async fn limits_sessions_and_locks_refuse_in_the_words_of_the_platform() {
    let client = Client::start(Seed::Empty).await;
    client.order(json!({"kind": "request_limit"})).await;
    let refused = client.call("GET", "/limits", Json::Null).await;
    let message = json!([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]);
    assert_eq!(refused, (403, message));

    client.order(json!({"kind": "lock_rows", "share": 0.4, "seed": 3})).await;
    let records: Vec<Json> = (0..50)
        .map(|n| json!({"attributes": {"type": "Account"}, "Name": format!("Roe {n}")}))
        .collect();
    let results = client.call("POST", "/composite/sobjects", json!({"records": records})).await.1;
    let locked = |results: &Json| {
        let all = results.as_array().unwrap().iter();
        all.filter(|one| one["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW").count()
    };
    assert!((5..40).contains(&locked(&results)), "{} of 50", locked(&results));
    assert_eq!(client.count("Account").await, 50 - locked(&results) as u64);

    client.order(json!({"kind": "invalid_session"})).await;
    for _ in 0..2 {
        let refused = client.call("GET", "/limits", Json::Null).await;
        assert_eq!((refused.0, &refused.1[0]["errorCode"]), (401, &json!("INVALID_SESSION_ID")));
    }
}

#[tokio::test]
async fn late_commit_has_the_stamp_of_the_request() {
    let client = Client::start(Seed::Empty).await;
    let made = client.call("POST", "/sobjects/Account", json!({"Name": "Early"})).await.1;
    client.order(json!({"kind": "late_commit", "late_ms": 2_000, "method": "PATCH"})).await;
    let path = format!("/sobjects/Account/{}", made["id"].as_str().unwrap());

    let begun = std::time::Instant::now();
    let late = client.call("PATCH", &path, json!({"Site": "late"}));
    let others = async {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        client.call("POST", "/sobjects/Account", json!({"Name": "Between"})).await
    };
    let (late, _) = tokio::join!(late, others);

    assert_eq!(late.0, 204);
    assert!(begun.elapsed() >= Duration::from_secs(2));
    let rows =
        client.call("GET", "/query?q=SELECT+Name+FROM+Account+ORDER+BY+SystemModstamp", Json::Null);
    let names: Vec<Json> =
        rows.await.1["records"].as_array().unwrap().iter().map(|row| row["Name"].clone()).collect();
    assert_eq!(names, ["Early", "Between"], "it became visible last, and stands first");
}

#[tokio::test]
async fn skewed_server_stamps_and_dates_by_its_own_clock() {
    let client = Client::start(Seed::Empty).await;
    client.order(json!({"kind": "clock_skew", "skew_ms": -3_600_000, "method": "POST"})).await;

    let came = client.raw("POST", "/sobjects/Account", r#"{"Name":"Roe LLC"}"#, false).await;

    let date =
        came.headers.lines().find_map(|line| line.strip_prefix("date: ")).unwrap().to_owned();
    let row = client.call("GET", "/query?q=SELECT+CreatedDate+FROM+Account", Json::Null).await.1;
    let created = row["records"][0]["CreatedDate"].as_str().unwrap().to_owned();
    assert_eq!(date[17..22], created[11..16], "{date} {created}");
    let now = client.raw("GET", "/limits", "", false).await;
    assert!(!now.headers.contains(&date));
}

#[tokio::test]
async fn schema_changes_between_two_pages() {
    let client = Client::start(Seed::Firm).await;
    let first = client.call("GET", "/query?q=SELECT+Id,Court__c+FROM+Case", Json::Null).await.1;
    let next = first["nextRecordsUrl"].as_str().unwrap().replace("/services/data/v66.0", "");
    let alteration = json!({"remove": {"object": "Case", "field": "Court__c"}});
    let path = "/services/data/v66.0/query/";
    client.order(json!({"kind": "schema_change", "path": path, "alteration": alteration})).await;

    let second = client.call("GET", &next, Json::Null).await;

    assert_eq!(second.0, 200);
    let again = client.call("GET", "/query?q=SELECT+Id,Court__c+FROM+Case", Json::Null).await;
    assert_eq!(again.1[0]["errorCode"], "INVALID_FIELD");
}
