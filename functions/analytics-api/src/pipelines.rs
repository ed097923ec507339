//! `/v1/pipelines`: what pipelines there are, their runs, and asking for runs.

pub(crate) mod orders;
pub(crate) mod runs;
mod shapes;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::etl::runs::{PipelineDesk, PipelineDeskError};
use shared::ids::CorrelationId;
use utoipa::ToSchema;

use self::shapes::{PipelineDefinition, PipelineItem};
use crate::api::{Api, json, render};
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};

/// The pipelines that there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineList {
    /// The pipelines, by name.
    items: Vec<PipelineItem>,
}

/// One pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineDetail {
    #[serde(flatten)]
    item: PipelineItem,
    /// What was checked: `structure`. Expressions are checked when it is run, and by `moodbridge
    /// pipelines validate`.
    #[schema(example = "structure")]
    checked: &'static str,
    /// The definition; null when it is broken.
    definition: Option<PipelineDefinition>,
}

/// Returns the desk.
///
/// # Errors
///
/// [`Problem`] when no pipelines are set up.
fn desk(api: &Api) -> Result<&PipelineDesk, Problem> {
    api.ports.pipelines.as_ref().ok_or_else(|| {
        Problem::not_found("no pipelines are set up: set `PIPELINES` and `PIPELINES_QUEUE`")
    })
}

type Text = Result<Path<String>, PathRejection>;

/// Reads the name of a pipeline from a path; one that cannot be is one that is not there.
fn name_of(name: Text) -> Result<String, Problem> {
    name.map(|Path(it)| it).map_err(|_| Problem::not_found("there is no such pipeline"))
}

/// Reads the id of a run from a path.
fn run_of(id: Text) -> Result<CorrelationId, Problem> {
    let id = id.map_or_else(|_| String::new(), |Path(it)| it);
    let gone = || Problem::not_found(format!("there is no run `{}`", shorten(&id)));
    CorrelationId::parse(id.clone()).map_err(|_| gone())
}

impl Problem {
    /// Says why an order was not taken.
    pub(crate) fn of_pipelines(failed: PipelineDeskError) -> Self {
        match failed {
            PipelineDeskError::Failed(failed) => Self::of_port(failed),
            PipelineDeskError::NoPipeline { .. } | PipelineDeskError::NoRun { .. } => {
                Self::not_found(failed.to_string())
            }
            PipelineDeskError::Succeeded { .. } | PipelineDeskError::Ended { .. } => {
                Self::run_state(failed.to_string())
            }
            PipelineDeskError::Refused(faults) => {
                let faults = faults.into_iter().map(|it| Fault::new("body", it));
                Self::invalid(faults.collect())
            }
            PipelineDeskError::Faulty { faults, .. } => {
                let of = |it: &shared::etl::PipelineFault| {
                    let place = if it.path.is_empty() { "definition" } else { &it.path };
                    Fault::new(place, it.to_string())
                };
                Self::unprocessable(faults.iter().take(20).map(of).collect())
            }
        }
    }
}

/// Lists the pipelines, each with its newest run.
///
/// One whose definition is broken is listed with its faults. Names, types and rules are checked here;
/// expressions are checked when it is run.
#[utoipa::path(get, path = "/pipelines", tag = "pipelines",
    responses((status = 200, description = "The pipelines", body = PipelineList), Problems))]
pub(crate) async fn list_pipelines(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let listed = desk(&api)?.list().await.map_err(Problem::of_port)?;
    let items = listed.into_iter().map(|it| PipelineItem::of(it).0).collect();
    Ok(json(render(&PipelineList { items })?))
}

/// Returns a pipeline: its files, columns, steps and rules, and where each column comes from.
///
/// A column whose name stands in an expression counts as used by it; `moodbridge pipelines explain`
/// knows exactly.
#[utoipa::path(get, path = "/pipelines/{name}", tag = "pipelines",
    params(("name" = String, Path, description = "The name of the pipeline", example = "clean-cases")),
    responses((status = 200, description = "The pipeline", body = PipelineDetail),
        (status = 404, description = "There is no such pipeline", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_pipeline(
    State(api): State<Arc<Api>>,
    name: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let shown = desk(&api)?.show(&name_of(name)?).await.map_err(Problem::of_pipelines)?;
    let (item, definition) = PipelineItem::of(shown);
    Ok(json(render(&PipelineDetail { item, checked: "structure", definition })?))
}
