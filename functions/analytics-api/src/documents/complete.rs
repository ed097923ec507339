//! `POST …/uploads/{upload}/complete` and `DELETE …/uploads/{upload}`: the end of an upload.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use shared::ids::EntityId;
use shared::ports::{BlobStore, DocumentDraft, FiledDocument, PartTag, Sha256Digest};
use shared::{PortErrorKind, chain};
use tracing::{info, warn};

use super::bodies::{read_parts, read_sha256};
use super::token::Ticket;
use super::{act, n_parts, of_store, open_case, over, read_path, shelf, tag_of};
use crate::api::{Api, json, render};
use crate::body::read_object;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query};
use crate::replay::require_json;
use crate::router::PREFIX;

/// The longest body taken, in bytes: room for the parts of the longest document.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The most parts a document has.
pub(crate) const MAX_PARTS: usize = 8192;

const FORM: &str = "`{\"parts\": [{\"etag\": \"…\", \"sha256\": \"…\"}]}`, each part in its place";

/// Ends an upload: puts its parts together and files the document.
///
/// Asking again does no harm: it answers 200 with the document. The length of the whole and the
/// digest of each part are checked; the digest of the whole by whoever reads it.
#[utoipa::path(post, path = "/cases/{id}/documents/uploads/{upload}/complete", tag = "documents",
    params(("id" = String, Path, description = "Our id of the case (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH"),
        ("upload" = String, Path, description = "What `upload` of the answer was when it was begun",
            pattern = "^[A-Za-z0-9_-]{1,12000}$")),
    request_body(content = inline(crate::openapi::CompleteRequest), description = "The `ETag` of each part's answer and its digest, in order",
        content_type = "application/json", example = json!({"parts": [{"etag": "\"b54357faf0632cce46e942fa68356b38\"",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]})),
    responses((status = 201, description = "It is filed", body = FiledDocument),
        (status = 200, description = "It was filed before", body = FiledDocument),
        (status = 404, description = "No case has this id, or the upload is over", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its case is deleted, or the bytes of documents are not kept so here", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A part is missing or another one, or the whole is not as long as it should be", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn complete_document_upload(
    State(api): State<Arc<Api>>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    let (id, token) = read_path(path)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let members = read_object(request, MAX_BODY_BYTES, FORM).await?;
    let parts = read_parts(&members, MAX_PARTS, FORM, |part| {
        let etag = part.get("etag").and_then(Value::as_str).filter(|it| !it.is_empty())?;
        (part.len() == 2).then_some((etag.to_owned(), read_sha256(part)?))
    })?;
    let case = open_case(&api, &caller, id).await?.summary.id;
    let store = shelf(&api)?;
    let ticket = Ticket::decode(&token).ok_or_else(over)?;
    let upload = ticket.upload_in(&case);
    let draft = ticket.draft_in(&case);
    let found = api.ports.documents.find(caller.sight(), &draft.id).await;
    if let Some(standing) = found.map_err(Problem::of_port)? {
        // Its bytes stand, and nothing that is completed now may take their place.
        if let Err(failed) = store.abandon(&upload).await {
            warn!(error = %chain(&failed), "an upload that is not needed was not abandoned");
        }
        return Ok(json(render(&standing)?));
    }
    let tags = tags_of(store, &ticket, &parts)?;
    let blob = store.complete(&upload, &tags).await.map_err(|failed| {
        of_store(failed, over, || wrong_parts("a part is missing, or is another one than was sent"))
    })?;
    if blob.n_bytes != ticket.size_bytes || blob.sha256.is_some_and(|it| it != ticket.sha256) {
        // It is no document, so that nobody finds it; what is sent next takes its place.
        return Err(wrong_parts("together they are not as many bytes as were announced"));
    }
    file(&api, &caller, draft).await
}

async fn file(api: &Api, caller: &Caller, draft: DocumentDraft) -> Result<Response, Problem> {
    let filed = api.ports.documents.file(&draft, &act(api, caller)).await;
    let filed = filed.map_err(|failed| match failed.kind() {
        PortErrorKind::NotFound => {
            Problem::not_found(format!("there is no case `{}`", draft.case_id))
        }
        PortErrorKind::Conflict => {
            let detail = "this document was filed meanwhile under another name: look at it";
            Problem::conflict(detail, Vec::new())
        }
        _ => Problem::of_port(failed),
    })?;
    let mut response = json(render(&filed.document)?);
    if filed.committed.is_some() {
        info!(case.id = %draft.case_id, document.id = %draft.id, size_bytes = draft.size_bytes, "filed a document");
        *response.status_mut() = StatusCode::CREATED;
        let place = HeaderValue::from_str(&format!("{PREFIX}/documents/{}", draft.id));
        response.headers_mut().extend(place.map(|it| (LOCATION, it)));
    }
    Ok(response)
}

fn tags_of(
    store: &dyn BlobStore,
    ticket: &Ticket,
    parts: &[(String, Sha256Digest)],
) -> Result<Vec<PartTag>, Problem> {
    let n_parts = n_parts(store, ticket.size_bytes);
    if u64::from(n_parts) != parts.len() as u64 {
        return Err(wrong_parts(&format!(
            "there are {}, and the upload has {n_parts}",
            parts.len()
        )));
    }
    let tags = parts.iter().enumerate().map(|(place, (etag, sha256))| {
        tag_of(store, etag, sha256).ok_or_else(|| {
            let message = "it is not the `ETag` of the answer to a part: copy it as it is";
            Problem::unprocessable(vec![Fault::new(format!("parts[{place}].etag"), message)])
        })
    });
    tags.collect()
}

fn wrong_parts(message: &str) -> Problem {
    Problem::unprocessable(vec![Fault::new("parts", message)])
}

/// Gives an upload up, and forgets its parts.
///
/// One that is over is no error; a document that it became stays.
#[utoipa::path(delete, path = "/cases/{id}/documents/uploads/{upload}", tag = "documents",
    params(("id" = String, Path, description = "Our id of the case (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH"),
        ("upload" = String, Path, description = "What `upload` of the answer was when it was begun",
            pattern = "^[A-Za-z0-9_-]{1,12000}$")),
    responses((status = 204, description = "It is over"),
        (status = 404, description = "No case has this id, or it is no upload", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its case is deleted, or the bytes of documents are not kept so here", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn abandon_document_upload(
    State(api): State<Arc<Api>>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (id, token) = read_path(path)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let case: EntityId = open_case(&api, &caller, id).await?.summary.id;
    let store = shelf(&api)?;
    let upload = Ticket::decode(&token).ok_or_else(over)?.upload_in(&case);
    store.abandon(&upload).await.map_err(|failed| of_store(failed, over, over))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
