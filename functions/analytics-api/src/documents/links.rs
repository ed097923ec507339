//! `POST /v1/cases/{id}/documents/uploads/{upload}/links`: where parts are sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use shared::ports::LinkPurpose;
use utoipa::ToSchema;

use super::bodies::{read_parts, read_sha256};
use super::token::Ticket;
use super::{
    ByteLink, digest_header, has_links, n_parts, of_store, open_case, over, read_path, shelf,
};
use crate::api::{Api, json, render};
use crate::body::read_object;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query};
use crate::replay::require_json;
use crate::router::PREFIX;

/// The longest body taken, in bytes.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// The most links one request may ask for.
pub(crate) const MAX_LINKS: usize = 100;

/// How long a link to send a part is good.
const GOOD_FOR: Duration = Duration::from_mins(15);

const FORM: &str = "`{\"parts\": [{\"number\": 0, \"sha256\": \"…\"}]}`";

/// Where parts are sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartLinks {
    /// The links, in the order of the request.
    items: Vec<PartLink>,
}

/// Where one part is sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartLink {
    /// The part's place, from 0.
    number: u32,
    /// How to send it. The answer's `ETag` is asked for at the end.
    link: ByteLink,
}

/// Gives links by which parts of a document are sent.
///
/// Each is good for 15 minutes, for one part, and for bytes with its digest alone. Ask again for
/// whatever was not sent in time.
#[utoipa::path(post, path = "/cases/{id}/documents/uploads/{upload}/links", tag = "documents",
    params(("id" = String, Path, description = "Our id of the case (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH"),
        ("upload" = String, Path, description = "What `upload` of the answer was when it was begun",
            pattern = "^[A-Za-z0-9_-]{1,12000}$")),
    request_body(content = inline(crate::openapi::PartLinksRequest), description = "Which parts, with their digests",
        content_type = "application/json", example = json!({"parts": [{"number": 0,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]})),
    responses((status = 200, description = "The links", body = PartLinks),
        (status = 404, description = "No case has this id, or the upload is over", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its case is deleted, or the bytes of documents are not kept so here", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn link_document_parts(
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
    let wanted = read_parts(&members, MAX_LINKS, FORM, |part| {
        let number = part.get("number").and_then(Value::as_u64)?;
        let number: u32 = number.try_into().ok()?;
        (part.len() == 2).then_some((number, read_sha256(part)?))
    })?;
    let case = open_case(&api, &caller, id.clone()).await?.summary.id;
    let store = shelf(&api)?;
    let ticket = Ticket::decode(&token).ok_or_else(over)?;
    let n_parts = n_parts(store, ticket.size_bytes);
    let (upload, has_links) = (ticket.upload_in(&case), has_links(store));
    let mut items = Vec::with_capacity(wanted.len());
    for (number, sha256) in wanted {
        if number >= n_parts {
            let message = format!("there is no part {number}: the upload has {n_parts}, from 0 on");
            return Err(Problem::invalid(vec![Fault::new("parts", message)]));
        }
        let link = if has_links {
            let purpose = LinkPurpose::PutPart { upload: upload.clone(), number, sha256 };
            let expires_at = api.ports.clock.now().plus(GOOD_FOR);
            let link = store.link(&purpose, GOOD_FOR).await;
            let link = link.map_err(|failed| of_store(failed, over, over))?;
            ByteLink::of_store(link, expires_at)
        } else {
            let path = format!("{PREFIX}/cases/{id}/documents/uploads/{token}/parts/{number}");
            let digest = ("Content-Digest".to_owned(), digest_header(&sha256));
            ByteLink::of_api("PUT", path, BTreeMap::from([digest]))
        };
        items.push(PartLink { number, link });
    }
    Ok(json(render(&PartLinks { items })?))
}
