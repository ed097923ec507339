//! Queries and their pages.

use std::fmt::Write;

use super::call::Call;
use super::reply::{ApiError, Reply};
use crate::ids::RecordId;
use crate::org::Org;
use crate::sandbox::State;
use crate::soql::{Answer, Plan};

/// Rows a page unless asked otherwise, and the most. Source: REST API guide, query options.
pub(crate) const MAX_BATCH: usize = 2_000;

/// Answers a query with its first page.
pub(super) fn query(state: &State, call: &Call, all_rows: bool) -> Result<Reply, ApiError> {
    let text = call.params.get("q").ok_or_else(|| {
        ApiError::new(400, "MALFORMED_QUERY", "A query string has to be specified")
    })?;
    let now_ms = state.clock().now_ms();
    let org = call.org(state);
    let plan = Plan::new(&org, text, all_rows, now_ms.div_euclid(1000))?;
    match plan.run(&org) {
        Answer::Count(n) => {
            Ok(Reply::text(200, format!(r#"{{"totalSize":{n},"done":true,"records":[]}}"#)))
        }
        Answer::Groups(groups) => {
            let n = groups.len();
            let rows = groups.join(",");
            Ok(Reply::text(200, format!(r#"{{"totalSize":{n},"done":true,"records":[{rows}]}}"#)))
        }
        Answer::Rows(found) => {
            let locator = (found.ids.len() > call.batch_size).then(|| {
                state.cursors.open(plan.clone(), found.ids.clone(), call.author.user, now_ms)
            });
            Ok(page(&org, call, &plan, &found.ids, locator, 0))
        }
    }
}

/// Answers with a later page.
pub(super) fn more(state: &State, call: &Call, locator: &str) -> Result<Reply, ApiError> {
    let invalid = || ApiError::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    let (id, offset) = locator.rsplit_once('-').ok_or_else(invalid)?;
    let id = RecordId::parse(id).ok_or_else(invalid)?;
    let offset: usize = offset.parse().map_err(|_| invalid())?;
    let cursor = state
        .cursors
        .find(id, state.clock().now_ms())
        .filter(|cursor| cursor.user == call.author.user && offset < cursor.ids.len())
        .ok_or_else(invalid)?;
    Ok(page(&call.org(state), call, &cursor.plan, &cursor.ids, Some(id), offset))
}

fn page(
    org: &Org,
    call: &Call,
    plan: &Plan,
    ids: &[RecordId],
    locator: Option<RecordId>,
    offset: usize,
) -> Reply {
    let version = call.version.as_str();
    let end = offset.saturating_add(call.batch_size).min(ids.len());
    let rows = ids.get(offset..end).unwrap_or_default();
    let done = end == ids.len();
    let mut text = String::with_capacity(64 + rows.len() * 300);
    let _ = write!(text, r#"{{"totalSize":{},"done":{done}"#, ids.len());
    if let Some(locator) = locator.filter(|_| !done) {
        let _ =
            write!(text, r#","nextRecordsUrl":"/services/data/{version}/query/{locator}-{end}""#);
    }
    text.push_str(r#","records":["#);
    for (idx, id) in rows.iter().enumerate() {
        if idx > 0 {
            text.push(',');
        }
        plan.write_row(org, *id, version, &mut text);
    }
    text.push_str("]}");
    Reply::text(200, text)
}
