//! The question whether a version is sound, and what its answers mean.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use shared::error::PortError;
use shared::ports::{CheckAnswer, VersionNumber};

use super::advice::call;

/// The event that a function's host answers without any work: `shared/host/src/lambda/check.rs`.
const QUESTION: &str = r#"{"moodbridge":"check"}"#;

/// How many lines of the log stand in a reason.
const N_LINES: usize = 3;

#[derive(Deserialize)]
struct Said {
    function: String,
    is_ready: bool,
    #[serde(default)]
    checks: Vec<Need>,
}

#[derive(Deserialize)]
struct Need {
    name: String,
    reason: Option<String>,
}

/// Calls `version` itself, past the alias.
pub(super) async fn ask(
    client: &Client,
    full_name: &str,
    version: VersionNumber,
) -> Result<CheckAnswer, PortError> {
    let call = call("check version", full_name);
    let answer = client
        .invoke()
        .function_name(full_name)
        .qualifier(version.to_string())
        .invocation_type(InvocationType::RequestResponse)
        .log_type(LogType::Tail)
        .payload(Blob::new(QUESTION))
        .send()
        .await
        .map_err(|error| call.failed(error))?;
    Ok(read(&answer, version))
}

fn read(answer: &InvokeOutput, version: VersionNumber) -> CheckAnswer {
    let payload = answer.payload().map(AsRef::as_ref).unwrap_or_default();
    if let Some(other) = answer.executed_version().filter(|it| *it != version.to_string()) {
        return CheckAnswer::Broken(format!("AWS called version {other} instead"));
    }
    if answer.function_error().is_some() {
        let mut reason = failure(payload);
        for line in log_lines(answer.log_result().unwrap_or_default()) {
            reason.push_str("; log: ");
            reason.push_str(&line);
        }
        return CheckAnswer::Broken(reason);
    }
    match serde_json::from_slice::<Said>(payload) {
        Err(_) => CheckAnswer::Broken(
            "its answer is none of our functions': is it a package of this product, and not older \
             than this command?"
                .to_owned(),
        ),
        Ok(said) if said.is_ready => CheckAnswer::Sound { function: said.function },
        Ok(said) => {
            let lacking = said.checks.into_iter();
            let lacking = lacking.filter_map(|it| Some(format!("{}: {}", it.name, it.reason?)));
            CheckAnswer::Broken(lacking.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Reads `{"errorType":…,"errorMessage":…}`.
/// Source: AWS Lambda API reference, `Invoke`.
fn failure(payload: &[u8]) -> String {
    let value: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, message) = (text("errorType"), text("errorMessage"));
    let settings =
        if message.contains("exit status 78") { " (its settings cannot be used)" } else { "" };
    match (kind.as_str(), message.as_str()) {
        ("", "") => "it failed without a reason".to_owned(),
        ("", message) => format!("{message}{settings}"),
        (kind, message) => format!("{kind}: {message}{settings}"),
    }
}

/// Returns what the function logged as errors. Our logs hold no secrets.
fn log_lines(tail: &str) -> Vec<String> {
    let tail = STANDARD.decode(tail).unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let message = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        let is_error = value.get("level").and_then(Value::as_str) == Some("ERROR");
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        is_error.then_some(())?;
        let message = text("message")
            .or_else(|| value.get("fields")?.get("message")?.as_str().map(str::to_owned))?;
        Some(text("error").map_or_else(|| message.clone(), |error| format!("{message}: {error}")))
    };
    text.lines().filter_map(message).take(N_LINES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(payload: &str) -> aws_sdk_lambda::operation::invoke::builders::InvokeOutputBuilder {
        InvokeOutput::builder().status_code(200).executed_version("7").payload(Blob::new(payload))
    }

    fn broken(output: &InvokeOutput) -> String {
        match read(output, 7) {
            CheckAnswer::Broken(reason) => reason,
            CheckAnswer::Sound { function } => panic!("`{function}` is sound"),
        }
    }

    #[test]
    fn answer_of_our_host_is_understood() {
        let sound =
            output(r#"{"function":"worker","version":"0.1.0","is_ready":true,"checks":[]}"#);
        let wanted = CheckAnswer::Sound { function: "worker".to_owned() };
        assert_eq!(read(&sound.build(), 7), wanted);
        let lacking = output(
            r#"{"function":"worker","version":"0.1.0","is_ready":false,"checks":[
            {"app":"worker","name":"queue","status":"failed","reason":"no such queue"},
            {"app":"worker","name":"case-store","status":"ok"}]}"#,
        );
        assert_eq!(broken(&lacking.build()), "queue: no such queue");
    }

    #[test]
    fn failure_tells_its_type_its_settings_and_its_log() {
        let tail = concat!(
            r#"{"level":"ERROR","message":"setting cannot be used: `EVENTS_QUEUE` is missing"}"#,
            "\n",
            r#"{"level":"INFO","message":"x"}"#
        );
        let failed = output(
            r#"{"errorType":"Runtime.ExitError","errorMessage":"Runtime exited with error: exit status 78"}"#,
        );
        let failed = failed.function_error("Unhandled").log_result(STANDARD.encode(tail)).build();
        assert_eq!(
            broken(&failed),
            "Runtime.ExitError: Runtime exited with error: exit status 78 (its settings cannot be \
             used); log: setting cannot be used: `EVENTS_QUEUE` is missing"
        );
    }

    #[test]
    fn stranger_and_another_version_are_not_sound() {
        assert!(broken(&output("{}").build()).contains("none of our functions'"));
        let other = output("{}").executed_version("6").build();
        assert_eq!(broken(&other), "AWS called version 6 instead");
    }
}
