//! `/v1/outbox`: what waits to be sent, what the platform refused, and sending it again.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::ids::{ConnectionId, CorrelationId, EntityId, ObjectName, RecordId};
use shared::model::{Entity, RecordKey};
use shared::ports::{OutboxDepth, OutboxEntry, OutboxKind, OutboxStatus, Setback};
use shared::sync::DeleteGuard;
use shared::time::Timestamp;
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::body::{read_object, refuse_unknown};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};
use crate::replay::require_json;

/// How many records are read at a time when hidden ones are left out.
const PAGE: u32 = 200;

/// The longest body taken, in bytes.
const MAX_BODY_BYTES: usize = 8 * 1024;

const FORM: &str = "`{\"connection\": \"main\", \"object\": \"Case\"}`";

/// A record that is to be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutboxItem {
    /// Names it in addresses.
    #[schema(example = "main.Case.500ak00000OQTieAAH")]
    id: String,
    /// The connection.
    connection: ConnectionId,
    /// The object over there.
    object: ObjectName,
    /// The id over there; null until the platform has named the record.
    record_id: Option<RecordId>,
    /// The kind of row.
    entity: Entity,
    /// The row.
    entity_id: EntityId,
    /// What is to be done.
    kind: OutboxKind,
    /// Whether it waits for its turn, or for a person.
    status: OutboxStatus,
    /// How often sending it was tried in vain.
    n_attempts: u32,
    /// Why it was not sent the last time, and what to do.
    setback: Option<Setback>,
    /// Since when it waits.
    changed_at: Timestamp,
    /// Follows the change.
    correlation_id: CorrelationId,
}

/// How many records of an object are to be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectOutbox {
    #[serde(flatten)]
    depth: OutboxDepth,
    /// Whether so many deletions wait that all of the object is held back, when they are also a
    /// large share of its records: look at them, then let them through.
    may_be_held_back: bool,
    /// Whether somebody has let deletions through within the last hour.
    deletes_are_let_through: bool,
}

/// One page of records that are to be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutboxPage {
    /// All objects of which something is to be sent.
    objects: Vec<ObjectOutbox>,
    /// The records, the longest waiting first.
    items: Vec<OutboxItem>,
    /// Give it as `after` to read on; null on the last page.
    next_after: Option<String>,
}

/// What was sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Resent {
    /// How many records wait for their turn again: 0 when it did not wait for a person.
    n_resent: u64,
}

/// For how long deletions are let through.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletesAllowed {
    /// The connection.
    connection: ConnectionId,
    /// The object.
    object: ObjectName,
    /// Until when.
    until: Timestamp,
}

/// Which records to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct OutboxQuery {
    /// Those that wait for their turn, or those that wait for a person; `waiting` by default.
    #[param(inline, example = "failed")]
    status: Option<OutboxStatus>,
    /// Only those after the one with this `id`: `next_after` of the page before.
    #[param(max_length = 200, example = "main.Case.500ak00000OQTieAAH")]
    after: Option<String>,
    /// How many records to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl OutboxQuery {
    fn read(raw: Option<&str>) -> Result<(OutboxStatus, Option<RecordKey>, u32), Problem> {
        let mut query = Query::new(raw);
        let choices = [("waiting", OutboxStatus::Waiting), ("failed", OutboxStatus::Failed)];
        let status = query.choice("status", &choices).unwrap_or(OutboxStatus::Waiting);
        let limit = query.number("limit", 1..=200).unwrap_or(50);
        let given = query.text("after");
        let after = given.as_deref().and_then(read_key);
        if given.is_some() && after.is_none() {
            query.fault("after", "it is not the id of a record in the outbox");
        }
        query.finish::<Self, _>((status, after, limit))
    }
}

impl OutboxItem {
    /// Shows `entry`, which stands as `status`.
    pub(crate) fn of(status: OutboxStatus, entry: OutboxEntry) -> Self {
        let RecordKey { connection, object, record_id } = entry.key;
        Self {
            id: format!("{connection}.{object}.{record_id}"),
            connection,
            object,
            record_id: Some(record_id).filter(|it| it.as_local().is_none()),
            entity: entry.entity,
            entity_id: entry.entity_id,
            kind: entry.kind,
            status,
            n_attempts: entry.n_attempts,
            setback: entry.last,
            changed_at: entry.changed_at,
            correlation_id: entry.correlation_id,
        }
    }

    /// Tells whether it waits for its turn, or for a person.
    pub(crate) fn status(&self) -> OutboxStatus {
        self.status
    }
}

fn read_key(id: &str) -> Option<RecordKey> {
    let mut parts = id.splitn(3, '.');
    Some(RecordKey {
        connection: ConnectionId::parse(parts.next()?).ok()?,
        object: ObjectName::parse(parts.next()?).ok()?,
        record_id: RecordId::parse(parts.next()?).ok()?,
    })
}

/// Lists what is to be sent.
///
/// `waiting` goes by itself; `failed` waits for a person, as sending it again would fail again:
/// `setback` says why and what to do. Records of cases that the caller is screened from are left out.
#[utoipa::path(get, path = "/outbox", tag = "sync", params(OutboxQuery),
    responses((status = 200, description = "A page of records", body = OutboxPage), Problems))]
pub(crate) async fn list_outbox(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (status, after, limit) = OutboxQuery::read(raw.as_deref())?;
    let (objects, mut items) =
        tokio::try_join!(objects(&api), list(&api, &caller, status, after, limit))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_full = items.len() >= limit;
    items.truncate(limit);
    let next_after = items.last().map(|it| it.id.clone()).filter(|_| is_full);
    Ok(json(render(&OutboxPage { objects, items, next_after })?))
}

