//! A small Azure Functions host: enough of the custom-handler protocol to hold a binary to it.
//!
//! It reads `host.json` and each `function.json`, starts the handler, speaks to it as the real host
//! does (texts encoded twice, numbers as text), and enforces what the real host enforces.
//! Source: azure-functions-host v4, `Workers/Http` and `MessageExtensions`; learn.microsoft.com,
//! "Azure Functions custom handlers".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::process::{Child, Command};

use super::http_client::{self, Answer};

/// How long the handler may take to answer its first `GET /`.
const INITIALIZATION_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the host looks whether the handler listens. Source: `HttpWorkerService`, 25 ms.
const PROBE_EVERY: Duration = Duration::from_millis(25);

/// Errors of the handler after which the host gives up. Source: `WorkerProcess`.
const MAX_RESTARTS: u32 = 3;

/// One function: a folder with its `function.json`.
#[derive(Clone, Debug)]
struct Function {
    trigger: Value,
    outputs: BTreeMap<String, Value>,
    n_bindings: usize,
}

/// The host with its one handler process.
pub(crate) struct FunctionsHost {
    app_root: PathBuf,
    executable: PathBuf,
    route_prefix: String,
    forwards_http: bool,
    max_dequeue_count: u32,
    functions: BTreeMap<String, Function>,
    settings: Vec<(String, String)>,
    port: u16,
    child: Child,
    n_restarts: u32,
    n_sent: u32,
    outputs: BTreeMap<String, Vec<Written>>,
}

/// Why an invocation counts as failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another status than 2xx, with the body.
    Status(u16, String),
    /// A 2xx without a result: the real host would wait until the function's time limit.
    Hangs,
    /// A 2xx whose content type is not JSON.
    NotJson(String),
    /// The handler went away.
    Gone(String),
}

/// One message that went to an output binding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written {
    /// As the handler meant it.
    Json(Value),
    /// Text that the host took for base64: these bytes are sent.
    Bytes(Vec<u8>),
}

/// What became of a queue message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Done, at this attempt.
    Done(u32),
    /// Set aside by the platform after this many attempts, with the last fault.
    Poison(u32, Fault),
}

impl FunctionsHost {
    /// Starts the app in `app_root` with these app settings and waits until it answers.
    pub(crate) async fn start(app_root: &Path, settings: &[(&str, &str)]) -> Self {
        let host: Value = read_json(&app_root.join("host.json"));
        assert_eq!(host["version"], "2.0", "host.json has another version");
        let handler = &host["customHandler"];
        let executable = handler["description"]["defaultExecutablePath"].as_str().unwrap();
        let flag = |name: &str| handler[name].as_bool().unwrap_or(false);
        let port = free_port();
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let executable = app_root.join(executable);
        let child = spawn(&executable, app_root, &settings, port);
        let mut started = Self {
            app_root: app_root.to_owned(),
            executable,
            route_prefix: text_or(&host["extensions"]["http"]["routePrefix"], "api"),
            forwards_http: flag("enableForwardingHttpRequest") || flag("enableProxyingHttpRequest"),
            max_dequeue_count: number_or(&host["extensions"]["queues"]["maxDequeueCount"], 5),
            functions: read_functions(app_root),
            settings,
            port,
            child,
            n_restarts: 0,
            n_sent: 0,
            outputs: BTreeMap::new(),
        };
        started.wait_until_ready().await;
        started
    }

