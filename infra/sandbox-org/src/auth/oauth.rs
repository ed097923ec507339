//! The OAuth endpoints.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::device;
use super::grants::Found;
use crate::api::Reply;
use crate::sandbox::State;
use crate::settings::{ConnectedApp, LoginRefusal};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Longest time that an assertion may be good, in seconds, with room for clocks that differ.
const MAX_ASSERTION: i64 = 5 * 60 + 30;

pub(crate) type Form = HashMap<String, String>;

pub(super) fn refused(error: &str, description: &str) -> Reply {
    Reply::json(400, &json!({"error": error, "error_description": description}))
}

pub(super) fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.get(name).map(String::as_str).unwrap_or_default()
}

/// Reads client id and secret from the `Authorization` header, else from the form.
pub(super) fn client(form: &Form, authorization: Option<&str>) -> (String, String) {
    let basic = authorization
        .and_then(|header| header.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| {
            text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
        });
    basic.unwrap_or_else(|| {
        (field(form, "client_id").to_owned(), field(form, "client_secret").to_owned())
    })
}

pub(super) fn app<'a>(state: &'a State, id: &str) -> Result<&'a ConnectedApp, Reply> {
    state
        .settings
        .apps
        .iter()
        .find(|app| app.client_id == id)
        .ok_or_else(|| refused("invalid_client_id", "client identifier invalid"))
}

/// What a token was given for.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    /// The person's agreement.
    pub(crate) grant: Option<u64>,
    /// A new refresh token.
    pub(crate) refresh_token: Option<String>,
    /// What it is good for.
    pub(crate) scope: String,
}

/// `POST /services/oauth2/token`
pub(crate) fn token(state: &State, form: &Form, authorization: Option<&str>, host: &str) -> Reply {
    if field(form, "response_type") == "device_code" {
        return device::begin(state, form, host);
    }
    let (client_id, secret) = client(form, authorization);
    let itself = |()| Granted { scope: "api id openid".to_owned(), ..Granted::default() };
    let checked =
        match field(form, "grant_type") {
            "client_credentials" => {
                app(state, &client_id).and_then(|app| check_secret(app, &secret)).map(itself)
            }
            "password" => app(state, &client_id)
                .and_then(|app| check_secret(app, &secret))
                .and_then(|()| check_password(state, form))
                .map(itself),
            JWT_BEARER => check_assertion(state, field(form, "assertion"), host).map(itself),
            "authorization_code" => check_app(state, &client_id, &secret)
                .and_then(|()| take_code(state, &client_id, form)),
            "refresh_token" => check_app(state, &client_id, &secret)
                .and_then(|()| refresh(state, &client_id, form)),
            "device" => app(state, &client_id).and_then(|_| device::ask(state, form)),
            _ => Err(refused("unsupported_grant_type", "grant type not supported")),
        };
    match checked {
        Ok(granted) => Reply::json(200, &grant(state, granted, host)),
        Err(refusal) => refusal,
    }
}

/// Checks an app that may leave its secret out, as one with PKCE may.
fn check_app(state: &State, client_id: &str, secret: &str) -> Result<(), Reply> {
    let app = app(state, client_id)?;
    if secret.is_empty() { Ok(()) } else { check_secret(app, secret) }
}

/// Exchanges a code; one that is shown twice ends what it gave.
fn take_code(state: &State, client_id: &str, form: &Form) -> Result<Granted, Reply> {
    let (agreement, grant) =
        match state.grants.use_code(field(form, "code"), state.clock().now_ms()) {
            Found::Good(found) => found,
            Found::Replayed(grant) => {
                end(state, grant);
                return Err(refused("invalid_grant", "expired authorization code"));
            }
            Found::Unknown => return Err(refused("invalid_grant", "invalid authorization code")),
        };
    if state.settings.login.refuses == Some(LoginRefusal::IpRestricted) {
        return Err(refused("invalid_grant", "ip restricted"));
    }
    if agreement.client_id != client_id {
        return Err(refused("invalid_grant", "invalid authorization code"));
    }
    if agreement.redirect_uri != field(form, "redirect_uri") {
        let why = "redirect_uri must match configuration";
        return Err(refused("redirect_uri_mismatch", why));
    }
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field(form, "code_verifier")));
    if agreement.challenge.is_some_and(|challenge| challenge != proof) {
        return Err(refused("invalid_grant", "invalid code verifier"));
    }
    let wants_refresh =
        agreement.scope.split(' ').any(|it| matches!(it, "refresh_token" | "offline_access"));
    let refresh_token =
        wants_refresh.then(|| state.grants.give_refresh(client_id, &agreement.scope, grant));
    Ok(Granted { grant: Some(grant), refresh_token, scope: agreement.scope })
}

/// Refreshes; a refresh token that was used up ends the whole grant when it is shown again.
fn refresh(state: &State, client_id: &str, form: &Form) -> Result<Granted, Reply> {
    let rotates = state.settings.login.rotates_refresh_tokens;
    match state.grants.use_refresh(field(form, "refresh_token"), client_id, rotates) {
        Found::Good((grant, scope)) => {
            let refresh_token =
                rotates.then(|| state.grants.give_refresh(client_id, &scope, grant));
            Ok(Granted { grant: Some(grant), refresh_token, scope })
        }
        Found::Replayed(grant) => {
            end(state, grant);
            Err(refused("invalid_grant", "expired access/refresh token"))
        }
        Found::Unknown => Err(refused("invalid_grant", "expired access/refresh token")),
    }
}

