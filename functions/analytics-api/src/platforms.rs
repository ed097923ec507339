//! `GET /v1/platforms`: what this deployment can be connected with.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::platform::PlatformDescription;
use utoipa::ToSchema;

use crate::api::{Api, json, render};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};

/// All platforms.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlatformList<'a> {
    /// The platforms, by their ids.
    items: &'a [PlatformDescription],
}

/// Lists the platforms that this deployment can be connected with.
///
/// Each tells its streams and fields, what it can do, and the settings of a connection as a JSON
/// Schema. How well its connections work is told by `/v1/integrations`.
#[utoipa::path(get, path = "/platforms", tag = "integrations",
    responses((status = 200, description = "The platforms", body = PlatformList), Problems))]
pub(crate) async fn list_platforms(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    Ok(json(render(&PlatformList { items: &api.ports.platforms })?))
}
