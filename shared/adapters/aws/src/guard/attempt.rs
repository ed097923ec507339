//! One request: kept back or sent, judged, and told of.

use std::time::{Duration, Instant};

use aws_sdk_sqs::config::http::HttpResponse;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use metrics::{counter, histogram};
use shared::error::PortErrorKind;
use shared::ports::PlatformCall;
use tracing::debug;

use super::book::{CallGuard, Operation};
use super::name::CallName;
use super::pause::Pause;
use crate::account::{ATTEMPT, LONGEST_WAIT};
use crate::fault::kind;

/// How an attempt went.
struct Verdict {
    outcome: &'static str,
    /// AWS itself is unwell, which a breaker counts.
    is_fault: bool,
    /// How long AWS asked to wait.
    asked: Option<Duration>,
    n_bytes_in: u64,
}

/// Sends `request` when nothing speaks against it, and reads the whole answer.
pub(super) async fn send(
    inner: SharedHttpConnector,
    guard: CallGuard,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let Some(name) = CallName::of(&request) else { return inner.call(request).await };
    let (operation, hooks) = (guard.operation(&name), guard.hooks());
    if let Some(wait) = operation.asked_to_wait(guard.clock().now()) {
        return Err(kept_back(&name, Pause::Asked { wait }));
    }
    let board = hooks.board(&name);
    let permit = operation.breaker.admit(guard.clock(), board).await;
    let permit = permit.map_err(|wait| kept_back(&name, Pause::Broken { wait }))?;
    let attempt = number_of(&request);
    if attempt > 1 {
        counter!("platform_retries_total", "platform" => name.platform,
            "operation" => name.operation)
        .increment(1);
    }
    let n_bytes_out = request.body().content_length().unwrap_or_default();
    let started = Instant::now();
    let work = tokio::time::timeout(ATTEMPT, read_whole(inner, request));
    let mut result = work.await.unwrap_or_else(|late| Err(ConnectorError::timeout(late.into())));
    let elapsed = started.elapsed();
    let verdict = judge(&mut result);
    note_wait(&operation, &guard, &verdict, &mut result);
    tell(&name, attempt, verdict.outcome, elapsed);
    if let Some(observer) = &hooks.observer {
        observer.called(&PlatformCall {
            platform: name.platform,
            operation: name.operation,
            host: &name.host,
            outcome: verdict.outcome,
            n_bytes_out,
            n_bytes_in: verdict.n_bytes_in,
            n_billed: name.n_billed(n_bytes_out, verdict.n_bytes_in),
            elapsed,
        });
    }
    let change = if verdict.is_fault { permit.failed() } else { permit.succeeded() };
    operation.breaker.share(change, board).await;
    result
}

