//! The OAuth client against a certified provider that others wrote.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "../../../../tests/support/identity_provider.rs"]
mod identity_provider;

use std::sync::Arc;
use std::time::Duration;

use adapter_http::oauth::{
    Endpoints, Grant, Loopback, LoopbackFault, OAuthClient, OAuthRefusal, OAuthSettings,
    RevokedKind, SecretPlace,
};
use adapter_http::{HttpClient, HttpSettings};
use identity_provider::IdentityProvider;
use serde_json::json;
use shared::config::Env;
use shared::ports::{LocalSecrets, SecretAddress, SystemClock, SystemRandom};
use shared::{PortErrorKind, chain};
use url::Url;

const WAIT: Duration = Duration::from_secs(20);

fn client(
    provider: &IdentityProvider,
    client_id: &str,
    secret: Option<SecretPlace>,
) -> OAuthClient {
    let at = |path: &str| Url::parse(&format!("{}{path}", provider.issuer("firm"))).unwrap();
    let endpoints = Endpoints {
        token: at("/token"),
        authorize: Some(at("/auth")),
        device: Some(at("/device/auth")),
        revoke: Some(at("/token/revocation")),
        introspect: Some(at("/token/introspection")),
    };
    let mut settings = OAuthSettings::new("provider", "main", client_id, endpoints);
    if let Some(place) = secret {
        settings = settings.with_secret(SecretAddress::parse("env:APP_SECRET").unwrap(), place);
    }
    let http =
        HttpClient::new(HttpSettings::default(), Arc::new(SystemClock), Arc::new(SystemRandom))
            .unwrap();
    let secrets = LocalSecrets::new(Env::from_pairs([("APP_SECRET", "only-for-tests")]));
    OAuthClient::new(settings, http, Arc::new(secrets), Arc::new(SystemClock))
}

fn scopes() -> Vec<String> {
    ["openid", "offline_access"].map(str::to_owned).to_vec()
}

/// Signs `person` in, with a browser of a few lines.
async fn sign_in(client: &OAuthClient, person: &str) -> Result<Grant, LoopbackFault> {
    let loopback = Loopback::listen("127.0.0.1", 0, "/callback").await?;
    let extra = [("login_hint", person)];
    let request =
        client.begin_authorization(loopback.redirect().clone(), &scopes(), &extra).await.unwrap();
    let browser = tokio::spawn(browse(request.url().clone()));
    let state = request.state().clone();
    let code = loopback.code(&state, WAIT).await;
    let page = browser.await.unwrap();
    assert!(page.contains("terminal"), "{page}");
    Ok(client.finish_authorization(request, &code?).await.unwrap())
}

/// Follows redirects with cookies to the page at their end.
async fn browse(mut url: Url) -> String {
    let policy = reqwest::redirect::Policy::none();
    let browser = reqwest::Client::builder().redirect(policy).no_proxy().build().unwrap();
    let mut cookies: Vec<String> = Vec::new();
    for _ in 0..8 {
        let get = browser.get(url.clone()).header("cookie", cookies.join("; "));
        let answer = get.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            cookies.push(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        match answer.headers().get("location") {
            Some(next) => url = url.join(next.to_str().unwrap()).unwrap(),
            None => return answer.text().await.unwrap(),
        }
    }
    panic!("the provider does not come to an end");
}

#[tokio::test]
async fn person_signs_in_and_a_refresh_token_shown_twice_ends_everything() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-cli", None);

    let first = sign_in(&client, "lena").await.unwrap().refresh_token.unwrap();
    let second = client.refresh(&first).await.unwrap().refresh_token.unwrap();
    assert_ne!(second.expose(), first.expose());

    let replay = client.refresh(&first).await.unwrap_err();
    assert_eq!(replay.kind(), PortErrorKind::Denied);
    let ended = client.refresh(&second).await.unwrap_err();
    let text = format!("{} {ended:?}", chain(&ended));
    assert!(text.contains("run `moodbridge connect provider --name main` again"), "{text}");
    assert!(!text.contains(second.expose()), "{text}");
}

#[tokio::test]
async fn person_who_refuses_is_told_so() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-cli", None);
    match sign_in(&client, "nobody").await {
        Err(LoopbackFault::Refused(refusal)) => assert_eq!(refusal.code(), "access_denied"),
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn program_signs_in_as_itself_with_its_secret_in_the_header() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-service", Some(SecretPlace::Header));

    let grant = client.client_credentials(&[]).await.unwrap();

    assert_eq!(grant.lifetime, Some(Duration::from_secs(300)));
    assert!(grant.refresh_token.is_none());
}

#[tokio::test]
async fn secret_in_the_form_is_taken_too() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-service", Some(SecretPlace::Form));
    client.client_credentials(&[]).await.unwrap();
}

#[tokio::test]
async fn device_waits_for_its_person() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-cli", None);
    let code = client.begin_device(&scopes()).await.unwrap();
    assert!(code.complete_url.is_some());
    let answer = json!({"user_code": code.user_code, "user": "vera"});
    provider.admin("firm", "device", &answer).await;

    let grant = client.finish_device(&code).await.unwrap();

    assert!(grant.refresh_token.is_some());
}

#[tokio::test]
async fn device_whose_person_refuses_is_denied() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-cli", None);
    let code = client.begin_device(&scopes()).await.unwrap();
    provider.admin("firm", "device", &json!({"user_code": code.user_code})).await;

    let error = client.finish_device(&code).await.unwrap_err();

    assert_eq!(OAuthRefusal::of(&error).unwrap().code(), "access_denied");
}

#[tokio::test]
async fn revoked_refresh_token_is_worth_nothing() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-cli", None);
    let token = sign_in(&client, "lena").await.unwrap().refresh_token.unwrap();
    assert!(client.introspect(&token).await.unwrap().active);

    client.revoke(&token, RevokedKind::RefreshToken).await.unwrap();

    assert!(!client.introspect(&token).await.unwrap().active);
    assert_eq!(client.refresh(&token).await.unwrap_err().kind(), PortErrorKind::Denied);
}

#[tokio::test]
async fn outage_of_the_provider_is_no_refusal() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let client = client(&provider, "moodbridge-cli", None);
    let token = sign_in(&client, "lena").await.unwrap().refresh_token.unwrap();
    provider.admin("firm", "outage", &json!({"status": 503})).await;

    assert_eq!(client.refresh(&token).await.unwrap_err().kind(), PortErrorKind::Unavailable);
    provider.admin("firm", "outage", &json!({})).await;
    client.refresh(&token).await.unwrap();
}
