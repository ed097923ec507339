//! Changes of a Salesforce org arrive over its event stream: sandbox, subscriber, queue, worker, store.

use std::net::Ipv4Addr;
use std::time::Duration;

use sandbox_org::{RunningSandbox, Sandbox, Seed, Settings};
use serde_json::{Value, json};
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::{Clock as _, Ledger, SystemClock};
use shared::sync::Cursor;
use tokio::net::TcpListener;
use url::Url;

use crate::firm::{Firm, command_json};
use crate::moodbridge::{Moodbridge, command, free_port};
use crate::place::Place;

/// The promise, and what a busy machine may add to it.
const PROMISE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// What a killed process had in hand comes again when its visibility ends.
const PATIENCE_AFTER_KILLS: Duration = Duration::from_secs(120);

#[tokio::test]
async fn edit_arrives_by_stream_within_a_second() {
    let firm = Firm::start(&["--empty", "--events", "pubsub", "--poll-every", "1h"]).await;
    let account = firm.create("Account", json!({"Name": "Roe Ltd"})).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe", "AccountId": account})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;

    firm.update("Case", &case, json!({"Status": "Trial", "Court__c": "Superior Court"})).await;
    let (seen, took) =
        firm.moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "Trial").await;
    assert!(took < PROMISE, "took {took:?}");
    assert_eq!(
        (&seen["court"], &seen["account_name"]),
        (&json!("Superior Court"), &json!("Roe Ltd"))
    );

    firm.update("Case", &case, json!({"Court__c": null})).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["court"].is_null()).await;
    firm.delete("Case", &case).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["is_deleted"] == true).await;
    firm.switch(&format!("undelete/{case}"), &json!({})).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["is_deleted"] == false).await;
    let audit = firm.moodbridge.get("/v1/audit?limit=1").await;
    assert_eq!(audit["items"][0]["channel"], "pub_sub", "{audit}");
}

