//! Answers of the REST API, free of HTTP.

use serde_json::{Value as Json, json};

use crate::org::RecordError;
use crate::soql::SoqlError;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// JSON text; nothing for an empty answer.
    pub(crate) body: Option<String>,
    /// More headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// An answer with this JSON.
    pub(crate) fn json(status: u16, body: &Json) -> Self {
        Self::text(status, body.to_string())
    }

    /// An answer with JSON that is written already.
    pub(crate) fn text(status: u16, body: String) -> Self {
        Self { status, body: Some(body), headers: Vec::new() }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: u16,
    refusal: RecordError,
}

impl ApiError {
    /// Makes a refusal.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, refusal: RecordError::new(code, message) }
    }

    /// A path that leads nowhere.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    /// A path that does not take this method.
    pub(crate) fn wrong_method(method: &axum::http::Method, allowed: &str) -> Self {
        let message = format!("HTTP Method '{method}' not allowed. Allowed are {allowed}");
        Self::new(405, "METHOD_NOT_ALLOWED", message)
    }

    /// The array of one error that the platform answers with.
    pub(crate) fn into_reply(self) -> Reply {
        let mut body = json!({"message": self.refusal.message, "errorCode": self.refusal.code});
        let names_fields = matches!(
            self.refusal.code,
            "ENTITY_IS_DELETED"
                | "DUPLICATE_VALUE"
                | "DELETE_FAILED"
                | "MALFORMED_ID"
                | "UNABLE_TO_LOCK_ROW"
                | "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        );
        if (names_fields || !self.refusal.fields.is_empty())
            && let Some(map) = body.as_object_mut()
        {
            map.insert("fields".into(), json!(self.refusal.fields));
        }
        if let (Some((name, detail)), Some(map)) = (&self.refusal.detail, body.as_object_mut()) {
            map.insert((*name).to_owned(), (**detail).clone());
        }
        Reply::json(self.status, &json!([body]))
    }
}

impl From<RecordError> for ApiError {
    fn from(refusal: RecordError) -> Self {
        let status = match refusal.code {
            "PRECONDITION_FAILED" => 412,
            "NOT_FOUND" | "ENTITY_IS_DELETED" => 404,
            "INSUFFICIENT_ACCESS_OR_READONLY" => 403,
            _ => 400,
        };
        Self { status, refusal }
    }
}

impl From<SoqlError> for ApiError {
    fn from(error: SoqlError) -> Self {
        Self::new(400, error.code, error.message)
    }
}
