//! The HTTP face of the Bulk API: everything below `/services/data/vXX.X/jobs`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::ingest::IngestWish;
use super::job::JobState;
use super::multipart;
use super::query::QueryWish;
use super::results::{Which, file};
use crate::api::{ApiError, Call, Reply, check_version};
use crate::ids::RecordId;
use crate::org::Author;
use crate::sandbox::State;
use crate::server::{admit, respond};

/// Longest upload, in bytes. Source: Bulk API 2.0 limits, 150 MB a job.
const MAX_UPLOAD: usize = 150_000_000;

/// Longest body that is no upload, in bytes.
const MAX_BODY: usize = 1_000_000;

/// Jobs of one page of the list. Source: Bulk API 2.0 guide, get all jobs.
const MAX_LISTED: usize = 1_000;

/// Oldest versions with jobs that take and jobs that give rows. Source: Bulk API 2.0 guide.
const OLDEST_INGEST: u32 = 41;
const OLDEST_QUERY: u32 = 47;

/// A request to the Bulk API.
struct Ask {
    method: Method,
    author: Author,
    /// Version in the path, such as `66.0`.
    version: String,
    /// Path below `jobs`.
    segments: Vec<String>,
    params: HashMap<String, String>,
    content_type: String,
    body: Bytes,
}

