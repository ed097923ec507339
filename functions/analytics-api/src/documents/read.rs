//! `GET /v1/documents/{id}` and `GET /v1/documents/{id}/link`: what is known of a document, and where its
//! bytes are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::ports::{FiledDocument, LinkPurpose, document_key};
use tracing::info;
use utoipa::ToSchema;

use super::{ByteLink, act, find_document, has_links, no_bytes, of_store, shelf};
use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};
use crate::router::PREFIX;

/// How long a link to read a document is good.
const GOOD_FOR: Duration = Duration::from_mins(5);

/// Where the bytes of a document are, and how to tell them from others.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentLink {
    /// How to read them.
    link: ByteLink,
    /// What the document is called.
    #[schema(example = "Petition.pdf")]
    name: String,
    /// What the bytes are.
    media_type: Option<String>,
    /// How many bytes there are.
    size_bytes: Option<u64>,
    /// Their SHA-256 in lower-case hex: compare it with what was read.
    sha256: Option<String>,
}

/// Reads what is known of a document.
#[utoipa::path(get, path = "/documents/{id}", tag = "documents",
    params(("id" = shared::ids::EntityId, Path, description = "Our id of the document (a UUID)",
        example = "7d1c2f04-93be-8a57-b0c1-6e2f40a9d813")),
    responses((status = 200, description = "The document", body = FiledDocument),
        (status = 404, description = "No document has this id", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_document(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let document = find_document(&api, &caller, id).await?;
    Ok(json(render(&document)?))
}

/// Gives a link by which the bytes of a document are read.
///
/// It is good for 5 minutes, and takes `Range`: read on where an earlier reading ended. Whoever gets
/// one stands in the audit log.
#[utoipa::path(get, path = "/documents/{id}/link", tag = "documents",
    params(("id" = shared::ids::EntityId, Path, description = "Our id of the document (a UUID)",
        example = "7d1c2f04-93be-8a57-b0c1-6e2f40a9d813")),
    responses((status = 200, description = "Where the bytes are", body = DocumentLink),
        (status = 404, description = "No document has this id, or its bytes are not kept here", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The bytes of documents are not kept here", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn link_document(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let FiledDocument { document, case_id, .. } = find_document(&api, &caller, id).await?;
    let store = shelf(&api)?;
    let key = document_key(&document.id);
    store.head(&key).await.map_err(|failed| of_store(failed, no_bytes, Problem::internal))?;
    let link = if has_links(store) {
        let noted = api.ports.documents.note_read(&document.id, &act(&api, &caller)).await;
        noted.map_err(Problem::of_port)?;
        let expires_at = api.ports.clock.now().plus(GOOD_FOR);
        let link = store.link(&LinkPurpose::Read { key }, GOOD_FOR).await;
        info!(case.id = %case_id, document.id = %document.id, "gave a link to read a document");
        ByteLink::of_store(link.map_err(Problem::of_port)?, expires_at)
    } else {
        // The reading itself is noted there.
        let path = format!("{PREFIX}/documents/{}/content", document.id);
        ByteLink::of_api("GET", path, BTreeMap::new())
    };
    Ok(json(render(&DocumentLink {
        link,
        name: document.name,
        media_type: document.media_type,
        size_bytes: document.size_bytes,
        sha256: document.sha256,
    })?))
}
