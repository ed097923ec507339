//! An org, a running MoodBridge with its settings, and the records of both.

use std::net::Ipv4Addr;
use std::time::Duration;

use adapter_salesforce::STANDARD;
use reqwest::Method;
use sandbox_org::{RunningSandbox, Sandbox, Seed, Subscription, SubscriptionKind, Wrapper};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Extent;
use super::kinds::{ACCOUNT, CASE, CONNECTION, CONTACT, KINDS};
use super::plan::{Herd, Herds};
use crate::moodbridge::{Moodbridge, command, free_port};
use crate::place::Place;
use crate::soak::TOKEN;

/// Records that are made at once before the beginning.
const BATCH: usize = 200;

pub(super) struct World {
    pub(super) place: Place,
    pub(super) port: u16,
    pub(super) sandbox: RunningSandbox,
    pub(super) client: reqwest::Client,
    pub(super) herds: Herds,
}

impl World {
    pub(super) async fn start(extent: &Extent) -> Self {
        let (place, port) = (Place::new().await, free_port());
        let sandbox = start_org(extent, port).await;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let mut org = Org { url: sandbox.url(), client: client.clone(), token: String::new() };
        org.log_in().await;
        let seeded = [org.list("Account").await, org.list("Contact").await, org.list("Case").await];
        assert_eq!(seeded[2].len(), extent.n_cases);
        // Every second contact belongs to an account that may be deleted, and goes with it.
        let n_loose = (extent.n_changes / 10).max(24) / 2 * 2;
        let accounts = org.make_loose(
            n_loose,
            |n| json!({"object": ACCOUNT.object, "fields": {"Name": format!("loose {n}")}}),
        );
        let accounts = accounts.await;
        let contacts = org.make_loose(n_loose, |n| {
            let mut fields = json!({"LastName": format!("loose {n}")});
            if n % 2 == 0 {
                fields["AccountId"] = json!(accounts[n]);
            }
            json!({"object": CONTACT.object, "fields": fields})
        });
        let contacts = contacts.await;
        let [of_accounts, of_contacts, of_cases] = seeded;
        let herds = Herds::new([
            Herd::new(ACCOUNT, of_accounts, accounts),
            Herd::new(CONTACT, of_contacts, contacts),
            Herd::new(CASE, of_cases, Vec::new()),
        ]);
        let world = Self { place, port, sandbox, client, herds };
        world.write_settings();
        world
    }

    fn write_settings(&self) {
        let folder = self.place.path();
        std::fs::write(folder.join("token"), TOKEN).unwrap();
        std::fs::write(folder.join("client-secret"), "sandbox-secret").unwrap();
        std::fs::create_dir(folder.join("mappings")).unwrap();
        for (kind, (file, standard)) in KINDS.into_iter().zip(STANDARD) {
            std::fs::write(folder.join("mappings").join(file), kind.mapping(standard)).unwrap();
        }
        let (port, url) = (self.port, self.sandbox.url());
        let organization = self.sandbox.organization_id();
        let store = self.place.addresses().map_or_else(String::new, |(cases, queue)| {
            format!("[store]\ncases = \"{cases}\"\nevents_queue = \"{queue}\"\n")
        });
        let mappings = folder.join("mappings").display().to_string();
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
            connection = "{CONNECTION}"
            login_url = "{url}"
            mappings_folder = "{mappings}"
            [connections.auth]
            flow = "client_credentials"
            client_id = "moodbridge-sandbox"
            client_secret = "mounted:client-secret"
            [[intake.connections]]
            name = "{CONNECTION}"
            organization_id = "{organization}"
            tokens = ["mounted:token"]
            {store}
            "#
        );
        std::fs::write(folder.join("moodbridge.toml"), settings).unwrap();
        assert!(command(folder, &["db", "migrate"]).status.success());
    }

    /// Asks the sandbox itself.
    pub(super) async fn switch(&self, method: Method, path: &str, body: &Value) -> String {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let request = self.client.request(method, url).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    /// Makes changes inside the org, in one transaction; returns the records of those that were
    /// accepted.
    pub(super) async fn commit(&self, changes: &[Value]) -> Vec<String> {
        let results = self.switch(Method::POST, "changes", &json!({"changes": changes})).await;
        accepted(&serde_json::from_str(&results).unwrap())
    }

    pub(super) async fn serve(&self) -> Moodbridge {
        Moodbridge::start(self.place.path(), self.port, &["serve"]).await
    }
}

fn accepted(results: &Value) -> Vec<String> {
    let all = results.as_array().unwrap().iter().filter(|it| it["success"] == true);
    all.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

async fn start_org(extent: &Extent, port: u16) -> RunningSandbox {
    let subscription = Subscription {
        kind: SubscriptionKind::ChangeEvents,
        objects: KINDS.iter().map(|it| it.object.to_owned()).collect(),
        fields: Vec::new(),
        url: format!("http://127.0.0.1:{port}/hooks/salesforce/changes/{CONNECTION}/{TOKEN}"),
        wrapper: Wrapper::None,
        headers: std::collections::BTreeMap::new(),
    };
    let n_cases = extent.n_cases as u64;
    let settings = sandbox_org::Settings {
        seed: Seed::Many { accounts: n_cases / 10 + 1, contacts: n_cases / 5 + 1, cases: n_cases },
        keeps_history: true,
        subscriptions: vec![subscription],
        ..sandbox_org::Settings::default()
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    Sandbox::start(settings, listener).unwrap()
}

/// The org as somebody sees it who reads it by the REST API before the beginning.
struct Org {
    url: String,
    client: reqwest::Client,
    token: String,
}

impl Org {
    async fn log_in(&mut self) {
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox\
                    &client_secret=sandbox-secret";
        let login = self.client.post(format!("{}/services/oauth2/token", self.url));
        let login = login.header("content-type", "application/x-www-form-urlencoded").body(form);
        let login: Value = login.send().await.unwrap().json().await.unwrap();
        login["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    /// Lists the ids of an object, page by page.
    async fn list(&self, object: &str) -> Vec<String> {
        let mut path = format!("/services/data/v66.0/query?q=SELECT+Id+FROM+{object}");
        let mut ids = Vec::new();
        loop {
            let call = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
            let page: Value = call.send().await.unwrap().json().await.unwrap();
            let records = page["records"].as_array().unwrap_or_else(|| panic!("{page}"));
            ids.extend(records.iter().map(|it| it["Id"].as_str().unwrap().to_owned()));
            match page["nextRecordsUrl"].as_str() {
                Some(next) => next.clone_into(&mut path),
                None => return ids,
            }
        }
    }

    /// Makes records on which no case hangs.
    async fn make_loose(&self, n: usize, create: impl Fn(usize) -> Value) -> Vec<String> {
        let creates: Vec<_> = (0..n).map(|n| json!({"create": create(n)})).collect();
        let mut ids = Vec::with_capacity(n);
        for changes in creates.chunks(BATCH) {
            let call = self.client.post(format!("{}/_sandbox/changes", self.url));
            let results = call.json(&json!({"changes": changes})).send().await.unwrap();
            ids.extend(accepted(&results.json().await.unwrap()));
        }
        assert_eq!(ids.len(), n);
        ids
    }
}
