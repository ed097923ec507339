//! `GET /v1/metrics/{metric}/forecast`: what comes next, with the error that it would have had so far.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::analytics::{BackTest, Forecast, Grain, Method, Metric, SeriesQuery, forecast, series};
use shared::ports::CaseTally;
use shared::time::Timestamp;
use utoipa::{IntoParams, ToSchema};

use super::{GRAINS, MetricKey, day_of, metric};
use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;

/// A forecast of a metric.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricForecast {
    metric: Metric,
    grain: Grain,
    /// When it was made.
    as_of: Timestamp,
    /// From how many periods it was made; they are over, and there is none without a value among them.
    n_periods: usize,
    /// How it was made: the method with the least error so far. Null without a forecast.
    method: Option<Method>,
    /// The share of values that should lie between `low` and `high`.
    level: Option<f64>,
    /// The next periods, the present one first.
    points: Vec<MetricForecastPoint>,
    /// How wrong each method was on the past, the best first.
    back_tests: Vec<BackTest>,
    /// Why there is no forecast; null when there is one.
    reason: Option<String>,
}

/// One period ahead.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricForecastPoint {
    /// The period, such as `2026-12`.
    period: String,
    /// Its first day.
    from: String,
    /// What is expected.
    value: f64,
    /// The lower end of the interval.
    low: f64,
    /// Its upper end.
    high: f64,
}

/// What to forecast.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct ForecastQuery {
    /// How long a period is; a month by default.
    #[param(inline, example = "month")]
    grain: Option<Grain>,
    /// How many periods to forecast, the present one included; 6 by default.
    #[param(minimum = 1, maximum = 60, example = 6)]
    periods: Option<u32>,
}

/// Forecasts a metric.
///
/// Several methods forecast from a dozen earlier periods, and the one with the least error is taken. The
/// interval is as wide as its errors were. Cases that the caller does not see are not counted.
#[utoipa::path(get, path = "/metrics/{metric}/forecast", tag = "metrics",
    params(("metric" = String, Path, description = "The name of the metric", example = "cases_opened"), ForecastQuery),
    responses((status = 200, description = "The forecast", body = MetricForecast),
        (status = 404, description = "No metric has this name", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_metric_forecast(
    State(api): State<Arc<Api>>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let metric = metric(name)?;
    let mut query = Query::new(raw.as_deref());
    let grain = query.choice("grain", &GRAINS).unwrap_or_default();
    let n_periods = query.number("periods", 1..=60).unwrap_or(6);
    query.finish::<ForecastQuery, _>(())?;
    let now = api.ports.clock.now();
    let key = MetricKey {
        name: metric.name.clone(),
        grain,
        by: None,
        until: grain.period_of(day_of(now)),
        n_periods,
        is_forecast: true,
        sight: api.ports.sight_of(&caller).await?,
    };
    let tally = Arc::clone(&api.ports.tally);
    let page = api.metrics.get(key.clone(), || load(tally, metric, key, now)).await?;
    Ok(json(page))
}

/// How many periods a forecast is made from at most.
const fn history(grain: Grain) -> i64 {
    match grain {
        Grain::Day => 182,
        Grain::Week => 156,
        Grain::Month => 120,
    }
}

async fn load(
    tally: Arc<dyn CaseTally>,
    metric: &'static Metric,
    key: MetricKey,
    now: Timestamp,
) -> Result<Bytes, Problem> {
    let MetricKey { grain, until, n_periods, sight, .. } = key;
    let from = until - history(grain);
    let query = SeriesQuery { metric, grain, from, until: until - 1, by: None };
    let found = series(&*tally, &sight, &query).await.map_err(Problem::of_port)?;
    let points = found.first().map(|it| it.points.as_slice()).unwrap_or_default();
    let past = latest_run(points.iter().map(|it| it.value));
    let (n_past, horizon) = (past.len(), usize::try_from(n_periods).unwrap_or_default());
    // It takes a while: other requests are answered meanwhile.
    let made = tokio::task::spawn_blocking(move || forecast(&past, grain.season(), horizon));
    let made = made.await.map_err(|_| Problem::internal())?;
    let answer = MetricForecast {
        metric: metric.clone(),
        grain,
        as_of: now,
        n_periods: n_past,
        method: None,
        level: None,
        points: Vec::new(),
        back_tests: Vec::new(),
        reason: None,
    };
    render(&match made {
        Err(refusal) => MetricForecast { reason: Some(refusal.to_string()), ..answer },
        Ok(Forecast { points, level, method, back_tests }) => MetricForecast {
            method: Some(method),
            level: Some(level),
            points: (until..).zip(points).map(|(period, it)| point(grain, period, it)).collect(),
            back_tests,
            ..answer
        },
    })
    .map(Bytes::from)
}

fn point(grain: Grain, period: i64, it: shared::analytics::ForecastPoint) -> MetricForecastPoint {
    MetricForecastPoint {
        period: grain.label(period),
        from: Grain::Day.label(grain.first_day(period)),
        value: it.value,
        low: it.low,
        high: it.high,
    }
}

/// Returns the values since the last gap, and since the first of them that is not zero: before it the
/// firm was not here yet.
fn latest_run(values: impl DoubleEndedIterator<Item = Option<f64>>) -> Vec<f64> {
    let mut run: Vec<f64> = values.rev().map_while(|it| it).collect();
    while run.last() == Some(&0.0) {
        run.pop();
    }
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_begins_with_the_firm_and_after_the_last_gap() {
        let run = |values: &[Option<f64>]| latest_run(values.iter().copied());
        assert_eq!(run(&[Some(0.0), Some(0.0), Some(3.0), Some(0.0)]), [3.0, 0.0]);
        assert_eq!(run(&[Some(9.0), None, Some(3.0), Some(4.0)]), [3.0, 4.0]);
        assert!(run(&[Some(0.0), None]).is_empty());
    }
}
