//! Every way to connect, against the sandbox org, over real HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_http::oauth::{Grant, Loopback, LoopbackFault, OAuthClient, OAuthRefusal, RevokedKind};
use adapter_http::{HttpClient, HttpSettings, Request};
use adapter_salesforce::{SalesforceCrm, SalesforceSettings, app};
use async_trait::async_trait;
use sandbox_org::{LoginRefusal, LoginSettings, RunningSandbox, Sandbox, Seed, Settings};
use serde_json::json;
use shared::ports::{Crm, SecretAddress, SecretWriter, Secrets, SystemClock, SystemRandom};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind, chain};
use tokio::net::TcpListener;
use url::Url;

const WAIT: Duration = Duration::from_secs(10);

/// Secrets in memory.
#[derive(Default)]
struct Vault(Mutex<HashMap<String, String>>);

#[async_trait]
impl Secrets for Vault {
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        let kept = self.0.lock().unwrap();
        let found = kept.get(address.as_str()).map(|it| Secret::new(it.as_str()));
        found.ok_or_else(|| {
            PortError::new(PortErrorKind::NotFound, "vault", "read", address.as_str())
        })
    }
}

#[async_trait]
impl SecretWriter for Vault {
    async fn write(&self, address: &SecretAddress, secret: &Secret) -> Result<(), PortError> {
        let (key, value) = (address.as_str().to_owned(), secret.expose().to_owned());
        self.0.lock().unwrap().insert(key, value);
        Ok(())
    }
}

struct Peer {
    sandbox: RunningSandbox,
    http: HttpClient,
    vault: Arc<Vault>,
    loopback: Option<Loopback>,
}

/// Why there is no connection.
#[derive(Debug)]
enum Failure {
    Browser(LoopbackFault),
    Exchange(PortError),
}

impl Failure {
    fn refusal(&self) -> String {
        let refusal = match self {
            Self::Browser(LoopbackFault::Refused(refusal)) => Some(refusal),
            Self::Browser(_) => None,
            Self::Exchange(error) => OAuthRefusal::of(error),
        };
        refusal.unwrap().to_string()
    }
}

impl Peer {
    async fn start(change: impl FnOnce(&mut LoginSettings)) -> Self {
        let loopback = Loopback::listen("localhost", 0, "/OauthRedirect").await.unwrap();
        let mut login = LoginSettings {
            callback_urls: vec![loopback.redirect().to_string()],
            device_interval: Duration::from_secs(1),
            ..LoginSettings::default()
        };
        change(&mut login);
        let settings = Settings { seed: Seed::Empty, login, ..Settings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(settings, listener).unwrap();
        let http =
            HttpClient::new(HttpSettings::default(), Arc::new(SystemClock), Arc::new(SystemRandom))
                .unwrap();
        Self { sandbox, http, vault: Arc::default(), loopback: Some(loopback) }
    }

    fn client(&self) -> OAuthClient {
        let login_url = Url::parse(&self.sandbox.url()).unwrap();
        let app = app("main", &login_url, "moodbridge-sandbox", None);
        OAuthClient::new(app, self.http.clone(), self.vault.clone(), Arc::new(SystemClock))
    }

    /// Connects as a person does, with a browser of a few lines.
    async fn connect(&mut self) -> Result<Grant, Failure> {
        let loopback = self.loopback.take().unwrap();
        let client = self.client();
        let redirect = loopback.redirect().clone();
        let request =
            client.begin_authorization(redirect, &scopes(), &[("prompt", "login")]).await.unwrap();
        let browser = tokio::spawn(browse(self.http.clone(), request.url().clone()));
        let state = request.state().clone();
        let code = loopback.code(&state, WAIT).await.map_err(Failure::Browser);
        browser.await.unwrap();
        client.finish_authorization(request, &code?).await.map_err(Failure::Exchange)
    }

    /// Serves the connection with a refresh token that was given before.
    async fn crm(&self, refresh_token: &Secret) -> SalesforceCrm {
        self.vault.write(&address(), refresh_token).await.unwrap();
        let settings: SalesforceSettings = serde_json::from_value(json!({
            "connection": "main", "login_url": self.sandbox.url(), "auth": {
                "flow": "authorization_code", "client_id": "moodbridge-sandbox",
                "refresh_token": address(),
            },
        }))
        .unwrap();
        let (secrets, writer) = (self.vault.clone(), self.vault.clone());
        let clock = Arc::new(SystemClock);
        SalesforceCrm::with_secret_writer(settings, self.http.clone(), secrets, writer, clock)
    }
}

fn address() -> SecretAddress {
    SecretAddress::parse("file:refresh-token").unwrap()
}

fn scopes() -> Vec<String> {
    ["api", "refresh_token"].map(str::to_owned).to_vec()
}

/// Opens the page, agrees as its script does, and goes where that leads.
async fn browse(http: HttpClient, url: Url) -> String {
    let get = |url: Url| Request::get("browser", "open", url);
    let page = http.send(get(url.clone())).await.unwrap();
    let page = String::from_utf8(page.body().to_vec()).unwrap();
    let fields: Vec<(&str, String)> = page
        .split("<input ")
        .filter_map(|part| {
            let (_, rest) = part.split_once("name=\"")?;
            let (name, rest) = rest.split_once("\" value=\"")?;
            let (value, _) = rest.split_once('"')?;
            Some((name, value.replace("&amp;", "&")))
        })
        .collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let action = url.join("/services/oauth2/authorize").unwrap();
    let post = Request::post("browser", "agree", action).with_form(&fields);
    let answer = http.send(post).await.unwrap();
    let Some(location) = answer.header(&http::header::LOCATION) else { return page };
    let last = http.send(get(Url::parse(location).unwrap())).await.unwrap();
    String::from_utf8(last.body().to_vec()).unwrap()
}

#[tokio::test]
async fn person_agrees_in_a_browser_and_the_org_can_be_read() {
    let mut peer = Peer::start(|_| {}).await;

    let grant = peer.connect().await.unwrap();

    assert_eq!(grant.text("instance_url"), Some(peer.sandbox.url().as_str()));
    assert_eq!(grant.scopes, scopes());
    let crm = peer.crm(&grant.refresh_token.unwrap()).await;
    assert!(crm.health().await.unwrap().calls_left.is_some());
}

#[tokio::test]
async fn every_refusal_reaches_the_caller_in_the_words_of_the_org() {
    for (refuses, words) in [
        (LoginRefusal::PersonRefuses, "`access_denied`: end-user denied authorization"),
        (LoginRefusal::AppBlocked, "`OAUTH_APP_BLOCKED`: this app is blocked by admin"),
        (LoginRefusal::NotApproved, "`OAUTH_APP_ACCESS_DENIED`: user is not admin approved"),
        (LoginRefusal::IpRestricted, "`invalid_grant`: ip restricted"),
    ] {
        let mut peer = Peer::start(|login| login.refuses = Some(refuses)).await;
        let failure = peer.connect().await.unwrap_err();
        assert!(failure.refusal().contains(words), "{failure:?}");
    }
}

#[tokio::test]
async fn redirect_that_the_app_does_not_know_is_shown_in_the_browser() {
    let peer = Peer::start(|login| login.callback_urls = Vec::new()).await;
    let redirect = peer.loopback.as_ref().unwrap().redirect().clone();
    let request = peer.client().begin_authorization(redirect, &scopes(), &[]).await.unwrap();

    let page = browse(peer.http.clone(), request.url().clone()).await;

    assert!(page.contains("redirect_uri_mismatch"), "{page}");
}

#[tokio::test]
async fn code_without_our_verifier_is_worth_nothing() {
    let mut peer = Peer::start(|_| {}).await;
    let client = peer.client();
    let loopback = peer.loopback.take().unwrap();
    let redirect = loopback.redirect().clone();
    let begin = async || client.begin_authorization(redirect.clone(), &scopes(), &[]).await;
    let (asked, other) = (begin().await.unwrap(), begin().await.unwrap());
    let browser = tokio::spawn(browse(peer.http.clone(), asked.url().clone()));
    let code = loopback.code(&asked.state().clone(), WAIT).await.unwrap();
    browser.await.unwrap();

    let error = client.finish_authorization(other, &code).await.unwrap_err();

    assert!(chain(&error).to_string().contains("invalid code verifier"), "{}", chain(&error));
}

#[tokio::test]
async fn rotated_refresh_token_goes_on_and_a_replayed_one_ends_everything() {
    let mut peer = Peer::start(|login| login.rotates_refresh_tokens = true).await;
    let first = peer.connect().await.unwrap().refresh_token.unwrap();
    let crm = peer.crm(&first).await;

    crm.health().await.unwrap();
    let second = peer.vault.read(&address()).await.unwrap();
    assert_ne!(second.expose(), first.expose());

    let replay = peer.client().refresh(&first).await.unwrap_err();
    assert_eq!(replay.kind(), PortErrorKind::Denied);
    let error = crm.health().await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied);
    let text = format!("{} {error:?}", chain(&error));
    assert!(text.contains("run `moodbridge connect salesforce --name main` again"), "{text}");
    assert!(!text.contains(second.expose()), "{text}");
}

