//! What to do about a refusal, in the words of Salesforce's set-up pages.

use std::fmt;

use shared::PortError;
use wiring::connecting::{LoopbackFault, OAuthRefusal};

/// The org gave no refresh token.
#[derive(Debug, thiserror::Error)]
#[error(
    "the org gave no refresh token: add the scope `refresh_token, offline_access` to the app, and \
     set its refresh token policy to `valid until revoked`"
)]
pub(super) struct NoRefreshToken;

/// A failure with its fix.
#[derive(Debug)]
pub(super) struct Advised<E> {
    advice: Option<String>,
    source: E,
}

impl<E: std::error::Error + 'static> fmt::Display for Advised<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.advice {
            Some(advice) => f.write_str(advice),
            None => f.write_str("the org refused"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Advised<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Adds the fix to a failure of the browser's way back.
pub(super) fn on_browser(fault: LoopbackFault, redirect: &str) -> Advised<LoopbackFault> {
    let advice = match &fault {
        LoopbackFault::Refused(refusal) => for_refusal(refusal, redirect),
        LoopbackFault::TimedOut { .. } => Some(format!(
            "if the browser showed `redirect_uri_mismatch`, add `{redirect}` to the callback URLs \
             of the app, letter by letter; on a machine without a browser use `--device`"
        )),
        LoopbackFault::PortTaken { .. } => Some(
            "choose another port with `--port`, and add it to the callback URLs of the app"
                .to_owned(),
        ),
        _ => None,
    };
    Advised { advice, source: fault }
}

/// Adds the fix to a failure of the token endpoint.
pub(super) fn on_token(error: PortError, redirect: &str) -> Advised<PortError> {
    let advice = match OAuthRefusal::of(&error) {
        Some(refusal) => for_refusal(refusal, redirect),
        None => Some("check `--login-url` and the network".to_owned()),
    };
    Advised { advice, source: error }
}

/// Source: help, "OAuth authorization flow errors".
fn for_refusal(refusal: &OAuthRefusal, redirect: &str) -> Option<String> {
    let words = refusal.description().unwrap_or_default();
    let advice = match refusal.code() {
        "redirect_uri_mismatch" => {
            return Some(format!(
                "add `{redirect}` to the callback URLs of the app, letter by letter"
            ));
        }
        "OAUTH_APP_BLOCKED" => {
            "the app is blocked: Setup, Connected Apps OAuth Usage, Unblock (or install the app)"
        }
        "OAUTH_APP_ACCESS_DENIED" | "invalid_app_access" => {
            "approve the user: the app's policies, Permitted Users, then add a profile or \
             permission set"
        }
        "access_denied" => "choose `Allow` on the page, then run the command again",
        "invalid_client_id" | "app_not_found" => {
            "check `--client-id` (the consumer key) and `--login-url`; a new app takes up to ten \
             minutes"
        }
        "invalid_client" | "invalid_client_credentials" => {
            "check the secret that `--client-secret` names, or untick `Require secret for Web \
             Server Flow` in the app"
        }
        "inactive_user" | "inactive_org" => "have an administrator reactivate the user or org",
        _ if words.contains("ip restricted") => {
            "set `Relax IP restrictions` in the app's policies, or add this machine's address \
             under Setup, Network Access"
        }
        _ if words.contains("code challenge") || words.contains("code verifier") => {
            "tick `Require PKCE` in the app, and let no proxy change the address"
        }
        _ if words.contains("rate exceeded") => "too many logins: wait an hour, then try again",
        "invalid_grant" => "the code was used or is too old: run the command again",
        "invalid_scope" => "add the scopes `api` and `refresh_token` to the app",
        "unsupported_grant_type" | "invalid_request" => {
            "enable the flow in the app's OAuth settings, see docs/connect.md"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}