/// No answer that is read here is a stream: the SDK would read it whole as well, outside of the time
/// limit and of the breaker's sight.
async fn read_whole(
    inner: SharedHttpConnector,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let mut response = inner.call(request).await?;
    let body = ByteStream::new(response.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    *response.body_mut() = SdkBody::from(body.into_bytes());
    Ok(response)
}

fn judge(result: &mut Result<HttpResponse, ConnectorError>) -> Verdict {
    let broken = |outcome| Verdict { outcome, is_fault: true, asked: None, n_bytes_in: 0 };
    let answer = match result {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => return broken("timeout"),
        Err(error) if error.is_user() => return Verdict { is_fault: false, ..broken("invalid") },
        Err(_) => return broken("connection"),
    };
    let status = answer.status().as_u16();
    let kind = (status >= 400).then(|| kind(code(answer).as_deref(), Some(status)));
    let outcome = match kind {
        None => "ok",
        Some(PortErrorKind::RateLimited) => "rate_limited",
        Some(PortErrorKind::Unavailable) => "platform_fault",
        Some(_) => "refused",
    };
    Verdict {
        outcome,
        is_fault: kind == Some(PortErrorKind::Unavailable),
        asked: kind.and_then(|_| asked(answer)),
        n_bytes_in: answer.body().content_length().unwrap_or_default(),
    }
}

/// Reads the code of an error. Source: Smithy, "Operation error serialization" of the JSON protocol
/// (`__type`, `x-amzn-errortype`) and of the query protocol (`<Code>`).
fn code(answer: &HttpResponse) -> Option<String> {
    let header = |name| answer.headers().get(name).map(ToOwned::to_owned);
    let named = header("x-amzn-query-error").or_else(|| header("x-amzn-errortype"));
    let code = named.or_else(|| {
        let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
        let of_json = || {
            let json: serde_json::Value = serde_json::from_str(body).ok()?;
            Some(json.get("__type").or(json.get("code"))?.as_str()?.to_owned())
        };
        let of_xml = || Some(body.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned());
        of_json().or_else(of_xml)
    })?;
    // Behind a semicolon stands whose fault it is, behind a colon an address.
    Some(code.split([';', ':']).next().unwrap_or_default().to_owned())
}

/// How long an answer asks to wait, in seconds by HTTP, in milliseconds by AWS.
fn asked(answer: &HttpResponse) -> Option<Duration> {
    let number = |name| answer.headers().get(name)?.trim().parse::<u64>().ok();
    let of_aws = number("x-amz-retry-after").map(Duration::from_millis);
    of_aws.or_else(|| number("retry-after").map(Duration::from_secs))
}

/// Lets the SDK wait as long as it can, and keeps further requests back where that is not enough.
fn note_wait(
    operation: &Operation,
    guard: &CallGuard,
    verdict: &Verdict,
    result: &mut Result<HttpResponse, ConnectorError>,
) {
    let (Some(wait), Ok(answer)) = (verdict.asked, result) else { return };
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    answer.headers_mut().insert("x-amz-retry-after", wait_ms.to_string());
    if wait > LONGEST_WAIT {
        operation.wait_until(guard.clock().now().plus(wait));
    }
}

fn kept_back(name: &CallName, pause: Pause) -> ConnectorError {
    count(name, pause.outcome());
    // An error of the user is one that the SDK does not try again.
    ConnectorError::user(pause.into())
}

fn count(name: &CallName, outcome: &'static str) {
    counter!("platform_calls_total", "platform" => name.platform, "operation" => name.operation,
        "outcome" => outcome)
    .increment(1);
}

fn tell(name: &CallName, attempt: u32, outcome: &'static str, elapsed: Duration) {
    let CallName { platform, operation, .. } = *name;
    count(name, outcome);
    histogram!("platform_call_seconds", "platform" => platform, "operation" => operation)
        .record(elapsed.as_secs_f64());
    debug!(
        platform,
        operation,
        attempt,
        outcome,
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "called `{operation}` of {platform}"
    );
}

/// Which attempt it is. Source: AWS SDKs, `amz-sdk-request: attempt=2; max=4`.
fn number_of(request: &HttpRequest) -> u32 {
    let said = request.headers().get("amz-sdk-request");
    let number = said.and_then(|it| it.split_once("attempt=")?.1.split(';').next()?.parse().ok());
    number.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> HttpResponse {
        let status = status.try_into().unwrap();
        let mut answer = HttpResponse::new(status, SdkBody::from(body));
        for (name, value) in headers {
            answer.headers_mut().insert(*name, *value);
        }
        answer
    }

    #[test]
    fn answer_is_judged_by_its_code_wherever_that_stands() {
        let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
        let sender = ("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender");
        for (answer, outcome, is_fault) in [
            (answer(200, &[], "{}"), "ok", false),
            (answer(400, &[], throttled), "rate_limited", false),
            (answer(400, &[sender], "{}"), "refused", false),
            (answer(500, &[], "<Error><Code>InternalError</Code></Error>"), "platform_fault", true),
            (answer(503, &[], "<html>"), "platform_fault", true),
            (answer(403, &[], "<Error><Code>AccessDenied</Code></Error>"), "refused", false),
        ] {
            let verdict = judge(&mut Ok(answer));
            assert_eq!((verdict.outcome, verdict.is_fault), (outcome, is_fault));
        }
        let late = ConnectorError::timeout("late".into());
        assert_eq!(judge(&mut Err(late)).outcome, "timeout");
    }

    #[test]
    fn wait_is_read_in_seconds_and_in_milliseconds() {
        let asked = |headers: &[_]| asked(&answer(503, headers, ""));
        assert_eq!(asked(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(asked(&[("x-amz-retry-after", "1500")]), Some(Duration::from_millis(1500)));
        assert_eq!(asked(&[]), None);
    }
}
