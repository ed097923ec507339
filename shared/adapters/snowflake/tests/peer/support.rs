//! The peer (`tests/support/snowflake`), started on a free port, and what tests tell it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings};
use adapter_snowflake::{SnowflakeSettings, SnowflakeWarehouse};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use shared::PortError;
use shared::config::Env;
use shared::ports::warehouse::{
    Identifier, Patience, Rows, Statement, StatementId, Step, Summary, TableName, WarehouseValue,
    execute, query,
};
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::worker::breaker::BreakerSettings;

pub(crate) const WAIT: Patience = Patience(Duration::from_secs(20));

/// An RSA key: the private half as PEM, the public one as the peer takes it.
pub(crate) struct Key {
    pub(crate) pem: String,
    pub(crate) public: String,
}

impl Key {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let body = STANDARD.encode(private.as_ref());
        Self {
            pem: format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"),
            public: STANDARD.encode(public.as_ref()),
        }
    }
}

/// A running peer; dropping it ends it.
pub(crate) struct Peer {
    child: Child,
    origin: String,
    client: reqwest::Client,
    pub(crate) key: Key,
    folder: tempfile::TempDir,
    /// What the peer leaves behind.
    _left: tempfile::TempDir,
}

impl Peer {
    /// Starts the peer with the Python that `MOODBRIDGE_SNOWFLAKE_PYTHON` names; `None`, with a line
    /// that says so, when it names none and `MOODBRIDGE_REQUIRE` does not demand it.
    pub(crate) async fn start() -> Option<Self> {
        let env = Env::of_process();
        let Some(python) = env.get("MOODBRIDGE_SNOWFLAKE_PYTHON").filter(|it| !it.is_empty())
        else {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "snowflake");
            assert!(!is_required, "the peer of Snowflake is required: run `scripts/setup test`");
            eprintln!("SKIPPED: MOODBRIDGE_SNOWFLAKE_PYTHON is unset (run `scripts/setup test`)");
            return None;
        };
        let left = tempfile::tempdir().unwrap();
        let mut child = Command::new(python)
            .env("TMPDIR", left.path())
            .args(["-W", "ignore"])
            .arg(server())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ready: Value = serde_json::from_str(&first).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let origin = ready["origin"].as_str().unwrap().to_owned();
        let (key, folder) = (Key::new(), tempfile::tempdir().unwrap());
        let peer = Self { child, origin, client, key, folder, _left: left };
        peer.register("LOADER", &[&peer.key]).await;
        let stage = json!({"name": "FILES", "folder": peer.folder()});
        peer.control("stage", &stage).await;
        Some(peer)
    }

    /// Returns the folder that the stage points to.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn register(&self, user: &str, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|it| &it.public).collect();
        self.control("keys", &json!({"user": user, "keys": keys})).await;
    }

    /// Does something behind the back of the API.
    pub(crate) async fn control(&self, action: &str, body: &Value) -> Value {
        let url = format!("{}/control/{action}", self.origin);
        let answer = self.client.post(url).body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let text = String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap();
        assert!(status.is_success(), "{action}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Runs statements in the engine itself and returns the rows of the last.
    pub(crate) async fn sql(&self, statements: &[&str]) -> Value {
        self.control("sql", &json!(statements)).await
    }

    pub(crate) async fn fail(&self, faults: Value) {
        self.control("faults", &faults).await;
    }

    /// Returns the method, path and query of each call so far.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        self.control("seen", &Value::Null).await["calls"].as_array().unwrap().clone()
    }

    /// Returns each statement that really ran.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        self.control("seen", &Value::Null).await["runs"].as_array().unwrap().clone()
    }

    /// Writes a file into the stage.
    pub(crate) fn put(&self, key: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes columns as Parquet into the stage.
    pub(crate) async fn put_parquet(&self, key: &str, columns: Value) {
        let path = self.put(key, "");
        self.control("parquet", &json!({"path": path, "columns": columns})).await;
    }

    pub(crate) fn settings(&self) -> Value {
        json!({
            "connection": "lake",
            "account": "myorg-firm",
            "base_url": self.origin,
            "auth": {"flow": "key_pair", "user": "loader", "private_key": "env:KEY"},
            "database": "LEGAL",
            "schema": "PUBLIC",
            "warehouse": "LOADS",
            "role": "LOADER",
            "stage": "FILES",
        })
    }

    /// Opens the warehouse of a fresh process.
    pub(crate) fn open(&self) -> SnowflakeWarehouse {
        self.open_with(&self.settings(), &[("KEY", &self.key.pem)])
    }

    pub(crate) fn open_csv(&self) -> SnowflakeWarehouse {
        let mut settings = self.settings();
        settings["file_format"] = json!("csv");
        self.open_with(&settings, &[("KEY", &self.key.pem)])
    }

    pub(crate) fn open_with(
        &self,
        settings: &Value,
        secrets: &[(&str, &str)],
    ) -> SnowflakeWarehouse {
        let settings = SnowflakeSettings::from_json(settings).unwrap();
        let http = HttpSettings {
            deadline: Duration::from_secs(10),
            backoff: Backoff { first: Duration::from_millis(5), cap: Duration::from_millis(50) },
            breaker: BreakerSettings { n_failures: 50, open_for: Duration::from_millis(100) },
            ..HttpSettings::default()
        };
        let clock = Arc::new(SystemClock);
        let http = HttpClient::new(http, clock.clone(), Arc::new(SystemRandom)).unwrap();
        let secrets = LocalSecrets::new(Env::from_pairs(secrets.iter().copied()));
        SnowflakeWarehouse::new(settings, http, Arc::new(secrets), clock)
    }
}

/// Finds the peer from whichever package these lines are part of.
fn server() -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut servers = above.map(|it| it.join("tests/support/snowflake/server.py"));
    servers.find(|it| it.is_file()).unwrap()
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn name(raw: &str) -> Identifier {
    Identifier::parse(raw).unwrap()
}

pub(crate) fn table(raw: &str) -> TableName {
    TableName::new(name(raw))
}

/// Names a statement that nobody sent yet.
pub(crate) fn statement(text: &str) -> Statement {
    use shared::ports::Random as _;
    Statement::new(StatementId::from_random(SystemRandom.bits()), text)
}

pub(crate) async fn run(
    warehouse: &SnowflakeWarehouse,
    statement: &Statement,
) -> Result<Summary, PortError> {
    match execute(warehouse, statement, WAIT).await? {
        Step::Done(summary) => Ok(summary),
        Step::Running(handle) => panic!("`{handle}` did not end"),
    }
}

pub(crate) async fn read(
    warehouse: &SnowflakeWarehouse,
    statement: &Statement,
) -> Result<Vec<Vec<WarehouseValue>>, PortError> {
    match query(warehouse, statement, WAIT).await? {
        Step::Done(Rows { rows, .. }) => rows.try_collect().await,
        Step::Running(handle) => panic!("`{handle}` did not end"),
    }
}
