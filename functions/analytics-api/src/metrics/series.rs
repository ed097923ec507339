//! `GET /v1/metrics/{metric}`: a metric over periods, and how it changes.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::analytics::{Grain, Group, Metric, Point, Series, SeriesQuery, change_points, series};
use shared::ports::{CaseDimension, CaseTally};
use shared::time::Timestamp;
use utoipa::{IntoParams, ToSchema};

use super::{GRAINS, MetricKey, day_of, dimension, metric};
use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;

/// A metric over periods.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricSeries {
    metric: Metric,
    grain: Grain,
    /// By what cases are grouped; null when they are not.
    by: Option<&'static str>,
    /// When it was counted.
    as_of: Timestamp,
    /// The largest group first; one of all cases when they are not grouped.
    groups: Vec<MetricGroup>,
}

/// The values of one group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricGroup {
    /// The value that its cases have in common; null for all cases, for those without one, and for the
    /// rest.
    group: Option<String>,
    /// Whose values they are.
    kind: GroupKind,
    /// One for each period, the earliest first.
    points: Vec<MetricPoint>,
    /// Where the level changed, among the periods that are over.
    change_points: Vec<LevelChange>,
}

/// Whose values a group holds.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupKind {
    /// All cases'.
    All,
    /// Those of cases with the same value.
    Value,
    /// Those of cases without a value.
    None,
    /// Those of all groups that are too small to be told.
    Rest,
}

/// The value of one period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricPoint {
    /// The period, such as `2026-11`, `2026-W49` or `2026-11-30`.
    period: String,
    /// Its first day.
    from: String,
    /// The value; null where there is nothing to take a mean of.
    value: Option<f64>,
    /// From the period before to this one, as a share: 0.1 is a tenth more.
    previous_change: Option<f64>,
    /// From the same period a year before, likewise: weeks from the 52nd before, days from the same day
    /// of the week.
    year_change: Option<f64>,
    /// Whether the period is over.
    is_complete: bool,
}

/// A change of level.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LevelChange {
    /// The first period of the new level.
    period: String,
    /// The mean before it.
    before: f64,
    /// The mean from it on.
    after: f64,
}

/// Which values to count.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct MetricQuery {
    /// How long a period is; a month by default. Days and weeks begin at midnight in UTC, weeks on
    /// Monday.
    #[param(inline, example = "month")]
    grain: Option<Grain>,
    /// How many periods, the present one included; 24 by default.
    #[param(minimum = 1, maximum = 400, example = 24)]
    periods: Option<u32>,
    /// By what field cases are grouped. The eight largest groups are told, and the rest together.
    #[param(inline, value_type = Option<DimensionName>, example = "practice_area")]
    by: Option<CaseDimension>,
}

/// The fields that cases are grouped by.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents the parameter")]
pub(super) enum DimensionName {
    PracticeArea,
    Court,
    Status,
    Priority,
    Origin,
}

/// Counts a metric over periods.
///
/// Each period is compared with the one before and with the year before. Changes of level are found by
/// PELT. The figures are at most half a minute old; cases that the caller does not see are not counted.
#[utoipa::path(get, path = "/metrics/{metric}", tag = "metrics",
    params(("metric" = String, Path, description = "The name of the metric", example = "cases_opened"), MetricQuery),
    responses((status = 200, description = "The values", body = MetricSeries),
        (status = 404, description = "No metric has this name", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_metric(
    State(api): State<Arc<Api>>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let metric = metric(name)?;
    let mut query = Query::new(raw.as_deref());
    let grain = query.choice("grain", &GRAINS).unwrap_or_default();
    let n_periods = query.number("periods", 1..=400).unwrap_or(24);
    let by = dimension(&mut query);
    query.finish::<MetricQuery, _>(())?;
    let now = api.ports.clock.now();
    let key = MetricKey {
        name: metric.name.clone(),
        grain,
        by,
        until: grain.period_of(day_of(now)),
        n_periods,
        is_forecast: false,
        sight: api.ports.sight_of(&caller).await?,
    };
    let tally = Arc::clone(&api.ports.tally);
    let page = api.metrics.get(key.clone(), || load(tally, metric, key, now)).await?;
    Ok(json(page))
}

async fn load(
    tally: Arc<dyn CaseTally>,
    metric: &'static Metric,
    key: MetricKey,
    now: Timestamp,
) -> Result<Bytes, Problem> {
    let MetricKey { grain, by, until, n_periods, sight, .. } = key;
    let query = SeriesQuery { metric, grain, from: until + 1 - i64::from(n_periods), until, by };
    let found = series(&*tally, &sight, &query).await.map_err(Problem::of_port)?;
    let groups = found.into_iter().map(|it| group(it, grain, until)).collect();
    let by = by.map(CaseDimension::as_str);
    render(&MetricSeries { metric: metric.clone(), grain, by, as_of: now, groups }).map(Bytes::from)
}

/// Renders the values of a group; the period `now` is not over yet.
fn group(series: Series, grain: Grain, now: i64) -> MetricGroup {
    let changes = changes(&series.points, grain, now);
    let point = |it: &Point| MetricPoint {
        period: grain.label(it.period),
        from: Grain::Day.label(grain.first_day(it.period)),
        value: it.value,
        previous_change: it.previous_change,
        year_change: it.year_change,
        is_complete: it.period < now,
    };
    let (group, kind) = match series.group {
        Group::All => (None, GroupKind::All),
        Group::Of(Some(value)) => (Some(value), GroupKind::Value),
        Group::Of(None) => (None, GroupKind::None),
        Group::Rest => (None, GroupKind::Rest),
    };
    MetricGroup {
        group,
        kind,
        points: series.points.iter().map(point).collect(),
        change_points: changes,
    }
}

/// Finds changes of level among the values of the periods that are over; those without one are left out.
fn changes(points: &[Point], grain: Grain, now: i64) -> Vec<LevelChange> {
    let over = points.iter().filter(|it| it.period < now);
    let (periods, values): (Vec<i64>, Vec<f64>) =
        over.filter_map(|it| Some((it.period, it.value?))).unzip();
    let told = change_points(&values).into_iter().filter_map(|it| {
        let period = grain.label(*periods.get(it.at)?);
        Some(LevelChange { period, before: it.before, after: it.after })
    });
    told.collect()
}
