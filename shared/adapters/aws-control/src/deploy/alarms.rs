//! Alarms, and how versions fared, as `CloudWatch` tells it.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::builders::DimensionBuilder;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, StateValue,
};
use shared::error::PortError;
use shared::ports::{Alarm, VersionNumber, VersionRuns};
use shared::time::Timestamp;

use super::advice::call;
use super::functions::ALIAS;

/// What Lambda counts by.
const NAMESPACE: &str = "AWS/Lambda";
/// The shortest time that it counts over, in seconds.
const PERIOD_S: i32 = 60;

/// Lists the alarms whose names begin with `prefix`, by name.
pub(super) async fn list(client: &Client, prefix: &str) -> Result<Vec<Alarm>, PortError> {
    let call = call("read alarms", prefix);
    let ask = client.describe_alarms().alarm_name_prefix(prefix);
    let ask = ask.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
    let mut pages = ask.into_paginator().send();
    let mut alarms = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| call.failed(error))?;
        for it in page.metric_alarms() {
            let name = it.dimensions().iter().find(|it| it.name() == Some("FunctionName"));
            let name = name.and_then(|it| it.value()?.strip_prefix(prefix));
            let alarm = alarm(it.alarm_name(), it.state_value(), it.state_reason());
            alarms.push(Alarm { function: name.map(str::to_owned), ..alarm });
        }
        for it in page.composite_alarms() {
            alarms.push(alarm(it.alarm_name(), it.state_value(), it.state_reason()));
        }
    }
    alarms.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(alarms)
}

fn alarm(name: Option<&str>, state: Option<&StateValue>, reason: Option<&str>) -> Alarm {
    Alarm {
        name: name.unwrap_or_default().to_owned(),
        function: None,
        is_raised: state == Some(&StateValue::Alarm),
        reason: reason.unwrap_or("AWS says no reason").to_owned(),
    }
}

/// Counts the calls of `version` by way of the alias, from the minute of `since` until `until`.
///
/// Source: AWS Lambda developer guide, "Types of metrics", dimension `ExecutedVersion`: it is there
/// as long as the alias names two versions.
pub(super) async fn runs(
    client: &Client,
    full_name: &str,
    version: VersionNumber,
    (since, until): (Timestamp, Timestamp),
) -> Result<VersionRuns, PortError> {
    let call = call("count calls", full_name);
    let dimensions = [
        ("FunctionName", full_name.to_owned()),
        ("Resource", format!("{full_name}:{ALIAS}")),
        ("ExecutedVersion", version.to_string()),
    ];
    let minute = since.as_millis().div_euclid(60_000) * 60_000;
    let mut ask = client
        .get_metric_data()
        .start_time(DateTime::from_millis(minute))
        .end_time(DateTime::from_millis(until.as_millis() + 60_000));
    for (id, metric) in [("runs", "Invocations"), ("failed", "Errors")] {
        ask = ask.metric_data_queries(sum_of(id, NAMESPACE, metric, &dimensions, PERIOD_S));
    }
    let answer = ask.send().await.map_err(|error| call.failed(error))?;
    let sum = |id: &str| {
        let found = answer.metric_data_results().iter().find(|it| it.id() == Some(id));
        count(found.map_or(0.0, |it| it.values().iter().sum()))
    };
    Ok(VersionRuns { n_runs: sum("runs"), n_failed: sum("failed") })
}

/// Asks for the sum of a metric.
pub(super) fn sum_of(
    id: &str,
    namespace: &str,
    metric: &str,
    dimensions: &[(&str, String)],
    period_s: i32,
) -> MetricDataQuery {
    let dimensions = dimensions.iter();
    let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(*name).value(value));
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name(metric)
        .set_dimensions(Some(dimensions.map(DimensionBuilder::build).collect()))
        .build();
    let stat = MetricStat::builder().metric(metric).period(period_s).stat("Sum").build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

/// Reads a sum of whole things.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of calls is whole and positive"
)]
pub(super) fn count(sum: f64) -> u64 {
    sum.round().max(0.0) as u64
}
