//! Both sides change at once while the org fails, webhooks are lost and the process is killed: in the
//! end both hold the same, and every accepted change is there or explained.

mod explained;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use sandbox_org::{RunningSandbox, Sandbox, Seed, Subscription, SubscriptionKind, Wrapper};
use serde_json::{Value, json};
use shared::config::Env;
use tokio::net::TcpListener;

use crate::moodbridge::{Moodbridge, command, free_port};
use crate::place::Place;
use crate::soak::{Dice, TOKEN};
use explained::Explained;

/// How much is done; more with `MOODBRIDGE_TORTURE_CASES`, `…_CHANGES` and `…_KILLS`.
struct Extent {
    n_cases: usize,
    /// Changes on each side; a tenth of the records is changed on both.
    n_changes: usize,
    n_kills: usize,
}

impl Extent {
    fn of_environment() -> Self {
        let env = Env::of_process();
        let number = |name: &str, otherwise| {
            let text = env.get(&format!("MOODBRIDGE_TORTURE_{name}")).map(ToOwned::to_owned);
            text.map_or(otherwise, |it: String| it.parse().unwrap())
        };
        Self {
            n_cases: number("CASES", 2500),
            n_changes: number("CHANGES", 300),
            n_kills: number("KILLS", 6),
        }
    }
}

/// How long everything may take on a busy machine, for each thousand changes.
const LIMIT: Duration = Duration::from_secs(600);

/// The fields that are changed: here, and there.
const FIELDS: [(&str, &str); 3] =
    [("title", "Subject"), ("court", "Court__c"), ("docket_number", "Docket_Number__c")];

struct World {
    place: Place,
    port: u16,
    sandbox: RunningSandbox,
    client: reqwest::Client,
    /// The record ids of all cases.
    cases: Vec<String>,
}

impl World {
    async fn start(extent: &Extent) -> Self {
        let (place, port) = (Place::new().await, free_port());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mappings = wiring::connecting::standard_mappings().unwrap();
        let subscription = Subscription {
            kind: SubscriptionKind::ChangeEvents,
            objects: mappings.objects().iter().map(|it| it.object.to_string()).collect(),
            fields: Vec::new(),
            url: format!("http://127.0.0.1:{port}/hooks/salesforce/changes/main/{TOKEN}"),
            wrapper: Wrapper::None,
            headers: std::collections::BTreeMap::new(),
        };
        let n_cases = extent.n_cases as u64;
        let settings = sandbox_org::Settings {
            seed: Seed::Many {
                accounts: n_cases / 10 + 1,
                contacts: n_cases / 5 + 1,
                cases: n_cases,
            },
            keeps_history: true,
            subscriptions: vec![subscription],
            ..sandbox_org::Settings::default()
        };
        let sandbox = Sandbox::start(settings, listener).unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let mut world = Self { place, port, sandbox, client, cases: Vec::new() };
        world.write_settings();
        world.cases = world.list_cases().await;
        assert_eq!(world.cases.len(), extent.n_cases);
        world
    }

    fn write_settings(&self) {
        let folder = self.place.path();
        std::fs::write(folder.join("token"), TOKEN).unwrap();
        std::fs::write(folder.join("client-secret"), "sandbox-secret").unwrap();
        let (port, url) = (self.port, self.sandbox.url());
        let organization = self.sandbox.organization_id();
        let store = self.place.addresses().map_or_else(String::new, |(cases, queue)| {
            format!("[store]\ncases = \"{cases}\"\nevents_queue = \"{queue}\"\n")
        });
        let settings = format!(
            r#"
            [server]
            address = "127.0.0.1:{port}"
            [poll]
            every = "500ms"
            overlap = "30s"
            lag = "0s"
            [[connections]]
            platform = "salesforce"
            connection = "main"
            login_url = "{url}"
            [connections.auth]
            flow = "client_credentials"
            client_id = "moodbridge-sandbox"
            client_secret = "mounted:client-secret"
            [[intake.connections]]
            name = "main"
            organization_id = "{organization}"
            tokens = ["mounted:token"]
            {store}
            "#
        );
        std::fs::write(folder.join("moodbridge.toml"), settings).unwrap();
        assert!(command(folder, &["db", "migrate"]).status.success());
    }

    async fn switch(&self, method: Method, path: &str, body: &Value) -> String {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let request = self.client.request(method, url).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// Lists the cases of the org by the REST API.
    async fn list_cases(&self) -> Vec<String> {
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox\
                    &client_secret=sandbox-secret";
        let login = self.client.post(format!("{}/services/oauth2/token", self.sandbox.url()));
        let login = login.header("content-type", "application/x-www-form-urlencoded").body(form);
        let login: Value = login.send().await.unwrap().json().await.unwrap();
        let token = login["access_token"].as_str().unwrap();
        let mut path = "/services/data/v66.0/query?q=SELECT+Id+FROM+Case".to_owned();
        let mut ids = Vec::new();
        loop {
            let call = self.client.get(format!("{}{path}", self.sandbox.url())).bearer_auth(token);
            let page: Value = call.send().await.unwrap().json().await.unwrap();
            let records = page["records"].as_array().unwrap_or_else(|| panic!("{page}"));
            ids.extend(records.iter().map(|it| it["Id"].as_str().unwrap().to_owned()));
            match page["nextRecordsUrl"].as_str() {
                Some(next) => next.clone_into(&mut path),
                None => return ids,
            }
        }
    }

    async fn serve(&self) -> Moodbridge {
        Moodbridge::start(self.place.path(), self.port, &["serve"]).await
    }

    async fn change_there(&self, extent: &Extent, n_done: &AtomicUsize) {
        let mut dice = Dice(7);
        for n in 0..extent.n_changes {
            let id = &self.cases[dice.below(self.cases.len() / 5)];
            let (_, field) = FIELDS[dice.below(FIELDS.len())];
            let update = json!({"update": {"id": id, "fields": {field: format!("there {n}")}}});
            self.switch(Method::POST, "changes", &json!({"changes": [update]})).await;
            n_done.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(dice.below(20) as u64)).await;
        }
    }