    /// Sends an HTTP request to the app's front door.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.restart_if_gone().await;
        assert!(self.serves(method, path), "no function takes {method} {path}");
        assert!(self.forwards_http, "the app takes HTTP in envelopes only");
        let id = self.invocation_id();
        let own = [
            ("X-Azure-Functions-InvocationId", id.as_str()),
            ("X-Azure-Functions-HostVersion", "4.1036.2.0"),
            ("User-Agent", "Azure-Functions-Host/4.1036.2"),
        ];
        let headers: Vec<_> = headers.iter().copied().chain(own).collect();
        http_client::send(self.port, method, path, &headers, body).await.unwrap()
    }

    /// Delivers `message` to a queue or Service Bus function until it is done or poison.
    pub(crate) async fn deliver(&mut self, function: &str, message: &str) -> Settled {
        let trigger = self.functions[function].trigger.clone();
        let is_bus = trigger["type"] == "serviceBusTrigger";
        let max_attempts = if is_bus { 10 } else { self.max_dequeue_count };
        let id = self.invocation_id();
        let mut attempt = 1;
        loop {
            let metadata =
                if is_bus { bus_metadata(&id, attempt) } else { queue_metadata(&id, attempt) };
            // The host encodes a text as JSON, and then again as a member of the envelope.
            let encoded = serde_json::to_string(message).unwrap();
            match self.invoke(function, json!(encoded), metadata).await {
                Ok(()) => return Settled::Done(attempt),
                Err(fault) if attempt >= max_attempts => return Settled::Poison(attempt, fault),
                Err(_) => attempt += 1,
            }
        }
    }

    /// Lets the timer of a function fire once.
    pub(crate) async fn tick(&mut self, function: &str) -> Result<(), Fault> {
        assert_eq!(self.functions[function].trigger["type"], "timerTrigger");
        let due = "2026-11-01T10:00:00+00:00";
        let status = json!({"Last": due, "Next": due, "LastUpdated": due});
        let timer = json!({"Schedule": {"AdjustForDST": true}, "ScheduleStatus": status, "IsPastDue": false});
        self.invoke(function, timer, Map::new()).await
    }

    /// Posts `envelope` as it stands and settles the answer.
    pub(crate) async fn post_envelope(
        &mut self,
        function: &str,
        envelope: &str,
    ) -> Result<(), Fault> {
        self.restart_if_gone().await;
        let id = self.invocation_id();
        let headers = [
            ("Content-Type", "application/json; charset=utf-8"),
            ("X-Azure-Functions-InvocationId", id.as_str()),
            ("X-Azure-Functions-HostVersion", "4.1036.2.0"),
            ("User-Agent", "Azure-Functions-Host/4.1036.2"),
        ];
        let path = format!("/{function}");
        let sent = http_client::send(self.port, "POST", &path, &headers, envelope.as_bytes()).await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                // Its end may show on the socket before the system says so.
                let _ = tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await;
                return Err(Fault::Gone(error.to_string()));
            }
        };
        self.settle(function, &answer)
    }

    /// Returns what went to the output binding `name`.
    pub(crate) fn written(&self, name: &str) -> &[Written] {
        self.outputs.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns how often the handler had to be started again.
    pub(crate) fn n_restarts(&self) -> u32 {
        self.n_restarts
    }

    /// Stops as the real host does: the handler is killed, without a word.
    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn invoke(
        &mut self,
        function: &str,
        value: Value,
        mut metadata: Map<String, Value>,
    ) -> Result<(), Fault> {
        let name = self.functions[function].trigger["name"].as_str().unwrap().to_owned();
        metadata.insert(
            "sys".into(),
            json!({
                "MethodName": function,
                "UtcNow": "2026-11-01T10:00:01.1234567Z",
                "RandGuid": "24ad2c52-6a3e-4b8a-9a0f-1d2c3b4a5968",
            }),
        );
        let mut data = Map::new();
        data.insert(name, value);
        let envelope = json!({"Data": data, "Metadata": metadata}).to_string();
        self.post_envelope(function, &envelope).await
    }

    /// Applies the host's rules to an answer, and writes its outputs.
    fn settle(&mut self, function: &str, answer: &Answer) -> Result<(), Fault> {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if !(200..300).contains(&answer.status) {
            return Err(Fault::Status(answer.status, text));
        }
        if text.trim().is_empty() || text.trim() == "null" {
            return Err(Fault::Hangs);
        }
        let kind = answer.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err(Fault::NotJson(kind.to_owned()));
        }
        let result: Value =
            serde_json::from_str(&text).map_err(|_| Fault::NotJson(kind.to_owned()))?;
        let declared = self.functions[function].outputs.clone();
        for (name, value) in result["Outputs"].as_object().into_iter().flatten() {
            // An output without a binding is dropped in silence.
            let Some(binding) = declared.get(name) else { continue };
            let messages = match value {
                Value::Array(items) => items.clone(),
                one => vec![one.clone()],
            };
            let is_binary = binding["dataType"] == "binary";
            let written = messages.into_iter().map(|it| written(it, is_binary));
            self.outputs.entry(name.clone()).or_default().extend(written);
        }
        Ok(())
    }

    fn serves(&self, method: &str, path: &str) -> bool {
        self.functions.values().any(|function| {
            let trigger = &function.trigger;
            let methods = trigger["methods"].as_array().cloned().unwrap_or_default();
            let is_method =
                methods.iter().filter_map(Value::as_str).any(|it| it.eq_ignore_ascii_case(method));
            let route = text_or(&trigger["route"], "");
            let fixed = route.split('{').next().unwrap_or_default();
            let start = match self.route_prefix.as_str() {
                "" => format!("/{fixed}"),
                prefix => format!("/{prefix}/{fixed}"),
            };
            // Only a function with one input and one output is forwarded.
            let is_plain = trigger["type"] == "httpTrigger" && function.n_bindings == 2;
            is_plain && is_method && path.starts_with(&start)
        })
    }

    fn invocation_id(&mut self) -> String {
        self.n_sent += 1;
        format!("7f000001-0000-4000-8000-{:012}", self.n_sent)
    }

    async fn restart_if_gone(&mut self) {
        let Some(status) = self.child.try_wait().unwrap() else { return };
        assert_ne!(status.code(), Some(0), "exit code 0 is final: the handler is not restarted");
        self.n_restarts += 1;
        assert!(self.n_restarts < MAX_RESTARTS, "the handler failed too often");
        self.child = spawn(&self.executable, &self.app_root, &self.settings, self.port);
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + INITIALIZATION_TIMEOUT;
        while Instant::now() < deadline {
            // Any answer at all means ready.
            if http_client::send(self.port, "GET", "/", &[], b"").await.is_ok() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the handler ended before it listened: {ended:?}");
            tokio::time::sleep(PROBE_EVERY).await;
        }
        panic!("the handler never listened on port {}", self.port);
    }
}

