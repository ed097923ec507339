//! The test identity provider (`infra/oidc-provider`), started on a free port.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The audience of its access tokens.
pub(crate) const AUDIENCE: &str = "https://api.moodbridge.test";

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// How long the provider may take until it is ready, and how often it is started: Node has been seen
/// to hang at its start on a crowded machine.
const START_LIMIT: Duration = Duration::from_secs(20);
const N_STARTS: u32 = 3;

/// A running provider with the issuers `firm` and `other`; dropping it ends it.
pub(crate) struct IdentityProvider {
    child: Child,
    origin: String,
    client: reqwest::Client,
}

impl IdentityProvider {
    /// Starts the provider that `MOODBRIDGE_OIDC_PROVIDER` names; `None`, with a line that says so,
    /// when it names none and `MOODBRIDGE_REQUIRE` does not demand it.
    pub(crate) fn start(settings: &Value) -> Option<Self> {
        let Some(script) = variable("MOODBRIDGE_OIDC_PROVIDER") else {
            let required = variable("MOODBRIDGE_REQUIRE").unwrap_or_default();
            assert!(
                !required.split(',').any(|it| it == "oidc"),
                "MOODBRIDGE_REQUIRE names `oidc`, but MOODBRIDGE_OIDC_PROVIDER is unset"
            );
            eprintln!("skipped: MOODBRIDGE_OIDC_PROVIDER is unset (run `scripts/setup test`)");
            return None;
        };
        let mut all = json!({"issuers": ["firm", "other"], "endWithInput": true});
        for (name, value) in settings.as_object().unwrap() {
            all[name] = value.clone();
        }
        let (child, ready) = (0..N_STARTS).find_map(|_| run(&script, &all)).unwrap();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .unwrap();
        Some(Self { child, origin: ready["origin"].as_str().unwrap().to_owned(), client })
    }

    /// Returns the URL of the issuer `name`, `firm` or `other`.
    pub(crate) fn issuer(&self, name: &str) -> String {
        format!("{}/{name}", self.origin)
    }

    /// Does something behind the provider's back, such as `keys` or `outage`.
    pub(crate) async fn admin(&self, issuer: &str, action: &str, body: &Value) -> Value {
        let url = format!("{}/admin/{issuer}/{action}", self.origin);
        let answer = self.client.post(url).body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{action}: {}", answer.status());
        json_of(answer).await
    }

    /// Asks the token endpoint of `issuer` and returns its status and answer.
    pub(crate) async fn token(&self, issuer: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/token", self.issuer(issuer));
        let answer = self.post(&url, form).await;
        (answer.status().as_u16(), json_of(answer).await)
    }

    /// Signs `person` in by the authorization code flow with PKCE and returns the tokens.
    pub(crate) async fn sign_in(&self, issuer: &str, client_id: &str, person: &str) -> Value {
        let verifier = "a-verifier-that-is-long-enough-for-pkce-0123456789";
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let mut url = reqwest::Url::parse(&format!("{}/auth", self.issuer(issuer))).unwrap();
        url.query_pairs_mut().extend_pairs([
            ("client_id", client_id),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("redirect_uri", REDIRECT_URI),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("login_hint", person),
        ]);
        let code = self.follow(url).await;
        let (status, tokens) = self
            .token(
                issuer,
                &[
                    ("grant_type", "authorization_code"),
                    ("client_id", client_id),
                    ("code", &code),
                    ("code_verifier", verifier),
                    ("redirect_uri", REDIRECT_URI),
                ],
            )
            .await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// Follows redirects as a browser does, up to the one that brings the code.
    async fn follow(&self, mut url: reqwest::Url) -> String {
        let mut cookies: Vec<String> = Vec::new();
        for _ in 0..5 {
            let request = self.client.get(url.clone()).header("cookie", cookies.join("; "));
            let answer = request.send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
                cookies.push(cookie);
            }
            let next = answer.headers()["location"].to_str().unwrap();
            url = url.join(next).unwrap();
            if url.as_str().starts_with(REDIRECT_URI) {
                return url.query_pairs().find(|it| it.0 == "code").unwrap().1.into_owned();
            }
        }
        panic!("the provider does not come to an end");
    }

    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> reqwest::Response {
        let mut body = reqwest::Url::parse("http://form").unwrap();
        body.query_pairs_mut().extend_pairs(form);
        self.client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.query().unwrap_or_default().to_owned())
            .send()
            .await
            .unwrap()
    }
}

/// Runs the provider; `None` when it does not say in time that it is ready.
fn run(script: &str, settings: &Value) -> Option<(Child, Value)> {
    let mut child = Command::new("node")
        .args([script.to_owned(), settings.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let (says, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut first = String::new();
        let _ = BufReader::new(stdout).read_line(&mut first);
        let _ = says.send(first);
    });
    let first = hears.recv_timeout(START_LIMIT).unwrap_or_default();
    match serde_json::from_str(&first) {
        Ok(ready) => Some((child, ready)),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            None
        }
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn json_of(answer: reqwest::Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests are told by their environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
