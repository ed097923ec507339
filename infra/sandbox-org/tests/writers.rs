//! Many writers and readers at once, and one that goes on through every fault.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "these are tests; clippy does not count their helpers"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sandbox_org::{RunningSandbox, Sandbox, Seed, Settings};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// A client that any number of tasks share.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
    token: Arc<std::sync::Mutex<String>>,
}

async fn start() -> (RunningSandbox, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { seed: Seed::Empty, ..Settings::default() };
    let org = Sandbox::start(settings, listener).unwrap();
    let timeout = Duration::from_secs(20);
    let http = reqwest::Client::builder().timeout(timeout).no_proxy().build().unwrap();
    let client = Client { http, url: org.url(), token: Arc::default() };
    client.login().await;
    (org, client)
}

impl Client {
    async fn login(&self) {
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=sandbox-secret";
        let request = self.http.post(format!("{}/services/oauth2/token", self.url)).body(form);
        let text = request.send().await.unwrap().text().await.unwrap();
        let answer: Json = serde_json::from_str(&text).unwrap();
        *self.token.lock().unwrap() = answer["access_token"].as_str().unwrap().to_owned();
    }

    /// Sends a request; nothing when no whole answer in JSON came.
    async fn send(
        &self,
        method: &str,
        path: &str,
        body: &Json,
        header: Option<(&str, &str)>,
    ) -> Option<(u16, String, Json)> {
        let token = self.token.lock().unwrap().clone();
        let url = if path.starts_with("/_sandbox") {
            format!("{}{path}", self.url)
        } else {
            format!("{}/services/data/v66.0{path}", self.url)
        };
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let tag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok());
        let tag = tag.unwrap_or_default().to_owned();
        let text = answer.text().await.ok()?;
        let json = if text.is_empty() && matches!(status, 204 | 304) {
            Json::Null
        } else {
            serde_json::from_str(&text).ok()?
        };
        Some((status, tag, json))
    }

    async fn call(&self, method: &str, path: &str, body: Json) -> (u16, Json) {
        let (status, _, json) = self.send(method, path, &body, None).await.unwrap();
        (status, json)
    }

    async fn count(&self, wish: &str) -> u64 {
        let path = format!("/query?q=SELECT+COUNT()+FROM+{wish}");
        self.call("GET", &path, Json::Null).await.1["totalSize"].as_u64().unwrap()
    }
}

fn ghost(n: u64) -> Json {
    let url = |object: &str| format!("/services/data/v66.0/sobjects/{object}");
    let parts = json!([
        {"method": "POST", "url": url("Account"), "referenceId": "a", "body": {"Name": format!("ghost {n}")}},
        {"method": "POST", "url": url("Contact"), "referenceId": "c", "body": {"AccountId": "@{a.id}"}},
    ]);
    if n.is_multiple_of(2) {
        json!({"allOrNone": true, "compositeRequest": parts})
    } else {
        json!({"graphs": [{"graphId": "g", "compositeRequest": parts}]})
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_reads_what_was_taken_back() {
    let (org, client) = start().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (client, is_over) = (client.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut n_reads = 0;
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(client.count("Account+WHERE+Name+LIKE+'ghost%25'").await, 0);
                    n_reads += 1;
                }
                n_reads
            })
        })
        .collect();
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                for n in (0..200).map(|n| writer * 1_000 + n) {
                    let path = if n % 2 == 0 { "/composite" } else { "/composite/graph" };
                    let (_, answer) = client.call("POST", path, ghost(n)).await;
                    assert!(answer.to_string().contains("REQUIRED_FIELD_MISSING"));
                    client
                        .call("POST", "/sobjects/Account", json!({"Name": format!("real {n}")}))
                        .await;
                }
            })
        })
        .collect();

    for writer in writers {
        writer.await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }

    assert_eq!(client.count("Account").await, 600);
    let (_, log) = client.call("GET", "/_sandbox/events?max=1000", Json::Null).await;
    assert_eq!(log["events"].as_array().unwrap().len(), 600);
    assert!(!log.to_string().contains("ghost"));
    org.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_ask_for_their_entity_tag_lose_no_update() {
    let (org, client) = start().await;
    let fields = json!({"Name": "Counter", "NumberOfEmployees": 0});
    let (_, made) = client.call("POST", "/sobjects/Account", fields).await;
    let path = format!("/sobjects/Account/{}", made["id"].as_str().unwrap());
    let n_refused = Arc::new(AtomicU64::new(0));

    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (client, path, n_refused) = (client.clone(), path.clone(), Arc::clone(&n_refused));
            tokio::spawn(async move {
                let mut n_written = 0;
                while n_written < 50 {
                    let (_, tag, row) = client.send("GET", &path, &Json::Null, None).await.unwrap();
                    let next = row["NumberOfEmployees"].as_u64().unwrap() + 1;
                    let wish = json!({"NumberOfEmployees": next});
                    let header = Some(("if-match", tag.as_str()));
                    match client.send("PATCH", &path, &wish, header).await.unwrap().0 {
                        204 => n_written += 1,
                        412 => {
                            n_refused.fetch_add(1, Ordering::Relaxed);
                        }
                        other => unreachable!("{other}"),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }

    let (_, row) = client.call("GET", &path, Json::Null).await;
    assert_eq!(row["NumberOfEmployees"], 200);
    assert!(n_refused.load(Ordering::Relaxed) > 0, "nobody was ever too late");
    org.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writer_that_does_not_give_up_arrives_through_every_fault() {
    let (org, client) = start().await;
    let field = json!({"add": {"object": "Account", "name": "Key__c", "type": "string", "length": 20,
                               "unique": true, "external_id": true}});
    client.call("POST", "/_sandbox/schema", field).await;
    let preset = json!({"preset": "all", "probability": 0.3, "seed": 7});
    client.call("POST", "/_sandbox/faults", preset).await;

    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                for n in 0..60 {
                    let path = format!("/sobjects/Account/Key__c/{writer}-{n}");
                    for _ in 0..60 {
                        let wish = json!({"Name": format!("Account {n}")});
                        let came = client.send("PATCH", &path, &wish, None).await;
                        match came {
                            Some((200 | 201, _, answer)) if answer["success"] == true => break,
                            Some((401, ..)) => client.login().await,
                            _ => {}
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }

    let (_, stats) = client.call("GET", "/_sandbox/faults", Json::Null).await;
    let fired = stats["fired"].as_object().unwrap().clone();
    client.call("DELETE", "/_sandbox/faults", Json::Null).await;
    client.login().await;
    assert_eq!(client.count("Account").await, 240, "each arrived, and none twice");
    for kind in [
        "reset",
        "lose_answer",
        "lock_rows",
        "html_200",
        "empty_200",
        "invalid_session",
        "request_limit",
    ] {
        assert!(fired.contains_key(kind), "{kind} never happened: {fired:?}");
    }
    org.stop().await;
}
