//! What a running org sends out, and what it keeps over a restart.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests; clippy does not count their helpers"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use sandbox_org::{
    RunningSandbox, Sandbox, Seed, Settings, Subscription, SubscriptionKind, Wrapper,
};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

const ACK: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body><notificationsResponse xmlns=\"http://soap.sforce.com/2005/09/outbound\"><Ack>true</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>";

/// Receives deliveries; gives prepared answers first, then acknowledges.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<Mutex<Vec<(u16, &'static str)>>>,
}

impl Receiver {
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/hook", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    fn bodies(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    async fn wait_for(&self, n: usize) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.bodies().len() < n {
            assert!(Instant::now() < deadline, "only {} of {n} came", self.bodies().len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.bodies()
    }
}

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    receiver.got.lock().unwrap().push((headers, body));
    let answer = receiver.answers.lock().unwrap().pop();
    let (status, text) = answer.unwrap_or((200, ACK));
    (StatusCode::from_u16(status).unwrap(), text)
}

/// A client of a running org.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    async fn login(org: &RunningSandbox) -> Self {
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=sandbox-secret";
        let request = http.post(format!("{}/services/oauth2/token", org.url())).body(form);
        let text = request.send().await.unwrap().text().await.unwrap();
        let answer: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["instance_url"], json!(org.url()));
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { http, url: org.url(), token }
    }

    async fn call(&self, method: &str, path: &str, body: Json) -> Json {
        let request = self
            .http
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("sforce-call-options", "client=check")
            .body(if body.is_null() { String::new() } else { body.to_string() });
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    async fn create(&self, object: &str, fields: Json) -> String {
        let path = format!("/services/data/v66.0/sobjects/{object}");
        let answer = self.call("POST", &path, fields).await;
        answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn update(&self, object: &str, id: &str, fields: Json) {
        let path = format!("/services/data/v66.0/sobjects/{object}/{id}");
        assert_eq!(self.call("PATCH", &path, fields).await, Json::Null);
    }
}

fn messages(url: &str, fields: &[&str]) -> Subscription {
    Subscription {
        kind: SubscriptionKind::OutboundMessage,
        objects: vec!["Case".into()],
        fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        url: url.to_owned(),
        wrapper: Wrapper::None,
        headers: [("authorization".to_owned(), "Bearer hook".to_owned())].into(),
    }
}

fn events(url: &str, wrapper: Wrapper) -> Subscription {
    let objects = vec!["Account".into(), "Contact".into(), "Case".into()];
    Subscription { kind: SubscriptionKind::ChangeEvents, objects, wrapper, ..messages(url, &[]) }
}

async fn start(subscriptions: Vec<Subscription>) -> (RunningSandbox, Client) {
    start_with(Settings { subscriptions, seed: Seed::Empty, ..Settings::default() }).await
}

async fn start_with(settings: Settings) -> (RunningSandbox, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let org = Sandbox::start(settings, listener).unwrap();
    let client = Client::login(&org).await;
    (org, client)
}

#[tokio::test]
async fn outbound_message_has_the_shape_of_the_platform() {
    let receiver = Receiver::default();
    let url = receiver.listen().await;
    let (org, client) = start(vec![messages(&url, &["Subject", "Court__c", "CreatedDate"])]).await;

    let id =
        client.create("Case", json!({"Subject": "Doe & Sons v. <Roe>", "Origin": "Web"})).await;

    let body = receiver.wait_for(1).await.remove(0);
    for part in [
        "<notifications xmlns=\"http://soap.sforce.com/2005/09/outbound\">",
        "<OrganizationId>00DMb0000000001",
        "<SessionId xsi:nil=\"true\"/>",
        "<sObject xsi:type=\"sf:Case\" xmlns:sf=\"urn:sobject.enterprise.soap.sforce.com\">",
        &format!("<sf:Id>{id}</sf:Id><sf:CreatedDate>20"),
        "<sf:Subject>Doe &amp; Sons v. &lt;Roe&gt;</sf:Subject>",
    ] {
        assert!(body.contains(part), "`{part}` is missing in {body}");
    }
    assert!(!body.contains("sf:Court__c"), "a null field is left out");
    assert!(!body.contains("sf:Origin"), "a field that is not selected is left out");
    let headers = receiver.got.lock().unwrap()[0].0.clone();
    assert_eq!(headers["content-type"], "text/xml; charset=utf-8");
    assert_eq!(headers["soapaction"], "\"\"");
    assert_eq!(headers["authorization"], "Bearer hook");
    org.stop().await;
}

#[tokio::test]
async fn message_without_acknowledgement_is_sent_again_with_current_values() {
    let receiver = Receiver::default();
    receiver.answers.lock().unwrap().extend([(200, "OK"), (503, "")]);
    let url = receiver.listen().await;
    let (org, client) = start(vec![messages(&url, &["Subject", "Status"])]).await;

    let id = client.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    receiver.wait_for(1).await;
    client.update("Case", &id, json!({"Status": "Intake"})).await;

    let bodies = receiver.wait_for(3).await;
    assert!(bodies[0].contains("<sf:Status>New</sf:Status>"));
    assert!(bodies[2].contains("<sf:Status>Intake</sf:Status>"));
    let identify =
        |body: &str| body.split("<Notification>").nth(1).map(|part| part[..40].to_owned());
    assert_eq!(identify(&bodies[0]), identify(&bodies[2]), "the notification keeps its id");
    org.stop().await;
}

#[tokio::test]
async fn change_events_tell_what_happened_in_order() {
    let receiver = Receiver::default();
    let url = receiver.listen().await;
    let (org, client) = start(vec![events(&url, Wrapper::None)]).await;

    let fields = json!({"LastName": "Doe", "MailingCity": "Oakland", "MailingStreet": "1 Main St", "Phone": "1"});
    let id = client.create("Contact", fields).await;
    client.update("Contact", &id, json!({"MailingCity": null, "LastName": "Roe"})).await;
    client.call("DELETE", &format!("/services/data/v66.0/sobjects/Contact/{id}"), Json::Null).await;
    client.call("POST", &format!("/_sandbox/undelete/{id}"), Json::Null).await;

    let bodies = receiver.wait_for(4).await;
    let events: Vec<Json> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    let header = |n: usize| &events[n]["ChangeEventHeader"];
    let kinds: Vec<&str> = (0..4).map(|n| header(n)["changeType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["CREATE", "UPDATE", "DELETE", "UNDELETE"]);
    assert_eq!(header(0)["recordIds"], json!([id]));
    assert_eq!(header(0)["changeOrigin"], "com/salesforce/api/rest/66.0;client=check");
    assert_eq!(events[0]["MailingAddress"], json!({"City": "Oakland", "Street": "1 Main St"}));
    assert_eq!(events[0]["Name"], json!({"LastName": "Doe"}));
    let changed = json!(["LastModifiedDate", "Name.LastName", "MailingAddress.City"]);
    assert_eq!(header(1)["changedFields"], changed);
    assert_eq!(events[1].get("MailingAddress"), None, "a field that was cleared is left out");
    assert_eq!(events[2].as_object().unwrap().len(), 1, "a delete is a header only");
    assert!(header(0)["commitNumber"].as_i64() < header(1)["commitNumber"].as_i64());
    org.stop().await;
}

#[tokio::test]
async fn relayed_event_stands_in_its_envelope() {
    let receiver = Receiver::default();
    let url = receiver.listen().await;
    let (org, client) = start(vec![events(&url, Wrapper::EventBridge)]).await;

    client.create("Account", json!({"Name": "Roe LLC"})).await;

    let body: Json = serde_json::from_str(&receiver.wait_for(1).await[0]).unwrap();
    assert_eq!(body["detail-type"], "AccountChangeEvent");
    assert!(body["source"].as_str().unwrap().starts_with("aws.partner/salesforce.com/00D"));
    assert_eq!(body["detail"]["payload"]["Name"], "Roe LLC");
    org.stop().await;
}

#[tokio::test]
async fn changes_while_switched_off_are_lost_unless_deferred() {
    let receiver = Receiver::default();
    let url = receiver.listen().await;
    let (org, client) = start(vec![events(&url, Wrapper::None)]).await;
    let switch = async |body: Json| client.call("POST", "/_sandbox/webhooks", body).await;

    switch(json!({"enabled": false})).await;
    client.create("Account", json!({"Name": "lost"})).await;
    switch(json!({"enabled": false, "deferred": true})).await;
    client.create("Account", json!({"Name": "late"})).await;
    switch(json!({"enabled": true})).await;
    client.create("Account", json!({"Name": "live"})).await;

    let bodies = receiver.wait_for(2).await;
    let names: Vec<Json> =
        bodies.iter().map(|b| serde_json::from_str::<Json>(b).unwrap()["Name"].clone()).collect();
    assert_eq!(names, ["late", "live"]);
    org.stop().await;
}

#[tokio::test]
async fn subscriber_can_be_added_and_removed_while_running() {
    let receiver = Receiver::default();
    let url = receiver.listen().await;
    let (org, client) = start(Vec::new()).await;

    let wish = json!({"kind": "change_events", "objects": ["Account"], "url": url});
    let id = client.call("POST", "/_sandbox/subscriptions", wish).await["id"].clone();
    client.create("Account", json!({"Name": "Roe LLC"})).await;
    receiver.wait_for(1).await;
    let path = format!("/_sandbox/subscriptions/{}", id.as_str().unwrap());
    client.call("DELETE", &path, Json::Null).await;

    let stats = client.call("GET", "/_sandbox/stats", Json::Null).await;
    assert_eq!(stats["subscriptions"], json!([]));
    assert_eq!(stats["rows"]["Account"], 1);
    org.stop().await;
}

#[tokio::test]
async fn working_firm_changes_its_cases() {
    let (org, client) =
        start_with(Settings { activity_per_second: 5_000.0, ..Settings::default() }).await;

    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let stats = client.call("GET", "/_sandbox/stats", Json::Null).await;
        if stats["changes_made"].as_u64() > Some(5_000) {
            break;
        }
        assert!(Instant::now() < deadline, "{stats}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pace = client.call("POST", "/_sandbox/activity", json!({"per_second": 0})).await;
    assert_eq!(pace["per_second"], 0.0);
    // Cases are opened and closed, but the firm keeps its shape: it neither drains nor swells.
    let count = async |wish: &str| {
        let path = format!("/services/data/v66.0/query?q=SELECT+COUNT()+FROM+Case{wish}");
        client.call("GET", &path, Json::Null).await["totalSize"].as_u64().unwrap()
    };
    let opened = count("").await - 10_000;
    let open = count("+WHERE+IsClosed=false").await;
    assert!((1..200).contains(&opened), "{opened} opened");
    assert!((2_700..2_920).contains(&open), "{open} open");
    for status in ["New", "Intake", "Active", "Discovery", "Mediation", "Trial"] {
        let n = count(&format!("+WHERE+Status='{status}'")).await;
        assert!(n > 20, "{n} are {status}");
    }
    org.stop().await;
}

#[tokio::test]
async fn journal_keeps_the_org_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Some(folder.path().join("org.jsonl"));
    let settings = || Settings { journal: journal.clone(), ..Settings::default() };
    let all = "/services/data/v66.0/query?q=SELECT+Id,SystemModstamp,Status,IsDeleted+FROM+Case+ORDER+BY+SystemModstamp,Id";

    let (org, client) = start_with(settings()).await;
    let id = client.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    client.update("Case", &id, json!({"Status": "Settled"})).await;
    let before = client.call("GET", all, Json::Null).await;
    org.stop().await;
    let (org, client) = start_with(settings()).await;
    let after = client.call("GET", all, Json::Null).await;

    let rows = |answer: &Json| answer["records"].as_array().unwrap().len();
    assert_eq!(rows(&before), 2_000);
    assert_eq!(before["records"], after["records"]);
    let row =
        client.call("GET", &format!("/services/data/v66.0/sobjects/Case/{id}"), Json::Null).await;
    assert_eq!(row["IsClosed"], true);
    let next = client.create("Case", json!({"Subject": "Next"})).await;
    assert!(next > id);
    org.stop().await;
}

#[tokio::test]
async fn log_of_events_holds_what_webhooks_got_and_gaps_that_were_ordered() {
    let receiver = Receiver::default();
    let url = receiver.listen().await;
    let (org, client) = start(vec![events(&url, Wrapper::EventBridge)]).await;
    let id = client.create("Account", json!({"Name": "Doe LLC"})).await;

    let gap = json!({"type": "GAP_UPDATE", "object": "Account", "ids": [id]});
    client.call("POST", "/_sandbox/events", gap).await;
    let starred = json!({"type": "GAP_UPDATE", "object": "Account", "ids": ["001*"]});
    client.call("POST", "/_sandbox/events", starred).await;
    let overflow = json!({"type": "GAP_OVERFLOW", "object": "Account"});
    client.call("POST", "/_sandbox/events", overflow).await;
    let bodies = receiver.wait_for(4).await;
    let log = client.call("GET", "/_sandbox/events?wait_ms=1000", Json::Null).await;

    let kept = log["events"].as_array().unwrap();
    let heads: Vec<_> = kept
        .iter()
        .map(|event| &event["payload"]["ChangeEventHeader"])
        .map(|head| (head["changeType"].clone(), head["recordIds"][0].clone()))
        .collect();
    let expected = [
        (json!("CREATE"), json!(id)),
        (json!("GAP_UPDATE"), json!(id)),
        (json!("GAP_UPDATE"), json!("001*")),
        (json!("GAP_OVERFLOW"), json!("000000000000000AAA")),
    ];
    assert_eq!(heads, expected);
    for (event, body) in kept.iter().zip(bodies) {
        let sent: Json = serde_json::from_str(&body).unwrap();
        assert_eq!(sent["detail"]["payload"], event["payload"]);
        assert_eq!(sent["detail"]["replayId"], event["replayId"].to_string());
    }
    let later = format!("/_sandbox/events?after={}", kept[2]["replayId"]);
    assert_eq!(client.call("GET", &later, Json::Null).await["events"], json!([kept[3]]));
    let unknown = client.call("GET", "/_sandbox/events?after=99999999999999", Json::Null).await;
    assert_eq!(unknown[0]["errorCode"], "INVALID_REPLAY_ID");
    org.stop().await;
}
