//! `POST /v1/conflicts/{conflict}/resolve`: decides the conflicts of one row, field by field.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::model::FieldValue;
use shared::ports::{Conflict, Resolution};
use shared::sync::{DeskError, Verdict};
use tracing::info;
use utoipa::ToSchema;

use super::{load, read_id};
use crate::api::{Api, json, render};
use crate::body::read_object;
use crate::caller::Caller;
use crate::desk_problem::fault_of;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, quoted, shorten};
use crate::replay::require_json;
use crate::rows::RowState;

/// The longest body taken, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;

const FORM: &str =
    "`{\"status\": \"local\"}`: by our field names `local`, `remote` or `{\"value\": …}`";

/// What was decided of one field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    /// The conflict's number.
    id: u64,
    /// Our field.
    field: String,
    /// For what; null when it could not be decided so.
    resolution: Option<Resolution>,
    /// Why it could not be decided so, and the fix.
    fault: Option<String>,
}

/// What was decided, and the row as it stands now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecidedRow {
    /// Each field that was named.
    items: Vec<Decided>,
    /// The row; null when its connection is no longer known.
    row: Option<RowState>,
}

/// Decides the conflicts of one row.
///
/// The body says for each of our fields whose value stands: `local`, `remote`, or another one as
/// `{"value": …}`. It may name any open conflict of the same row as this one. What stands here and
/// not over there is sent. Fields that are not named stay open.
#[utoipa::path(post, path = "/conflicts/{conflict}/resolve", tag = "sync",
    params(("conflict" = u64, Path, description = "The conflict's number", minimum = 1, maximum = 9_223_372_036_854_775_807_u64, example = 17)),
    request_body(content = inline(crate::openapi::ResolveRequest), description = "What stands, by our field names",
        content_type = "application/json", example = json!({"status": "local", "court": {"value": "Superior Court"}})),
    responses((status = 200, description = "What was decided", body = DecidedRow),
        (status = 404, description = "No open conflict has this number", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The connection of the row is not known here", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No field can be decided so; `errors` names each with its fix", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn resolve_conflict(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    let id = read_id(id)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let members = read_object(request, MAX_BODY_BYTES, FORM).await?;
    let verdicts = read_verdicts(members)?;
    let (conflict, mut open) = load(&api, &caller, id).await?;
    let (entity, entity_id) = (conflict.entity, conflict.entity_id.clone());
    if conflict.resolved_at.is_some() {
        return Err(Problem::not_found(format!("there is no open conflict {id}")));
    }
    open.push(conflict);
    let items = decide(&api, &caller, &open, verdicts).await?;
    info!(row.kind = %entity, row.id = %entity_id, "a person decided conflicts");
    let row = match RowState::load(&api, &caller, entity, &entity_id).await {
        Ok((row, _)) => Some(row),
        Err(_) => None,
    };
    Ok(json(render(&DecidedRow { items, row })?))
}

/// Decides each named field; those with a value of their own first, as only they can be refused.
async fn decide(
    api: &Api,
    caller: &Caller,
    open: &[Conflict],
    verdicts: Vec<(String, Verdict)>,
) -> Result<Vec<Decided>, Problem> {
    let mut named = Vec::with_capacity(verdicts.len());
    let mut faults = Vec::new();
    for (field, verdict) in verdicts {
        match open.iter().find(|it| it.local_field == field) {
            Some(conflict) => named.push((conflict, verdict)),
            None => {
                let known: Vec<_> = open.iter().map(|it| it.local_field.as_str()).collect();
                let message =
                    format!("it is in no open conflict of this row: there are {}", quoted(&known));
                faults.push(Fault::new(shorten(&field), message));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Problem::unprocessable(faults));
    }
    named.sort_by_key(|(_, verdict)| !matches!(verdict, Verdict::Other(_)));
    let author = api.ports.two_way.author(caller);
    let mut items = Vec::with_capacity(named.len());
    for (conflict, verdict) in named {
        let decided = api.desk.decide(caller.sight(), conflict.id, &verdict, &author).await;
        items.push(Decided::of(conflict, &verdict, decided.err())?);
    }
    if items.iter().all(|it| it.resolution.is_none()) {
        let faults = items.into_iter().map(|it| Fault::new(it.field, it.fault.unwrap_or_default()));
        return Err(Problem::unprocessable(faults.collect()));
    }
    Ok(items)
}

impl Decided {
    fn of(
        conflict: &Conflict,
        verdict: &Verdict,
        failed: Option<DeskError>,
    ) -> Result<Self, Problem> {
        let resolution = match verdict {
            Verdict::Local => Resolution::Local,
            Verdict::Remote => Resolution::Remote,
            Verdict::Other(_) => Resolution::Other,
        };
        let fault = match failed {
            None => None,
            Some(DeskError::Edit(refused)) if fault_of(&refused).is_some() => {
                Some(refused.to_string())
            }
            Some(failed) => return Err(Problem::of_desk(failed)),
        };
        let resolution = Some(resolution).filter(|_| fault.is_none());
        let field = conflict.local_field.clone();
        Ok(Self { id: conflict.id, field, resolution, fault })
    }
}

fn read_verdicts(members: Map<String, Value>) -> Result<Vec<(String, Verdict)>, Problem> {
    if members.is_empty() {
        let message = format!("it decides nothing: send {FORM}");
        return Err(Problem::invalid(vec![Fault::new("body", message)]));
    }
    let (mut verdicts, mut faults) = (Vec::new(), Vec::new());
    for (field, choice) in members {
        match read_verdict(&choice) {
            Some(verdict) => verdicts.push((field, verdict)),
            None => {
                let message = "write `local`, `remote` or `{\"value\": …}` with text, a number, true, false or null";
                faults.push(Fault::new(shorten(&field), message));
            }
        }
    }
    if faults.is_empty() { Ok(verdicts) } else { Err(Problem::invalid(faults)) }
}

fn read_verdict(choice: &Value) -> Option<Verdict> {
    match choice {
        Value::String(side) if side == "local" => Some(Verdict::Local),
        Value::String(side) if side == "remote" => Some(Verdict::Remote),
        Value::Object(members) if members.len() == 1 => {
            let value = serde_json::from_value::<FieldValue>(members.get("value")?.clone());
            value.ok().map(Verdict::Other)
        }
        _ => None,
    }
}
