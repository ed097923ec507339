//! `POST /v1/cases/{id}/documents/uploads`: begins to send a document.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use serde::Serialize;
use shared::ids::EntityId;
use shared::ports::{FiledDocument, NewUpload, document_key};
use utoipa::ToSchema;

use super::bodies::read_draft;
use super::token::Ticket;
use super::{n_parts, of_store, open_case, part_bytes, read_path, shelf};
use crate::api::{Api, json, render};
use crate::body::read_object;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};
use crate::replay::require_json;

/// The longest body taken, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// How a document is sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentUpload {
    /// The document's id: the same for the same bytes in the same case.
    document_id: EntityId,
    /// Names the upload in what comes next; null when the document is filed already.
    upload: Option<String>,
    /// How long each part is but for the last one, in bytes.
    #[schema(example = 8_388_608)]
    part_bytes: u64,
    /// How many parts there are.
    n_parts: u32,
    /// The document, when one with these bytes is filed in this case already.
    document: Option<FiledDocument>,
}

/// Begins to send a document of a case.
///
/// Send its parts by the links that `links` gives, then complete the upload; or go on with it
/// another day. The same bytes are one document in a case: when it is filed already, `document` is
/// that one and nothing has to be sent.
#[utoipa::path(post, path = "/cases/{id}/documents/uploads", tag = "documents",
    params(("id" = String, Path, description = "Our id of the case (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH")),
    request_body(content = inline(crate::openapi::DocumentRequest), description = "What is to be sent",
        content_type = "application/json", example = json!({"name": "Petition.pdf", "media_type": "application/pdf",
            "size_bytes": 48112, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "exhibit_label": "A-1"})),
    responses((status = 200, description = "How to send it", body = DocumentUpload),
        (status = 404, description = "No case has this id", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its case is deleted, or the bytes of documents are not kept so here", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn open_document_upload(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    let id = read_path(id)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let members = read_object(request, MAX_BODY_BYTES, "an object").await?;
    let case = open_case(&api, &caller, id).await?;
    let draft = read_draft(&members, &case.summary.id)?;
    let store = shelf(&api)?;
    let (part_bytes, n_parts) = (part_bytes(store), n_parts(store, draft.size_bytes));
    let document_id = draft.id.clone();
    let found = api.ports.documents.find(caller.sight(), &document_id).await;
    let document = found.map_err(Problem::of_port)?;
    let upload = match document {
        Some(_) => None,
        None => {
            let options =
                NewUpload { media_type: draft.media_type.clone(), sha256: Some(draft.sha256) };
            let begun = store.begin(&document_key(&document_id), &options).await;
            let refused = || Problem::document_store("the store of documents does not take it");
            let begun = begun.map_err(|failed| of_store(failed, Problem::internal, refused))?;
            Some(Ticket::new(begun.id, draft).encode())
        }
    };
    Ok(json(render(&DocumentUpload { document_id, upload, part_bytes, n_parts, document })?))
}
