//! `POST /v1/queues/{queue}/dead-letters/replay`: sends dead letters again.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::config::nearest;
use shared::ports::ReplaySelection;
use tracing::info;
use utoipa::ToSchema;

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::letters::Letters;

use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};
use crate::queues::find_queue;

/// The longest body taken, in bytes: room for a thousand ids of 60 characters.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most ids one request may name.
const MAX_IDS: usize = 1000;

/// What was sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many messages went back to the queue.
    n_replayed: u64,
}

/// Sends dead letters again, with their attempts forgotten.
///
/// Handlers apply a change once however often it comes, so that replaying twice does no harm. An
/// unknown id is passed over, and so is a dead letter about a case that the caller is screened from.
#[utoipa::path(post, path = "/queues/{queue}/dead-letters/replay", tag = "queues",
    params(("queue" = String, Path, description = "The queue's name", example = "events")),
    request_body(content = inline(crate::openapi::ReplayRequest), description = "Which dead letters: their ids, or all",
        content_type = "application/json", example = json!({"ids": ["184"]})),
    responses((status = 200, description = "How many were sent again", body = Replayed),
        (status = 404, description = "No queue has this name", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn replay_dead_letters(
    State(api): State<Arc<Api>>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let queue = find_queue(&api, name)?;
    let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
    let body = body.map_err(|_| Problem::too_large(MAX_BODY_BYTES))?;
    let selection = read_selection(&body)?;
    let letters = Letters::of(&**queue, &*api.ports.walls, &caller).await?;
    let selection = match selection {
        selection if letters.hears_all() => selection,
        ReplaySelection::All => ReplaySelection::Ids(letters.ids(None).await?),
        ReplaySelection::Ids(ids) => ReplaySelection::Ids(letters.ids(Some(&ids)).await?),
    };
    let n_replayed = queue.replay(selection).await.map_err(Problem::of_port)?;
    info!(n_rows = n_replayed, "sent {n_replayed} dead letters of `{}` again", queue.name());
    Ok(json(render(&Replayed { n_replayed })?))
}

/// Refuses a body that is not JSON: a web page of another origin cannot send this type without asking
/// first (CORS preflight).
///
/// # Errors
///
/// [`Problem`] with the type to send.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("unreadable"));
    let essence = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Problem::unsupported_media_type(given.map(shorten).as_deref()))
    }
}

fn read_selection(body: &Bytes) -> Result<ReplaySelection, Problem> {
    let invalid = |field: &str, message: String| Problem::invalid(vec![Fault::new(field, message)]);
    let members = match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(invalid("body", format!("it is not an object: send {FORMS}"))),
        Err(failed) => {
            let (line, column) = (failed.line(), failed.column());
            let place = format!("it is not JSON at line {line}, column {column}: send {FORMS}");
            return Err(invalid("body", place));
        }
    };
    let mut faults = Vec::new();
    let selection = match (members.get("ids"), members.get("all")) {
        (Some(ids), None) => read_ids(ids, &mut faults),
        (None, Some(Value::Bool(true))) => Some(ReplaySelection::All),
        (None, Some(_)) => {
            faults.push(Fault::new("all", "it can only be `true`: name `ids` instead"));
            None
        }
        (Some(_), Some(_)) => {
            faults.push(Fault::new("all", "it excludes `ids`: send one of them"));
            None
        }
        (None, None) => {
            faults.push(Fault::new("body", format!("it selects nothing: send {FORMS}")));
            None
        }
    };
    note_unknown(&members, &mut faults);
    match selection {
        Some(selection) if faults.is_empty() => Ok(selection),
        _ => Err(Problem::invalid(faults)),
    }
}

/// The two forms of a selection, for messages.
const FORMS: &str = "`{\"ids\": [\"184\"]}` or `{\"all\": true}`";

fn read_ids(ids: &Value, faults: &mut Vec<Fault>) -> Option<ReplaySelection> {
    let list = ids.as_array().filter(|list| (1..=MAX_IDS).contains(&list.len()));
    let Some(list) = list else {
        faults.push(Fault::new("ids", format!("it is not a list of 1 to {MAX_IDS} ids")));
        return None;
    };
    let mut found = Vec::with_capacity(list.len());
    for (at, id) in list.iter().enumerate() {
        match id.as_str().filter(|id| !id.is_empty()) {
            Some(id) => found.push(id.to_owned()),
            None => {
                let message = "it is not the id of a dead letter: text that is not empty";
                faults.push(Fault::new(format!("ids[{at}]"), message));
                return None;
            }
        }
    }
    Some(ReplaySelection::Ids(found))
}

fn note_unknown(members: &Map<String, Value>, faults: &mut Vec<Fault>) {
    let unknown = members.keys().filter(|name| !matches!(name.as_str(), "ids" | "all"));
    for name in unknown.take(20) {
        let message = match nearest(name, &["ids", "all"]) {
            Some(meant) => format!("there is no such member: did you mean `{meant}`?"),
            None => format!("there is no such member: send {FORMS}"),
        };
        faults.push(Fault::new(shorten(name), message));
    }
}
