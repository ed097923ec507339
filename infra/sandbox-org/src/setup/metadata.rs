//! `/metadata/deployRequest`. Source: Metadata API guide, "Deploying with REST".

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::multipart::parts;
use crate::api::{ApiError, Call, Reply};
use crate::ids::RecordId;
use crate::sandbox::State;

/// Answers what lies below `/metadata`.
pub(crate) fn metadata(
    state: &State,
    call: &Call<'_>,
    segments: &[&str],
) -> Result<Reply, ApiError> {
    match (&call.method, segments) {
        (&Method::POST, ["deployRequest"]) => begin(state, call),
        (&Method::GET, ["deployRequest", id]) => tell(state, call, id),
        (_, ["deployRequest"]) => Err(ApiError::wrong_method(&call.method, "POST")),
        (_, ["deployRequest", _]) => Err(ApiError::wrong_method(&call.method, "GET")),
        _ => Err(ApiError::not_found()),
    }
}

fn begin(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let refused = |message: &str| ApiError::new(400, "INVALID_MULTIPART_REQUEST", message);
    let parts = parts(&call.body).ok_or_else(|| refused("the body must be multipart/form-data"))?;
    // The guide calls the first part `json`, jsforce `entity_content`.
    let wish = parts.iter().find(|part| part.name != "file");
    let wish = wish.ok_or_else(|| refused("the part `json` is missing"))?.bytes;
    let archive = parts.iter().find(|part| part.name == "file");
    let archive = archive.ok_or_else(|| refused("the part `file` is missing"))?.bytes;
    let wish: Json = serde_json::from_slice(wish)
        .map_err(|error| ApiError::new(400, "JSON_PARSER_ERROR", error.to_string()))?;
    let options = wish.get("deployOptions").cloned().unwrap_or_else(|| json!({}));
    let now_ms = state.clock().now_ms();
    let id = state.deployments.begin(options, archive, now_ms);
    told(state, call, id, 201)
}

fn tell(state: &State, call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    let id = RecordId::parse(id).ok_or_else(ApiError::not_found)?;
    told(state, call, id, 200)
}

fn told(state: &State, call: &Call<'_>, id: RecordId, status: u16) -> Result<Reply, ApiError> {
    let now_ms = state.clock().now_ms();
    let with_details = call.flag("includeDetails");
    let (options, result) = state
        .deployments
        .tell(id, call.author.user, with_details, now_ms)
        .ok_or_else(ApiError::not_found)?;
    let url = format!("/services/data/{}/metadata/deployRequest/{id}", call.version);
    let body = json!({"id": id.to_string(), "url": url, "validatedDeployRequestId": null,
                      "deployOptions": options, "deployResult": result});
    Ok(Reply::json(status, &body))
}
