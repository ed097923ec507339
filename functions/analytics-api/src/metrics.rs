//! `GET /v1/metrics`: what is measured, how it changes, and where it is going.

pub(crate) mod forecast;
pub(crate) mod series;

use std::sync::LazyLock;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use serde::Serialize;
use shared::analytics::{Grain, Metric, built_in_metrics};
use shared::auth::Sight;
use shared::ports::CaseDimension;
use utoipa::ToSchema;

use crate::api::{json, render};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query, quoted, shorten};

/// The metrics of this build. That they can be read is what a test of their own sees to.
static METRICS: LazyLock<Vec<Metric>> = LazyLock::new(|| built_in_metrics().unwrap_or_default());

const GRAINS: [(&str, Grain); 3] =
    [("day", Grain::Day), ("week", Grain::Week), ("month", Grain::Month)];

/// The metrics that there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricList {
    /// Each with its definition.
    items: Vec<Metric>,
    /// By what fields of cases each may be grouped.
    dimensions: Vec<&'static str>,
}

/// Lists the metrics.
///
/// A name never changes its meaning; a metric that is counted differently has a higher version.
#[utoipa::path(get, path = "/metrics", tag = "metrics",
    responses((status = 200, description = "The metrics", body = MetricList), Problems))]
pub(crate) async fn list_metrics(RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let dimensions = CaseDimension::ALL.map(CaseDimension::as_str).to_vec();
    Ok(json(render(&MetricList { items: METRICS.clone(), dimensions })?))
}

/// What two answers must have in common to be one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MetricKey {
    name: String,
    grain: Grain,
    by: Option<CaseDimension>,
    /// The last period.
    until: i64,
    /// The periods that are shown, or those that are forecast.
    n_periods: u32,
    is_forecast: bool,
    /// Everybody from whom nothing is hidden shares [`Sight::Everything`].
    sight: Sight,
}

/// Finds the metric that a path names.
fn metric(name: Result<Path<String>, PathRejection>) -> Result<&'static Metric, Problem> {
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    METRICS.iter().find(|it| it.name == name).ok_or_else(|| {
        let names: Vec<_> = METRICS.iter().map(|it| it.name.as_str()).collect();
        let known = quoted(&names);
        Problem::not_found(format!("there is no metric `{}`: there are {known}", shorten(&name)))
    })
}

/// Takes the field that cases are grouped by.
fn dimension(query: &mut Query) -> Option<CaseDimension> {
    query.choice("by", &CaseDimension::ALL.map(|it| (it.as_str(), it)))
}

/// Returns today, counted in days since 1970 in UTC.
fn day_of(now: shared::time::Timestamp) -> i64 {
    now.as_millis().div_euclid(86_400_000)
}
