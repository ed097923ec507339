//! Changes rows through the desk: each is one write with its author, and waits in the outbox.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use shared::ids::{ConnectionId, EntityId};
use shared::model::{Entity, Fields};
use shared::sync::{Changed, DeskError};
use tracing::info;
use utoipa::IntoParams;

use super::read::{read_fields, read_if_match, read_into, read_new_id};
use super::{RowChange, RowState, find_row, tagged};
use crate::api::Api;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};
use crate::replay::require_json;

/// Where a new row goes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CreateQuery {
    /// The connection that takes the row; needed when several do.
    #[expect(dead_code, reason = "documents the parameter")]
    connection: Option<ConnectionId>,
}

type Id = Result<Path<String>, PathRejection>;

async fn show(api: &Api, caller: &Caller, entity: Entity, id: Id) -> Result<Response, Problem> {
    let id = find_row(api, caller, entity, id).await?;
    let (state, tag) = RowState::load(api, caller, entity, &id).await?;
    tagged(&state, tag)
}

async fn change(
    api: &Api,
    caller: &Caller,
    entity: Entity,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    let revision = read_if_match(request.headers())?;
    let fields = read_fields(request).await?;
    let id = find_row(api, caller, entity, id).await?;
    let author = api.ports.two_way.author(caller);
    let made = api.desk.change_as_of(entity, &id, fields.clone(), revision, &author).await;
    let changed = match made {
        Ok(changed) => changed,
        Err(failed) => return Err(refused(api, entity, Some(&id), None, &fields, failed).await),
    };
    answer(api, caller, entity, changed).await
}

async fn create(
    api: &Api,
    caller: &Caller,
    entity: Entity,
    collection: &str,
    raw: Option<&str>,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    let mut query = Query::new(raw);
    let connection: Option<ConnectionId> = query.parsed("connection", "the name of a connection");
    let connection = query.finish::<CreateQuery, _>(connection)?;
    let author = api.ports.two_way.author(caller);
    let id = read_new_id(request.headers(), &author.actor, api.ports.two_way.random.bits())?;
    let fields = read_fields(request).await?;
    let made = api.desk.create_as(entity, id, connection.as_ref(), fields.clone(), &author).await;
    let changed = match made {
        Ok(changed) => changed,
        Err(failed) => {
            return Err(refused(api, entity, None, connection.as_ref(), &fields, failed).await);
        }
    };
    let is_new = changed.committed.is_some();
    if !is_new {
        // A wall may have been set since it was made.
        find_row(api, caller, entity, Ok(Path(changed.entity_id.to_string()))).await?;
    }
    let place = format!("/v1/{collection}/{}", changed.entity_id);
    let mut response = answer(api, caller, entity, changed).await?;
    if is_new {
        *response.status_mut() = StatusCode::CREATED;
    }
    response.headers_mut().extend(HeaderValue::from_str(&place).map(|it| (LOCATION, it)));
    Ok(response)
}

async fn remove(api: &Api, caller: &Caller, entity: Entity, id: Id) -> Result<Response, Problem> {
    let id = find_row(api, caller, entity, id).await?;
    let author = api.ports.two_way.author(caller);
    let changed = api.desk.delete(entity, &id, &author).await.map_err(Problem::of_desk)?;
    answer(api, caller, entity, changed).await
}

async fn restore(api: &Api, caller: &Caller, entity: Entity, id: Id) -> Result<Response, Problem> {
    let id = find_row(api, caller, entity, id).await?;
    let author = api.ports.two_way.author(caller);
    let changed = api.desk.restore(entity, &id, &author).await.map_err(Problem::of_desk)?;
    answer(api, caller, entity, changed).await
}

async fn merge(
    api: &Api,
    caller: &Caller,
    entity: Entity,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    require_json(request.headers())?;
    let into = read_into(request).await?;
    let loser = find_row(api, caller, entity, id).await?;
    let winner = find_row(api, caller, entity, Ok(Path(into))).await?;
    let author = api.ports.two_way.author(caller);
    let merged = api.desk.merge(entity, &loser, &winner, &author).await;
    let changed = merged.map_err(Problem::of_desk)?;
    answer(api, caller, entity, Changed { entity_id: winner, ..changed }).await
}

async fn answer(
    api: &Api,
    caller: &Caller,
    entity: Entity,
    changed: Changed,
) -> Result<Response, Problem> {
    let Changed { entity_id, committed } = changed;
    if committed.is_some() {
        info!(row.kind = %entity, row.id = %entity_id, "a person changed a row");
    }
    let (row, tag) = RowState::load(api, caller, entity, &entity_id).await?;
    let is_changed = committed.is_some();
    let change_seq = committed.and_then(|it| it.change_seq);
    tagged(&RowChange { is_changed, change_seq, row }, tag)
}

