//! Bodies of requests: JSON objects of a bounded length.

use axum::body::to_bytes;
use axum::extract::Request;
use serde_json::{Map, Value};

use crate::problem::{Fault, Problem};
use crate::query::shorten;
use crate::replay::require_json;

/// The longest reason, in characters.
pub(crate) const MAX_REASON_CHARS: usize = 500;

/// Reads an object of at most `max_bytes`; `form` shows what to send.
///
/// # Errors
///
/// [`Problem`] when it is something else.
pub(crate) async fn read_object(
    request: Request,
    max_bytes: usize,
    form: &str,
) -> Result<Map<String, Value>, Problem> {
    require_json(request.headers())?;
    let body = to_bytes(request.into_body(), max_bytes).await;
    let body = body.map_err(|_| Problem::too_large(max_bytes))?;
    let message = match serde_json::from_slice(&body) {
        Ok(Value::Object(members)) => return Ok(members),
        Ok(_) => format!("it is not an object: send {form}"),
        Err(failed) => {
            let (line, column) = (failed.line(), failed.column());
            format!("it is not JSON at line {line}, column {column}: send {form}")
        }
    };
    Err(Problem::invalid(vec![Fault::new("body", message)]))
}

/// Adds a fault for each member that is none of `known`.
pub(crate) fn refuse_unknown(
    members: &Map<String, Value>,
    known: &[&str],
    form: &str,
    faults: &mut Vec<Fault>,
) {
    for name in members.keys().filter(|name| !known.contains(&name.as_str())).take(20) {
        faults.push(Fault::new(shorten(name), format!("there is no such member: send {form}")));
    }
}

/// Reads why something is done.
pub(crate) fn read_reason(members: &Map<String, Value>, faults: &mut Vec<Fault>) -> Option<String> {
    let reason = members.get("reason").and_then(Value::as_str).map(str::trim);
    let fits = |it: &&str| {
        !it.is_empty() && it.chars().count() <= MAX_REASON_CHARS && !it.contains(char::is_control)
    };
    let reason = reason.filter(fits).map(ToOwned::to_owned);
    if reason.is_none() {
        let message =
            format!("it is needed: say why in one line of 1 to {MAX_REASON_CHARS} characters");
        faults.push(Fault::new("reason", message));
    }
    reason
}