/// Lays out a function app in `directory`: `host.json`, the folder of `function`, the binary.
pub(crate) fn lay_out(directory: &Path, host_json: &Path, function: &Path, binary: &Path) {
    let name = function.file_name().unwrap();
    std::fs::create_dir_all(directory.join(name)).unwrap();
    std::fs::copy(host_json, directory.join("host.json")).unwrap();
    std::fs::copy(function.join("function.json"), directory.join(name).join("function.json"))
        .unwrap();
    let handler: Value = read_json(host_json);
    let handler = handler["customHandler"]["description"]["defaultExecutablePath"].clone();
    let target = directory.join(handler.as_str().unwrap());
    std::os::unix::fs::symlink(binary, target).unwrap();
}

fn spawn(executable: &Path, root: &Path, settings: &[(String, String)], port: u16) -> Child {
    Command::new(executable)
        .current_dir(root)
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "test-worker")
        .env("FUNCTIONS_HTTPWORKER_PORT", port.to_string())
        .env("FUNCTIONS_APP_ROOT_PATH", root)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn read_functions(app_root: &Path) -> BTreeMap<String, Function> {
    let folders = std::fs::read_dir(app_root).unwrap().map(|it| it.unwrap().path());
    folders
        .filter(|folder| folder.join("function.json").is_file())
        .map(|folder| {
            let declared: Value = read_json(&folder.join("function.json"));
            let bindings = declared["bindings"].as_array().unwrap().clone();
            let (inputs, outputs): (Vec<_>, Vec<_>) =
                bindings.iter().cloned().partition(|it| it["direction"] == "in");
            let function = Function {
                trigger: inputs.into_iter().next().unwrap(),
                outputs: outputs
                    .into_iter()
                    .map(|it| (it["name"].as_str().unwrap().to_owned(), it))
                    .collect(),
                n_bindings: bindings.len(),
            };
            (folder.file_name().unwrap().to_string_lossy().into_owned(), function)
        })
        .collect()
}

fn queue_metadata(id: &str, attempt: u32) -> Map<String, Value> {
    let metadata = json!({
        "DequeueCount": attempt.to_string(),
        "Id": format!("\"{id}\""),
        "PopReceipt": "\"AgAAAAMAAAAAAAAAAgj8WTBr3AE=\"",
        "InsertionTime": "2026-11-01T10:00:00+00:00",
        "ExpirationTime": "2026-11-08T10:00:00+00:00",
        "NextVisibleTime": "2026-11-01T10:10:00+00:00",
    });
    metadata.as_object().unwrap().clone()
}

fn bus_metadata(id: &str, attempt: u32) -> Map<String, Value> {
    let metadata = json!({
        "MessageId": format!("\"{id}\""),
        "DeliveryCount": attempt.to_string(),
        "SequenceNumber": "4611686018427388011",
        "EnqueuedTimeUtc": "2026-11-01T10:00:00Z",
        "ContentType": "\"application/json\"",
        "ApplicationProperties": {},
        "LockToken": "\"9b3f7a52-1f0e-4f3c-8d57-0a6b1c2d3e4f\"",
    });
    metadata.as_object().unwrap().clone()
}

/// The trap: a text that happens to be base64 goes out as the bytes it stands for.
fn written(value: Value, is_binary: bool) -> Written {
    match value.as_str().filter(|_| !is_binary).and_then(decode_base64) {
        Some(bytes) => Written::Bytes(bytes),
        None => Written::Json(value),
    }
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if text.is_empty() || !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut n_bits) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|it| *it == digit)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from((bits >> n_bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn text_or(value: &Value, default: &str) -> String {
    value.as_str().unwrap_or(default).to_owned()
}

fn number_or(value: &Value, default: u32) -> u32 {
    value.as_u64().and_then(|it| u32::try_from(it).ok()).unwrap_or(default)
}

/// Finds a port that nobody listens on.
fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    probe.local_addr().unwrap().port()
}
