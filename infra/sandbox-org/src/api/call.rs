//! A request to the REST API, free of HTTP.

use std::collections::HashMap;

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json};

use super::conditions::Conditions;
use super::reply::ApiError;
use crate::org::{Author, Change, Settled};
use crate::sandbox::State;
use crate::transaction::{OrgView, Rows};

/// A request to the REST API: one of its own, or a part of a composite one.
#[derive(Clone, Debug)]
pub(crate) struct Call<'t> {
    /// HTTP method.
    pub(crate) method: Method,
    /// Version in the path, such as `v66.0`.
    pub(crate) version: String,
    /// Path below the version.
    pub(crate) segments: Vec<String>,
    /// Query parameters.
    pub(crate) params: HashMap<String, String>,
    /// Body, not yet read.
    pub(crate) body: Vec<u8>,
    /// Who calls.
    pub(crate) author: Author,
    /// Rows a page, from `Sforce-Query-Options`.
    pub(crate) batch_size: usize,
    /// Conditions under which it is answered.
    pub(crate) conditions: Conditions,
    /// The transaction that it is part of.
    pub(crate) within: Option<&'t dyn Rows>,
}

impl Call<'_> {
    /// Returns the rows as this call sees them.
    pub(crate) fn org<'s>(&'s self, state: &'s State) -> OrgView<'s> {
        match self.within {
            Some(rows) => OrgView::Within(rows.org()),
            None => OrgView::Shared(state.org()),
        }
    }

    /// Makes changes: with those of the transaction that the call is part of, or at once.
    pub(crate) fn write(
        &self,
        state: &State,
        changes: Vec<Change>,
        all_or_none: bool,
    ) -> Vec<Settled> {
        match self.within {
            Some(rows) => rows.apply(&self.author, changes, all_or_none),
            None => state.commit(&self.author, changes, all_or_none),
        }
    }

    /// Cuts a path below `/services/data/` into its version and segments.
    pub(crate) fn split_path(path: &str) -> (String, Vec<String>) {
        let mut parts = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
        (parts.next().unwrap_or_default(), parts.collect())
    }

    /// Reads a query string; `+` is a space.
    pub(crate) fn split_query(query: &str) -> HashMap<String, String> {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (decode(key), decode(value)))
            .collect()
    }

    /// Reads the body as JSON.
    pub(crate) fn json(&self) -> Result<Json, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!(
                "Unexpected character at [line:{}, column:{}]",
                error.line(),
                error.column()
            );
            ApiError::new(400, "JSON_PARSER_ERROR", message)
        })
    }

    /// Reads the body as the fields of a record.
    pub(crate) fn fields(&self) -> Result<Map<String, Json>, ApiError> {
        match self.json()? {
            Json::Object(fields) => Ok(fields),
            _ => Err(ApiError::new(400, "JSON_PARSER_ERROR", "the body must be a JSON object")),
        }
    }

    /// Tells whether a query parameter says yes.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.params.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}
