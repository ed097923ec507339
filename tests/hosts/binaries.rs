//! The binaries under test, their settings, and the stores they leave behind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::json;
use shared::auth::Sight;
use shared::ids::{ConnectionId, CorrelationId};
use shared::model::{Entity, FieldValue, Fields};
use shared::ports::{CaseFilter, Reconciliation, SystemClock, SystemRandom};
use shared::sync::{Author, Desk};
use url::Url;

/// The secret path segment of the samples.
pub(crate) const TOKEN: &str = "sample-path-token-0123456789abcdef";

/// Returns the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the text of a file under `events/`.
pub(crate) fn sample(name: &str) -> String {
    std::fs::read_to_string(repository().join("events").join(name)).unwrap()
}

/// Returns the binary of `function`, built when it is missing or older than the sources.
pub(crate) fn binary(function: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().unwrap().parent().unwrap();
    let binary = target.join(function);
    let built_at = binary.metadata().and_then(|it| it.modified()).ok();
    let sources = ["shared".to_owned(), format!("functions/{function}")];
    let newest = sources.iter().filter_map(|it| newest_source(&repository().join(it))).max();
    if built_at.is_none() || built_at < newest {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(repository()).args(["build", "--quiet", "--package", function]);
        if target.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "`{function}` does not build");
    }
    binary
}

fn newest_source(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.map(|it| it.unwrap().path());
    entries
        .filter_map(|path| match path.extension() {
            Some(kind) if kind == "rs" || kind == "toml" => path.metadata().ok()?.modified().ok(),
            None => newest_source(&path),
            Some(_) => None,
        })
        .max()
}

/// A folder with a queue and a case store, and the settings that name them.
pub(crate) struct Stores {
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Stores {
    /// Makes a folder with an empty queue and case store.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let intake = json!({"connections": [{
            "name": "main", "organization_id": "00D5f000000ABCD", "tokens": ["env:HOOK_TOKEN"],
        }]});
        // The samples carry whole records, so nobody calls this org.
        let connections = json!([{
            "platform": "salesforce", "connection": "main", "login_url": "http://127.0.0.1:9",
            "auth": {"flow": "client_credentials", "client_id": "none", "client_secret": "env:NONE"},
        }]);
        let settings = vec![
            ("EVENTS_QUEUE", format!("sqlite:{}?queue=events", path("queue.db"))),
            ("CASE_STORE", format!("sqlite:{}", path("cases.db"))),
            ("INTAKE_SETTINGS", intake.to_string()),
            ("CONNECTIONS", connections.to_string()),
            ("HOOK_TOKEN", TOKEN.to_owned()),
            ("NONE", "none".to_owned()),
            // Nobody asks this issuer for its keys before the first token.
            ("IDENTITY_ISSUER", "http://127.0.0.1:9".to_owned()),
            ("IDENTITY_AUDIENCE", "moodbridge".to_owned()),
        ];
        let stores = Self { folder, settings };
        wiring::migrate(&stores.address("CASE_STORE")).await.unwrap();
        stores
    }

    /// Reads and follows `connection` instead of an org that nobody calls.
    pub(crate) fn with_connection(mut self, connection: &serde_json::Value) -> Self {
        for (name, value) in &mut self.settings {
            if *name == "CONNECTIONS" {
                *value = json!([connection]).to_string();
            }
        }
        self
    }

    /// Takes tokens of `issuer` for `audience`.
    pub(crate) fn with_issuer(mut self, issuer: &str, audience: &str) -> Self {
        for (name, value) in &mut self.settings {
            match *name {
                "IDENTITY_ISSUER" => issuer.clone_into(value),
                "IDENTITY_AUDIENCE" => audience.clone_into(value),
                _ => {}
            }
        }
        self
    }

    /// Returns the settings as variables.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// Returns the folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Counts the messages that the queue holds.
    pub(crate) async fn n_queued(&self) -> u64 {
        let queue = wiring::queue(&self.address("EVENTS_QUEUE")).await.unwrap();
        queue.depth().await.unwrap().n_ready
    }

    /// Lists the titles of the cases that the case store holds.
    pub(crate) async fn titles(&self) -> Vec<String> {
        let stores = wiring::case_store(&self.address("CASE_STORE")).await.unwrap();
        let filter = CaseFilter { limit: 50, ..CaseFilter::default() };
        let page = stores.view.cases(&Sight::Everything, &filter).await.unwrap();
        let mut titles: Vec<_> = page.items.into_iter().filter_map(|it| it.title).collect();
        titles.sort();
        titles
    }

    /// Makes a case as a person would, to be sent to the connection.
    pub(crate) async fn make_case(&self, title: &str) {
        let stores = wiring::case_store(&self.address("CASE_STORE")).await.unwrap();
        let main = ConnectionId::parse("main").unwrap();
        let desk = Desk::new(
            stores.store,
            stores.conflicts,
            Arc::new(SystemClock),
            Arc::new(SystemRandom),
            [(main, wiring::connecting::standard_mappings().unwrap())],
        );
        let author = Author {
            actor: "person:anna".to_owned(),
            event_id: "request-1".to_owned(),
            correlation_id: CorrelationId::from_random(1),
        };
        let fields = Fields::from([("title".to_owned(), FieldValue::text(title))]);
        desk.create(Entity::Case, None, fields, &author).await.unwrap();
    }

    /// Returns the newest comparison of `object`.
    pub(crate) async fn comparison_of(&self, object: &str) -> Reconciliation {
        let stores = wiring::case_store(&self.address("CASE_STORE")).await.unwrap();
        let runs = stores.comparisons.reconciliations(10).await.unwrap();
        runs.into_iter().find(|it| it.object.as_str() == object).unwrap()
    }

    fn address(&self, name: &str) -> Url {
        let (_, address) = self.settings.iter().find(|(it, _)| *it == name).unwrap();
        address.parse().unwrap()
    }
}
