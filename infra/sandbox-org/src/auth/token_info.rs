//! Looks tokens up and ends them.

use serde_json::json;

use super::oauth::{Form, app, check_secret, client, field, refused};
use crate::api::Reply;
use crate::sandbox::State;

/// `POST /services/oauth2/revoke`. A refresh token takes its access tokens with it.
/// An error is a form unless the caller asks for JSON. Source: endpoints, "Accept".
pub(crate) fn revoke(state: &State, form: &Form, accept: Option<&str>) -> Reply {
    let token = field(form, "token");
    if let Some(grant) = state.grants.grant_of(token) {
        state.grants.end(grant);
        state.sessions.close_grant(grant);
        return Reply::empty(200);
    }
    if state.sessions.close(token) {
        return Reply::empty(200);
    }
    let (error, description) = ("unsupported_token_type", "this token type is not supported");
    if accept.is_some_and(|it| it.contains("json")) {
        return refused(error, description);
    }
    let body = format!("error={error}&error_description={}", description.replace(' ', "+"));
    Reply::text(400, body)
        .with_header("content-type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned())
}

/// `POST /services/oauth2/introspect`
pub(crate) fn introspect(
    state: &State,
    form: &Form,
    authorization: Option<&str>,
    host: &str,
) -> Reply {
    let (client_id, secret) = client(form, authorization);
    if let Err(refusal) = app(state, &client_id).and_then(|app| check_secret(app, &secret)) {
        return refusal;
    }
    let token = field(form, "token");
    let (lifetime, now_ms) = (state.settings.token_lifetime, state.clock().now_ms());
    let user = |kind: &str, issued: Option<i64>| {
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        json!({
            "active": true, "scope": "api", "client_id": client_id, "token_type": kind,
            "username": state.settings.username,
            "sub": format!("{}/id/{}/{}", state.base_url(host), state.org_id, state.user_id),
            "iat": issued, "nbf": issued, "exp": issued.map(|it| it.saturating_add(lifetime)),
        })
    };
    let known = match state.sessions.find(token, lifetime, now_ms) {
        Some(session) => user("access_token", Some(session.issued_ms.div_euclid(1000))),
        None if state.grants.grant_of(token).is_some() => user("refresh_token", None),
        None => json!({"active": false}),
    };
    Reply::json(200, &known)
}
