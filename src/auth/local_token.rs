//! `POST /auth/local/token`: gives the dashboard on this machine a token.
//!
//! The listener is on loopback, so only programs of this machine reach it. Pages of other sites do
//! too, through the browser: they are kept out by the name they ask for and by their origin.

use std::net::IpAddr;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONTENT_TYPE, FORWARDED, HOST, HeaderMap, ORIGIN, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderName, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::auth::Role;
use shared::ids::PersonId;
use shared::time::Timestamp;
use wiring::LocalIdentity;

use super::no_store;

/// Where local tokens are given out.
pub(super) const PATH: &str = "/auth/local/token";

/// Who somebody is who does not say.
pub(crate) const DEFAULT_PERSON: &str = "me";
/// What somebody is who does not say.
pub(crate) const DEFAULT_ROLE: Role = Role::Admin;

const MAX_BODY_BYTES: usize = 4096;

/// What a proxy adds to requests that it passes on.
const SIGNS_OF_A_PROXY: [HeaderName; 4] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
];

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whom the token shall stand for; an admin called `me` when nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish {
    person: Option<PersonId>,
    roles: Option<Vec<Role>>,
}

#[derive(Serialize)]
struct Given<'a> {
    token: &'a str,
    expires_at: Timestamp,
    person: PersonId,
    roles: Vec<Role>,
}

/// Serves the one route.
pub(super) fn router(identity: LocalIdentity) -> Router {
    Router::new()
        .route(PATH, post(give))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(identity)
}

async fn give(
    State(identity): State<LocalIdentity>,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(detail) = check_sender(version, &headers) {
        return host::problem(StatusCode::FORBIDDEN, Some(detail), Some(PATH));
    }
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|it| it == "application/json");
    if !is_json {
        let detail = "send `application/json`";
        return host::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, Some(detail), Some(PATH));
    }
    let wish = serde_json::from_slice::<Map<String, Value>>(&body)
        .and_then(|object| serde_json::from_value::<Wish>(object.into()));
    let wish = match wish {
        Ok(wish) => wish,
        Err(error) => {
            let detail = format!("the body is not such as {EXAMPLE}: {error}");
            return host::problem(StatusCode::BAD_REQUEST, Some(&detail), Some(PATH));
        }
    };
    let person = match wish.person.map_or_else(|| PersonId::parse(DEFAULT_PERSON), Ok) {
        Ok(person) => person,
        Err(_) => return host::problem(StatusCode::INTERNAL_SERVER_ERROR, None, Some(PATH)),
    };
    let roles = wish.roles.unwrap_or_else(|| vec![DEFAULT_ROLE]);
    let issued = identity.issue(&person, &roles);
    let (token, expires_at) = (issued.token.expose(), issued.expires_at);
    no_store(Json(Given { token, expires_at, person, roles })).into_response()
}

const EXAMPLE: &str = "`{\"person\": \"lena\", \"roles\": [\"lawyer\"]}`";

/// Tells whether our own page asks, on this machine.
fn check_sender(version: Version, headers: &HeaderMap) -> Result<(), &'static str> {
    // No browser speaks HTTP/1.0, and nginx does to what is behind it, with a `Host` of this machine
    // and nothing that tells of the sender.
    let is_old = version < Version::HTTP_11;
    if is_old || SIGNS_OF_A_PROXY.iter().any(|it| headers.contains_key(it)) {
        return Err(
            "the request came through a proxy, and local tokens are for this machine only: \
                    set `[identity]`",
        );
    }
    let host = headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !is_this_machine(host) {
        return Err("local tokens are given only to `localhost` and `127.0.0.1`: set `[identity]`");
    }
    let origin = headers.get(ORIGIN).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_ours = origin
        .strip_prefix("http://")
        .is_some_and(|it| !it.is_empty() && it.eq_ignore_ascii_case(host));
    let is_foreign = headers.get(FETCH_SITE).is_some_and(|it| it != "same-origin");
    if !is_ours || is_foreign {
        return Err("local tokens are given only to the dashboard's own page; for a script run \
                    `moodbridge token`");
    }
    Ok(())
}

fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}
