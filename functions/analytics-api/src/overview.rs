//! `GET /v1/overview`: all that the first page shows, in one answer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::auth::Sight;
use shared::ports::Overview;
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, Ports, json, render};
use crate::integrations::{Integration, load_integrations};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::queues::{QueueState, load_queues};

/// All that the first page shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OverviewPage {
    #[serde(flatten)]
    overview: Overview,
    /// The connections and how well they work.
    integrations: Vec<Integration>,
    /// The queues and how full they are.
    queues: Vec<QueueState>,
}

/// Which days the figures cover.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverviewQuery {
    /// The figures per day cover this many days, today included; 30 by default.
    #[param(minimum = 1, maximum = 365, example = 30)]
    #[expect(dead_code, reason = "documents the parameter")]
    days: Option<u32>,
}

/// Reads the figures of the first page.
///
/// Counts by status, cases opened and closed per day, freshness, sync lag, connections and queues.
/// The figures are at most one second old, however many clients ask.
#[utoipa::path(get, path = "/overview", tag = "overview", params(OverviewQuery),
    responses((status = 200, description = "The figures", body = OverviewPage), Problems))]
pub(crate) async fn get_overview(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let n_days = query.number("days", 1..=365).unwrap_or(30);
    let n_days = query.finish::<OverviewQuery, _>(n_days)?;
    let ports = api.ports.clone();
    let page = api.overviews.get(n_days, || load_page(ports, n_days)).await?;
    Ok(json(page))
}

async fn load_page(ports: Ports, n_days: u32) -> Result<Bytes, Problem> {
    let overview =
        async { ports.view.overview(&Sight::Everything, n_days).await.map_err(Problem::of_port) };
    let (overview, integrations, queues) =
        tokio::try_join!(overview, load_integrations(&ports), load_queues(&ports))?;
    render(&OverviewPage { overview, integrations, queues }).map(Bytes::from)
}