async fn objects(api: &Api) -> Result<Vec<ObjectOutbox>, Problem> {
    let depths = api.ports.two_way.outbox.depths().await.map_err(Problem::of_port)?;
    let (ledger, now) = (&*api.ports.ledger, api.ports.clock.now());
    let mut objects = Vec::with_capacity(depths.len());
    for depth in depths {
        let OutboxDepth { connection, object, .. } = &depth;
        let allowed = DeleteGuard::is_let_through(ledger, connection, object, now).await;
        let deletes_are_let_through = allowed.map_err(Problem::of_port)?;
        let is_many = depth.n_deletes > DeleteGuard::default().min_records;
        let may_be_held_back = is_many && !deletes_are_let_through;
        objects.push(ObjectOutbox { depth, may_be_held_back, deletes_are_let_through });
    }
    Ok(objects)
}

async fn list(
    api: &Api,
    caller: &Caller,
    status: OutboxStatus,
    mut after: Option<RecordKey>,
    limit: u32,
) -> Result<Vec<OutboxItem>, Problem> {
    let n_wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (outbox, walls) = (&api.ports.two_way.outbox, &api.ports.walls);
    let hears_all = walls.shows_all(&caller.hearing()).await.map_err(Problem::of_port)?;
    let n_page = if hears_all { limit } else { PAGE };
    let mut items = Vec::new();
    while items.len() < n_wanted {
        let page = outbox.waiting(status, after.as_ref(), n_page).await;
        let page = page.map_err(Problem::of_port)?;
        let is_over = page.len() < usize::try_from(n_page).unwrap_or(usize::MAX);
        after = page.last().map(|it| it.key.clone());
        let hidden = if hears_all { BTreeSet::new() } else { hidden(api, caller, &page).await? };
        let heard = page.into_iter().filter(|it| !hidden.contains(&it.entity_id));
        items.extend(heard.map(|it| OutboxItem::of(status, it)));
        if is_over {
            break;
        }
    }
    Ok(items)
}

async fn hidden(
    api: &Api,
    caller: &Caller,
    entries: &[OutboxEntry],
) -> Result<BTreeSet<EntityId>, Problem> {
    let ids: Vec<_> = entries.iter().map(|it| it.entity_id.clone()).collect();
    api.ports.walls.hidden(&caller.hearing(), &ids).await.map_err(Problem::of_port)
}

/// Sends a record again that waits for a person.
#[utoipa::path(post, path = "/outbox/{record}/resend", tag = "sync",
    params(("record" = String, Path, description = "The `id` of the record in the outbox", example = "main.Case.500ak00000OQTieAAH")),
    responses((status = 200, description = "Whether it waits for its turn again", body = Resent),
        (status = 404, description = "Nothing of this record is to be sent", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn resend_record(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let id = id.map_or_else(|_| String::new(), |Path(it)| it);
    let gone = || Problem::not_found(format!("nothing of `{}` is to be sent", shorten(&id)));
    let key = read_key(&id).ok_or_else(gone)?;
    let outbox = &api.ports.two_way.outbox;
    let (_, entry) = outbox.standing(&key).await.map_err(Problem::of_port)?.ok_or_else(gone)?;
    if !hidden(&api, &caller, std::slice::from_ref(&entry)).await?.is_empty() {
        return Err(gone());
    }
    let n_resent = outbox.resend(&key.connection, Some(&key)).await.map_err(Problem::of_port)?;
    info!(row.id = %entry.entity_id, actor = %caller.person(), "a person sent a record again");
    Ok(json(render(&Resent { n_resent })?))
}

/// Lets deletions of an object through for an hour.
///
/// When many records wait to be deleted at once, and they are a large share of all, nothing of the
/// object is sent until somebody has looked at them.
#[utoipa::path(post, path = "/outbox/allow-deletes", tag = "sync",
    request_body(content = inline(crate::openapi::AllowDeletesRequest), description = "Whose",
        content_type = "application/json", example = json!({"connection": "main", "object": "Case"})),
    responses((status = 200, description = "Until when", body = DeletesAllowed),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing of this object is to be sent", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn allow_deletes(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let (connection, object) =
        read_object_name(&read_object(request, MAX_BODY_BYTES, FORM).await?)?;
    let depths = api.ports.two_way.outbox.depths().await.map_err(Problem::of_port)?;
    if !depths.iter().any(|it| it.connection == connection && it.object == object) {
        let message = "nothing of this object is to be sent: `GET /v1/outbox` lists what is";
        return Err(Problem::not_found(message));
    }
    let (ledger, now) = (&*api.ports.ledger, api.ports.clock.now());
    let until = DeleteGuard::let_through(ledger, &connection, &object, now).await;
    let until = until.map_err(Problem::of_port)?;
    info!(%connection, %object, actor = %caller.person(), "a person let deletions through");
    Ok(json(render(&DeletesAllowed { connection, object, until })?))
}

fn read_object_name(members: &Map<String, Value>) -> Result<(ConnectionId, ObjectName), Problem> {
    let mut faults = Vec::new();
    refuse_unknown(members, &["connection", "object"], FORM, &mut faults);
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let connection = text("connection").and_then(|it| ConnectionId::parse(it).ok());
    let object = text("object").and_then(|it| ObjectName::parse(it).ok());
    for (name, is_there) in [("connection", connection.is_some()), ("object", object.is_some())] {
        if !is_there {
            faults.push(Fault::new(name, format!("it is needed: send {FORM}")));
        }
    }
    match connection.zip(object) {
        Some(found) if faults.is_empty() => Ok(found),
        _ => Err(Problem::invalid(faults)),
    }
}
