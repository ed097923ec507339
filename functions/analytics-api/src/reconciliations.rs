//! `GET /v1/reconciliations`: how well both sides agree.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::ids::EntityId;
use shared::model::RecordKey;
use shared::ports::{Difference, Reconciliation};
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;

/// One comparison, and the share of records that were equal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comparison {
    #[serde(flatten)]
    run: Reconciliation,
    /// The share of records that were equal when it began, from 0 to 1.
    #[schema(example = 0.9998)]
    accuracy: f64,
}

/// The newest comparisons.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComparisonList {
    /// The comparisons, the newest first.
    items: Vec<Comparison>,
}

/// How many comparisons to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReconciliationsQuery {
    /// How many comparisons to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    #[expect(dead_code, reason = "documents the parameter")]
    limit: Option<u32>,
}

/// Lists the newest comparisons of both sides.
///
/// Each counts the records of one object here and over there, and names the first that differ; values
/// are not repeated. Samples of cases that the caller is screened from are left out.
#[utoipa::path(get, path = "/reconciliations", tag = "sync", params(ReconciliationsQuery),
    responses((status = 200, description = "The comparisons", body = ComparisonList), Problems))]
pub(crate) async fn list_reconciliations(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let limit = query.number("limit", 1..=200).unwrap_or(50);
    let limit = query.finish::<ReconciliationsQuery, _>(limit)?;
    let runs = api.ports.two_way.comparisons.reconciliations(limit).await;
    let mut runs = runs.map_err(Problem::of_port)?;
    let hears_all = api.ports.walls.shows_all(&caller.hearing()).await.map_err(Problem::of_port)?;
    if !hears_all {
        for run in &mut runs {
            leave_out_hidden(&api, &caller, run).await?;
        }
    }
    let items = runs.into_iter().map(|run| Comparison { accuracy: run.accuracy(), run });
    Ok(json(render(&ComparisonList { items: items.collect() })?))
}

async fn leave_out_hidden(
    api: &Api,
    caller: &Caller,
    run: &mut Reconciliation,
) -> Result<(), Problem> {
    let key_of = |it: &Difference| RecordKey {
        connection: run.connection.clone(),
        object: run.object.clone(),
        record_id: it.record_id.clone(),
    };
    let keys: Vec<_> = run.samples.iter().map(key_of).collect();
    let shadows = api.ports.two_way.store.shadows(&keys).await.map_err(Problem::of_port)?;
    // A row that was made here keeps its own id; one that is missing here has none but the derived.
    let ids: Vec<EntityId> = keys
        .iter()
        .zip(shadows)
        .map(|(key, shadow)| shadow.map_or_else(|| key.entity_id(), |it| it.entity_id))
        .collect();
    let hidden: BTreeSet<EntityId> =
        api.ports.walls.hidden(&caller.hearing(), &ids).await.map_err(Problem::of_port)?;
    let mut ids = ids.iter();
    run.samples.retain(|_| ids.next().is_some_and(|id| !hidden.contains(id)));
    Ok(())
}
