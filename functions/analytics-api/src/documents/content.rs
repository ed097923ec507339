//! `GET /v1/documents/{id}/content`: the bytes of a document, where the store has no links.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, IF_RANGE, RANGE,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shared::chain;
use shared::ports::{Document, Sha256Digest, document_key};
use tracing::{info, warn};

use super::range::Asked;
use super::{act, digest_header, find_document, has_links, no_bytes, of_store, shelf};
use crate::api::Api;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};

/// What need not be escaped in `filename*` (RFC 8187, section 3.2.1).
const IN_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// Reads the bytes of a document.
///
/// Only where the store of documents has no links of its own: `link` says where the bytes are. It takes
/// `Range`, for one range, and `If-Range` with the `ETag`. Each reading stands in the audit log.
#[utoipa::path(get, path = "/documents/{id}/content", tag = "documents",
    params(("id" = shared::ids::EntityId, Path, description = "Our id of the document (a UUID)",
        example = "7d1c2f04-93be-8a57-b0c1-6e2f40a9d813"),
        ("Range" = Option<String>, Header, description = "Which bytes, such as `bytes=1048576-`", pattern = "^bytes=[0-9]{1,18}-$")),
    responses((status = 200, description = "All bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The bytes that were asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "No document has this id, or its bytes are not kept here", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The bytes of documents are kept elsewhere: ask for a link", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "It has no such bytes; `Content-Range` tells how many it has"),
        Problems))]
pub(crate) async fn get_document_content(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let filed = find_document(&api, &caller, id).await?;
    let (store, key) = (shelf(&api)?, document_key(&filed.document.id));
    if has_links(store) {
        let detail = "the bytes are read from the store itself here: ask `link` where";
        return Err(Problem::document_store(detail));
    }
    let failed = |failed| of_store(failed, no_bytes, Problem::internal);
    let n_bytes = store.head(&key).await.map_err(failed)?.n_bytes;
    let etag = filed.document.sha256.as_ref().map(|it| format!("\"{it}\""));
    let asked = Asked::read(wanted_range(&headers, etag.as_deref()), n_bytes);
    if asked == Asked::Nothing {
        let range = (CONTENT_RANGE, format!("bytes */{n_bytes}"));
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [range]).into_response());
    }
    let noted = api.ports.documents.note_read(&filed.document.id, &act(&api, &caller)).await;
    noted.map_err(Problem::of_port)?;
    let read = store.read(&key, asked.range()).await.map_err(failed)?;
    info!(case.id = %filed.case_id, document.id = %filed.document.id, "a document is read");
    let bytes = read.bytes.inspect_err(
        |failed| warn!(error = %chain(failed), "the bytes of a document ended too soon"),
    );
    let mut response = Response::new(Body::from_stream(bytes));
    describe(&mut response, &filed.document, asked, n_bytes);
    Ok(response)
}

/// Returns the range, unless it is asked for of other bytes than there are.
fn wanted_range<'a>(headers: &'a HeaderMap, etag: Option<&str>) -> Option<&'a str> {
    let condition = headers.get(IF_RANGE).map(|it| it.to_str().unwrap_or_default());
    if condition.is_some_and(|it| Some(it) != etag) {
        return None;
    }
    headers.get(RANGE)?.to_str().ok()
}

/// Writes the head of an answer with bytes of `document`.
fn describe(response: &mut Response, document: &Document, asked: Asked, n_bytes: u64) {
    let name = utf8_percent_encode(&document.name, IN_NAMES);
    let media_type = document.media_type.as_deref().unwrap_or("application/octet-stream");
    let mut head = vec![
        (CONTENT_TYPE, media_type.to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        // What somebody has sent is never shown as a page of ours.
        (CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")),
        (CONTENT_SECURITY_POLICY, "sandbox".to_owned()),
    ];
    let mut length = n_bytes;
    if let Asked::Part(from, until) = asked {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        head.push((CONTENT_RANGE, format!("bytes {from}-{}/{n_bytes}", until - 1)));
        length = until - from;
    }
    head.push((CONTENT_LENGTH, length.to_string()));
    if let Some(sha256) = document.sha256.as_deref().and_then(|it| Sha256Digest::parse(it).ok()) {
        head.push((ETAG, format!("\"{sha256}\"")));
        head.push((HeaderName::from_static("repr-digest"), digest_header(&sha256)));
    }
    let values = head
        .into_iter()
        .filter_map(|(name, value)| HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    response.headers_mut().extend(values);
}
