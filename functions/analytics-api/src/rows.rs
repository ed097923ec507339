//! `/v1/cases`, `/v1/contacts` and `/v1/accounts` as people change them.

mod read;
mod write;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderValue;
use axum::http::header::ETAG;
use axum::response::Response;
use serde::Serialize;
use shared::auth::Sight;
use shared::ids::{ConnectionId, EntityId, ObjectName, RecordId};
use shared::model::{Entity, FieldValue};
use shared::ports::{ConflictFilter, OutboxStatus};
use shared::sync::{ConflictPolicy, RowStanding, Stand};
use utoipa::ToSchema;

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::cases::{CaseId, load_case};
use crate::outbox::OutboxItem;
use crate::problem::{Fault, Problem};
use crate::query::shorten;

pub(crate) use write::{accounts, cases, contacts};

/// The most conflicts of one row that are looked at: more than a mapping has fields.
const MAX_CONFLICTS: u32 = 500;

/// One field of a row, and how it stands to the record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowField {
    /// Our field.
    #[schema(example = "status")]
    field: String,
    /// Its name over there.
    #[schema(example = "Status")]
    remote_field: String,
    /// The value here.
    value: FieldValue,
    /// The value over there, as far as it is known.
    remote_value: FieldValue,
    /// Whether it can be changed here.
    can_change: bool,
    /// Who wins when both sides change it.
    policy: ConflictPolicy,
    /// How it stands.
    state: Stand,
    /// The number of its open conflict.
    conflict: Option<u64>,
}

/// A row, and how it stands to its record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowState {
    /// The kind of row.
    entity: Entity,
    /// Our id.
    id: EntityId,
    /// The connection.
    connection: ConnectionId,
    /// The object over there.
    object: ObjectName,
    /// The id over there; null until the platform has named the record.
    record_id: Option<RecordId>,
    /// Whether it counts as deleted.
    is_deleted: bool,
    /// How being there, deleted or merged stands.
    presence: Stand,
    /// Its fields.
    fields: Vec<RowField>,
    /// Its place in the outbox; null when nothing of it is to be sent.
    outbox: Option<OutboxItem>,
}

/// What became of a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowChange {
    /// Whether anything changed: not when everything was so already.
    is_changed: bool,
    /// The number of the change, as `/v1/changes` tells it.
    change_seq: Option<u64>,
    /// The row as it stands now; after a merge that is the one that was merged into.
    row: RowState,
}

impl RowState {
    /// Tells how the row `id` stands; also its entity tag.
    ///
    /// # Errors
    ///
    /// [`Problem`] when there is no such row, or a port does not answer.
    pub(crate) async fn load(
        api: &Api,
        caller: &Caller,
        entity: Entity,
        id: &EntityId,
    ) -> Result<(Self, HeaderValue), Problem> {
        let standing = api.desk.standing(entity, id).await.map_err(Problem::of_desk)?;
        let two_way = &api.ports.two_way;
        let filter = ConflictFilter {
            entity_id: Some(standing.entity_id.clone()),
            limit: MAX_CONFLICTS,
            ..ConflictFilter::default()
        };
        let (outbox, conflicts) = tokio::try_join!(
            two_way.outbox.standing(&standing.key),
            two_way.conflicts.conflicts(caller.sight(), &filter),
        )
        .map_err(Problem::of_port)?;
        let outbox = outbox.map(|(status, entry)| OutboxItem::of(status, entry));
        let tag = HeaderValue::from_str(&format!("\"{}\"", standing.revision));
        let mut state = Self::of(entity, standing, outbox);
        for field in &mut state.fields {
            let found = conflicts.iter().find(|it| it.local_field == field.field);
            if let Some(conflict) = found {
                field.conflict = Some(conflict.id);
                field.state = Stand::Conflict;
            }
        }
        Ok((state, tag.unwrap_or(HeaderValue::from_static(""))))
    }

    fn of(entity: Entity, standing: RowStanding, outbox: Option<OutboxItem>) -> Self {
        let RowStanding { key, entity_id, is_deleted, presence, fields, .. } = standing;
        let is_refused = outbox.as_ref().is_some_and(|it| it.status() == OutboxStatus::Failed);
        let told =
            |state| if is_refused && state == Stand::Waiting { Stand::Refused } else { state };
        let fields = fields.into_iter().map(|it| RowField {
            field: it.field,
            remote_field: it.remote_field,
            value: it.value,
            remote_value: it.remote_value,
            can_change: it.can_change,
            policy: it.policy,
            state: told(it.stand),
            conflict: None,
        });
        Self {
            entity,
            id: entity_id,
            connection: key.connection,
            object: key.object,
            record_id: Some(key.record_id).filter(|it| it.as_local().is_none()),
            is_deleted,
            presence: told(presence),
            fields: fields.collect(),
            outbox,
        }
    }
}

/// Answers with `value`, and the entity tag of its row.
fn tagged<T: Serialize>(value: &T, tag: HeaderValue) -> Result<Response, Problem> {
    let mut response = json(render(value)?);
    response.headers_mut().insert(ETAG, tag);
    Ok(response)
}

/// Finds the row that `raw` names. One that `caller` does not see is answered like one that is not
/// there.
///
/// # Errors
///
/// [`Problem`] when there is none, or the store does not answer.
async fn find_row(
    api: &Api,
    caller: &Caller,
    entity: Entity,
    raw: Result<Path<String>, PathRejection>,
) -> Result<EntityId, Problem> {
    if entity == Entity::Case {
        let id = CaseId::read(raw)?;
        return Ok(load_case(api, caller, &id).await?.summary.id);
    }
    let raw = raw.map_or_else(|_| String::new(), |Path(it)| it);
    let id = EntityId::parse(raw.to_ascii_lowercase()).map_err(|_| {
        let message = format!("`{}` is not our id of a row: a UUID", shorten(&raw));
        Problem::invalid(vec![Fault::new("id", message)])
    })?;
    let found = match caller.sight() {
        Sight::Only(_) => None,
        _ => api.ports.two_way.store.locate(entity, &id).await.map_err(Problem::of_port)?,
    };
    let gone = || Problem::not_found(format!("there is no {entity} `{id}`"));
    found.map(|_| id.clone()).ok_or_else(gone)
}
