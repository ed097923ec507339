//! Tokens of `oidc-provider`, which nobody here wrote.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_oidc::{ClaimRules, OidcAuthenticator, OidcSettings};
use serde_json::{Value, json};
use shared::auth::Role;
use shared::ports::{Authenticator as _, SignInError, SystemClock};

use crate::fixture::http;
use crate::identity_provider::{AUDIENCE, IdentityProvider};

fn authenticator(issuer: String, change: impl FnOnce(&mut OidcSettings)) -> OidcAuthenticator {
    let rules = ClaimRules { leeway: Duration::ZERO, ..ClaimRules::new(issuer, audiences()) };
    let mut settings = OidcSettings::new(rules);
    settings.refetch_floor = Duration::ZERO;
    change(&mut settings);
    OidcAuthenticator::new(settings, http(), Arc::new(SystemClock))
}

fn audiences() -> Vec<String> {
    vec![AUDIENCE.to_owned()]
}

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}"))
}

async fn reason(authenticator: &OidcAuthenticator, token: &str) -> String {
    match authenticator.authenticate(token).await {
        Err(SignInError::Refused { reason }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn every_way_to_get_an_access_token_signs_in() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let authenticator = authenticator(provider.issuer("firm"), |_| {});

    let tokens = provider.sign_in("firm", "moodbridge-dashboard", "lena").await;
    let lena = authenticator.authenticate(access_token(&tokens)).await.unwrap();
    assert_eq!((lena.person.as_str(), lena.name.as_deref()), ("lena", Some("Lena Lawyer")));
    assert_eq!(lena.roles, [Role::Lawyer].into());

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "moodbridge-dashboard"),
        ("refresh_token", refresh),
    ];
    let (_, refreshed) = provider.token("firm", &form).await;
    assert_ne!(access_token(&refreshed), access_token(&tokens));
    let again = authenticator.authenticate(access_token(&refreshed)).await.unwrap();
    assert_eq!((&again.person, &again.roles), (&lena.person, &lena.roles));
    assert!(again.expires_at >= lena.expires_at && lena.expires_at.is_some());

    let (_, service) = provider
        .token(
            "firm",
            &[
                ("grant_type", "client_credentials"),
                ("client_id", "moodbridge-service"),
                ("client_secret", "only-for-tests"),
            ],
        )
        .await;
    let service = authenticator.authenticate(access_token(&service)).await.unwrap();
    assert_eq!(service.person.as_str(), "moodbridge-service");
    assert_eq!(service.roles, [Role::Operator].into());

    let device = by_device(&provider, "vera").await;
    let vera = authenticator.authenticate(access_token(&device)).await.unwrap();
    assert_eq!((vera.person.as_str(), vera.roles), ("vera", [Role::Viewer].into()));
}

async fn by_device(provider: &IdentityProvider, person: &str) -> Value {
    let url = format!("{}/device/auth", provider.issuer("firm"));
    let client = ("client_id", "moodbridge-cli");
    let answer = provider.post(&url, &[client, ("scope", "openid")]).await;
    let started: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let said = json!({"user_code": started["user_code"], "user": person});
    provider.admin("firm", "device", &said).await;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        client,
        ("device_code", started["device_code"].as_str().unwrap()),
    ];
    provider.token("firm", &form).await.1
}

#[tokio::test]
async fn a_person_without_a_role_signs_in_and_may_do_nothing() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let authenticator = authenticator(provider.issuer("firm"), |_| {});
    let tokens = provider.sign_in("firm", "moodbridge-cli", "stranger").await;
    let stranger = authenticator.authenticate(access_token(&tokens)).await.unwrap();
    assert!(stranger.roles.is_empty());
    assert!(stranger.permissions().is_empty());
}

#[tokio::test]
async fn tokens_for_somebody_else_are_refused() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let firm = authenticator(provider.issuer("firm"), |_| {});
    let tokens = provider.sign_in("firm", "moodbridge-cli", "anna").await;

    let identity = tokens["id_token"].as_str().unwrap();
    assert_eq!(reason(&firm, identity).await, "it is meant for another audience");

    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(reason(&firm, refresh).await, "it is not a signed token of three parts");

    // Another firm at the same provider: other keys, another issuer.
    let other = provider.sign_in("other", "moodbridge-cli", "anna").await;
    let unknown = "it is signed with a key that its issuer does not publish";
    assert_eq!(reason(&firm, access_token(&other)).await, unknown);

    let elsewhere = authenticator(provider.issuer("firm"), |it| {
        it.claims.audiences = vec!["https://elsewhere.test".to_owned()];
    });
    let reason = reason(&elsewhere, access_token(&tokens)).await;
    assert_eq!(reason, "it is meant for another audience");
}

#[tokio::test]
async fn keys_may_change_while_people_work() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let authenticator = authenticator(provider.issuer("firm"), |_| {});
    let before = provider.sign_in("firm", "moodbridge-cli", "anna").await;
    authenticator.authenticate(access_token(&before)).await.unwrap();

    for alg in ["ES256", "PS256", "EdDSA", "RS256"] {
        provider.admin("firm", "keys", &json!({"alg": alg})).await;
        let after = provider.sign_in("firm", "moodbridge-cli", "anna").await;
        authenticator.authenticate(access_token(&after)).await.unwrap();
    }
    // The old key is still published, so its tokens hold.
    authenticator.authenticate(access_token(&before)).await.unwrap();

    let calls = provider.admin("firm", "calls", &json!({})).await;
    assert_eq!(calls["/jwks"], 5, "{calls}");
}

#[tokio::test]
async fn an_outage_of_the_issuer_stops_nobody_who_works() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let firm = authenticator(provider.issuer("firm"), |it| it.key_lifetime = Duration::ZERO);
    let (one, other) = (
        provider.sign_in("firm", "moodbridge-cli", "anna").await,
        provider.sign_in("firm", "moodbridge-cli", "lena").await,
    );
    firm.authenticate(access_token(&one)).await.unwrap();
    provider.admin("firm", "outage", &json!({"status": 500})).await;
    firm.authenticate(access_token(&other)).await.unwrap();

    let fresh = authenticator(provider.issuer("firm"), |_| {});
    let error = fresh.authenticate(access_token(&one)).await.unwrap_err();
    assert!(matches!(error, SignInError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_token_ends_when_its_issuer_says() {
    let Some(provider) = IdentityProvider::start(&json!({"accessTokenSeconds": 2})) else { return };
    let authenticator = authenticator(provider.issuer("firm"), |_| {});
    let tokens = provider.sign_in("firm", "moodbridge-cli", "anna").await;
    authenticator.authenticate(access_token(&tokens)).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while authenticator.authenticate(access_token(&tokens)).await.is_ok() {
        assert!(Instant::now() < deadline, "the token does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(reason(&authenticator, access_token(&tokens)).await, "it has expired");
}
