//! `GET /v1/cases` and `GET /v1/cases/{id}`: find cases, read one.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Deserialize;
use shared::PortErrorKind;
use shared::ids::{EntityId, SalesforceId};
use shared::ports::{CaseDetail, CaseFilter, CasePage, CaseSort};
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};

/// Whether cases are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaseState {
    /// Not closed.
    Open,
    /// Closed or settled.
    Closed,
}

/// Which cases to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct CasesQuery {
    /// Words that each must begin a word of the docket number, case number, title, court, account
    /// name or contact name.
    #[param(max_length = 200, example = "doe custody")]
    search: Option<String>,
    /// Only cases with this status.
    #[param(max_length = 200, example = "Discovery")]
    status: Option<String>,
    /// Only cases at this court.
    #[param(max_length = 200, example = "Superior Court of King County")]
    court: Option<String>,
    /// Only cases with this priority.
    #[param(max_length = 200, example = "High")]
    priority: Option<String>,
    /// Only cases of the account with this id.
    account_id: Option<EntityId>,
    /// Only open cases, or only closed ones.
    #[param(inline, example = "open")]
    state: Option<CaseState>,
    /// Only cases opened at this instant or later; a day stands for its first moment in UTC.
    #[param(inline, example = "2026-01-01")]
    opened_from: Option<crate::openapi::DayOrInstant>,
    /// Only cases opened before this instant; a day stands for its first moment in UTC.
    #[param(inline, example = "2026-02-01T00:00:00Z")]
    opened_until: Option<crate::openapi::DayOrInstant>,
    /// The order; `updated_desc` by default.
    #[param(inline, example = "opened_desc")]
    sort: Option<CaseSort>,
    /// Where the page begins: `next_cursor` of the page before, with all else unchanged.
    #[param(max_length = 4000)]
    cursor: Option<String>,
    /// How many cases to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl CasesQuery {
    fn read(raw: Option<&str>) -> Result<CaseFilter, Problem> {
        let mut query = Query::new(raw);
        let is_closed = [("open", false), ("closed", true)];
        let filter = CaseFilter {
            search: query.text("search"),
            status: query.text("status"),
            court: query.text("court"),
            priority: query.text("priority"),
            account_id: query.parsed("account_id", "the id of an account: a UUID in lower case"),
            is_closed: query.choice("state", &is_closed),
            opened_from: query.instant("opened_from"),
            opened_until: query.instant("opened_until"),
            sort: query.choice("sort", &SORTS).unwrap_or_default(),
            cursor: query.cursor("cursor"),
            limit: query.number("limit", 1..=200).unwrap_or(50),
        };
        if let (Some(from), Some(until)) = (filter.opened_from, filter.opened_until)
            && from >= until
        {
            query.fault("opened_until", "it is not later than `opened_from`: nothing can match");
        }
        query.finish::<Self, _>(filter)
    }
}

const SORTS: [(&str, CaseSort); 5] = [
    ("updated_desc", CaseSort::UpdatedDesc),
    ("opened_desc", CaseSort::OpenedDesc),
    ("opened_asc", CaseSort::OpenedAsc),
    ("docket_asc", CaseSort::DocketAsc),
    ("title_asc", CaseSort::TitleAsc),
];

/// Lists cases.
///
/// Deleted cases are left out. Follow `next_cursor` until it is null to see every case once.
#[utoipa::path(get, path = "/cases", tag = "cases", params(CasesQuery),
    responses((status = 200, description = "A page of cases", body = CasePage), Problems))]
pub(crate) async fn list_cases(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let filter = CasesQuery::read(raw.as_deref())?;
    let page = api.ports.view.cases(caller.sight(), &filter).await.map_err(|failed| {
        match (failed.kind(), &filter.cursor) {
            (PortErrorKind::Rejected, Some(_)) => Problem::invalid(vec![Fault::new(
                "cursor",
                "it was not made for this list and order: begin again without a cursor",
            )]),
            _ => Problem::of_port(failed),
        }
    })?;
    Ok(json(render(&page)?))
}

/// Reads one case.
///
/// With its timeline, documents and communications, the latest 200 of each.
#[utoipa::path(get, path = "/cases/{id}", tag = "cases",
    params(("id" = String, Path, description = "Our id (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH")),
    responses((status = 200, description = "The case", body = CaseDetail),
        (status = 404, description = "No case has this id", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_case(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = CaseId::read(id);
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let case = load_case(&api, &caller, &id?).await?;
    Ok(json(render(&case)?))
}

/// An id by which a case can be found.
#[derive(Debug)]
pub(crate) enum CaseId {
    /// Ours.
    Own(EntityId),
    /// Its id at Salesforce.
    Remote(SalesforceId),
}

impl CaseId {
    /// Reads the `id` of a path.
    ///
    /// # Errors
    ///
    /// [`Problem`] when it is neither a UUID nor a Salesforce id.
    pub(crate) fn read(raw: Result<Path<String>, PathRejection>) -> Result<Self, Problem> {
        let Ok(Path(raw)) = raw else {
            let message = "it is not UTF-8: percent-encode its UTF-8 bytes";
            return Err(Problem::invalid(vec![Fault::new("id", message)]));
        };
        if let Ok(id) = EntityId::parse(raw.to_ascii_lowercase()) {
            return Ok(Self::Own(id));
        }
        let looks_remote =
            matches!(raw.len(), 15 | 18) && raw.bytes().all(|b| b.is_ascii_alphanumeric());
        match SalesforceId::parse(raw.as_str()) {
            Ok(id) => Ok(Self::Remote(id)),
            Err(_) if looks_remote => Err(Problem::not_found(format!(
                "there is no case `{raw}`: its last three characters do not fit the rest; copy it again"
            ))),
            Err(_) => Err(Problem::invalid(vec![Fault::new(
                "id",
                format!(
                    "`{}` is neither a UUID nor a Salesforce id of 15 or 18 letters and digits",
                    shorten(&raw)
                ),
            )])),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Own(id) => id.as_str(),
            Self::Remote(id) => id.as_str(),
        }
    }
}

/// Loads the case `id`. One that `caller` does not see is answered like one that is not there.
///
/// # Errors
///
/// [`Problem`] when there is none, or the store does not answer.
pub(crate) async fn load_case(
    api: &Api,
    caller: &Caller,
    id: &CaseId,
) -> Result<CaseDetail, Problem> {
    let id = id.as_str();
    let found = api.ports.view.case(caller.sight(), id).await.map_err(Problem::of_port)?;
    found.ok_or_else(|| Problem::not_found(format!("there is no case `{id}`")))
}
