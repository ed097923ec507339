//! A person agrees on another device, as Salesforce did before there was a standard.

use serde_json::json;

use super::authorize::Consent;
use super::grants::{Agreement, Asked};
use super::oauth::{Form, Granted, app, field, refused};
use crate::api::Reply;
use crate::sandbox::State;

/// `POST /services/oauth2/token` with `response_type=device_code`.
pub(crate) fn begin(state: &State, form: &Form, host: &str) -> Reply {
    let client_id = field(form, "client_id");
    if let Err(refusal) = app(state, client_id) {
        return refusal;
    }
    let agreement = Agreement {
        client_id: client_id.to_owned(),
        scope: field(form, "scope").to_owned(),
        redirect_uri: String::new(),
        challenge: None,
    };
    let (code, user_code) = state.grants.give_device_code(agreement, state.clock().now_ms());
    Reply::json(
        200,
        &json!({
            "device_code": code, "user_code": user_code,
            "verification_uri": format!("{}/setup/connect", state.base_url(host)),
            "interval": state.settings.login.device_interval.as_secs(),
        }),
    )
}

/// `POST /services/oauth2/token` with `grant_type=device`.
pub(crate) fn ask(state: &State, form: &Form) -> Result<Granted, Reply> {
    let interval_ms =
        i64::try_from(state.settings.login.device_interval.as_millis()).unwrap_or(i64::MAX);
    // Clients round; a tenth less is not too soon.
    let interval_ms = interval_ms / 10 * 9;
    match state.grants.ask_device(field(form, "code"), interval_ms, state.clock().now_ms()) {
        Asked::Approved(agreement) => {
            let grant = state.grants.begin();
            let Agreement { client_id, scope, .. } = agreement;
            let refresh = state.grants.give_refresh(&client_id, &scope, grant);
            Ok(Granted { grant: Some(grant), refresh_token: Some(refresh), scope })
        }
        Asked::Pending => {
            Err(refused("authorization_pending", "Authorization is pending for this device"))
        }
        Asked::TooSoon => Err(refused("slow_down", "polling too frequently")),
        Asked::Unknown => Err(refused("invalid_grant", "invalid device code")),
    }
}

/// `GET /setup/connect`: where the person types the code.
pub(crate) fn approval_page() -> Consent {
    let page = "<!doctype html><html lang=\"en\"><title>Connect</title><h1>Connect your device</h1>\
                <form method=\"post\"><input name=\"user_code\" aria-label=\"code\"><button>Connect</button></form></html>";
    Consent::Page(200, page.to_owned())
}

/// `POST /setup/connect`: the code that the person typed.
pub(crate) fn approve(state: &State, form: &Form) -> Consent {
    if state.grants.approve_device(field(form, "user_code")) {
        Consent::Page(200, "<h1>Your device is connected</h1>".to_owned())
    } else {
        Consent::Page(400, "<h1>The code is not valid</h1>".to_owned())
    }
}