fn end(state: &State, grant: u64) {
    state.grants.end(grant);
    state.sessions.close_grant(grant);
}

pub(super) fn check_secret(app: &ConnectedApp, secret: &str) -> Result<(), Reply> {
    if app.client_secret == secret {
        Ok(())
    } else {
        Err(refused("invalid_client", "invalid client credentials"))
    }
}

fn check_password(state: &State, form: &Form) -> Result<(), Reply> {
    if state.knows_password(field(form, "username"), field(form, "password")) {
        Ok(())
    } else {
        Err(refused("invalid_grant", "authentication failure"))
    }
}

/// Makes a token and tells about it.
fn grant(state: &State, granted: Granted, host: &str) -> Json {
    let now_ms = state.clock().now_ms();
    let base = state.base_url(host);
    let token = state.sessions.open_by(granted.grant, state.org_id, state.user_id, now_ms);
    let mut answer = json!({
        "access_token": token, "instance_url": base, "token_type": "Bearer",
        "id": format!("{base}/id/{}/{}", state.org_id, state.user_id),
        "issued_at": now_ms.to_string(), "signature": "c2FuZGJveA==", "scope": granted.scope,
        "token_format": "opaque", "api_instance_url": base,
    });
    if let (Some(refresh_token), Some(answer)) = (granted.refresh_token, answer.as_object_mut()) {
        answer.insert("refresh_token".to_owned(), refresh_token.into());
    }
    answer
}

/// Checks a JWT assertion: signature, audience, subject, time.
fn check_assertion(state: &State, assertion: &str, host: &str) -> Result<(), Reply> {
    let invalid = |what: &str| refused("invalid_grant", what);
    let payload = assertion.split('.').nth(1).unwrap_or_default();
    let claims: Json = URL_SAFE_NO_PAD
        .decode(payload)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| invalid("invalid assertion"))?;
    let claim = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
    let app = app(state, claim("iss"))?;
    let pem =
        app.public_key_pem.as_ref().ok_or_else(|| invalid("user hasn't approved this consumer"))?;
    let key = DecodingKey::from_rsa_pem(pem.as_bytes())
        .map_err(|_| invalid("the registered certificate cannot be read"))?;
    let mut validation = Validation::new(Algorithm::RS256);
    // Audience and time are checked below: the org has its own clock, and some clients send `exp` as text.
    validation.validate_aud = false;
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Json>(assertion, &key, &validation)
        .map_err(|_| invalid("invalid assertion"))?;
    let base = state.base_url(host);
    let audiences = ["https://login.salesforce.com", "https://test.salesforce.com", base.as_str()];
    if !audiences.contains(&claim("aud").trim_end_matches('/')) {
        return Err(invalid("audience is invalid"));
    }
    if !claim("sub").eq_ignore_ascii_case(&state.settings.username) {
        return Err(invalid("user hasn't approved this consumer"));
    }
    let expires =
        claims.get("exp").and_then(|exp| exp.as_i64().or_else(|| exp.as_str()?.parse().ok()));
    let now = state.clock().now_ms().div_euclid(1000);
    match expires {
        Some(at) if at > now && at <= now + MAX_ASSERTION => Ok(()),
        _ => Err(invalid("assertion is not within its time validity window")),
    }
}

/// `GET /services/oauth2/userinfo`
pub(crate) fn user_info(state: &State, host: &str) -> Reply {
    let base = state.base_url(host);
    let (org, user) = (state.org_id.to_string(), state.user_id.to_string());
    Reply::json(
        200,
        &json!({
            "sub": format!("{base}/id/{org}/{user}"), "user_id": user, "organization_id": org,
            "preferred_username": state.settings.username, "name": "Sandbox Admin",
            "given_name": "Sandbox", "family_name": "Admin", "nickname": "admin",
            "email": state.settings.username, "email_verified": true, "zoneinfo": "GMT",
            "locale": "en_US", "user_type": "STANDARD", "active": true,
            "urls": {"rest": format!("{base}/services/data/v{{version}}/")},
        }),
    )
}

/// `GET /id/ORG/USER`
pub(crate) fn identity(state: &State, host: &str) -> Reply {
    let base = state.base_url(host);
    let (org, user) = (state.org_id.to_string(), state.user_id.to_string());
    let urls: serde_json::Map<String, Json> = [
        ("enterprise", "/services/Soap/c/{version}/"),
        ("partner", "/services/Soap/u/{version}/"),
        ("rest", "/services/data/v{version}/"),
        ("sobjects", "/services/data/v{version}/sobjects/"),
        ("query", "/services/data/v{version}/query/"),
    ]
    .into_iter()
    .map(|(name, path)| (name.to_owned(), json!(format!("{base}{path}"))))
    .collect();
    Reply::json(
        200,
        &json!({
            "id": format!("{base}/id/{org}/{user}"), "asserted_user": true, "user_id": user,
            "organization_id": org, "username": state.settings.username, "nick_name": "admin",
            "display_name": "Sandbox Admin", "email": state.settings.username,
            "email_verified": true, "first_name": "Sandbox", "last_name": "Admin",
            "timezone": "GMT", "active": true, "user_type": "STANDARD", "language": "en_US",
            "locale": "en_US", "utcOffset": 0, "urls": urls, "is_app_installed": true,
        }),
    )
}
