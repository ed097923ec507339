//! What Airflow's refusals say. `docs/airflow.md` says what to do about each.

use adapter_http::{Response, kind_of_status};
use http::StatusCode;
use serde::Deserialize;
use shared::{PortError, PortErrorKind};

/// The longest text of a refusal that is kept, in characters.
const MAX_DETAIL_CHARS: usize = 500;

/// A refusal in Airflow's words, without the values that were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}: {detail}")]
pub struct AirflowFault {
    /// The status.
    pub status: u16,
    /// What was said.
    pub detail: String,
}

#[derive(Deserialize)]
struct Refusal {
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Detail {
    Text(String),
    /// What is wrong with a body. The value stands beside it, and is not read.
    Fields(Vec<Field>),
    /// Of a fault in the database.
    Reason {
        reason: String,
    },
}

#[derive(Deserialize)]
struct Field {
    loc: Vec<serde_json::Value>,
    msg: String,
}

impl Detail {
    fn text(self) -> String {
        let text = match self {
            Self::Text(text) => without_value(&text),
            Self::Reason { reason } => reason,
            Self::Fields(fields) => fields.iter().map(Field::text).collect::<Vec<_>>().join("; "),
        };
        text.chars().take(MAX_DETAIL_CHARS).collect()
    }
}

/// Cuts off what follows the name of a parameter that does not fit its schema: the value stands there.
fn without_value(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default();
    match text.strip_prefix("Invalid input for param ").and_then(|it| it.split_once(':')) {
        Some((name, _)) => format!("the parameter `{name}` does not fit what the DAG says of it"),
        None => text.to_owned(),
    }
}

impl Field {
    fn text(&self) -> String {
        let place = self.loc.iter().map(|it| match it {
            serde_json::Value::String(name) => name.clone(),
            other => other.to_string(),
        });
        format!("{}: {}", place.collect::<Vec<_>>().join("."), self.msg)
    }
}

/// Reads what an answer that is no success says.
fn detail_of(response: &Response) -> Option<String> {
    let refusal: Refusal = serde_json::from_slice(response.body()).ok()?;
    Some(refusal.detail.text())
}

/// Tells whether the answer means that the token is not taken, and another one may be.
///
/// Airflow answers 401 for one that has ended, and 403 for one that it did not sign itself, such as
/// before it was started anew with another key. Only the words tell that from a missing right.
pub(crate) fn is_token_refused(response: &Response) -> bool {
    match response.status() {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => {
            detail_of(response).is_some_and(|it| it.eq_ignore_ascii_case("Invalid JWT token"))
        }
        _ => false,
    }
}

/// Makes the error of an answer that is no success.
pub(crate) fn error_of(response: &Response) -> PortError {
    let kind = kind_of_status(response.status()).unwrap_or(PortErrorKind::Rejected);
    let error = response.error(kind);
    match detail_of(response) {
        Some(detail) => {
            error.with_source(AirflowFault { status: response.status().as_u16(), detail })
        }
        // A page of something in between, say, whose status is all that is known.
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Option<String> {
        serde_json::from_str::<Refusal>(body).ok().map(|it| it.detail.text())
    }

    #[test]
    fn refusals_of_every_shape_are_read_without_values() {
        assert_eq!(text(r#"{"detail": "Forbidden"}"#).as_deref(), Some("Forbidden"));
        let field = r#"{"detail": [{"type": "x", "loc": ["body", "conf", 0], "msg": "not so", "input": "Ada"}]}"#;
        assert_eq!(text(field).as_deref(), Some("body.conf.0: not so"));
        let reason =
            r#"{"detail": {"reason": "Unique constraint violation", "statement": "hidden"}}"#;
        assert_eq!(text(reason).as_deref(), Some("Unique constraint violation"));
        let param = r#"{"detail": "Invalid input for param batch: 'Ada: x' is not\n\nOn instance:\n 'Ada'"}"#;
        assert_eq!(
            text(param).as_deref(),
            Some("the parameter `batch` does not fit what the DAG says of it")
        );
        for other in ["", "<html>", "{}", r#"{"detail": 1}"#] {
            assert_eq!(text(other), None, "{other}");
        }
        let long = format!(r#"{{"detail": "{}"}}"#, "é".repeat(600));
        assert_eq!(text(&long).unwrap().chars().count(), MAX_DETAIL_CHARS);
    }
}
