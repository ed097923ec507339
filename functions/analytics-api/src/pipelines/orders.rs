//! Asks for runs: starts, replays, retries and cancels them.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};
use shared::etl::ReplayRow;
use shared::etl::runs::{Ordered, ReplayRequest, RunRequest};
use shared::ports::PipelineRun;
use tracing::info;

use super::{Text, desk, name_of, run_of};
use crate::api::{Api, json, render};
use crate::body::{read_object, refuse_unknown};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query};

/// The longest order, in bytes.
const MAX_ORDER_BYTES: usize = 64 * 1024;
/// The longest order with rows, in bytes.
const MAX_REPLAY_BYTES: usize = 1024 * 1024;
/// The most partitions that are named.
const MAX_NAMED: usize = 1_000;

const START: &str = "`{\"partitions\": [\"2026-01\"]}`";
const REPLAY: &str = "`{\"rows\": [{\"line\": 5, \"row\": {\"Case Id\": \"a\"}}]}`";

/// Reads an object of a body that may be left out.
async fn read_order(request: Request) -> Result<Map<String, Value>, Problem> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_ORDER_BYTES).await;
    let body = body.map_err(|_| Problem::too_large(MAX_ORDER_BYTES))?;
    if body.is_empty() {
        return Ok(Map::new());
    }
    read_object(Request::from_parts(parts, Body::from(body)), MAX_ORDER_BYTES, START).await
}

/// Reads the name of the order: of the header, else of the body.
fn read_key(
    headers: &HeaderMap,
    members: &Map<String, Value>,
    faults: &mut Vec<Fault>,
) -> Option<String> {
    let fits =
        |it: &&str| (1..=255).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_graphic());
    let message = "it is not 1 to 255 visible ASCII characters";
    if let Some(given) = headers.get("idempotency-key") {
        let key = given.to_str().ok().filter(fits);
        if key.is_none() {
            faults.push(Fault::new("Idempotency-Key", message));
        }
        return key.map(str::to_owned);
    }
    let given = members.get("idempotency_key").filter(|it| !it.is_null())?;
    let key = given.as_str().filter(fits);
    if key.is_none() {
        faults.push(Fault::new("idempotency_key", message));
    }
    key.map(str::to_owned)
}

