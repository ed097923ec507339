//! What functions took, as `CloudWatch` counted it: for an estimate of what they cost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use shared::error::PortError;
use shared::ports::{Clock, FunctionUsage, MeasuredUsage, UsageMeter};

use super::account;
use super::advice::call;
use super::alarms::{count, sum_of};
use super::target::DeployPlace;

/// The queue of changes, by its name without the deployment's.
const EVENTS: &str = "events";
/// Days are counted whole.
const PERIOD_S: i32 = 86_400;
const DAY: Duration = Duration::from_hours(24);

/// The counts of one environment.
pub struct LambdaUsage {
    place: DeployPlace,
    lambda: aws_sdk_lambda::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    clock: Arc<dyn Clock>,
}

impl LambdaUsage {
    /// Reads region and credentials from the environment. Nothing is called yet.
    pub async fn open(place: DeployPlace, clock: Arc<dyn Clock>) -> Self {
        Self::of(&Box::pin(account::of_environment()).await, place, clock)
    }

    /// Uses what was configured elsewhere.
    pub fn of(config: &aws_config::SdkConfig, place: DeployPlace, clock: Arc<dyn Clock>) -> Self {
        let lambda = aws_sdk_lambda::Client::new(config);
        let cloudwatch = aws_sdk_cloudwatch::Client::new(config);
        Self { place, lambda, cloudwatch, clock }
    }

    /// Lists functions with their memory.
    async fn functions(&self) -> Result<Vec<(String, u64)>, PortError> {
        let prefix = &self.place.prefix;
        let call = call("list functions", prefix);
        let mut pages = self.lambda.list_functions().into_paginator().send();
        let mut functions = Vec::new();
        while let Some(page) = pages.next().await {
            for it in page.map_err(|error| call.failed(error))?.functions.unwrap_or_default() {
                let name = it.function_name().and_then(|it| it.strip_prefix(prefix.as_str()));
                let memory_mb = it.memory_size().and_then(|it| u64::try_from(it).ok());
                if let (Some(name), Some(memory_mb)) = (name, memory_mb) {
                    functions.push((name.to_owned(), memory_mb));
                }
            }
        }
        functions.sort();
        Ok(functions)
    }
}

fn sum(answer: &GetMetricDataOutput, id: &str) -> f64 {
    let found = answer.metric_data_results().iter().find(|it| it.id() == Some(id));
    found.map_or(0.0, |it| it.values().iter().sum())
}

#[async_trait]
impl UsageMeter for LambdaUsage {
    async fn usage(&self, n_days: u32) -> Result<MeasuredUsage, PortError> {
        let prefix = &self.place.prefix;
        let call = call("count calls", prefix);
        let until = self.clock.now();
        let since = until.minus(DAY * n_days);
        let ask = || {
            let ask = self.cloudwatch.get_metric_data();
            let ask = ask.start_time(DateTime::from_millis(since.as_millis()));
            ask.end_time(DateTime::from_millis(until.as_millis()))
        };
        let mut functions = Vec::new();
        for (function, memory_mb) in self.functions().await? {
            let dimension = [("FunctionName", format!("{prefix}{function}"))];
            let query = |id, metric| sum_of(id, "AWS/Lambda", metric, &dimension, PERIOD_S);
            let asked = ask().metric_data_queries(query("calls", "Invocations"));
            let asked = asked.metric_data_queries(query("time", "Duration")).send().await;
            let answer = asked.map_err(|error| call.failed(error))?;
            let (n_calls, total_ms) = (count(sum(&answer, "calls")), count(sum(&answer, "time")));
            functions.push(FunctionUsage { function, memory_mb, n_calls, total_ms });
        }
        let queue = [("QueueName", format!("{prefix}{EVENTS}"))];
        let query = sum_of("changes", "AWS/SQS", "NumberOfMessagesSent", &queue, PERIOD_S);
        let asked = ask().metric_data_queries(query).send().await;
        let answer = asked.map_err(|error| call.failed(error))?;
        let n_changes = count(sum(&answer, "changes"));
        Ok(MeasuredUsage { n_days, n_changes, functions })
    }
}
