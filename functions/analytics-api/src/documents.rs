//! `/v1/cases/{id}/documents` and `/v1/documents`: documents of cases, and how their bytes come and go.
//!
//! The bytes of a document never pass through this function where the store has links: whoever sends
//! or reads them is given links that are good for minutes. Where it has none, as a folder has none,
//! the same links lead to routes of this API.

mod bodies;
pub(crate) mod complete;
pub(crate) mod content;
pub(crate) mod links;
pub(crate) mod parts;
mod range;
pub(crate) mod read;
mod token;
pub(crate) mod upload;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use shared::ids::EntityId;
use shared::model::Channel;
use shared::ports::{
    BlobLink, BlobStore, CaseDetail, DocumentAct, FiledDocument, PartTag, Sha256Digest,
};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind, chain};
use tracing::warn;
use utoipa::ToSchema;

use crate::api::Api;
use crate::caller::Caller;
use crate::cases::{CaseId, load_case};
use crate::problem::{Fault, Problem};
use crate::query::shorten;

/// How long a part is but for the last one, in bytes, where the store takes that.
const PART_BYTES: NonZeroUsize = NonZeroUsize::MIN.saturating_add((8 << 20) - 1);

/// The longest document, in bytes: 64 GiB, which are 8,192 parts.
pub(crate) const MAX_SIZE_BYTES: u64 = 64 << 30;

/// How somebody may send or read bytes for a while.
#[derive(Serialize, ToSchema)]
pub(crate) struct ByteLink {
    /// How to ask.
    #[schema(example = "PUT")]
    method: &'static str,
    /// Where. A path is one of this API, and asks for the same token; any other address is good
    /// without a token for whoever has it, so keep it secret.
    #[schema(format = "uri-reference")]
    url: String,
    /// What must stand in the request's head, word for word.
    headers: BTreeMap<String, String>,
    /// Until when the link is good; null for a path of this API.
    expires_at: Option<Timestamp>,
}

impl ByteLink {
    /// Shows a link of a store, good until `expires_at`.
    pub(crate) fn of_store(link: BlobLink, expires_at: Timestamp) -> Self {
        let BlobLink { method, url, headers } = link;
        let headers = headers.into_iter().collect();
        Self { method, url: url.into(), headers, expires_at: Some(expires_at) }
    }

    /// Shows a path of this API.
    pub(crate) fn of_api(
        method: &'static str,
        path: String,
        headers: BTreeMap<String, String>,
    ) -> Self {
        Self { method, url: path, headers, expires_at: None }
    }
}

/// Returns the store of the bytes.
///
/// # Errors
///
/// [`Problem`] that says what to set when there is none.
fn shelf(api: &Api) -> Result<&dyn BlobStore, Problem> {
    api.ports.document_bytes.as_deref().ok_or_else(|| {
        Problem::document_store(
            "no store for the bytes of documents is set up here: set `[store] documents`, or \
             `DOCUMENTS` of this function",
        )
    })
}

/// Tells whether bytes go to and come from the store itself.
fn has_links(store: &dyn BlobStore) -> bool {
    // The port tells it in no other way without a call.
    store.part_sent_by_link("\"0\"", &Sha256Digest::of(b"")).is_ok()
}

/// Returns the tag of a part by the entity tag that its sender was answered with.
fn tag_of(store: &dyn BlobStore, etag: &str, sha256: &Sha256Digest) -> Option<PartTag> {
    if has_links(store) {
        return store.part_sent_by_link(etag, sha256).ok();
    }
    PartTag::parse(etag.trim_matches('"')).ok()
}

/// Returns how long a part is but for the last one, in bytes.
fn part_bytes(store: &dyn BlobStore) -> u64 {
    let limits = store.part_limits();
    let bytes = PART_BYTES.clamp(limits.min_bytes, limits.max_bytes);
    bytes.get().try_into().unwrap_or(u64::MAX)
}

/// Returns how many parts `size_bytes` are.
fn n_parts(store: &dyn BlobStore, size_bytes: u64) -> u32 {
    size_bytes.div_ceil(part_bytes(store)).try_into().unwrap_or(u32::MAX)
}

/// Names `caller` as who does something with a document now.
fn act(api: &Api, caller: &Caller) -> DocumentAct {
    let author = api.ports.two_way.author(caller);
    DocumentAct {
        actor: author.actor,
        channel: Channel::Api,
        event_id: author.event_id,
        correlation_id: author.correlation_id,
        at: api.ports.clock.now(),
    }
}

/// Loads the case that documents are filed in.
///
/// # Errors
///
/// [`Problem`] when there is none that `caller` sees, or it is deleted.
async fn open_case(api: &Api, caller: &Caller, raw: String) -> Result<CaseDetail, Problem> {
    let case = load_case(api, caller, &CaseId::read(Ok(Path(raw)))?).await?;
    if case.is_deleted {
        let detail = "the case is deleted: restore it, and file documents then";
        return Err(Problem::conflict(detail, Vec::new()));
    }
    Ok(case)
}

/// Finds the document that `raw` names. One of a case that `caller` does not see is answered like one
/// that is not there.
///
/// # Errors
///
/// [`Problem`] when there is none, or the store does not answer.
async fn find_document(
    api: &Api,
    caller: &Caller,
    raw: Result<Path<String>, PathRejection>,
) -> Result<FiledDocument, Problem> {
    let raw = raw.map_or_else(|_| String::new(), |Path(it)| it);
    let id = EntityId::parse(raw.to_ascii_lowercase()).map_err(|_| {
        let message = format!("`{}` is not the id of a document: a UUID", shorten(&raw));
        Problem::invalid(vec![Fault::new("id", message)])
    })?;
    let found = api.ports.documents.find(caller.sight(), &id).await.map_err(Problem::of_port)?;
    found.ok_or_else(|| Problem::not_found(format!("there is no document `{id}`")))
}

/// Reads the parts of a path.
fn read_path<T>(raw: Result<Path<T>, PathRejection>) -> Result<T, Problem> {
    raw.map(|Path(parts)| parts).map_err(|_| {
        let message = "it is not UTF-8, or a part of it is not a number from 0 on";
        Problem::invalid(vec![Fault::new("path", message)])
    })
}

/// Says that the bytes of a document are not there.
fn no_bytes() -> Problem {
    Problem::not_found("the bytes of this document are not kept here: only what is known of it is")
}

/// Says that an upload is over.
fn over() -> Problem {
    Problem::not_found("this upload is over, or was never begun: begin another one")
}

/// Says why the store of the bytes did not do something; `if_missing` for what is not there,
/// `if_refused` for what it did not take.
fn of_store(
    failed: PortError,
    if_missing: fn() -> Problem,
    if_refused: impl FnOnce() -> Problem,
) -> Problem {
    match failed.kind() {
        PortErrorKind::NotFound => if_missing(),
        PortErrorKind::Rejected => {
            warn!(platform = failed.platform(), operation = failed.operation(),
                error = %chain(&failed), "the store of documents refused a request");
            if_refused()
        }
        _ => Problem::of_port(failed),
    }
}

/// Spells a digest as `Content-Digest` and `Repr-Digest` carry it (RFC 9530).
fn digest_header(sha256: &Sha256Digest) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(sha256.as_bytes()))
}
