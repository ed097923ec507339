//! The peer of NiFi (`tests/support/nifi`), started on a free port over TLS, and what tests tell it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fault_server::Authority;
use serde_json::{Value, json};
use shared::config::Env;

/// A running peer; dropping it ends it.
pub(crate) struct NifiPeer {
    child: Child,
    pub(crate) origin: String,
    client: reqwest::Client,
    folder: tempfile::TempDir,
}

impl NifiPeer {
    /// Starts the peer with the Python that `MOODBRIDGE_NIFI_PYTHON` names; `None`, with a line that
    /// says so, when it names none and `MOODBRIDGE_REQUIRE` does not demand it.
    pub(crate) fn start() -> Option<Self> {
        let env = Env::of_process();
        let Some(python) = env.get("MOODBRIDGE_NIFI_PYTHON").filter(|it| !it.is_empty()) else {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "nifi");
            assert!(!is_required, "the peer of NiFi is required: run `scripts/setup test`");
            eprintln!("SKIPPED: MOODBRIDGE_NIFI_PYTHON is unset (run `scripts/setup test`)");
            return None;
        };
        let authority = Authority::new().unwrap();
        let certified = authority.certify("localhost").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::write(place("certificate.pem"), certified.certificate_pem).unwrap();
        std::fs::write(place("key.pem"), certified.key_pem).unwrap();
        std::fs::write(place("roots.pem"), authority.pem()).unwrap();
        let mut child = Command::new(python)
            .args(["-B", "-W", "ignore"])
            .arg(in_checkout("tests/support/nifi/server.py"))
            .args([place("certificate.pem"), place("key.pem"), flow()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ready: Value = serde_json::from_str(&first).unwrap();
        let origin = ready["origin"].as_str().unwrap().to_owned();
        let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_merge([root]).build().unwrap();
        Some(Self { child, origin, client, folder })
    }

    /// Returns the file with the certificate of the authority that vouches for it.
    pub(crate) fn roots_file(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// Returns the peer's address with another scheme, and `rest` behind it.
    pub(crate) fn address(&self, scheme: &str, rest: &str) -> String {
        self.origin.replacen("https", scheme, 1) + rest
    }

    /// Does something behind the back of the API.
    pub(crate) async fn control(&self, action: &str, body: &Value) -> Value {
        let url = format!("{}/control/{action}", self.origin);
        let answer = self.client.post(url).body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.bytes().await.unwrap());
        assert!(status.is_success(), "{action}: {status} {text:?}");
        serde_json::from_slice(&text).unwrap()
    }

    /// Returns the flow files that it took, in order.
    pub(crate) async fn taken(&self) -> Vec<Value> {
        let Value::Array(taken) = self.control("taken", &Value::Null).await else {
            panic!("no list")
        };
        taken
    }

    /// Changes the part `name` of the flow.
    pub(crate) async fn part(&self, name: &str, field: &str, value: Value) -> Value {
        self.control("part", &json!({"name": name, field: value})).await
    }
}

/// Finds a file of the checkout from whichever package these lines are part of.
pub(crate) fn in_checkout(path: &str) -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above.map(|it| it.join(path)).find(|it| it.is_file()).unwrap()
}

pub(crate) fn flow() -> PathBuf {
    in_checkout("infra/nifi/moodbridge-changes.json")
}

impl Drop for NifiPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
