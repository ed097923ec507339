//! `POST /composite/batch`: requests that have nothing to do with each other.

use serde_json::{Value as Json, json};

use super::super::call::Call;
use super::super::reply::{ApiError, Reply};
use super::part::{Part, body_json, take_parts};
use crate::sandbox::State;

/// Most requests in one. Source: REST API guide, composite batch.
const MAX_PARTS: usize = 25;

/// Answers each part as a request of its own.
pub(in crate::api) fn batch(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut body = call.fields()?;
    let halts = body.get("haltOnError").and_then(Json::as_bool).unwrap_or(false);
    let mut has_errors = false;
    let mut results = Vec::new();
    for part in take_parts(&mut body, "batchRequests", MAX_PARTS)? {
        if halts && has_errors {
            results.push(
                json!({"statusCode": 412, "result": [{"errorCode": "BATCH_PROCESSING_HALTED",
                "message": "Batch processing halted per request"}]}),
            );
            continue;
        }
        let reply = Part::read(&part, "richInput").answer(state, call, None);
        has_errors |= reply.status >= 400;
        results.push(json!({"statusCode": reply.status, "result": body_json(&reply)}));
    }
    Ok(Reply::json(200, &json!({"hasErrors": has_errors, "results": results})))
}