/// An answer: JSON, or a file in pieces.
enum Answer {
    Reply(Reply),
    File { headers: Vec<(&'static str, String)>, pieces: Pieces },
}

type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// Answers what lies below `jobs`; passes everything else on.
pub(crate) async fn serve(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().strip_prefix("/services/data/").unwrap_or_default();
    let (version, segments) = Call::split_path(path);
    if segments.first().map(String::as_str) != Some("jobs") {
        return next.run(request).await;
    }
    let (author, usage) = match admit(&state, request.headers(), &version) {
        Ok(admitted) => admitted,
        Err(refusal) => return respond(refusal),
    };
    let (head, whole) = request.into_parts();
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let mut ask = Ask {
        version: author.version.clone(),
        author,
        segments: segments.into_iter().skip(1).collect(),
        params: Call::split_query(head.uri.query().unwrap_or_default()),
        content_type: content_type.and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned(),
        method: head.method,
        body: Bytes::new(),
    };
    let body = match body(&ask, whole).await {
        Ok(body) => body,
        Err(refusal) => return finish(refusal.into_reply().into(), usage),
    };
    ask.body = body;
    // A step of a job takes tenths of seconds: other requests are answered meanwhile.
    let answer = tokio::task::spawn_blocking(move || {
        answer(&state, &ask, &version).unwrap_or_else(|refusal| refusal.into_reply().into())
    });
    match answer.await {
        Ok(answer) => finish(answer, usage),
        Err(error) => {
            let refusal = ApiError::new(500, "UNKNOWN_EXCEPTION", error.to_string());
            finish(refusal.into_reply().into(), usage)
        }
    }
}

/// Reads the body piece by piece, no further than is allowed.
async fn body(ask: &Ask, body: Body) -> Result<Bytes, ApiError> {
    let max = if ask.method == Method::PUT { MAX_UPLOAD } else { MAX_BODY };
    let mut pieces = body.into_data_stream();
    let mut all = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            let message = format!("the body did not arrive: {error}");
            ApiError::new(400, "CLIENTINPUTERROR", message)
        })?;
        if all.len() + piece.len() > max {
            let message = format!(
                "Maximum size of request reached. Maximum size of content allowed is {max} bytes"
            );
            return Err(ApiError::new(413, "EXCEEDED_MAX_SIZE_REQUEST", message));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}

/// Turns an answer into HTTP.
fn finish(answer: Answer, usage: String) -> Response {
    let (headers, pieces) = match answer {
        Answer::Reply(reply) => return respond(reply.with_header("sforce-limit-info", usage)),
        Answer::File { headers, pieces } => (headers, pieces),
    };
    let pieces = futures_util::stream::iter(pieces.map(Ok::<_, Infallible>));
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = StatusCode::OK;
    let all = headers.into_iter().chain([
        ("content-type", "text/csv; charset=UTF-8".to_owned()),
        ("sforce-limit-info", usage),
    ]);
    for (name, value) in all {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn answer(state: &State, ask: &Ask, version: &str) -> Result<Answer, ApiError> {
    let number = check_version(version)?;
    let segments: Vec<&str> = ask.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["ingest", rest @ ..] if number >= OLDEST_INGEST => ingest(state, ask, rest),
        ["query", rest @ ..] if number >= OLDEST_QUERY => query(state, ask, rest),
        _ => Err(ApiError::not_found()),
    }
}

fn ingest(state: &State, ask: &Ask, segments: &[&str]) -> Result<Answer, ApiError> {
    match (ask.method.as_str(), segments) {
        ("POST", []) => create_ingest(state, ask),
        ("GET", []) => {
            let after = list_start(ask)?;
            let jobs = state.bulk.ingest_after(state, after, MAX_LISTED + 1);
            let told = jobs.iter().map(|job| (job.core.id, job.status())).collect();
            Ok(list(ask, "ingest", told))
        }
        (method, [id]) => one_ingest(state, ask, method, id),
        ("PUT", [id, "batches"]) => {
            let is_csv = ask.content_type.to_ascii_lowercase().starts_with("text/csv");
            if !is_csv {
                let message = format!("Content type `{}` is not text/csv", ask.content_type);
                return Err(ApiError::new(415, "UNSUPPORTED_MEDIA_TYPE", message));
            }
            state.bulk.ingest(state, id)?.upload(ask.body.clone())?;
            Ok(Reply::empty(201).into())
        }
        ("GET", [id, name]) => {
            let which = Which::named(name).ok_or_else(ApiError::not_found)?;
            let job = state.bulk.ingest(state, id)?;
            Ok(Answer::File { headers: Vec::new(), pieces: file(&job, which) })
        }
        (_, [] | [_, _]) => Err(ApiError::wrong_method(&ask.method, "GET,POST,PUT")),
        _ => Err(ApiError::not_found()),
    }
}

fn create_ingest(state: &State, ask: &Ask) -> Result<Answer, ApiError> {
    let Some(boundary) = multipart::boundary(&ask.content_type) else {
        let job = state.bulk.open_ingest(state, &ask.author, read(&ask.body)?)?;
        return Ok(Reply::json(200, &Json::Object(job.facts())).into());
    };
    let (job, content) = multipart::parts(&ask.body, boundary)?;
    let wish: IngestWish = read(job)?;
    let job = state.bulk.open_ingest(state, &ask.author, wish)?;
    job.upload(Bytes::copy_from_slice(content))?;
    state.bulk.change_state(state, &ask.author, &job, JobState::UploadComplete)?;
    Ok(Reply::json(200, &Json::Object(job.facts())).into())
}

fn one_ingest(state: &State, ask: &Ask, method: &str, id: &str) -> Result<Answer, ApiError> {
    let job = state.bulk.ingest(state, id)?;
    match method {
        "GET" => {
            job.advance(state, true);
            Ok(Reply::json(200, &job.status()).into())
        }
        "PATCH" => {
            let wish: StateWish = read(&ask.body)?;
            state.bulk.change_state(state, &ask.author, &job, wish.state)?;
            Ok(Reply::json(200, &Json::Object(job.facts())).into())
        }
        "DELETE" => {
            job.core.check_delete(true)?;
            state.bulk.forget(job.core.id);
            Ok(Reply::empty(204).into())
        }
        _ => Err(ApiError::wrong_method(&ask.method, "DELETE,GET,PATCH")),
    }
}

fn query(state: &State, ask: &Ask, segments: &[&str]) -> Result<Answer, ApiError> {
    let locator = ask.params.get("locator").map(String::as_str);
    match (ask.method.as_str(), segments) {
        ("POST", []) => {
            let wish: QueryWish = read(&ask.body)?;
            let job = state.bulk.open_query(state, &ask.author, &wish)?;
            Ok(Reply::json(200, &Json::Object(job.facts())).into())
        }
        ("GET", []) => {
            let jobs = state.bulk.query_after(state, list_start(ask)?, MAX_LISTED + 1);
            let told = jobs.iter().map(|job| (job.core.id, job.status())).collect();
            Ok(list(ask, "query", told))
        }
        (method, [id]) => one_query(state, ask, method, id),
        ("GET", [id, "results"]) => {
            let max_records = match ask.params.get("maxRecords") {
                Some(text) => text.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                    let message = format!("maxRecords is no number above 0: {text}");
                    ApiError::new(400, "INVALID_ARGUMENT", message)
                })?,
                None => state.settings.bulk.page_records,
            };
            let page = state.bulk.query(state, id)?.page(&ask.version, locator, max_records)?;
            let headers = vec![
                ("sforce-locator", page.next.unwrap_or_else(|| "null".to_owned())),
                ("sforce-numberofrecords", page.n_records.to_string()),
            ];
            Ok(Answer::File { headers, pieces: Box::new(page.bytes) })
        }
        ("GET", [id, pages]) if pages.eq_ignore_ascii_case("resultPages") => {
            let n = state.settings.bulk.page_records;
            let pages = state.bulk.query(state, id)?.pages(&ask.version, locator, n)?;
            Ok(Reply::json(200, &pages).into())
        }
        (_, [] | [_, _]) => Err(ApiError::wrong_method(&ask.method, "GET,POST")),
        _ => Err(ApiError::not_found()),
    }
}

