//! `GET /v1/overview`: all that the first page shows, in one answer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::auth::{Permission, Sight};
use shared::ports::Overview;
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, Ports, json, render};
use crate::caller::Caller;
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
    /// The connections and how well they work; none for whoever may not read them.
    integrations: Vec<Integration>,
    /// The queues and how full they are; none for whoever may not read them.
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
/// The figures are at most one second old, however many clients ask. Cases that the caller does not
/// see are not counted.
#[utoipa::path(get, path = "/overview", tag = "overview", params(OverviewQuery),
    responses((status = 200, description = "The figures", body = OverviewPage), Problems))]
pub(crate) async fn get_overview(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let n_days = query.number("days", 1..=365).unwrap_or(30);
    let n_days = query.finish::<OverviewQuery, _>(n_days)?;
    let ports = api.ports.clone();
    let key = OverviewKey {
        n_days,
        sight: ports.sight_of(&caller).await?,
        with_integrations: caller.may(Permission::IntegrationsRead),
        with_queues: caller.may(Permission::QueuesRead),
    };
    let page = api.overviews.get(key.clone(), || load_page(ports, key)).await?;
    Ok(json(page))
}

/// What two answers must have in common to be one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OverviewKey {
    n_days: u32,
    /// Everybody from whom nothing is hidden shares [`Sight::Everything`].
    sight: Sight,
    with_integrations: bool,
    with_queues: bool,
}

async fn load_page(ports: Ports, key: OverviewKey) -> Result<Bytes, Problem> {
    let OverviewKey { n_days, sight, with_integrations, with_queues } = key;
    let overview = async { ports.view.overview(&sight, n_days).await.map_err(Problem::of_port) };
    let integrations =
        async { if with_integrations { load_integrations(&ports).await } else { Ok(Vec::new()) } };
    let hearing = sight.person().map_or(Sight::Everything, |it| Sight::AllBut(it.clone()));
    let queues =
        async { if with_queues { load_queues(&ports, &hearing).await } else { Ok(Vec::new()) } };
    let (overview, integrations, queues) = tokio::try_join!(overview, integrations, queues)?;
    render(&OverviewPage { overview, integrations, queues }).map(Bytes::from)
}
