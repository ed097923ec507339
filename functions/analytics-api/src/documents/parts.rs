//! `PUT /v1/cases/{id}/documents/uploads/{upload}/parts/{number}`: takes a part, where the store has no
//! links.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{ETAG, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use shared::ports::Sha256Digest;

use super::token::Ticket;
use super::{
    digest_header, has_links, n_parts, of_store, open_case, over, part_bytes, read_path, shelf,
};
use crate::api::Api;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query};

/// Takes a part of a document.
///
/// Only where the store of documents has no links of its own: `links` says where a part is sent. The
/// `ETag` of the answer is asked for at the end. With `Content-Digest`, other bytes are refused.
#[utoipa::path(put, path = "/cases/{id}/documents/uploads/{upload}/parts/{number}", tag = "documents",
    params(("id" = String, Path, description = "Our id of the case (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH"),
        ("upload" = String, Path, description = "What `upload` of the answer was when it was begun",
            pattern = "^[A-Za-z0-9_-]{1,12000}$"),
        ("number" = u32, Path, description = "The part's place, from 0", maximum = 8191, example = 0),
        ("Content-Digest" = Option<String>, Header, description = "The SHA-256 of the part, after RFC 9530",
            pattern = "^sha-256=:[A-Za-z0-9+/]{43}=:$", example = "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:")),
    request_body(content = Vec<u8>, description = "The bytes", content_type = "application/octet-stream"),
    responses((status = 204, description = "It is taken; `ETag` names it",
            headers(("ETag" = String, description = "Names the part when the upload is completed"))),
        (status = 404, description = "No case has this id, or the upload is over", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its case is deleted, or the bytes of documents are not kept so here", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The part is longer than `part_bytes`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The part is not as long as it must be, or its digest is another one", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn put_document_part(
    State(api): State<Arc<Api>>,
    caller: Caller,
    path: Result<Path<(String, String, u32)>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let (id, token, number) = read_path(path)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let promised = read_digest(request.headers())?;
    let case = open_case(&api, &caller, id).await?.summary.id;
    let store = shelf(&api)?;
    let ticket = Ticket::decode(&token).ok_or_else(over)?;
    if has_links(store) {
        let detail = "parts are sent to the store itself here: ask `links` where";
        return Err(Problem::document_store(detail));
    }
    let n_parts = n_parts(store, ticket.size_bytes);
    if number >= n_parts {
        let message = format!("there is no part {number}: the upload has {n_parts}, from 0 on");
        return Err(Problem::invalid(vec![Fault::new("number", message)]));
    }
    let begins_at = u64::from(number) * part_bytes(store);
    let n_bytes = (ticket.size_bytes - begins_at).min(part_bytes(store));
    let n_bytes = usize::try_from(n_bytes).unwrap_or(usize::MAX);
    let body = to_bytes(request.into_body(), n_bytes).await;
    let body = body.map_err(|_| Problem::too_large(n_bytes))?;
    if body.len() != n_bytes {
        let message = format!("it has {} bytes, and part {number} has {n_bytes}", body.len());
        return Err(Problem::unprocessable(vec![Fault::new("body", message)]));
    }
    if promised.is_some_and(|it| it != digest_header(&Sha256Digest::of(&body))) {
        let message = "the bytes have another digest: send the part again";
        return Err(Problem::unprocessable(vec![Fault::new("Content-Digest", message)]));
    }
    let taken = store.put_part(&ticket.upload_in(&case), number, body).await;
    let tag = taken.map_err(|failed| of_store(failed, over, over))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let tag = HeaderValue::from_str(&format!("\"{tag}\"")).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(ETAG, tag);
    Ok(response)
}

/// Reads `Content-Digest`, which may name one digest.
fn read_digest(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(given) = headers.get("content-digest") else { return Ok(None) };
    let text = given.to_str().unwrap_or_default().trim();
    if text.is_empty() && given.is_empty() {
        return Ok(None);
    }
    if text.starts_with("sha-256=:") && text.ends_with(':') && text.len() == 54 {
        return Ok(Some(text.to_owned()));
    }
    let message = "it is not `sha-256=:…:` with the 44 characters of base64 of a SHA-256";
    Err(Problem::invalid(vec![Fault::new("Content-Digest", message)]))
}
