//! A person agrees in a browser.

use quick_xml::escape::escape;

use super::grants::Agreement;
use super::oauth::{Form, app, field};
use crate::sandbox::State;
use crate::settings::LoginRefusal;

/// What the browser is shown or told.
#[derive(Debug)]
pub(crate) enum Consent {
    /// A page.
    Page(u16, String),
    /// Another address.
    Redirect(String),
}

/// The fields that the page sends on with the person's decision.
const PASSED_ON: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// `GET /services/oauth2/authorize`: a page that agrees by itself for the one user there is.
pub(crate) fn authorize(state: &State, query: &Form) -> Consent {
    if let Some(refusal) = check(state, query) {
        return refusal;
    }
    let fields: String = PASSED_ON
        .iter()
        .filter_map(|name| query.get(*name).map(|value| (name, value)))
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value.as_str()))
        })
        .collect();
    let user = escape(state.settings.username.as_str());
    Consent::Page(
        200,
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Allow access?</title>\
             <h1>Allow access?</h1><p>Sandbox user {user}</p>\
             <form id=\"consent\" method=\"post\" action=\"/services/oauth2/authorize\">{fields}\
             <input type=\"hidden\" name=\"decision\" value=\"allow\"><button>Allow</button></form>\
             <script>document.getElementById('consent').submit()</script></html>"
        ),
    )
}

/// `POST /services/oauth2/authorize`: the person's decision.
pub(crate) fn decide(state: &State, form: &Form) -> Consent {
    if let Some(refusal) = check(state, form) {
        return refusal;
    }
    match state.settings.login.refuses {
        Some(LoginRefusal::PersonRefuses) => {
            return back(form, "access_denied", "end-user denied authorization");
        }
        Some(LoginRefusal::AppBlocked) => {
            return back(form, "OAUTH_APP_BLOCKED", "this app is blocked by admin");
        }
        Some(LoginRefusal::NotApproved) => {
            let why = "user is not admin approved to access this app";
            return back(form, "OAUTH_APP_ACCESS_DENIED", why);
        }
        Some(LoginRefusal::IpRestricted) | None => {}
    }
    if field(form, "decision") != "allow" {
        return back(form, "access_denied", "end-user denied authorization");
    }
    let agreement = Agreement {
        client_id: field(form, "client_id").to_owned(),
        scope: field(form, "scope").to_owned(),
        redirect_uri: field(form, "redirect_uri").to_owned(),
        challenge: form.get("code_challenge").cloned(),
    };
    let code = state.grants.give_code(agreement, state.clock().now_ms());
    redirect(form, &[("code", &code)])
}

/// Finds what is wrong: on a page of our own as long as the way back is not to be trusted.
fn check(state: &State, asked: &Form) -> Option<Consent> {
    let wrong = |error: &str, description: &str| {
        let page =
            format!("<h1>Error</h1><p>error={error}&amp;error_description={description}</p>");
        Some(Consent::Page(400, page))
    };
    if app(state, field(asked, "client_id")).is_err() {
        return wrong("invalid_client_id", "client identifier invalid");
    }
    let login = &state.settings.login;
    if !login.callback_urls.iter().any(|it| it == field(asked, "redirect_uri")) {
        return wrong("redirect_uri_mismatch", "redirect_uri must match configuration");
    }
    if field(asked, "response_type") != "code" {
        let why = "response_type must be code";
        return Some(back(asked, "unsupported_response_type", why));
    }
    let is_challenged = !field(asked, "code_challenge").is_empty();
    if login.requires_pkce && !is_challenged {
        return Some(back(asked, "invalid_request", "missing required code challenge"));
    }
    if is_challenged && !matches!(field(asked, "code_challenge_method"), "" | "S256") {
        return Some(back(asked, "invalid_request", "invalid code challenge method"));
    }
    None
}

fn back(asked: &Form, error: &str, description: &str) -> Consent {
    redirect(asked, &[("error", error), ("error_description", description)])
}

fn redirect(asked: &Form, pairs: &[(&str, &str)]) -> Consent {
    let base = field(asked, "redirect_uri");
    let Ok(mut url) = reqwest::Url::parse(base) else {
        return Consent::Page(400, "redirect_uri cannot be read".to_owned());
    };
    url.query_pairs_mut().extend_pairs(pairs);
    if let Some(state) = asked.get("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    Consent::Redirect(url.into())
}