fn one_query(state: &State, ask: &Ask, method: &str, id: &str) -> Result<Answer, ApiError> {
    let job = state.bulk.query(state, id)?;
    match method {
        "GET" => {
            job.advance(state, true);
            Ok(Reply::json(200, &job.status()).into())
        }
        "PATCH" => {
            let wish: StateWish = read(&ask.body)?;
            if wish.state != JobState::Aborted {
                let message = "A query job can only be set to Aborted";
                return Err(ApiError::new(400, "INVALIDJOBSTATE", message));
            }
            job.abort(&ask.author, state.clock().now_ms())?;
            Ok(Reply::json(200, &Json::Object(job.facts())).into())
        }
        "DELETE" => {
            job.core.check_delete(false)?;
            state.bulk.forget(job.core.id);
            Ok(Reply::empty(204).into())
        }
        _ => Err(ApiError::wrong_method(&ask.method, "DELETE,GET,PATCH")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateWish {
    state: JobState,
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new(400, "JSON_PARSER_ERROR", error.to_string()))
}

/// Reads where a list goes on: `01g…-n` after the n-th job.
fn list_start(ask: &Ask) -> Result<Option<RecordId>, ApiError> {
    let Some(locator) = ask.params.get("queryLocator") else { return Ok(None) };
    let number = locator.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    let number = number.ok_or_else(|| {
        ApiError::new(400, "INVALID_QUERY_LOCATOR", format!("invalid query locator: {locator}"))
    })?;
    Ok(Some(RecordId::new(*b"750", number)))
}

/// Writes a page of jobs; one more than fits tells that there is a next page.
fn list(ask: &Ask, kind: &str, mut jobs: Vec<(RecordId, Json)>) -> Answer {
    let done = jobs.len() <= MAX_LISTED;
    jobs.truncate(MAX_LISTED);
    let mut answer = Map::new();
    answer.insert("done".into(), json!(done));
    let next = jobs.last().filter(|_| !done).map(|(id, _)| {
        let locator = RecordId::new(*b"01g", 0);
        format!(
            "/services/data/v{}/jobs/{kind}?queryLocator={locator}-{}",
            ask.version,
            id.number()
        )
    });
    let wanted = ask.params.get("jobType");
    let records: Vec<Json> = jobs
        .into_iter()
        .map(|(_, job)| job)
        .filter(|job| wanted.is_none_or(|wanted| job.get("jobType") == Some(&json!(wanted))))
        .collect();
    answer.insert("records".into(), Json::Array(records));
    answer.insert("nextRecordsUrl".into(), json!(next));
    Reply::json(200, &Json::Object(answer)).into()
}
