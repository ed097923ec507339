//! Queue triggers: one message, or a list of them when the binding's cardinality is `many`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};
use shared::Retry;
use shared::telemetry::trace::TraceParent;
use shared::worker::{BatchReport, Failure, Message, MessageHandler, run_batch};
use tracing::error;

use super::invocation::{Invocation, Outcome};
use crate::envelope::{metadata_list, metadata_number, metadata_text, text_of, value_of};
use crate::metrics::QueueMetrics;
use crate::problem::problem;

/// The output binding for messages that can never succeed. A custom handler cannot dead-letter.
const PARKED: &str = "parked";

/// Groups handled side by side.
const WIDTH: usize = 8;

const ID_NAMES: [&str; 2] = ["MessageId", "Id"];
const ATTEMPT_NAMES: [&str; 2] = ["DeliveryCount", "DequeueCount"];

/// Handles the messages of `invocation`.
///
/// The host settles an invocation as a whole: when any message may succeed later, all of them come
/// again, and the handlers know the ones that were done.
pub(crate) async fn handle(
    handler: &dyn MessageHandler,
    metrics: &QueueMetrics,
    invocation: &Invocation,
    invocation_id: &str,
) -> Response {
    let messages = messages_of(invocation, invocation_id);
    let report = run_batch(handler, messages.clone(), WIDTH).await;
    count(metrics, messages.len(), &report);
    let retryable = report.failed.iter().find(|(_, failure)| failure.retry() != Retry::Never);
    if let Some((id, failure)) = retryable {
        let detail = format!("message `{id}` failed: {failure}");
        return problem(StatusCode::INTERNAL_SERVER_ERROR, Some(&detail), None);
    }
    let mut outcome = Outcome::default().with_log(format!(
        "{} of {} messages done",
        messages.len() - report.failed.len(),
        messages.len()
    ));
    let parked: Vec<Value> = report
        .failed
        .iter()
        .filter_map(|(id, failure)| {
            let message = messages.iter().find(|message| message.id == *id)?;
            error!(message.id = %id, attempt = message.attempt, error = %failure,
                "message `{id}` can never succeed and is parked");
            Some(parked_note(message, failure))
        })
        .collect();
    if !parked.is_empty() {
        outcome = outcome.with_output(PARKED, one_or_many(parked));
    }
    outcome.into_response()
}

fn count(metrics: &QueueMetrics, n_messages: usize, report: &BatchReport) {
    let (n_dead, n_failed) = report.failed.iter().fold((0, 0), |(dead, failed), (_, failure)| {
        if failure.retry() == Retry::Never { (dead + 1, failed) } else { (dead, failed + 1) }
    });
    metrics.dead.increment(n_dead);
    metrics.failed.increment(n_failed);
    let n_messages = u64::try_from(n_messages).unwrap_or(u64::MAX);
    metrics.handled.increment(n_messages.saturating_sub(n_dead + n_failed));
}

/// An output that is a list becomes one message per element.
fn one_or_many(mut values: Vec<Value>) -> Value {
    match values.pop() {
        Some(only) if values.is_empty() => only,
        Some(last) => {
            values.push(last);
            Value::Array(values)
        }
        None => Value::Null,
    }
}

fn parked_note(message: &Message, failure: &Failure) -> Value {
    json!({
        "reason": failure.reason(),
        "message_id": message.id,
        "attempts": message.attempt,
        "group": message.group,
        "body": message.body,
    })
}

/// Reads the messages of an invocation. Without a message id it is named after the invocation.
fn messages_of(invocation: &Invocation, invocation_id: &str) -> Vec<Message> {
    let metadata = &invocation.metadata;
    if let Some(id) = metadata_text(metadata, &ID_NAMES) {
        return vec![message(&invocation.payload().clone(), id, metadata)];
    }
    match value_of(invocation.payload()) {
        Value::Array(items) => many(&items, metadata, invocation_id),
        _ => vec![message(invocation.payload(), invocation_id.to_owned(), metadata)],
    }
}

fn message(payload: &Value, id: String, metadata: &Map<String, Value>) -> Message {
    Message {
        id,
        body: text_of(payload),
        group: metadata_text(metadata, &["SessionId"]),
        attempt: metadata_number(metadata, &ATTEMPT_NAMES).unwrap_or(1),
        trace_parent: metadata.get("ApplicationProperties").and_then(trace_parent),
    }
}

/// Reads a binding of cardinality `many`, whose metadata are lists beside the list of bodies.
fn many(items: &[Value], metadata: &Map<String, Value>, invocation_id: &str) -> Vec<Message> {
    let ids = metadata_list(metadata, &["MessageIdArray", "IdArray"]).unwrap_or_default();
    let attempts =
        metadata_list(metadata, &["DeliveryCountArray", "DequeueCountArray"]).unwrap_or_default();
    let groups = metadata_list(metadata, &["SessionIdArray"]).unwrap_or_default();
    let properties = metadata_list(metadata, &["ApplicationPropertiesArray"]).unwrap_or_default();
    items
        .iter()
        .enumerate()
        .map(|(item_idx, item)| Message {
            id: ids.get(item_idx).map_or_else(|| format!("{invocation_id}.{item_idx}"), text_of),
            body: text_of(item),
            group: groups.get(item_idx).filter(|group| !group.is_null()).map(text_of),
            attempt: attempts.get(item_idx).and_then(|it| text_of(it).parse().ok()).unwrap_or(1),
            trace_parent: properties.get(item_idx).and_then(trace_parent),
        })
        .collect()
}

/// Reads the trace from the application properties of a Service Bus message: ours, else what the
/// platform's client libraries write. Source: Azure SDK, "Distributed tracing in Service Bus".
fn trace_parent(properties: &Value) -> Option<String> {
    let properties = value_of(properties);
    ["traceparent", "Diagnostic-Id"]
        .iter()
        .find_map(|name| TraceParent::parse(&text_of(properties.get(*name)?)))
        .map(String::from)
}

#[cfg(test)]
mod tests;
