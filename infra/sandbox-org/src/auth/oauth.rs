//! The OAuth endpoints.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value as Json, json};

use crate::api::Reply;
use crate::sandbox::State;
use crate::settings::ConnectedApp;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Longest time that an assertion may be good, in seconds, with room for clocks that differ.
const MAX_ASSERTION: i64 = 5 * 60 + 30;

type Form = HashMap<String, String>;

fn refused(error: &str, description: &str) -> Reply {
    Reply::json(400, &json!({"error": error, "error_description": description}))
}

fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.get(name).map(String::as_str).unwrap_or_default()
}

/// Reads client id and secret from the `Authorization` header, else from the form.
fn client(form: &Form, authorization: Option<&str>) -> (String, String) {
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

fn app<'a>(state: &'a State, id: &str) -> Result<&'a ConnectedApp, Reply> {
    state
        .settings
        .apps
        .iter()
        .find(|app| app.client_id == id)
        .ok_or_else(|| refused("invalid_client_id", "client identifier invalid"))
}

/// `POST /services/oauth2/token`
pub(crate) fn token(state: &State, form: &Form, authorization: Option<&str>, host: &str) -> Reply {
    let (client_id, secret) = client(form, authorization);
    let checked = match field(form, "grant_type") {
        "client_credentials" => app(state, &client_id).and_then(|app| check_secret(app, &secret)),
        "password" => app(state, &client_id)
            .and_then(|app| check_secret(app, &secret))
            .and_then(|()| check_password(state, form)),
        JWT_BEARER => check_assertion(state, field(form, "assertion"), host),
        "" => Err(refused("unsupported_grant_type", "grant type not supported")),
        "refresh_token" => Err(refused("invalid_grant", "expired access/refresh token")),
        _ => Err(refused("unsupported_grant_type", "grant type not supported")),
    };
    match checked {
        Ok(()) => Reply::json(200, &grant(state, host)),
        Err(refusal) => refusal,
    }
}

fn check_secret(app: &ConnectedApp, secret: &str) -> Result<(), Reply> {
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
fn grant(state: &State, host: &str) -> Json {
    let now_ms = state.clock().now_ms();
    let base = state.base_url(host);
    let token = state.sessions.open(state.org_id, state.user_id, now_ms);
    json!({
        "access_token": token, "instance_url": base, "token_type": "Bearer",
        "id": format!("{base}/id/{}/{}", state.org_id, state.user_id),
        "issued_at": now_ms.to_string(), "signature": "c2FuZGJveA==", "scope": "api id openid",
        "token_format": "opaque", "api_instance_url": base,
    })
}

/// Checks a JWT assertion: signature, audience, subject, time.
fn check_assertion(state: &State, assertion: &str, host: &str) -> Result<(), Reply> {
    let invalid = |what: &str| refused("invalid_grant", what);
    let payload = assertion.split('.').nth(1).unwrap_or_default();
    let claims: Json = base64::engine::general_purpose::URL_SAFE_NO_PAD
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

/// `POST /services/oauth2/revoke`
pub(crate) fn revoke(state: &State, form: &Form) -> Reply {
    if state.sessions.close(field(form, "token")) {
        Reply::empty(200)
    } else {
        refused("unsupported_token_type", "this token type is not supported")
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
