//! What goes on inside the org: somebody's changes, long transactions, locks, rules, the schema.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::read;
use crate::api::{ApiError, Reply};
use crate::ids::RecordId;
use crate::org::{Author, Change, LockOrder, Policy, Settled, parse_instant};
use crate::random::Dice;
use crate::sandbox::State;
use crate::schema::Alteration;
use crate::server::respond;

/// Makes the routes.
pub(super) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/_sandbox/changes", post(change))
        .route("/_sandbox/transactions", get(transactions).post(open))
        .route("/_sandbox/transactions/{number}", axum::routing::delete(roll_back))
        .route("/_sandbox/transactions/{number}/commit", post(commit))
        .route("/_sandbox/locks", post(lock).delete(unlock))
        .route("/_sandbox/policy", get(policy).put(set_policy))
        .route("/_sandbox/schema", post(alter))
        .route("/_sandbox/purge", post(purge))
}

fn refused(code: &'static str, message: impl Into<String>) -> Response {
    respond(ApiError::new(400, code, message).into_reply())
}

/// Somebody's wish to change rows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    changes: Vec<Change>,
    /// Who changes them; the administrator when absent.
    #[serde(default)]
    user: Option<String>,
    /// When a long transaction commits by itself.
    #[serde(default)]
    commit_after_ms: Option<i64>,
}

impl Wish {
    fn author(&self, state: &State) -> Author {
        let user = self.user.as_deref().and_then(RecordId::parse);
        Author::inside(user.unwrap_or(state.user_id))
    }
}

fn results(settled: &[Settled]) -> Json {
    settled
        .iter()
        .map(|one| match one {
            Ok(done) => json!({"id": done.id.to_string(), "success": true}),
            Err(refusal) => json!({"success": false, "errors": [refusal.in_collection()]}),
        })
        .collect()
}

/// Makes changes inside the org, in one transaction: an event of several rows, a merge, a hard delete.
async fn change(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: Wish = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    let author = wish.author(&state);
    let settled = state.commit(&author, wish.changes, false);
    respond(Reply::json(200, &results(&settled)))
}

async fn transactions(Shared(state): Shared<Arc<State>>) -> Response {
    respond(Reply::json(200, &json!({"open": state.open_transactions.numbers()})))
}

async fn open(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: Wish = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    let author = wish.author(&state);
    let number = state.open(&author, wish.changes, wish.commit_after_ms);
    respond(Reply::json(201, &json!({"transaction": number})))
}

async fn commit(Shared(state): Shared<Arc<State>>, Path(number): Path<u64>) -> Response {
    end(&state, number, true)
}

async fn roll_back(Shared(state): Shared<Arc<State>>, Path(number): Path<u64>) -> Response {
    end(&state, number, false)
}

fn end(state: &State, number: u64, commits: bool) -> Response {
    match state.close(number, commits) {
        Some(settled) => respond(Reply::json(200, &results(&settled))),
        None => respond(ApiError::not_found().into_reply()),
    }
}

/// Rows that are to be found locked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Locks {
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    probability: f64,
    #[serde(default = "default_seed")]
    seed: u64,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    for_ms: Option<i64>,
}

fn default_seed() -> u64 {
    1
}

async fn lock(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: Locks = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    let parse = |ids: &[String]| ids.iter().map(|id| RecordId::parse(id)).collect::<Option<_>>();
    let (Some(rows), Some(parents)) = (parse(&wish.ids), parse(&wish.parents)) else {
        return refused("MALFORMED_ID", "`ids` and `parents` must be record ids");
    };
    let until_ms = wish.for_ms.map(|ms| state.clock().now_ms().saturating_add(ms));
    state.org_mut().locks.order(LockOrder {
        rows,
        parents,
        probability: wish.probability,
        dice: Dice::new(wish.seed),
        n: wish.n,
        until_ms,
    });
    respond(Reply::empty(204))
}

async fn unlock(Shared(state): Shared<Arc<State>>) -> Response {
    state.org_mut().locks.clear();
    respond(Reply::empty(204))
}

async fn policy(Shared(state): Shared<Arc<State>>) -> Response {
    let policy = serde_json::to_value(&state.org().policy).unwrap_or_default();
    respond(Reply::json(200, &policy))
}

async fn set_policy(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let policy: Policy = match read(&body) {
        Ok(policy) => policy,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    state.org_mut().policy = policy;
    respond(Reply::empty(204))
}

async fn alter(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let alteration: Alteration = match read(&body) {
        Ok(alteration) => alteration,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    match state.alter(&alteration) {
        Ok(_) => respond(Reply::empty(204)),
        Err(error) => refused("INVALID_FIELD", error.to_string()),
    }
}

#[derive(Deserialize)]
struct Purge {
    before: String,
}

/// Forgets deletions, so that a reader who comes late has lost them.
async fn purge(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: Purge = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    let Some(until) = parse_instant(&wish.before) else {
        return refused(
            "MALFORMED_DATE",
            "`before` must be an instant such as 2026-06-20T12:00:00Z",
        );
    };
    let now = state.clock().now_ms().div_euclid(1000);
    state.org_mut().purge(now, Some(until));
    respond(Reply::empty(204))
}
