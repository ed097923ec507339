//! What the tests open at the peer.

use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings, TlsSettings};
use adapter_nifi::{ListenSettings, ListenSink, NifiDataflow, NifiSettings, SiteToSiteSink};
use serde_json::{Value, json};
use shared::config::Env;
use shared::ids::CorrelationId;
use shared::ports::flow_files::{FlowFileSink, FlowFileSource, Receipt};
use shared::ports::flow_files_contract::{TakenFile, source_of};
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::worker::breaker::BreakerSettings;
use shared::{PortError, PortErrorKind, chain};
use url::Url;

use crate::nifi_peer::{NifiPeer, flow, in_checkout};

pub(crate) const PASSWORD: &str = "correct horse";

impl NifiPeer {
    pub(crate) fn http(&self) -> HttpClient {
        let roots = std::fs::read_to_string(self.roots_file()).unwrap();
        let http = HttpSettings {
            deadline: Duration::from_secs(20),
            max_attempts: 2,
            backoff: Backoff { first: Duration::from_millis(2), cap: Duration::from_millis(20) },
            breaker: BreakerSettings { n_failures: 50, open_for: Duration::from_millis(100) },
            tls: TlsSettings { extra_roots: vec![roots], ..TlsSettings::default() },
            ..HttpSettings::default()
        };
        HttpClient::new(http, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
    }

    pub(crate) fn settings(&self, more: &str) -> NifiSettings {
        let rest = format!("/?username=moodbridge&password=env:PASSWORD{more}");
        let address = self.address("nifi", &rest);
        NifiSettings::from_address(&Url::parse(&address).unwrap()).unwrap()
    }

    pub(crate) fn site_to_site(&self) -> SiteToSiteSink {
        let (settings, clock) = (self.settings("&port=changes"), Arc::new(SystemClock));
        SiteToSiteSink::new(settings, self.http(), secrets(PASSWORD), clock)
    }

    pub(crate) fn listener(&self, more: &str) -> ListenSink {
        let address = self.address("nifi-listen", &format!("/contentListener{more}"));
        let settings = ListenSettings::from_address(&Url::parse(&address).unwrap()).unwrap();
        ListenSink::new(settings, self.http(), secrets(PASSWORD))
    }

    pub(crate) fn dataflow(&self, more: &str, password: &'static str) -> NifiDataflow {
        let (settings, clock) = (self.settings(more), Arc::new(SystemClock));
        NifiDataflow::new(settings, self.http(), secrets(password), clock, &SystemRandom)
    }

    /// Starts what takes flow files in, and leaves what is behind it stopped.
    pub(crate) async fn run_entrances(&self) {
        self.part("changes", "state", json!("RUNNING")).await;
        self.part("Take by HTTP", "state", json!("RUNNING")).await;
    }

    /// Has NiFi's generated client drive the peer.
    pub(crate) fn judge(&self) -> Output {
        let env = Env::of_process();
        Command::new(env.get("MOODBRIDGE_NIFI_PYTHON").unwrap())
            .args(["-B", "-W", "ignore"])
            .arg(in_checkout("tests/support/nifi/judge.py"))
            .arg(&self.origin)
            .args([self.roots_file(), flow()])
            .output()
            .unwrap()
    }

    /// Returns what it did and was asked so far.
    pub(crate) async fn seen(&self) -> Value {
        self.control("seen", &Value::Null).await
    }

    pub(crate) async fn fail(&self, faults: Value) {
        self.control("faults", &faults).await;
    }

    pub(crate) async fn set(&self, settings: Value) {
        self.control("settings", &settings).await;
    }

    /// Returns the methods and paths of the calls since the `n_before` first, without the ids in them.
    pub(crate) async fn lines(&self, n_before: usize) -> Vec<String> {
        let seen = self.seen().await;
        let calls = seen["calls"].as_array().unwrap().iter().skip(n_before);
        let line = |it: &Value| {
            let path = it["path"].as_str().unwrap().replace("/nifi-api", "");
            let parts = path.split('/').map(|it| if it.len() == 36 { "*" } else { it });
            let code = it["query"]["responseCode"].as_str();
            let code = code.map(|it| format!(" {it}")).unwrap_or_default();
            format!(
                "{} {}{code}",
                it["method"].as_str().unwrap(),
                parts.collect::<Vec<_>>().join("/")
            )
        };
        calls.map(line).collect()
    }

    pub(crate) async fn files(&self) -> Vec<TakenFile> {
        use base64::Engine as _;
        let read = |it: Value| {
            let attributes = serde_json::from_value(it["attributes"].clone()).unwrap();
            let content = it["content"].as_str().unwrap();
            (attributes, base64::engine::general_purpose::STANDARD.decode(content).unwrap())
        };
        self.taken().await.into_iter().map(read).collect()
    }
}

fn secrets(password: &'static str) -> Arc<LocalSecrets> {
    Arc::new(LocalSecrets::new(Env::from_pairs([("PASSWORD", password)])))
}

pub(crate) fn one_file() -> Arc<dyn FlowFileSource> {
    source_of(vec![(vec![("filename", "a".to_owned())], vec![b"content"])])
}

pub(crate) async fn send(sink: &dyn FlowFileSink) -> Result<Receipt, PortError> {
    sink.send(one_file(), &CorrelationId::parse("corr-1").unwrap()).await
}

/// Holds `error` against a kind and words of it, and proves that it shows no password.
pub(crate) fn assert_told(error: &PortError, kind: PortErrorKind, words: &str) {
    let text = chain(error).to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(text.contains(words), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}
