//! `GET /v1/me`: who asks, and what they may.

use std::collections::BTreeSet;

use axum::extract::RawQuery;
use axum::response::Response;
use serde::Serialize;
use shared::auth::{Permission, Role};
use shared::ids::PersonId;
use utoipa::ToSchema;

use crate::api::{json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};

/// Who asks, and what they may.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Who it is: the token's `sub`.
    person: PersonId,
    /// What people call them, when the token says.
    name: Option<String>,
    /// What they are at the firm; without a role they may do nothing.
    roles: BTreeSet<Role>,
    /// All that their roles allow.
    permissions: BTreeSet<Permission>,
    /// Whether they see only cases that are assigned to them.
    sees_assigned_only: bool,
}

/// Tells who asks, and what they may.
///
/// A page shows nothing that its reader may not do: every operation names its permission as
/// `x-permission`.
#[utoipa::path(get, path = "/me", tag = "access",
    responses((status = 200, description = "The person whose token was sent", body = Me), Problems))]
pub(crate) async fn get_me(caller: Caller, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let principal = caller.principal();
    let me = Me {
        person: principal.person.clone(),
        name: principal.name.clone(),
        roles: principal.roles.clone(),
        permissions: principal.permissions(),
        sees_assigned_only: matches!(caller.sight(), shared::auth::Sight::Only(_)),
    };
    Ok(json(render(&me)?))
}