fn read_partitions(members: &Map<String, Value>, faults: &mut Vec<Fault>) -> Vec<String> {
    let Some(given) = members.get("partitions").filter(|it| !it.is_null()) else {
        return Vec::new();
    };
    let names = given.as_array().filter(|it| it.len() <= MAX_NAMED);
    let names = names.and_then(|it| {
        it.iter().map(|it| it.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    names.unwrap_or_else(|| {
        let message = format!("it is no list of up to {MAX_NAMED} names: send {START}");
        faults.push(Fault::new("partitions", message));
        Vec::new()
    })
}

fn read_rows(members: &Map<String, Value>, faults: &mut Vec<Fault>) -> Vec<ReplayRow> {
    let Some(given) = members.get("rows").and_then(Value::as_array) else {
        faults.push(Fault::new("rows", format!("it is no list of rows: send {REPLAY}")));
        return Vec::new();
    };
    let mut rows = Vec::with_capacity(given.len());
    for (place, it) in given.iter().enumerate() {
        let read = match it.get("line").and_then(Value::as_u64).zip(it.get("row")) {
            Some((line, row)) => ReplayRow::of_value(line, row),
            None => Err(format!("it has no `line` and `row`: send {REPLAY}")),
        };
        match read {
            Ok(row) => rows.push(row),
            Err(message) if faults.len() < 20 => {
                faults.push(Fault::new(format!("rows.{place}"), message));
            }
            Err(_) => {}
        }
    }
    rows
}

fn by(caller: &Caller) -> String {
    format!("person:{}", caller.person())
}

/// Answers 202 for a run that is to come, 200 for one that stood already.
fn answer(ordered: &Ordered) -> Result<Response, Problem> {
    let Ordered { run, is_new } = ordered;
    let mut response = json(render(run)?);
    if *is_new {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    let place = format!("/v1/pipelines/runs/{}", run.id);
    response.headers_mut().extend(HeaderValue::from_str(&place).map(|it| (LOCATION, it)));
    Ok(response)
}

/// Starts a run of a pipeline.
///
/// It is queued when this answers; `GET /v1/pipelines/runs/{id}` follows it. With `Idempotency-Key`, or
/// `idempotency_key` in the body, asking again starts no second run: it answers 200 with the first.
/// Expressions are checked when it is run: a fault in one ends the run as `failed`.
#[utoipa::path(post, path = "/pipelines/{name}/runs", tag = "pipelines",
    params(("name" = String, Path, description = "The name of the pipeline", example = "clean-cases"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the order, so that asking again starts no second run", max_length = 255)),
    request_body(content = inline(crate::openapi::StartRunRequest), description = "Which partitions; all without a body",
        content_type = "application/json", example = json!({"partitions": ["2026-01"]})),
    responses((status = 202, description = "The run that is to come", body = PipelineRun),
        (status = 200, description = "The run that was started under this key before", body = PipelineRun),
        (status = 404, description = "There is no such pipeline", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The definition is broken", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn start_pipeline_run(
    State(api): State<Arc<Api>>,
    caller: Caller,
    name: Text,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let headers = request.headers().clone();
    let members = read_order(request).await?;
    let mut faults = Vec::new();
    refuse_unknown(&members, &["partitions", "idempotency_key"], START, &mut faults);
    let idempotency_key = read_key(&headers, &members, &mut faults);
    let only = read_partitions(&members, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let (pipeline, started_by) = (name_of(name)?, by(&caller));
    let request = RunRequest { pipeline, only, started_by, idempotency_key, correlation_id: None };
    let ordered = desk(&api)?.start(request).await.map_err(Problem::of_pipelines)?;
    let run = &ordered.run;
    info!(run.id = %run.id, actor = %caller.person(), "a person started `{}`", run.pipeline);
    answer(&ordered)
}

/// Runs a pipeline over rows that a person put right.
///
/// `rows` are those of the quarantine, each with its `line` and the whole `row` by the names that the
/// source has for its columns. What passes goes into a file of its own beside the sink,
/// `…-replay-RUN`. Of a pipeline over many files, `partition` names the one that the rows are of.
#[utoipa::path(post, path = "/pipelines/{name}/replay", tag = "pipelines",
    params(("name" = String, Path, description = "The name of the pipeline", example = "clean-cases"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the order, so that asking again starts no second run", max_length = 255)),
    request_body(content = inline(crate::openapi::ReplayRowsRequest), description = "The rows",
        content_type = "application/json", example = json!({"rows": [{"line": 5, "row": {"Case Id": "a", "Opened On": "01.02.2026"}}]})),
    responses((status = 202, description = "The run that is to come", body = PipelineRun),
        (status = 200, description = "The run that was started under this key before", body = PipelineRun),
        (status = 404, description = "There is no such pipeline", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The definition is broken", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn replay_pipeline(
    State(api): State<Arc<Api>>,
    caller: Caller,
    name: Text,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let headers = request.headers().clone();
    let members = read_object(request, MAX_REPLAY_BYTES, REPLAY).await?;
    let mut faults = Vec::new();
    refuse_unknown(&members, &["rows", "partition", "idempotency_key"], REPLAY, &mut faults);
    let idempotency_key = read_key(&headers, &members, &mut faults);
    let rows = read_rows(&members, &mut faults);
    let partition = members.get("partition").filter(|it| !it.is_null());
    let only: Vec<String> =
        partition.and_then(Value::as_str).map(str::to_owned).into_iter().collect();
    if partition.is_some() && only.is_empty() {
        faults.push(Fault::new("partition", "it is no text: name one partition"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let (pipeline, started_by) = (name_of(name)?, by(&caller));
    let run = RunRequest { pipeline, only, started_by, idempotency_key, correlation_id: None };
    let order = ReplayRequest { run, rows };
    let ordered = desk(&api)?.replay(order).await.map_err(Problem::of_pipelines)?;
    let run = &ordered.run;
    info!(run.id = %run.id, actor = %caller.person(), "a person replayed `{}`", run.pipeline);
    answer(&ordered)
}

/// Does the partitions of a run again that did not succeed.
///
/// The run keeps its id and begins another round, by the definition as it stands now. One that has not
/// ended is queued again, which does no harm.
#[utoipa::path(post, path = "/pipelines/runs/{id}/retry", tag = "pipelines",
    params(("id" = String, Path, description = "The id of the run", example = "0af7651916cd43dd8448eb211c80319c")),
    responses((status = 200, description = "The run, queued again", body = PipelineRun),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "All of it succeeded", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn retry_pipeline_run(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let run = desk(&api)?.retry(&run_of(id)?).await.map_err(Problem::of_pipelines)?;
    info!(run.id = %run.id, actor = %caller.person(), "a person retried a run");
    Ok(json(render(&run)?))
}

/// Ends a run.
///
/// What has not begun is not begun, what is in hand is left within a minute. Files that are seen
/// already stay.
#[utoipa::path(post, path = "/pipelines/runs/{id}/cancel", tag = "pipelines",
    params(("id" = String, Path, description = "The id of the run", example = "0af7651916cd43dd8448eb211c80319c")),
    responses((status = 200, description = "The run, cancelled", body = PipelineRun),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has ended", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn cancel_pipeline_run(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let run = desk(&api)?.cancel(&run_of(id)?, &by(&caller)).await;
    let run = run.map_err(Problem::of_pipelines)?;
    info!(run.id = %run.id, actor = %caller.person(), "a person cancelled a run");
    Ok(json(render(&run)?))
}
