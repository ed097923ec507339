//! `GET /v1/audit` and `GET /v1/cases/{id}/audit`: who changed what, when and why.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::ids::EntityId;
use shared::ports::AuditRow;
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::cases::{CaseId, load_case};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;

/// The largest number a row may have: what a store's signed integers hold.
pub(crate) const MAX_SEQ: u64 = 9_223_372_036_854_775_807;

/// One page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// The rows, the newest first.
    items: Vec<AuditRow>,
    /// Give it as `before` to read on; null on the last page.
    next_before: Option<u64>,
}

/// Which rows to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct AuditQuery {
    /// Only rows before the one with this number.
    #[param(minimum = 1, maximum = 9_223_372_036_854_775_807_u64, example = 4211)]
    before: Option<u64>,
    /// How many rows to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl AuditQuery {
    fn read(raw: Option<&str>) -> Result<(Option<u64>, u32), Problem> {
        let mut query = Query::new(raw);
        let before = query.number("before", 1..=MAX_SEQ);
        let limit = query.number("limit", 1..=200).unwrap_or(50);
        query.finish::<Self, _>((before, limit))
    }
}

/// Lists the audit log.
///
/// Each row carries the hash of the row before it: `moodbridge audit verify` walks the chain.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A page of rows", body = AuditPage), Problems))]
pub(crate) async fn list_audit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (before, limit) = AuditQuery::read(raw.as_deref())?;
    let page = load_page(&api, &caller, None, before, limit).await?;
    Ok(json(render(&page)?))
}

/// Lists the audit log of one case.
#[utoipa::path(get, path = "/cases/{id}/audit", tag = "cases",
    params(("id" = String, Path, description = "Our id (a UUID), or the Salesforce id in 15 or 18 characters",
        pattern = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
        example = "500ak00000OQTieAAH"), AuditQuery),
    responses((status = 200, description = "A page of rows", body = AuditPage),
        (status = 404, description = "No case has this id", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn list_case_audit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = CaseId::read(id);
    let (before, limit) = AuditQuery::read(raw.as_deref())?;
    let page = match id? {
        CaseId::Own(own) => {
            let page = load_page(&api, &caller, Some(&own), before, limit).await?;
            if page.items.is_empty() {
                load_case(&api, &caller, &CaseId::Own(own)).await?;
            }
            page
        }
        remote @ CaseId::Remote(_) => {
            let own = load_case(&api, &caller, &remote).await?.summary.id;
            load_page(&api, &caller, Some(&own), before, limit).await?
        }
    };
    Ok(json(render(&page)?))
}

async fn load_page(
    api: &Api,
    caller: &Caller,
    of: Option<&EntityId>,
    before: Option<u64>,
    limit: u32,
) -> Result<AuditPage, Problem> {
    // One row more than asked for tells whether there is another page.
    let rows = api.ports.audit.audit(caller.sight(), of, before, limit + 1).await;
    let mut items = rows.map_err(Problem::of_port)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next_before = items.last().filter(|_| !is_last).map(|row| row.seq);
    Ok(AuditPage { items, next_before })
}
