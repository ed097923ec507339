//! Searches in the log groups of one environment's functions.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata as _;
use aws_sdk_cloudwatchlogs::types::QueryStatus;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{AnswerForm, BegunSearch, LogAnswer, LogQuestion, LogSearch, LogWish};
use shared::time::Timestamp;

use super::fault::{call, not_begun};
use super::{answer, query};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a call may take with all its attempts.
const CALL: Duration = Duration::from_secs(30);
/// How often a call is tried.
const N_ATTEMPTS: u32 = 4;

/// What Lambda's log groups begin with.
const LAMBDA: &str = "/aws/lambda/";
/// In how many groups one query can look.
/// Source: `CloudWatch` Logs API reference, `StartQuery`, "logGroupNames".
const MAX_GROUPS: usize = 50;

/// Whose logs are meant, as Terraform names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// What the deployment is called, Terraform's `name`.
    pub deployment: String,
    /// The environment, such as `prod`.
    pub environment: String,
}

/// The logs of functions on Lambda.
#[derive(Clone, Debug)]
pub struct LambdaLogs {
    place: LogPlace,
    client: Client,
}

impl LambdaLogs {
    /// Reads region and credentials from the environment, as every AWS tool does. Nothing is called
    /// yet.
    pub async fn open(place: LogPlace) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest()).load();
        Self::of(&Box::pin(config).await, place)
    }

    /// Uses what was configured elsewhere.
    pub fn of(config: &SdkConfig, place: LogPlace) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(CALL)
            .build();
        let config = Builder::from(config)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(N_ATTEMPTS));
        Self { place, client: Client::from_conf(config.build()) }
    }

    /// What the names of this environment's groups begin with.
    fn prefix(&self) -> String {
        let LogPlace { deployment, environment } = &self.place;
        format!("{LAMBDA}{deployment}-{environment}-")
    }

    /// Lists the groups whose names begin with `prefix`.
    async fn groups(&self, prefix: &str) -> Result<BTreeSet<String>, PortError> {
        let call = call("list log groups", prefix);
        let ask = self.client.describe_log_groups().log_group_name_prefix(prefix);
        let mut pages = ask.into_paginator().send();
        let mut groups = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.failed(error))?;
            groups.extend(
                page.log_groups
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|it| it.log_group_name.filter(|it| it.starts_with(prefix))),
            );
        }
        Ok(groups)
    }

    /// Returns the groups of `functions`, or of all.
    async fn asked(&self, functions: &[String]) -> Result<BTreeSet<String>, PortError> {
        let prefix = self.prefix();
        let groups: BTreeSet<_> = if functions.is_empty() {
            self.groups(&prefix).await?
        } else {
            functions.iter().map(|it| format!("{prefix}{it}")).collect()
        };
        if groups.is_empty() {
            return Err(self.missing().await);
        }
        if groups.len() > MAX_GROUPS {
            let fault = format!(
                "{} functions are too many for one search: name at most {MAX_GROUPS}",
                groups.len()
            );
            return Err(call("search logs", &prefix)
                .fault(PortErrorKind::Rejected)
                .with_source(fault));
        }
        Ok(groups)
    }

    /// Says what there is, when what was asked for is not.
    async fn missing(&self) -> PortError {
        let LogPlace { deployment, environment } = &self.place;
        let (prefix, of_deployment) = (self.prefix(), format!("{LAMBDA}{deployment}-"));
        let groups = match self.groups(&of_deployment).await {
            Ok(groups) => groups,
            Err(error) => return error,
        };
        let functions: Vec<_> = groups.iter().filter_map(|it| it.strip_prefix(&prefix)).collect();
        let environments = groups.iter().filter_map(|it| it.strip_prefix(&of_deployment));
        // An environment has no dash in its name: `terraform/modules/aws/variables.tf`.
        let environments = environments.filter_map(|it| Some(it.split_once('-')?.0));
        let environments: BTreeSet<_> = environments.collect();
        let there = if !functions.is_empty() {
            format!("environment `{environment}` has logs of: {}", functions.join(", "))
        } else if environments.is_empty() {
            format!(
                "nothing called `{deployment}` has logs here: look at account, region and \
                 `--deployment-name`"
            )
        } else {
            let environments = environments.into_iter().collect::<Vec<_>>().join(", ");
            format!(
                "no environment `{environment}` has logs here, but these have: {environments}; else \
                 look at account and region"
            )
        };
        call("search logs", &prefix).fault(PortErrorKind::NotFound).with_source(there)
    }
}

