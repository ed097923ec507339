//! One request inside another.

use axum::http::Method;
use serde_json::{Map, Value as Json, json};

use super::super::call::Call;
use super::super::conditions::Conditions;
use super::super::dispatch::dispatch;
use super::super::reply::{ApiError, Reply};
use crate::sandbox::State;
use crate::transaction::Rows;

/// What one request may mean inside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Rows of an object, one at a time.
    Row,
    /// A query, or several rows at a time.
    Several,
    /// A describe.
    Describe,
    /// Anything else.
    Other,
}

/// One request inside another.
#[derive(Clone, Debug)]
pub(super) struct Part {
    method: Method,
    version: String,
    segments: Vec<String>,
    params: std::collections::HashMap<String, String>,
    body: Option<Json>,
    conditions: Conditions,
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

impl Part {
    /// Reads a part; `body_key` is what the surrounding request calls its body.
    pub(super) fn read(json: &Json, body_key: &str) -> Self {
        let url = text(json, "url").trim_start_matches('/');
        let url = url.strip_prefix("services/data/").unwrap_or(url);
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let (version, segments) = Call::split_path(path);
        let headers = json.get("httpHeaders").and_then(Json::as_object);
        let header = |name: &str| -> Option<String> {
            let found = headers?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            found.1.as_str().map(str::to_owned)
        };
        Self {
            method: Method::from_bytes(text(json, "method").as_bytes()).unwrap_or_default(),
            version,
            segments,
            params: Call::split_query(query),
            body: json.get(body_key).filter(|body| !body.is_null()).cloned(),
            conditions: Conditions::read(header),
        }
    }

    /// Tells what the part is about.
    pub(super) fn reach(&self) -> Reach {
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["query" | "queryAll", ..] | ["composite", "sobjects", ..] => Reach::Several,
            ["sobjects"] | ["sobjects", _, "describe"] => Reach::Describe,
            ["sobjects", _, "updated" | "deleted"] => Reach::Other,
            ["sobjects", _] | ["sobjects", _, _] | ["sobjects", _, _, _] => Reach::Row,
            _ => Reach::Other,
        }
    }

    /// Returns what kind of node it is: its method and its object.
    pub(super) fn kind(&self) -> String {
        let object = self.segments.get(1).map(String::as_str).unwrap_or_default();
        format!("{} {}", self.method, object.to_lowercase())
    }

    /// Answers the part as a request of its own, or inside a transaction.
    pub(super) fn answer(self, state: &State, call: &Call<'_>, within: Option<&dyn Rows>) -> Reply {
        let inner = Call {
            method: self.method,
            version: self.version,
            segments: self.segments,
            params: self.params,
            body: self.body.map(|json| json.to_string().into_bytes()).unwrap_or_default(),
            author: call.author.clone(),
            batch_size: call.batch_size,
            conditions: self.conditions,
            within,
        };
        dispatch(state, &inner)
    }
}

/// Takes the parts out of a body.
pub(super) fn take_parts(
    body: &mut Map<String, Json>,
    key: &str,
    max: usize,
) -> Result<Vec<Json>, ApiError> {
    match body.remove(key) {
        Some(Json::Array(parts)) if (1..=max).contains(&parts.len()) => Ok(parts),
        Some(Json::Array(_)) => {
            Err(limit(format!("The number of subrequests must be between 1 and {max}")))
        }
        _ => Err(ApiError::new(400, "JSON_PARSER_ERROR", format!("`{key}` is missing"))),
    }
}

/// A request that is too large.
pub(super) fn limit(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "LIMIT_EXCEEDED", message)
}

/// A part that was not answered, or whose answer counts no more.
pub(super) fn halted(message: &str) -> Reply {
    ApiError::new(400, "PROCESSING_HALTED", message).into_reply()
}

/// What parts say whose transaction failed because of another one.
pub(super) const ROLLED_BACK: &str =
    "The transaction was rolled back since another operation in the same transaction failed.";

/// Returns the body of an answer.
pub(super) fn body_json(reply: &Reply) -> Json {
    reply.body.as_ref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or(Json::Null)
}

/// Returns the name of a part, by which others refer to it.
pub(super) fn name(part: &Json) -> String {
    text(part, "referenceId").to_owned()
}

/// Checks that parts have names that can be referred to, each its own.
pub(super) fn check_names(parts: &[Json]) -> Result<(), ApiError> {
    let mut known = std::collections::HashSet::new();
    for part in parts {
        let name = name(part);
        let is_plain = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
        let starts_well = name.starts_with(|ch: char| ch.is_ascii_alphanumeric());
        if !starts_well || !name.chars().all(is_plain) {
            let message = format!(
                "Provided referenceId ('{name}') must start with a letter or a number, and it can \
                 contain only letters, numbers and underscores ('_')."
            );
            return Err(ApiError::new(400, "JSON_PARSER_ERROR", message));
        }
        if !known.insert(name.clone()) {
            let message = format!("referenceId ('{name}') is used more than once");
            return Err(ApiError::new(400, "JSON_PARSER_ERROR", message));
        }
    }
    Ok(())
}

/// Writes the answer of a named part.
pub(super) fn named(reply: &Reply, name: &str) -> Json {
    let mut headers = Map::new();
    for (key, value) in &reply.headers {
        let written = match *key {
            "location" => "Location",
            "etag" => "ETag",
            "last-modified" => "Last-Modified",
            _ => continue,
        };
        headers.insert(written.to_owned(), json!(value));
    }
    json!({"body": body_json(reply), "httpHeaders": headers, "httpStatusCode": reply.status,
           "referenceId": name})
}