/// Names every field that was refused, not the first alone.
async fn refused(
    api: &Api,
    entity: Entity,
    id: Option<&EntityId>,
    connection: Option<&ConnectionId>,
    fields: &Fields,
    failed: DeskError,
) -> Problem {
    if !matches!(failed, DeskError::Edit(_)) {
        return Problem::of_desk(failed);
    }
    match api.desk.faults(entity, id, connection, fields).await {
        Ok(all) => Problem::of_edits(&all).unwrap_or_else(|| Problem::of_desk(failed)),
        Err(_) => Problem::of_desk(failed),
    }
}

macro_rules! routes_of {
    ($module:ident, $entity:expr, $collection:literal, $id_example:literal, $id_pattern:literal,
        $one:literal, $sync:literal, $restore:literal, $merge:literal, $all:literal,
        $op_sync:literal, $op_patch:literal, $op_delete:literal, $op_restore:literal,
        $op_merge:literal, $op_create:literal) => {
        /// The routes of one kind of row.
        pub(crate) mod $module {
            use super::*;

            /// Tells how a row stands to its record, field by field.
            ///
            /// What is the same on both sides, what waits to be sent, what the platform refused and
            /// what waits for a person. The `ETag` is for `If-Match`.
            #[utoipa::path(get, path = $sync, operation_id = $op_sync, tag = "rows",
                params(("id" = String, Path, description = "Our id (a UUID); of a case the Salesforce id too", pattern = $id_pattern, example = $id_example)),
                responses((status = 200, description = "How it stands", body = RowState),
                    (status = 404, description = "No row has this id", body = Problem, content_type = "application/problem+json"),
                    (status = 409, description = "Its connection is not known here", body = Problem, content_type = "application/problem+json"),
                    Problems))]
            pub(crate) async fn get_sync(
                State(api): State<Arc<Api>>,
                caller: Caller,
                id: Id,
                RawQuery(raw): RawQuery,
            ) -> Result<Response, Problem> {
                Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
                show(&api, &caller, $entity, id).await
            }

            /// Changes fields of a row; they are sent to the platform.
            ///
            /// The body holds new values by our field names; null empties a field, and a reference
            /// is our id of a row. All of it is done, or nothing. With `If-Match`, only when nobody
            /// changed the row since.
            #[utoipa::path(patch, path = $one, operation_id = $op_patch, tag = "rows",
                params(("id" = String, Path, description = "Our id (a UUID); of a case the Salesforce id too", pattern = $id_pattern, example = $id_example),
                    ("If-Match" = Option<String>, Header, description = "The `ETag` of the row as it was seen", pattern = "^(\\*|\"[0-9]{1,18}\")$", example = "\"7\"")),
                request_body(content = inline(crate::openapi::RowRequest), description = "New values by our field names",
                    content_type = "application/json", example = json!({"description": "Custody of two children."})),
                responses((status = 200, description = "What became of it", body = RowChange),
                    (status = 404, description = "No row has this id", body = Problem, content_type = "application/problem+json"),
                    (status = 409, description = "It is deleted, or its connection is not known here", body = Problem, content_type = "application/problem+json"),
                    (status = 412, description = "Somebody changed it since", body = Problem, content_type = "application/problem+json"),
                    (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
                    (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
                    (status = 422, description = "A field cannot be changed so; `errors` names each with its fix", body = Problem, content_type = "application/problem+json"),
                    Problems))]
            pub(crate) async fn patch_row(
                State(api): State<Arc<Api>>,
                caller: Caller,
                id: Id,
                RawQuery(raw): RawQuery,
                request: Request,
            ) -> Result<Response, Problem> {
                Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
                change(&api, &caller, $entity, id, request).await
            }

            /// Makes a row; it is sent to the platform, which names its record.
            ///
            /// With `Idempotency-Key`, asking again makes no second row: it answers 200 with the
            /// first one.
            #[utoipa::path(post, path = $all, operation_id = $op_create, tag = "rows",
                params(CreateQuery, ("Idempotency-Key" = Option<String>, Header,
                    description = "A key of your own: 1 to 255 visible ASCII characters", pattern = "^[!-~]{1,255}$")),
                request_body(content = inline(crate::openapi::RowRequest), description = "Values by our field names",
                    content_type = "application/json", example = json!({"description": "Custody of two children."})),
                responses((status = 201, description = "It is made", body = RowChange),
                    (status = 200, description = "It was made before, with this key", body = RowChange),
                    (status = 409, description = "No connection takes such rows", body = Problem, content_type = "application/problem+json"),
                    (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
                    (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
                    (status = 422, description = "A field cannot be set so; `errors` names each with its fix", body = Problem, content_type = "application/problem+json"),
                    Problems))]
            pub(crate) async fn post_row(
                State(api): State<Arc<Api>>,
                caller: Caller,
                RawQuery(raw): RawQuery,
                request: Request,
            ) -> Result<Response, Problem> {
                create(&api, &caller, $entity, $collection, raw.as_deref(), request).await
            }

            /// Deletes a row, and its record at the platform.
            #[utoipa::path(delete, path = $one, operation_id = $op_delete, tag = "rows",
                params(("id" = String, Path, description = "Our id (a UUID); of a case the Salesforce id too", pattern = $id_pattern, example = $id_example)),
                responses((status = 200, description = "What became of it", body = RowChange),
                    (status = 404, description = "No row has this id", body = Problem, content_type = "application/problem+json"),
                    (status = 409, description = "It is deleted or merged already, or deletions are not sent", body = Problem, content_type = "application/problem+json"),
                    Problems))]
            pub(crate) async fn delete_row(
                State(api): State<Arc<Api>>,
                caller: Caller,
                id: Id,
                RawQuery(raw): RawQuery,
            ) -> Result<Response, Problem> {
                Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
                remove(&api, &caller, $entity, id).await
            }

            /// Brings a deleted row back, here and at the platform.
            #[utoipa::path(post, path = $restore, operation_id = $op_restore, tag = "rows",
                params(("id" = String, Path, description = "Our id (a UUID); of a case the Salesforce id too", pattern = $id_pattern, example = $id_example)),
                responses((status = 200, description = "What became of it", body = RowChange),
                    (status = 404, description = "No row has this id", body = Problem, content_type = "application/problem+json"),
                    (status = 409, description = "It is not deleted, or deletions are not sent", body = Problem, content_type = "application/problem+json"),
                    Problems))]
            pub(crate) async fn restore_row(
                State(api): State<Arc<Api>>,
                caller: Caller,
                id: Id,
                RawQuery(raw): RawQuery,
            ) -> Result<Response, Problem> {
                Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
                restore(&api, &caller, $entity, id).await
            }

            /// Merges a row into another of the same connection, here and at the platform.
            ///
            /// What points to it points to the other one from then on; its id stands for the other.
            #[utoipa::path(post, path = $merge, operation_id = $op_merge, tag = "rows",
                params(("id" = String, Path, description = "Our id (a UUID); of a case the Salesforce id too", pattern = $id_pattern, example = $id_example)),
                request_body(content = inline(crate::openapi::MergeRequest), description = "The row that stays",
                    content_type = "application/json", example = json!({"into": "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529"})),
                responses((status = 200, description = "What became of it", body = RowChange),
                    (status = 404, description = "No row has this id, or both are the same or of two connections", body = Problem, content_type = "application/problem+json"),
                    (status = 409, description = "It is deleted, or deletions are not sent", body = Problem, content_type = "application/problem+json"),
                    (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
                    (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
                    Problems))]
            pub(crate) async fn merge_row(
                State(api): State<Arc<Api>>,
                caller: Caller,
                id: Id,
                RawQuery(raw): RawQuery,
                request: Request,
            ) -> Result<Response, Problem> {
                Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
                merge(&api, &caller, $entity, id, request).await
            }
        }
    };
}

#[rustfmt::skip]
routes_of!(cases, Entity::Case, "cases", "500ak00000OQTieAAH",
    "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?)$",
    "/cases/{id}", "/cases/{id}/sync", "/cases/{id}/restore", "/cases/{id}/merge", "/cases",
    "get_case_sync", "patch_case", "delete_case", "restore_case", "merge_case", "create_case");
#[rustfmt::skip]
routes_of!(contacts, Entity::Contact, "contacts", "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529",
    "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "/contacts/{id}", "/contacts/{id}/sync", "/contacts/{id}/restore", "/contacts/{id}/merge", "/contacts",
    "get_contact_sync", "patch_contact", "delete_contact", "restore_contact", "merge_contact", "create_contact");
#[rustfmt::skip]
routes_of!(accounts, Entity::Account, "accounts", "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529",
    "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "/accounts/{id}", "/accounts/{id}/sync", "/accounts/{id}/restore", "/accounts/{id}/merge", "/accounts",
    "get_account_sync", "patch_account", "delete_account", "restore_account", "merge_account", "create_account");
