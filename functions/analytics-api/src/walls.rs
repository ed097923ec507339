//! `/v1/cases/{id}/walls`: who is screened from a case, and which client is assigned to it.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::ids::PersonId;
use shared::ports::{Stance, Wall};
use tracing::info;
use utoipa::ToSchema;

use crate::api::{Api, json, render};
use crate::body::{read_object, read_reason, refuse_unknown};
use crate::caller::Caller;
use crate::cases::{CaseId, load_case};
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};
use crate::replay::require_json;

/// The longest body taken, in bytes.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// The walls of one case.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WallList {
    /// The walls, by person.
    items: Vec<Wall>,
}

/// Lists who is screened from a case, and who is assigned to it.
#[utoipa::path(get, path = "/cases/{id}/walls", tag = "access",
    params(("id" = String, Path, description = "Our id (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH")),
    responses((status = 200, description = "The walls", body = WallList),
        (status = 404, description = "No case has this id", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn list_walls(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = CaseId::read(id);
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let case = load_case(&api, &caller, &id?).await?;
    let items = api.ports.walls.walls_of(&case.summary.id).await.map_err(Problem::of_port)?;
    Ok(json(render(&WallList { items })?))
}

/// Screens a person from a case, or assigns a client to it.
///
/// It takes the place of the wall that stands for them. It holds from the next request on, and is
/// written to the audit log with its reason. Nobody can lift a screen from themselves.
#[utoipa::path(put, path = "/cases/{id}/walls/{person}", tag = "access",
    params(("id" = String, Path, description = "Our id (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH"),
        ("person" = PersonId, Path, description = "The person, as `sub` of their tokens", example = "anna")),
    request_body(content = inline(crate::openapi::WallRequest), description = "How they stand to the case, and why",
        content_type = "application/json", example = json!({"stance": "screened", "reason": "advised the other side in 2021"})),
    responses((status = 200, description = "The wall that stands now", body = Wall),
        (status = 404, description = "No case has this id", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn put_wall(
    State(api): State<Arc<Api>>,
    caller: Caller,
    ids: Result<Path<(String, String)>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    let (id, person) = read_ids(ids)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let (stance, reason) = read_decision(&read_object(request, MAX_BODY_BYTES, FORM).await?)?;
    let case = load_case(&api, &caller, &id).await?;
    if person == *caller.person() && stance != Stance::Screened {
        return Err(Problem::forbidden(ONESELF));
    }
    let wall = Wall {
        case_id: case.summary.id,
        person,
        stance,
        reason,
        set_by: caller.person().clone(),
        set_at: api.ports.clock.now(),
    };
    api.ports.walls.set_wall(&wall).await.map_err(Problem::of_port)?;
    api.watch.forget();
    info!(case.id = %wall.case_id, "set a wall: {}", wall.stance.as_str());
    Ok(json(render(&wall)?))
}

/// Lifts the wall of a person at a case.
///
/// Nobody can lift their own: somebody else has to decide. It is written to the audit log.
#[utoipa::path(delete, path = "/cases/{id}/walls/{person}", tag = "access",
    params(("id" = String, Path, description = "Our id (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH"),
        ("person" = PersonId, Path, description = "The person, as `sub` of their tokens", example = "anna")),
    responses((status = 204, description = "It is lifted"),
        (status = 404, description = "No case has this id, or no wall stands for this person",
            body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn delete_wall(
    State(api): State<Arc<Api>>,
    caller: Caller,
    ids: Result<Path<(String, String)>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (id, person) = read_ids(ids)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let case_id = load_case(&api, &caller, &id).await?.summary.id;
    if person == *caller.person() {
        return Err(Problem::forbidden(ONESELF));
    }
    let lifted = api.ports.walls.lift_wall(&case_id, &person, caller.person()).await;
    if !lifted.map_err(Problem::of_port)? {
        let person = shorten(person.as_str());
        return Err(Problem::not_found(format!("no wall stands for `{person}` at this case")));
    }
    api.watch.forget();
    info!(case.id = %case_id, "lifted a wall");
    Ok(StatusCode::NO_CONTENT.into_response())
}

const ONESELF: &str = "nobody lifts a wall from themselves or assigns themselves: ask another \
     administrator";

fn read_ids(
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<(CaseId, PersonId), Problem> {
    let Ok(Path((id, person))) = ids else {
        let message = "it is not UTF-8: percent-encode its UTF-8 bytes";
        return Err(Problem::invalid(vec![Fault::new("path", message)]));
    };
    let id = CaseId::read(Ok(Path(id)))?;
    let person = PersonId::parse(person).map_err(|invalid| {
        let message = "it is not a person: 1 to 255 visible ASCII characters";
        tracing::debug!(error = %shared::chain(&invalid), "refused a person id");
        Problem::invalid(vec![Fault::new("person", message)])
    })?;
    Ok((id, person))
}

fn read_decision(members: &Map<String, Value>) -> Result<(Stance, String), Problem> {
    let mut faults = Vec::new();
    let stance = read_stance(members, &mut faults);
    let reason = read_reason(members, &mut faults);
    refuse_unknown(members, &["stance", "reason"], FORM, &mut faults);
    match (stance, reason) {
        (Some(stance), Some(reason)) if faults.is_empty() => Ok((stance, reason)),
        _ => Err(Problem::invalid(faults)),
    }
}

/// The form of a decision, for messages.
const FORM: &str = "`{\"stance\": \"screened\", \"reason\": \"advised the other side\"}`";

fn read_stance(members: &Map<String, Value>, faults: &mut Vec<Fault>) -> Option<Stance> {
    let given = members.get("stance").and_then(Value::as_str);
    let stance = Stance::ALL.into_iter().find(|it| Some(it.as_str()) == given);
    if stance.is_none() {
        faults.push(Fault::new("stance", "it is needed: write `screened` or `assigned`"));
    }
    stance
}