/// Writes a time as Insights takes it: in whole seconds since 1970, both ends included.
fn seconds(from: Timestamp, until: Timestamp) -> (i64, i64) {
    let second = |millis: i64| millis.div_euclid(1000);
    (second(from.as_millis()), second(until.as_millis().saturating_add(999)))
}

#[async_trait]
impl LogSearch for LambdaLogs {
    async fn begin(&self, question: &LogQuestion) -> Result<BegunSearch, PortError> {
        let groups = self.asked(&question.functions).await?;
        let (query, form) = match &question.wish {
            LogWish::Lines(filter) => (query::text(filter), AnswerForm::Lines),
            LogWish::Query(query) => (query.clone(), AnswerForm::Rows),
        };
        let subject = groups.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let call = call("search logs", &subject);
        let (from, until) = seconds(question.from, question.until);
        let limit = question.limit.map(|it| i32::try_from(it).unwrap_or(i32::MAX));
        let start = self
            .client
            .start_query()
            .set_log_group_names(Some(groups.iter().cloned().collect()))
            .start_time(from)
            .end_time(until)
            .query_string(&query)
            .set_limit(limit);
        let id = match start.send().await {
            Ok(started) => started.query_id,
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                return Err(self.missing().await);
            }
            Err(error) => return Err(not_begun(call, &query, error)),
        };
        let id = id.ok_or_else(|| {
            call.fault(PortErrorKind::Unavailable).with_source("AWS did not name the search")
        })?;
        Ok(BegunSearch { id, form })
    }

    async fn answer(&self, search: &BegunSearch) -> Result<Option<LogAnswer>, PortError> {
        let call = call("read found logs", &search.id);
        let mut results = Vec::new();
        let mut token = None;
        loop {
            let ask = self.client.get_query_results().query_id(&search.id).set_next_token(token);
            let page = ask.send().await.map_err(|error| call.failed(error))?;
            if !is_complete(page.status(), search)? {
                return Ok(None);
            }
            results.extend_from_slice(page.results());
            token = page.next_token().filter(|it| !it.is_empty()).map(str::to_owned);
            if token.is_none() {
                let prefix = self.prefix();
                return Ok(Some(answer::read(search.form, &results, page.statistics(), &prefix)));
            }
        }
    }

    async fn stop(&self, search: &BegunSearch) -> Result<(), PortError> {
        let call = call("stop search", &search.id);
        match self.client.stop_query().query_id(&search.id).send().await {
            Ok(_) => Ok(()),
            // That is what AWS says of a search that has ended.
            Err(error) if error.code() == Some("InvalidParameterException") => Ok(()),
            Err(error) => Err(call.failed(error)),
        }
    }
}

/// Tells whether a search has ended well; an error when it has ended otherwise.
fn is_complete(status: Option<&QueryStatus>, search: &BegunSearch) -> Result<bool, PortError> {
    let call = call("search logs", &search.id);
    let (kind, why) = match status {
        Some(QueryStatus::Complete) => return Ok(true),
        Some(QueryStatus::Failed) => {
            (PortErrorKind::Unavailable, "it failed over there: try again, or ask for less time")
        }
        Some(QueryStatus::Timeout) => (
            PortErrorKind::Rejected,
            "it took too long over there: ask for less time or fewer functions",
        ),
        Some(QueryStatus::Cancelled) => (PortErrorKind::Rejected, "it was stopped"),
        // What is scheduled, runs, or has a status that is newer than this.
        _ => return Ok(false),
    };
    Err(call.fault(kind).with_source(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_second_is_left_out() {
        let at = Timestamp::from_millis;
        for (from, until, wanted) in [(1000, 2000, (1, 2)), (1999, 2001, (1, 3)), (-1, 0, (-1, 0))]
        {
            assert_eq!(seconds(at(from), at(until)), wanted);
        }
    }

    #[test]
    fn only_what_has_ended_well_is_complete() {
        let search = BegunSearch { id: "1".to_owned(), form: AnswerForm::Lines };
        for (status, wanted) in [
            (QueryStatus::Complete, true),
            (QueryStatus::Running, false),
            (QueryStatus::Scheduled, false),
            (QueryStatus::UnknownValue, false),
        ] {
            assert_eq!(is_complete(Some(&status), &search).unwrap(), wanted, "{status:?}");
        }
        for (status, wanted) in [
            (QueryStatus::Failed, PortErrorKind::Unavailable),
            (QueryStatus::Timeout, PortErrorKind::Rejected),
            (QueryStatus::Cancelled, PortErrorKind::Rejected),
        ] {
            assert_eq!(is_complete(Some(&status), &search).unwrap_err().kind(), wanted);
        }
    }
}