#[tokio::test]
async fn revoked_permission_ends_the_session_too() {
    let mut peer = Peer::start(|_| {}).await;
    let refresh_token = peer.connect().await.unwrap().refresh_token.unwrap();
    let crm = peer.crm(&refresh_token).await;
    crm.health().await.unwrap();

    peer.client().revoke(&refresh_token, RevokedKind::RefreshToken).await.unwrap();

    assert_eq!(crm.health().await.unwrap_err().kind(), PortErrorKind::Denied);
    // Once more is no error: what was wanted is so.
    peer.client().revoke(&refresh_token, RevokedKind::RefreshToken).await.unwrap();
}

#[tokio::test]
async fn device_waits_until_the_person_has_typed_the_code() {
    let peer = Peer::start(|_| {}).await;
    let client = peer.client();
    let code = client.begin_device(&scopes()).await.unwrap();
    let waiting = tokio::spawn({
        let (client, code) = (client.clone(), code.clone());
        async move { client.finish_device(&code).await }
    });

    let post = Request::post("browser", "agree", code.verification_url.clone())
        .with_form(&[("user_code", &code.user_code)]);
    assert!(peer.http.send(post).await.unwrap().status().is_success());

    let grant = waiting.await.unwrap().unwrap();
    let crm = peer.crm(&grant.refresh_token.unwrap()).await;
    crm.health().await.unwrap();
}

#[tokio::test]
async fn token_is_looked_up_with_the_secret_of_the_app() {
    let peer = Peer::start(|_| {}).await;
    let secret = SecretAddress::parse("env:APP").unwrap();
    peer.vault.write(&secret, &Secret::new("sandbox-secret")).await.unwrap();
    let login_url = Url::parse(&peer.sandbox.url()).unwrap();
    let app = app("main", &login_url, "moodbridge-sandbox", Some(&secret));
    let client =
        OAuthClient::new(app, peer.http.clone(), peer.vault.clone(), Arc::new(SystemClock));
    let grant = client.client_credentials(&[]).await.unwrap();

    assert!(client.introspect(&grant.access_token).await.unwrap().active);
    client.revoke(&grant.access_token, RevokedKind::AccessToken).await.unwrap();
    assert!(!client.introspect(&grant.access_token).await.unwrap().active);
}