    /// Changes cases by the API, again and again until each change is accepted.
    async fn change_here(&self, extent: &Extent, token: &str, n_done: &AtomicUsize) {
        let mut dice = Dice(11);
        for n in 0..extent.n_changes {
            // Half of the cases that are changed there, and as many others.
            let id = &self.cases[self.cases.len() / 10 + dice.below(self.cases.len() / 5)];
            let (field, _) = FIELDS[dice.below(FIELDS.len())];
            let url = format!("http://127.0.0.1:{}/v1/cases/{id}", self.port);
            loop {
                let body = json!({field: format!("here {n}")});
                let call = self.client.patch(&url).bearer_auth(token).json(&body).send().await;
                match call {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) if answer.status().is_client_error() => {
                        panic!("{url}: {} {}", answer.status(), answer.text().await.unwrap())
                    }
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
            n_done.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(dice.below(20) as u64)).await;
        }
    }
}

fn is_all_sent(it: &Value) -> bool {
    it["items"].as_array().is_some_and(Vec::is_empty)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_end_equal_and_every_change_is_there_or_explained() {
    let extent = Extent::of_environment();
    let limit = LIMIT.mul_f64((extent.n_changes as f64 / 1000.0).max(1.0));
    let begun = Instant::now();
    let world = Arc::new(World::start(&extent).await);
    let mut moodbridge = world.serve().await;
    // Everything is loaded before the changes begin, through the faults.
    let faults = json!({"preset": "all", "probability": 0.05, "seed": 7});
    world.switch(Method::POST, "faults", &faults).await;
    let is_loaded =
        |it: &Value| it["items"].as_array().is_some_and(|runs| runs.iter().any(is_case_loaded));
    moodbridge.wait_for("/v1/sync-runs?limit=200", limit, is_loaded).await;
    let token = moodbridge.token_of("anna", &["admin"]).await;

    let n_done = Arc::new(AtomicUsize::new(0));
    let (there, here) = (Arc::clone(&world), Arc::clone(&world));
    let (done_there, done_here) = (Arc::clone(&n_done), Arc::clone(&n_done));
    let extent = Arc::new(extent);
    let (extent_there, extent_here) = (Arc::clone(&extent), Arc::clone(&extent));
    let there = tokio::spawn(async move { there.change_there(&extent_there, &done_there).await });
    let here =
        tokio::spawn(async move { here.change_here(&extent_here, &token, &done_here).await });
    let mut dice = Dice(42);
    let mut n_kills = 0;
    while n_kills < extent.n_kills || !there.is_finished() || !here.is_finished() {
        assert!(begun.elapsed() < limit, "{} changes", n_done.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(500 + dice.below(1500) as u64)).await;
        if n_kills < extent.n_kills {
            drop(moodbridge);
            n_kills += 1;
            moodbridge = world.serve().await;
        }
    }
    there.await.unwrap();
    here.await.unwrap();

    world.switch(Method::DELETE, "faults", &json!({})).await;
    let folder = world.place.path();
    assert!(command(folder, &["sync", "resend", "main"]).status.success());
    moodbridge.wait_for("/v1/outbox?status=waiting", limit, is_all_sent).await;
    let (failed, _) = moodbridge.wait_for("/v1/outbox?status=failed", limit, is_all_sent).await;
    assert!(is_all_sent(&failed));
    moodbridge.wait_for("/v1/queues", limit, crate::soak::is_empty).await;
    // One more pass of the poller, over all that was written last.
    assert_eq!(moodbridge.stop(), Some(0));
    for _ in 0..2 {
        let pass = command(folder, &["sync", "run"]);
        assert!(pass.status.success(), "{}", String::from_utf8_lossy(&pass.stderr));
    }

    let compared = command(folder, &["--json", "sync", "reconcile"]);
    let text = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{text}{}", String::from_utf8_lossy(&compared.stderr));
    let compared: Value = serde_json::from_str(&text).unwrap();
    for object in compared["objects"].as_array().unwrap() {
        assert_eq!(object["outcome"], "equal", "{object}");
    }
    let export = folder.join("audit.jsonl");
    let export_path = export.to_str().unwrap();
    assert!(command(folder, &["audit", "export", "--out", export_path]).status.success());
    assert!(command(folder, &["audit", "verify", "--file", export_path]).status.success());
    let history = world.switch(Method::GET, "history", &json!({})).await;
    let audit = std::fs::read_to_string(&export).unwrap();
    let explained = Explained::new(&history, &audit, &FIELDS);
    explained.check(extent.n_changes);
}

fn is_case_loaded(run: &Value) -> bool {
    run["object"] == "Case" && run["outcome"] == "succeeded"
}
