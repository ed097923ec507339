//! `GET /v1/pipelines/runs` and `…/quality`: what became of runs, and of their rows.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use shared::etl::runs::PipelineDeskError;
use shared::ids::CorrelationId;
use shared::ports::PipelineRunState;
use utoipa::IntoParams;

use super::shapes::{PipelineQuality, PipelineRunDetail, PipelineRunItem, PipelineRunPage};
use super::{Text, desk, name_of, run_of};
use crate::api::{Api, json, render};
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query};

/// Which runs to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct PipelineRunsQuery {
    /// Those of one pipeline.
    #[param(max_length = 80, example = "clean-cases")]
    pipeline: Option<String>,
    /// Those that stand so.
    #[param(inline, example = "failed")]
    state: Option<PipelineRunState>,
    /// Only those behind the run of this id: `next_after` of the page before.
    #[param(max_length = 64)]
    after: Option<String>,
    /// How many runs to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// Lists runs, the newest first.
#[utoipa::path(get, path = "/pipelines/runs", tag = "pipelines", params(PipelineRunsQuery),
    responses((status = 200, description = "A page of runs", body = PipelineRunPage), Problems))]
pub(crate) async fn list_pipeline_runs(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let states = PipelineRunState::ALL.map(|it| (it.as_str(), it));
    let state = query.choice("state", &states);
    let pipeline = query.text("pipeline");
    let limit = query.number("limit", 1..=200).unwrap_or(50);
    let given = query.text("after");
    let after = given.as_ref().and_then(|it| CorrelationId::parse(it.clone()).ok());
    if given.is_some() && after.is_none() {
        query.fault("after", "it is not the id of a run");
    }
    let found = query.finish::<PipelineRunsQuery, _>((pipeline, state, after, limit))?;
    let (pipeline, state, after, limit) = found;
    let runs = desk(&api)?.runs(pipeline, state, after.as_ref(), limit).await;
    let runs = runs.map_err(|failed| match failed {
        it @ PipelineDeskError::NoRun { .. } => {
            Problem::invalid(vec![Fault::new("after", it.to_string())])
        }
        it => Problem::of_pipelines(it),
    })?;
    let is_full = runs.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let items: Vec<_> = runs.into_iter().map(PipelineRunItem::of).collect();
    let next_after = items.last().map(PipelineRunItem::id).filter(|_| is_full);
    Ok(json(render(&PipelineRunPage { items, next_after })?))
}

/// Returns a run with its partitions, what became of each rule, and the reason of the gate.
#[utoipa::path(get, path = "/pipelines/runs/{id}", tag = "pipelines",
    params(("id" = String, Path, description = "The id of the run", example = "0af7651916cd43dd8448eb211c80319c")),
    responses((status = 200, description = "The run", body = PipelineRunDetail),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_pipeline_run(
    State(api): State<Arc<Api>>,
    id: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let detail = desk(&api)?.run(&run_of(id)?).await.map_err(Problem::of_pipelines)?;
    Ok(json(render(&PipelineRunDetail::of(detail))?))
}

/// How many runs to judge by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct PipelineQualityQuery {
    /// How many runs to look at; 30 by default.
    #[param(minimum = 1, maximum = 100, example = 30)]
    runs: Option<u32>,
}

/// Tells how good the rows of a pipeline were, run by run and rule by rule.
///
/// Runs count that came to a verdict over their source: those that succeeded, and those whose gate was
/// shut. Replays of rows that were put right say nothing of the source.
#[utoipa::path(get, path = "/pipelines/{name}/quality", tag = "pipelines",
    params(("name" = String, Path, description = "The name of the pipeline", example = "clean-cases"), PipelineQualityQuery),
    responses((status = 200, description = "How good the rows were", body = PipelineQuality),
        (status = 404, description = "There is no such pipeline", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_pipeline_quality(
    State(api): State<Arc<Api>>,
    name: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let n_runs = query.number("runs", 1..=100).unwrap_or(30);
    let n_runs = query.finish::<PipelineQualityQuery, _>(n_runs)?;
    let n_runs = usize::try_from(n_runs).unwrap_or(usize::MAX);
    let quality = desk(&api)?.quality(&name_of(name)?, n_runs).await;
    Ok(json(render(&PipelineQuality::of(quality.map_err(Problem::of_pipelines)?))?))
}
