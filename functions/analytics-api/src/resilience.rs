//! `GET /v1/resilience`: which calls are held back, and what is left of each quota.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::time::Timestamp;
use shared::worker::breaker::{self, BreakerPhase, BreakerState};
use shared::worker::quota::{self, QuotaState};
use utoipa::ToSchema;

use crate::api::{Api, json, render};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};

/// How calls to platforms are held back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResiliencePage {
    /// The breakers that were ever open.
    breakers: Vec<Breaker>,
    /// The quotas.
    quotas: Vec<Quota>,
}

/// A breaker that all workers share.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Breaker {
    /// The platform.
    #[schema(example = "salesforce")]
    platform: String,
    /// The host and port that are called.
    #[schema(example = "firm.my.salesforce.com:443")]
    host: String,
    /// The operation.
    #[schema(example = "changes")]
    operation: String,
    /// What it does with calls.
    state: BreakerPhase,
    /// Since when.
    since: Timestamp,
    /// When the next call may be tried; null when it lets all through.
    until: Option<Timestamp>,
}

/// A quota that all workers share.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quota {
    /// The platform.
    #[schema(example = "salesforce")]
    platform: String,
    /// The connection.
    #[schema(example = "main")]
    connection: String,
    /// Calls in a window.
    limit: u64,
    /// Calls used, those that workers hold included.
    used: u64,
    /// Calls left.
    left: u64,
    /// Calls kept for people's own requests.
    reserve: u64,
    /// Calls an hour, at the present pace.
    per_hour: u64,
    /// When the last call goes at this pace; null when calls come free faster.
    exhausted_at: Option<Timestamp>,
    /// When the platform last told its own count.
    reported_at: Option<Timestamp>,
}

impl From<BreakerState> for Breaker {
    fn from(it: BreakerState) -> Self {
        let BreakerState { name, phase, since, until } = it;
        Self {
            platform: name.platform,
            host: name.host,
            operation: name.operation,
            state: phase,
            since,
            until,
        }
    }
}

impl From<QuotaState> for Quota {
    fn from(it: QuotaState) -> Self {
        Self {
            platform: it.platform,
            connection: it.connection,
            limit: it.limit,
            used: it.n_used,
            left: it.n_left,
            reserve: it.reserve,
            per_hour: it.per_hour,
            exhausted_at: it.spent_at,
            reported_at: it.reported_at,
        }
    }
}

/// Lists breakers and quotas, as all workers share them.
#[utoipa::path(get, path = "/resilience", tag = "integrations",
    responses((status = 200, description = "Breakers and quotas", body = ResiliencePage), Problems))]
pub(crate) async fn get_resilience(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let (ledger, now) = (&*api.ports.ledger, api.ports.clock.now());
    let (breakers, quotas) = tokio::try_join!(breaker::list(ledger), quota::list(ledger, now))
        .map_err(Problem::of_port)?;
    let page = ResiliencePage {
        breakers: breakers.into_iter().map(Breaker::from).collect(),
        quotas: quotas.into_iter().map(Quota::from).collect(),
    };
    Ok(json(render(&page)?))
}
