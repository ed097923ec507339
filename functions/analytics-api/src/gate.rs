//! Who passes: every request is asked for its token and its permission before a route sees it.

use std::sync::Arc;

use axum::extract::{MatchedPath, OriginalUri, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::auth::{Permission, Role};
use shared::chain;
use shared::ports::{Authenticator, SignInError};
use tracing::{debug, warn};

use crate::access::{Access, Doors};
use crate::caller::Caller;
use crate::problem::{Fault, Problem};
use crate::router::unknown_path;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Where tokens are checked, and what each route asks for.
pub(crate) struct Gate {
    authenticator: Arc<dyn Authenticator>,
    doors: Doors,
}

impl Gate {
    /// Lets through whom `authenticator` proves, as far as `doors` say.
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>, doors: Doors) -> Self {
        Self { authenticator, doors }
    }

    async fn admit(&self, access: Access, headers: &HeaderMap) -> Result<Option<Caller>, Refusal> {
        if access == Access::Open {
            return Ok(None);
        }
        let token = bearer_token(headers)?;
        let principal = self.authenticator.authenticate(token).await.map_err(Refusal::of)?;
        if let Access::Needs(permission) = access
            && !principal.may(permission)
        {
            debug!(permission = %permission, "refused a request of a person who may not");
            return Err(Refusal::lacks(&principal.roles, permission));
        }
        Ok(Some(Caller::new(principal)))
    }
}

/// Refuses what is not declared, not proved or not permitted; hands the caller to the route.
pub(crate) async fn pass(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|it| it.as_str().to_owned());
    let Some(methods) = path.as_deref().and_then(|path| gate.doors.at(path)) else {
        let uri = request.extensions().get::<OriginalUri>().map(|it| it.0.clone());
        let uri = uri.unwrap_or_else(|| request.uri().clone());
        return unknown_path(OriginalUri(uri)).await.into_response();
    };
    let access = path.as_deref().and_then(|path| gate.doors.ask(path, request.method()));
    let Some(access) = access else {
        let mut response = Problem::method_not_allowed(request.method().as_str()).into_response();
        let names: Vec<_> = methods.keys().map(String::as_str).collect();
        let allowed = names.join(",").replace("GET", "GET,HEAD");
        response.headers_mut().extend(HeaderValue::from_str(&allowed).map(|it| (ALLOW, it)));
        return response;
    };
    match gate.admit(access, request.headers()).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Reads the one bearer token of a request (RFC 6750, section 2.1); other places are not looked at.
fn bearer_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let first = given.next().ok_or_else(Refusal::asks_for_a_token)?;
    if given.next().is_some() {
        return Err(Refusal::twice());
    }
    let text = first.to_str().unwrap_or_default();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::asks_for_a_token());
    }
    let token = token.trim_matches(' ');
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.bytes().all(is_token) {
        return Err(Refusal::invalid_token("it does not have the form of a bearer token"));
    }
    Ok(token)
}

/// A problem with the challenge that belongs to it.
struct Refusal {
    problem: Box<Problem>,
    challenge: Option<String>,
}

impl Refusal {
    fn asks_for_a_token() -> Self {
        let detail = "send a token: `Authorization: Bearer TOKEN`";
        Self {
            problem: Problem::unauthorized(detail).into(),
            challenge: Some("Bearer realm=\"moodbridge\"".to_owned()),
        }
    }

    fn twice() -> Self {
        let message = "it is given twice: give it once";
        let problem = Problem::invalid(vec![Fault::new("Authorization", message)]);
        Self { problem: problem.into(), challenge: Some(challenge("invalid_request", message)) }
    }

    fn invalid_token(reason: &str) -> Self {
        Self {
            problem: Problem::unauthorized(format!(
                "the token was not accepted: {reason}; sign in again"
            ))
            .into(),
            challenge: Some(challenge("invalid_token", reason)),
        }
    }

    fn of(failed: SignInError) -> Self {
        match failed {
            SignInError::Refused { reason } => Self::invalid_token(&reason),
            SignInError::Unavailable(cause) => {
                warn!(error = %chain(&cause), "tokens cannot be checked");
                let detail = "tokens cannot be checked now: try again";
                let problem = Problem::unavailable(detail, cause.retry_after());
                Self { problem: problem.into(), challenge: None }
            }
        }
    }

    fn lacks<'a>(roles: impl IntoIterator<Item = &'a Role>, permission: Permission) -> Self {
        let roles: Vec<_> = roles.into_iter().map(|it| format!("`{it}`")).collect();
        let why = if roles.is_empty() {
            "you have no role here".to_owned()
        } else {
            format!("your roles do not give it: {}", roles.join(", "))
        };
        let description = format!("it lacks the permission {permission}");
        let challenge = challenge("insufficient_scope", &description);
        Self {
            problem: Problem::forbidden(format!(
                "this needs the permission `{permission}`, and {why}; ask an administrator"
            ))
            .into(),
            challenge: Some(format!("{challenge}, scope=\"{permission}\"")),
        }
    }
}

/// Spells a challenge (RFC 6750, section 3).
fn challenge(error: &str, description: &str) -> String {
    let plain: String = description
        .chars()
        .map(|c| match c {
            '"' | '\\' | '`' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect();
    format!("Bearer realm=\"moodbridge\", error=\"{error}\", error_description=\"{plain}\"")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        let value = self.challenge.and_then(|it| HeaderValue::from_str(&it).ok());
        response.headers_mut().extend(value.map(|it| (WWW_AUTHENTICATE, it)));
        response
    }
}