#[tokio::test]
async fn change_that_comes_by_webhook_and_by_stream_is_applied_once() {
    let firm = Firm::start(&["--empty", "--events", "both", "--poll-every", "1h"]).await;
    let case = firm.create("Case", json!({"Subject": "0"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "0").await;
    for edit in 1..=10 {
        firm.update("Case", &case, json!({"Subject": edit.to_string()})).await;
    }
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "10").await;
    let is_empty =
        |it: &Value| it["items"][0]["n_ready"] == 0 && it["items"][0]["n_in_flight"] == 0;
    let (queues, _) = firm.moodbridge.wait_for("/v1/queues", PATIENCE, is_empty).await;
    assert_eq!(queues["items"][0]["n_dead"], 0, "{queues}");
}

#[tokio::test]
async fn overflow_and_gap_are_read_from_the_org() {
    let firm = Firm::start(&["--empty", "--events", "pubsub", "--poll-every", "300ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;

    for (kind, ids) in [("GAP_UPDATE", json!([case])), ("GAP_OVERFLOW", json!([]))] {
        firm.switch("events", &json!({"type": kind, "object": "Case", "ids": ids})).await;
    }

    let page = async || {
        let url = format!("{}/metrics", firm.moodbridge.url);
        firm.moodbridge.client.get(url).send().await.unwrap().text().await.unwrap()
    };
    let begun = std::time::Instant::now();
    for part in
        ["sync_events_total{object=\"Case\",outcome=\"resync\"} 1", "sync_records_read_total"]
    {
        while !page().await.contains(part) {
            assert!(begun.elapsed() < PATIENCE, "`{part}` is not in\n{}", page().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An org that lives longer than the processes that follow it.
struct Org {
    running: RunningSandbox,
    client: reqwest::Client,
    token: String,
}

impl Org {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut settings = Settings { seed: Seed::Empty, ..Settings::default() };
        settings.pub_sub.address = Some((Ipv4Addr::LOCALHOST, 0).into());
        let running = Sandbox::start(settings, listener).unwrap();
        let client = reqwest::Client::builder().build().unwrap();
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox\
                    &client_secret=sandbox-secret";
        let answer: Value = client
            .post(format!("{}/services/oauth2/token", running.url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { running, client, token }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.running.url()));
        let answer = request.bearer_auth(&self.token).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    async fn create_case(&self, subject: &str) -> String {
        let fields = json!({"Subject": subject});
        let answer = self.post("/services/data/v66.0/sobjects/Case", &fields).await;
        answer["id"].as_str().unwrap().to_owned()
    }
}

/// `moodbridge serve`, to be killed and started again.
struct Server {
    place: Place,
    port: u16,
}

const SECRET: &str = "MOODBRIDGE_TEST_EVENTS_SECRET";

impl Server {
    async fn new(org: &Org, poll_every: &str) -> Self {
        let (place, port) = (Place::new().await, free_port());
        let mut settings = format!(
            "[server]\naddress = \"127.0.0.1:{port}\"\n\
             [poll]\nevery = \"{poll_every}\"\noverlap = \"5m\"\nlag = \"0s\"\n\
             [[connections]]\nplatform = \"salesforce\"\nconnection = \"main\"\n\
             login_url = \"{}\"\n\
             [connections.auth]\nflow = \"client_credentials\"\n\
             client_id = \"moodbridge-sandbox\"\nclient_secret = \"env:{SECRET}\"\n\
             [connections.events]\nendpoint = \"{}\"\n",
            org.running.url(),
            org.running.pub_sub_url().unwrap(),
        );
        if let Some((cases, queue)) = place.addresses() {
            settings
                .push_str(&format!("[store]\ncases = \"{cases}\"\nevents_queue = \"{queue}\"\n"));
        }
        std::fs::write(place.path().join("moodbridge.toml"), settings).unwrap();
        let migrated = command(place.path(), &["db", "migrate"]);
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        Self { place, port }
    }

    async fn start(&self) -> Moodbridge {
        self.start_with(&["serve"]).await
    }

    async fn start_with(&self, arguments: &[&str]) -> Moodbridge {
        let mut program = std::process::Command::new(crate::moodbridge::BINARY);
        program.env(SECRET, "sandbox-secret");
        Moodbridge::start_by(program, self.place.path(), self.port, arguments).await
    }

    async fn ledger(&self) -> std::sync::Arc<dyn Ledger> {
        let address = match self.place.addresses() {
            Some((cases, _)) => cases,
            None => {
                let file = self.place.path().join(".moodbridge/cases.db");
                Url::parse(&format!("sqlite:{}", file.display())).unwrap()
            }
        };
        wiring::case_store(&address).await.unwrap().ledger
    }

    /// Writes an entry of the ledger, whatever stands there.
    async fn write(&self, name: &str, value: &str) {
        let ledger = self.ledger().await;
        let revision = ledger.get(name).await.unwrap().map_or(0, |it| it.revision);
        ledger.put(name, value, revision).await.unwrap();
    }

    /// Makes the poller wait for the day after tomorrow: what arrives comes by the stream.
    async fn blind_the_poller(&self) {
        let connection = ConnectionId::parse("main").unwrap();
        let at = SystemClock.now().plus(Duration::from_hours(48));
        for object in ["Account", "Contact", "Case"] {
            let name = Cursor::ledger_name(&connection, &ObjectName::parse(object).unwrap());
            self.write(&name, &serde_json::to_string(&Cursor::resting(at)).unwrap()).await;
        }
    }
}

async fn titles(moodbridge: &Moodbridge) -> Vec<String> {
    let page = moodbridge.get("/v1/cases?limit=100").await;
    let items = page["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|it| it["title"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn killed_process_goes_on_where_it_was_and_loses_nothing() {
    let org = Org::start().await;
    let server = Server::new(&org, "1h").await;
    server.blind_the_poller().await;
    let mut wanted = Vec::new();
    for round in 0..6 {
        let moodbridge = server.start().await;
        for n in 0..15 {
            let subject = format!("{round}-{n}");
            org.create_case(&subject).await;
            wanted.push(subject);
            if round == 2 && n == 7 {
                org.post("/_sandbox/pubsub", &json!({"cut": true})).await;
            }
        }
        // Killed at once, and later each time.
        tokio::time::sleep(Duration::from_millis(40 * round)).await;
        drop(moodbridge);
    }
    let moodbridge = server.start().await;
    let begun = std::time::Instant::now();
    wanted.sort();
    loop {
        let mut found = titles(&moodbridge).await;
        found.sort();
        if found == wanted {
            break;
        }
        assert!(begun.elapsed() < PATIENCE_AFTER_KILLS, "{} of {} came", found.len(), wanted.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let queues = moodbridge.get("/v1/queues").await;
    assert_eq!(queues["items"][0]["n_dead"], 0, "{queues}");
    let audit = command_json(server.place.path(), &["--json", "audit", "verify"]);
    assert_eq!(
        audit["n_rows"].as_u64(),
        Some(wanted.len() as u64),
        "each was applied once: {audit}"
    );
}

#[tokio::test]
async fn place_of_eighty_hours_ago_heals_itself_and_is_told() {
    let org = Org::start().await;
    let server = Server::new(&org, "300ms").await;
    server.blind_the_poller().await;
    // The bus loses this one, and the poller believes that it has passed it.
    org.post("/_sandbox/pubsub", &json!({"drop": 1})).await;
    let lost = org.create_case("lost").await;
    let at = SystemClock.now().minus(Duration::from_hours(80));
    let place = json!({"replay_id": "0000000000000001", "at": at}).to_string();
    server.write("replay/main/data/ChangeEvents", &place).await;

    let moodbridge = server.start().await;
    let path = format!("/v1/cases/{lost}");
    moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "lost").await;
    let kept = org.create_case("kept").await;
    let path = format!("/v1/cases/{kept}");
    moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "kept").await;

    let told = |it: &Value| {
        let main = &it["items"][0];
        main["status"] == "degraded"
            && main["detail"].as_str().is_some_and(|it| it.contains("events were lost"))
    };
    moodbridge.wait_for("/v1/integrations", PATIENCE, told).await;
    let log = moodbridge.log();
    assert!(log.contains("events of `/data/ChangeEvents` were lost"), "{log}");
    let metrics =
        moodbridge.client.get(format!("{}/metrics", moodbridge.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("pubsub_gaps_total{"), "{metrics}");
}

#[tokio::test]
async fn token_of_the_org_stands_in_no_log_line() {
    let org = Org::start().await;
    let server = Server::new(&org, "1h").await;
    server.blind_the_poller().await;
    let moodbridge = server.start_with(&["--log", "trace", "serve"]).await;
    let case = org.create_case("Doe v. Roe").await;
    let path = format!("/v1/cases/{case}");
    moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;

    let log = moodbridge.log();
    assert!(log.contains("h2::codec::framed_write"), "frames are logged at this level");
    // Every token of the sandbox has these letters behind the organisation's id.
    let line = log.lines().find(|line| line.contains("!AQ"));
    assert_eq!(line, None);
}

#[tokio::test]
async fn new_field_changes_nothing_for_those_that_are_mapped() {
    let org = Org::start().await;
    let server = Server::new(&org, "1h").await;
    server.blind_the_poller().await;
    let moodbridge = server.start().await;
    let case = org.create_case("Doe v. Roe").await;
    let path = format!("/v1/cases/{case}");
    moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;
    let field = json!({"object": "Case", "name": "Aaa__c", "type": "string", "length": 40});
    org.post("/_sandbox/schema", &json!({"add": field})).await;

    let fields = json!({"Aaa__c": "x", "Court__c": "Superior Court", "Status": "Trial"});
    let change = json!({"changes": [{"update": {"id": case, "fields": fields}}]});
    org.post("/_sandbox/changes", &change).await;

    let (seen, _) = moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "Trial").await;
    assert_eq!((&seen["court"], &seen["title"]), (&json!("Superior Court"), &json!("Doe v. Roe")));
    assert_eq!(seen["priority"], "Medium");
}
