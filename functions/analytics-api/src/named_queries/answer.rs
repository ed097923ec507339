//! `GET /v1/queries/{query}`: the answer to a named query.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY};
use axum::response::Response;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use shared::chain;
use shared::lake::LakeError;
use shared::ports::{Query as Question, QueryLimits};
use shared::queries::{Answer, AnswerCache, NamedQuery, QueryError, bind, find_query};
use shared::{PortErrorKind, Retry};
use tracing::{error, warn};
use utoipa::{IntoParams, ToSchema};

use super::{AnswerColumn, QUERIES};
use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{Query, shorten};

/// How long an answer may take: the request itself is given up after ten seconds.
const WITHIN: Duration = Duration::from_secs(8);

/// The answer to a query.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the answer")]
pub(crate) struct QueryAnswer {
    /// The name of the query.
    query: String,
    /// Its version.
    version: u32,
    /// The columns, in order.
    columns: Vec<AnswerColumn>,
    /// The rows, each with a value by the name of each column. Days, instants and decimals are text.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Map<String, Value>>,
    /// Whether there are more rows than were asked for.
    is_cut: bool,
}

/// The answer as it is written.
#[derive(Serialize)]
struct WrittenAnswer<'a> {
    query: &'a str,
    version: u32,
    columns: Vec<AnswerColumn>,
    rows: Rows<'a>,
    is_cut: bool,
}

struct Rows<'a>(&'a Answer);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.objects())
    }
}

/// How much of the answer to send. The parameters of the query itself stand beside it, by their names.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct AnswerQuery {
    /// How many rows at most; 1000 by default.
    #[param(minimum = 1, maximum = 10_000, example = 100)]
    limit: Option<usize>,
}

/// Answers a named query.
///
/// `GET /v1/queries` tells the parameters of each; they are given in the query string by their names.
/// Cases that the caller does not see count nowhere. The header `ETag` stays the same until what the
/// query reads changes: send it as `If-None-Match`, and nothing is worked out or sent again.
#[utoipa::path(get, path = "/queries/{query}", tag = "queries",
    params(("query" = String, Path, description = "The name of the query", example = "open_cases_by_court"), AnswerQuery),
    responses((status = 200, description = "The answer", body = QueryAnswer),
        (status = 304, description = "The answer is the one that the caller has"),
        (status = 404, description = "No query has this name", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Queries are not answered here", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_query(
    State(api): State<Arc<Api>>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let name = name.map_or_else(|_| String::new(), |Path(name)| shorten(&name));
    let query = find_query(&QUERIES, &name).map_err(|it| Problem::not_found(it.to_string()))?;
    let (question, max_rows) = question(&api, query, raw.as_deref())?;
    let cache = cache(&api)?;
    let sight = api.ports.sight_of(&caller).await?;
    let tag = cache.tag(&question, &sight).await.map_err(problem)?;
    let tag = format!("\"{tag}-{}-{max_rows}\"", query.version);
    let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|it| it.as_bytes() == tag.as_bytes());
    let mut response = if is_known {
        let mut response = json("");
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let limits = QueryLimits { max_rows, within: WITHIN };
        let found = cache.answer(&question, &sight, limits).await.map_err(problem)?;
        json(body(query, &found.answer)?)
    };
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(&tag).map(|it| (ETAG, it)));
    // Two people may have different answers at one address.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("authorization"));
    Ok(response)
}

fn body(query: &NamedQuery, answer: &Answer) -> Result<Vec<u8>, Problem> {
    render(&WrittenAnswer {
        query: &query.name,
        version: query.version,
        columns: answer.columns.iter().map(AnswerColumn::from).collect(),
        rows: Rows(answer),
        is_cut: answer.is_cut,
    })
}

/// Reads the query string: what the API takes itself, and the parameters of `query`.
fn question(
    api: &Api,
    query: &NamedQuery,
    raw: Option<&str>,
) -> Result<(Question, usize), Problem> {
    let mut given = Query::new(raw);
    let max_rows = given.number("limit", 1..=10_000).unwrap_or(1000);
    let rest = given.rest();
    let bound = bind(&query.parameters, &rest, api.ports.clock.now());
    let parameters = bound.unwrap_or_else(|faults| {
        faults.iter().for_each(|it| given.fault(&it.name, it.text.clone()));
        Default::default()
    });
    let question = Question { sql: query.sql.clone(), parameters };
    given.finish::<AnswerQuery, _>((question, max_rows))
}

fn cache(api: &Api) -> Result<&AnswerCache, Problem> {
    api.ports.queries.as_deref().ok_or_else(|| {
        Problem::no_queries(
            "this process reads no lake: set `LAKE`, and build `analytics-api` with the feature \
             `query`; `moodbridge serve` has both",
        )
    })
}

/// Logs why a query was not answered, and says no more than what to do.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn problem(failed: QueryError) -> Problem {
    match &failed {
        QueryError::TooLong(_) | QueryError::TooLarge(_) => {
            warn!(error = %chain(&failed), "a named query was not answered");
            let detail = "the answer takes more time or memory than it may: ask for fewer days";
            return Problem::unavailable(detail, None);
        }
        QueryError::Store(_) if failed.retry() != Retry::Never => {
            warn!(error = %chain(&failed), "a named query was not answered for now");
            let after = match failed.lake_error() {
                Some(LakeError::Port(port)) if port.kind() != PortErrorKind::Rejected => {
                    port.retry_after()
                }
                _ => None,
            };
            return Problem::unavailable("the store does not answer: try again", after);
        }
        _ => {}
    }
    error!(error = %chain(&failed), "a named query failed");
    Problem::internal()
}
