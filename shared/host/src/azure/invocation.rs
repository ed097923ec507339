//! The envelopes that the Functions host sends and expects.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the host posts for a trigger that is not forwarded HTTP.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Invocation {
    /// The value of each input binding by name; the trigger is the only one of ours.
    pub(crate) data: Map<String, Value>,
    /// What the trigger knows about the value.
    pub(crate) metadata: Map<String, Value>,
}

impl Invocation {
    /// Returns the trigger's value, `Null` when the host sent none.
    pub(crate) fn payload(&self) -> &Value {
        self.data.values().next().unwrap_or(&Value::Null)
    }
}

/// What the host expects back.
///
/// All three keys are always there: an empty success would leave the invocation hanging until the
/// function's time limit.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Outcome {
    outputs: Map<String, Value>,
    logs: Vec<String>,
    return_value: Value,
}

impl Outcome {
    /// Writes `value` to the output binding `name`.
    ///
    /// The host tries to read a text output as base64 and sends the bytes when that works, so only
    /// objects and lists of objects go out.
    #[must_use]
    pub(crate) fn with_output(mut self, name: &str, value: Value) -> Self {
        self.outputs.insert(name.to_owned(), value);
        self
    }

    /// Adds a line to the invocation's log.
    #[must_use]
    pub(crate) fn with_log(mut self, line: impl Into<String>) -> Self {
        self.logs.push(line.into());
        self
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self) {
            Ok(body) => {
                (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}
