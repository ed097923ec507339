//! The Airflow of these tests (`tests/support/airflow`), and connections to it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapter_airflow::{AirflowOrchestrator, AirflowSettings};
use adapter_http::{HttpClient, HttpSettings};
use async_trait::async_trait;
use serde_json::{Value, json};
use shared::PortError;
use shared::config::Env;
use shared::ports::{Clock as _, LocalSecrets, SecretAddress, Secrets, SystemClock, SystemRandom};
use shared::secret::Secret;

pub(crate) const WAIT: Duration = Duration::from_secs(60);

/// A running Airflow; dropping it ends it.
pub(crate) struct Airflow {
    child: Child,
    origin: String,
    pub(crate) jwt_secret: String,
    passwords: Value,
}

impl Airflow {
    /// Starts it with the Python that `MOODBRIDGE_AIRFLOW_PYTHON` names; `None`, with a line that says
    /// so, when it names none and `MOODBRIDGE_REQUIRE` does not demand it.
    pub(crate) fn start() -> Option<Self> {
        let env = Env::of_process();
        let Some(python) = env.get("MOODBRIDGE_AIRFLOW_PYTHON").filter(|it| !it.is_empty()) else {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "airflow");
            assert!(!is_required, "Airflow is required: run `scripts/setup test`");
            eprintln!("SKIPPED: MOODBRIDGE_AIRFLOW_PYTHON is unset (run `scripts/setup test`)");
            return None;
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        // Airflow over SQLite waits for its own locks when two runs are started at once.
        let mut child = Command::new(root.join("scripts/with-postgres"))
            .arg(python)
            .arg(root.join("tests/support/airflow/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ready: Value = serde_json::from_str(&first).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let (origin, jwt_secret) = (text("origin"), text("jwt_secret"));
        Some(Self { child, origin, jwt_secret, passwords: ready["passwords"].clone() })
    }

    pub(crate) fn now_s(&self) -> i64 {
        SystemClock.now().as_millis() / 1_000
    }

    /// Opens a connection of `username`; of one who is unknown, with a password that is wrong.
    pub(crate) fn open(&self, flow: &str, username: &str) -> AirflowOrchestrator {
        let password = self.passwords[username].as_str().unwrap_or("wrong");
        let auth = json!({"flow": flow, "username": username, "password": "env:PASSWORD"});
        let secrets = LocalSecrets::new(Env::from_pairs([("PASSWORD", password)]));
        self.open_with(&auth, Arc::new(secrets))
    }

    pub(crate) fn open_with_token(&self, token: &str) -> AirflowOrchestrator {
        let secrets = LocalSecrets::new(Env::from_pairs([("TOKEN", token)]));
        self.open_with(&json!({"flow": "token", "token": "env:TOKEN"}), Arc::new(secrets))
    }

    /// Opens a connection whose secret holds `then` from the second time on that it is read.
    pub(crate) fn open_with_changing_token(&self, first: &str, then: &str) -> AirflowOrchestrator {
        let secrets = ChangingSecret {
            values: [first.to_owned(), then.to_owned()],
            n_reads: AtomicUsize::new(0),
        };
        self.open_with(&json!({"flow": "token", "token": "env:TOKEN"}), Arc::new(secrets))
    }

    fn open_with(&self, auth: &Value, secrets: Arc<dyn Secrets>) -> AirflowOrchestrator {
        let settings = AirflowSettings::from_json(
            &json!({"connection": "flow", "base_url": self.origin, "auth": auth}),
        )
        .unwrap();
        let clock = Arc::new(SystemClock);
        let http = HttpClient::new(HttpSettings::default(), clock.clone(), Arc::new(SystemRandom))
            .unwrap();
        AirflowOrchestrator::new(settings, http, secrets, clock)
    }
}

impl Drop for Airflow {
    /// The end of its standard input ends it, with everything that it started.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

struct ChangingSecret {
    values: [String; 2],
    n_reads: AtomicUsize,
}

#[async_trait]
impl Secrets for ChangingSecret {
    async fn read(&self, _address: &SecretAddress) -> Result<Secret, PortError> {
        let n_reads = self.n_reads.fetch_add(1, Ordering::SeqCst);
        Ok(Secret::new(self.values[n_reads.min(1)].as_str()))
    }

    async fn read_again(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        self.read(address).await
    }
}
