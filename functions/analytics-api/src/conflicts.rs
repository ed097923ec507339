//! `/v1/conflicts`: fields that both sides changed, and what is decided about them.

pub(crate) mod bulk;
pub(crate) mod resolve;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shared::ids::{ConnectionId, EntityId, ObjectName};
use shared::model::{Channel, FieldValue};
use shared::ports::{AuditRow, Conflict, ConflictFilter};
use shared::time::Timestamp;
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::audit::MAX_SEQ;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};

/// How many audit rows of a row are looked through for who changed a field here.
const N_AUDIT_ROWS: u32 = 200;

/// Whether conflicts wait for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConflictState {
    /// They wait.
    Open,
    /// They were decided, or ended by themselves.
    Resolved,
}

/// One page of conflicts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictPage {
    /// The conflicts, the newest first.
    items: Vec<Conflict>,
    /// Give it as `before` to read on; null on the last page.
    next_before: Option<u64>,
}

/// A change that was made here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedHere {
    /// Who made it, such as `person:anna`.
    by: String,
    /// When.
    at: Timestamp,
    /// The value that both sides held before: the base of the conflict.
    before: FieldValue,
}

/// One conflict, and how the value here came about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disputed {
    /// The conflict.
    conflict: Conflict,
    /// How the value here came about; null when the audit log no longer tells.
    changed_here: Option<ChangedHere>,
}

/// All that helps to decide the conflicts of one row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictDetail {
    /// The conflict that was asked for, then the other open ones of its row.
    fields: Vec<Disputed>,
}

/// Which conflicts to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct ConflictsQuery {
    /// Open ones, or resolved ones; `open` by default.
    #[param(inline, example = "open")]
    state: Option<ConflictState>,
    /// Only of this connection.
    #[param(example = "main")]
    connection: Option<ConnectionId>,
    /// Only of this object.
    #[param(example = "Case")]
    object: Option<ObjectName>,
    /// Only of the row with this id.
    #[param(example = "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529")]
    row: Option<EntityId>,
    /// Only conflicts before the one with this number.
    #[param(minimum = 1, maximum = 9_223_372_036_854_775_807_u64, example = 4211)]
    before: Option<u64>,
    /// How many conflicts to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl ConflictsQuery {
    fn read(raw: Option<&str>) -> Result<ConflictFilter, Problem> {
        let mut query = Query::new(raw);
        let filter = ConflictFilter {
            is_resolved: query
                .choice("state", &[("open", false), ("resolved", true)])
                .unwrap_or_default(),
            entity_id: query.parsed("row", "the id of a row: a UUID in lower case"),
            connection: query.parsed("connection", "the name of a connection"),
            object: query.parsed("object", "the name of an object"),
            before: query.number("before", 1..=MAX_SEQ),
            limit: query.number("limit", 1..=200).unwrap_or(50),
        };
        query.finish::<Self, _>(filter)
    }
}

/// Lists conflicts.
///
/// Each is one field that both sides changed, with both values. Conflicts of cases that the caller
/// does not see are left out.
#[utoipa::path(get, path = "/conflicts", tag = "sync", params(ConflictsQuery),
    responses((status = 200, description = "A page of conflicts", body = ConflictPage), Problems))]
pub(crate) async fn list_conflicts(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let filter = ConflictsQuery::read(raw.as_deref())?;
    let found = api.ports.two_way.conflicts.conflicts(caller.sight(), &filter).await;
    let items = found.map_err(Problem::of_port)?;
    let is_full = items.len() >= usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let next_before = items.last().map(|it| it.id).filter(|_| is_full);
    Ok(json(render(&ConflictPage { items, next_before })?))
}

/// Reads one conflict.
///
/// With the value that both sides held before, who changed it here and when, and the other open
/// conflicts of the same row.
#[utoipa::path(get, path = "/conflicts/{conflict}", tag = "sync",
    params(("conflict" = u64, Path, description = "The conflict's number", minimum = 1, maximum = 9_223_372_036_854_775_807_u64, example = 17)),
    responses((status = 200, description = "The conflict", body = ConflictDetail),
        (status = 404, description = "No conflict has this number", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_conflict(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let (conflict, others) = load(&api, &caller, id).await?;
    let audit = &api.ports.audit;
    let rows = audit.audit(caller.sight(), Some(&conflict.entity_id), None, N_AUDIT_ROWS).await;
    let rows = rows.map_err(Problem::of_port)?;
    let fields = std::iter::once(conflict)
        .chain(others)
        .map(|conflict| Disputed { changed_here: changed_here(&rows, &conflict), conflict });
    Ok(json(render(&ConflictDetail { fields: fields.collect() })?))
}

/// Loads a conflict, and the other open ones of its row.
async fn load(api: &Api, caller: &Caller, id: u64) -> Result<(Conflict, Vec<Conflict>), Problem> {
    let (port, sight) = (&api.ports.two_way.conflicts, caller.sight());
    let found = port.conflict(sight, id).await.map_err(Problem::of_port)?;
    let gone = || Problem::not_found(format!("there is no conflict {id}"));
    let conflict = found.ok_or_else(gone)?;
    let filter = ConflictFilter {
        entity_id: Some(conflict.entity_id.clone()),
        limit: 200,
        ..ConflictFilter::default()
    };
    let mut others = port.conflicts(sight, &filter).await.map_err(Problem::of_port)?;
    others.retain(|it| it.id != id);
    Ok((conflict, others))
}

/// Finds how the value here came about: the changes of the field that were made here one after the
/// other, up to the one that the conflict is about. `rows` begin with the newest.
fn changed_here(rows: &[AuditRow], conflict: &Conflict) -> Option<ChangedHere> {
    let mut found: Option<ChangedHere> = None;
    let earlier = rows.iter().filter(|it| it.at <= conflict.opened_at);
    for row in earlier {
        let mut changes = row.changes.iter();
        let change = changes.find(|it| it.field == conflict.local_field && it.before != it.after);
        let Some(change) = change else { continue };
        if row.channel != Channel::Api {
            break;
        }
        match &mut found {
            Some(last) => last.before = change.before.clone(),
            None => {
                let (by, before) = (row.actor.clone(), change.before.clone());
                found = Some(ChangedHere { by, at: row.at, before });
            }
        }
    }
    found
}

fn read_id(raw: Result<Path<String>, PathRejection>) -> Result<u64, Problem> {
    let raw = raw.map_or_else(|_| String::new(), |Path(it)| it);
    raw.parse().ok().filter(|it| (1..=MAX_SEQ).contains(it)).ok_or_else(|| {
        let message = format!("`{}` is not the number of a conflict", shorten(&raw));
        Problem::invalid(vec![Fault::new("conflict", message)])
    })
}
