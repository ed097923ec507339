//! `POST /v1/conflicts/resolve`: decides many conflicts for one side.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::ConflictFilter;
use shared::sync::{DeskError, Verdict};
use tokio::time::Instant;
use tracing::info;
use utoipa::ToSchema;

use crate::api::{Api, json, render};
use crate::audit::MAX_SEQ;
use crate::body::{read_object, refuse_unknown};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query};
use crate::replay::require_json;

/// The longest body taken, in bytes.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// The most conflicts one request decides.
const MAX_DECIDED: u32 = 200;

/// After this long a request answers with what it has: before the caller would be told that the store
/// does not answer.
const WITHIN: Duration = Duration::from_secs(5);

const FORM: &str = "`{\"choice\": \"remote\", \"connection\": \"main\", \"object\": \"Case\"}`, or `\"all\": true`";

/// A conflict that could not be decided so.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undecided {
    /// Its number.
    id: u64,
    /// Our field.
    field: String,
    /// Why, and the fix.
    fault: String,
}

/// How far a bulk decision came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkDecided {
    /// Conflicts that were decided.
    n_resolved: u64,
    /// Those that could not be.
    refused: Vec<Undecided>,
    /// Send it as `before` to go on; null when none is left.
    next_before: Option<u64>,
}

/// What a request asks for.
struct Order {
    verdict: Verdict,
    filter: ConflictFilter,
}

/// Decides all conflicts of a connection or an object for one side.
///
/// At most 200 at a time, the newest first: send the same with `before` until `next_before` is null.
/// Conflicts of cases that the caller does not see stay as they are.
#[utoipa::path(post, path = "/conflicts/resolve", tag = "sync",
    request_body(content = inline(crate::openapi::BulkResolveRequest), description = "Which, and for which side",
        content_type = "application/json", example = json!({"choice": "remote", "connection": "main", "object": "Case"})),
    responses((status = 200, description = "How far it came", body = BulkDecided),
        (status = 409, description = "The connection of a row is not known here", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn resolve_conflicts(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let order = read_order(&read_object(request, MAX_BODY_BYTES, FORM).await?)?;
    let done = decide_all(&api, &caller, order).await?;
    info!(n_rows = done.n_resolved, "a person decided {} conflicts", done.n_resolved);
    Ok(json(render(&done)?))
}

async fn decide_all(api: &Api, caller: &Caller, order: Order) -> Result<BulkDecided, Problem> {
    let Order { verdict, filter } = order;
    let found = api.ports.two_way.conflicts.conflicts(caller.sight(), &filter).await;
    let open = found.map_err(Problem::of_port)?;
    let is_full = open.len() >= usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let author = api.ports.two_way.author(caller);
    let until = Instant::now() + WITHIN;
    let mut done = BulkDecided { n_resolved: 0, refused: Vec::new(), next_before: None };
    let newest_last = open.last().map(|it| it.id);
    for conflict in open {
        if Instant::now() >= until {
            done.next_before = Some(conflict.id + 1);
            return Ok(done);
        }
        match api.desk.decide(caller.sight(), conflict.id, &verdict, &author).await {
            Ok(_) => done.n_resolved += 1,
            // Somebody else was faster, or it ended by itself.
            Err(DeskError::NoConflict { .. }) => {}
            Err(DeskError::Edit(refused)) => done.refused.push(Undecided {
                id: conflict.id,
                field: conflict.local_field,
                fault: refused.to_string(),
            }),
            Err(failed) => return Err(Problem::of_desk(failed)),
        }
    }
    done.next_before = newest_last.filter(|_| is_full);
    Ok(done)
}

fn read_order(members: &Map<String, Value>) -> Result<Order, Problem> {
    let mut faults = Vec::new();
    refuse_unknown(
        members,
        &["choice", "connection", "object", "all", "before"],
        FORM,
        &mut faults,
    );
    let verdict = match members.get("choice").and_then(Value::as_str) {
        Some("local") => Some(Verdict::Local),
        Some("remote") => Some(Verdict::Remote),
        _ => None,
    };
    if verdict.is_none() {
        faults.push(Fault::new("choice", "it is needed: write `local` or `remote`"));
    }
    let connection: Option<ConnectionId> = read_name(members, "connection", &mut faults);
    let object: Option<ObjectName> = read_name(members, "object", &mut faults);
    let takes_all = members.get("all") == Some(&Value::Bool(true));
    if members.contains_key("all") && !takes_all {
        faults.push(Fault::new(
            "all",
            "it can only be `true`: name `connection` or `object` instead",
        ));
    }
    if connection.is_none() && object.is_none() && !takes_all && faults.is_empty() {
        let message = format!("it names no conflicts: send {FORM}");
        faults.push(Fault::new("body", message));
    }
    let before =
        members.get("before").map(|it| it.as_u64().filter(|it| (1..=MAX_SEQ).contains(it)));
    if before == Some(None) {
        faults.push(Fault::new("before", "it is not the number of a conflict"));
    }
    match verdict {
        Some(verdict) if faults.is_empty() => {
            let (before, limit) = (before.flatten(), MAX_DECIDED);
            let filter =
                ConflictFilter { connection, object, before, limit, ..ConflictFilter::default() };
            Ok(Order { verdict, filter })
        }
        _ => Err(Problem::invalid(faults)),
    }
}

fn read_name<T: std::str::FromStr>(
    members: &Map<String, Value>,
    name: &str,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let given = members.get(name)?;
    let read = given.as_str().and_then(|it| it.parse().ok());
    if read.is_none() {
        faults.push(Fault::new(
            name,
            format!("it is not the name of {name}: copy it from the conflict"),
        ));
    }
    read
}
