//! `GET /v1/queries`: named queries over the lake, and their answers.

pub(crate) mod answer;

use std::sync::LazyLock;

use axum::extract::RawQuery;
use axum::response::Response;
use serde::Serialize;
use shared::queries::{NamedQuery, QueryColumn, built_in_queries};
use utoipa::ToSchema;

use crate::api::{json, render};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};

/// The queries of this build. That they can be read is what a test of their own sees to.
static QUERIES: LazyLock<Vec<NamedQuery>> =
    LazyLock::new(|| built_in_queries().unwrap_or_default());

/// The queries that there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryList {
    /// Each with what may be given, and the columns of its answer.
    items: Vec<QueryDefinition>,
}

/// What a query tells.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryDefinition {
    /// Its name, such as `open_cases_by_court`; it never changes its meaning.
    name: &'static str,
    /// Raised when it answers something else, or in other columns.
    version: u32,
    /// What people call it.
    title: &'static str,
    /// What exactly it tells.
    about: &'static str,
    /// What may be given.
    parameters: Vec<QueryParameter>,
    /// The columns of its answer, in order.
    columns: Vec<AnswerColumn>,
}

/// A parameter of a query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryParameter {
    /// Its name, in the query string too.
    name: &'static str,
    /// What it holds: `text`, `bool`, `long`, `float`, `decimal(18,2)`, `date` or `instant`.
    #[serde(rename = "type")]
    kind: String,
    /// What it means.
    about: &'static str,
    /// What counts when it is not given; null when it has no value then.
    default: Option<&'static str>,
    /// The values that may be given; any when there are none.
    values: Vec<&'static str>,
}

/// A column of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerColumn {
    /// Its name.
    name: String,
    /// What it holds: `text`, `bool`, `long`, `float`, `decimal(38,2)`, `date` or `instant`.
    #[serde(rename = "type")]
    kind: String,
}

impl From<&QueryColumn> for AnswerColumn {
    fn from(column: &QueryColumn) -> Self {
        Self { name: column.name.clone(), kind: column.kind.to_string() }
    }
}

impl From<&'static NamedQuery> for QueryDefinition {
    fn from(query: &'static NamedQuery) -> Self {
        let parameters = query.parameters.iter().map(|it| QueryParameter {
            name: &it.name,
            kind: it.kind.to_string(),
            about: &it.about,
            default: it.default.as_deref(),
            values: it.values.iter().map(String::as_str).collect(),
        });
        Self {
            name: &query.name,
            version: query.version,
            title: &query.title,
            about: &query.about,
            parameters: parameters.collect(),
            columns: query.columns.iter().map(AnswerColumn::from).collect(),
        }
    }
}

/// Lists the named queries.
///
/// A name never changes its meaning; a query that answers something else has a higher version.
#[utoipa::path(get, path = "/queries", tag = "queries",
    responses((status = 200, description = "The queries", body = QueryList), Problems))]
pub(crate) async fn list_queries(RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let items = QUERIES.iter().map(QueryDefinition::from).collect();
    Ok(json(render(&QueryList { items })?))
}
