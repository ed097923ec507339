//! What drives the sandbox itself: `/_sandbox`. A real org has nothing like it.

mod events;
mod inside;
mod limits;
mod streams;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use crate::activity::Lateness;
use crate::api::{ApiError, Reply};
use crate::bulk::Failure;
use crate::deliver::Subscription;
use crate::digest::digest;
use crate::faults::Order;
use crate::history::history;
use crate::ids::RecordId;
use crate::org::{Author, Change};
use crate::sandbox::State;
use crate::server::respond;

/// Makes the routes below `/_sandbox`.
pub(crate) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/_sandbox/subscriptions", get(subscriptions).post(subscribe))
        .route("/_sandbox/subscriptions/{id}", delete(unsubscribe))
        .route("/_sandbox/webhooks", post(webhooks))
        .route("/_sandbox/activity", post(activity))
        .route("/_sandbox/stats", get(stats))
        .route("/_sandbox/bulk/failure", post(fail_job))
        .route("/_sandbox/counts", get(counts))
        .route("/_sandbox/digest", get(digest))
        .route("/_sandbox/history", get(history))
        .route("/_sandbox/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_sandbox/sessions", delete(end_sessions))
        .route("/_sandbox/undelete/{id}", post(undelete))
        .merge(limits::router())
        .merge(streams::router())
        .merge(events::router())
        .merge(inside::router())
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new(400, "JSON_PARSER_ERROR", error.to_string()))
}

async fn subscriptions(Shared(state): Shared<Arc<State>>) -> Response {
    respond(Reply::json(200, &state.deliveries.stats()))
}

async fn subscribe(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let subscription: Subscription = match read(&body) {
        Ok(subscription) => subscription,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    match state.deliveries.add(&state, subscription) {
        Ok(id) => respond(Reply::json(201, &json!({"id": id.to_string()}))),
        Err(error) => {
            let refusal = ApiError::new(500, "UNKNOWN_EXCEPTION", error.without_url().to_string());
            respond(refusal.into_reply())
        }
    }
}

async fn unsubscribe(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Response {
    let gone = RecordId::parse(&id).is_some_and(|id| state.deliveries.remove(id));
    respond(if gone { Reply::empty(204) } else { ApiError::not_found().into_reply() })
}

#[derive(Deserialize)]
struct Webhooks {
    enabled: bool,
    #[serde(default)]
    deferred: bool,
}

async fn webhooks(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: Webhooks = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    state.deliveries.switch(wish.enabled, wish.deferred);
    respond(Reply::json(200, &json!({"enabled": state.deliveries.is_enabled()})))
}

#[derive(Deserialize)]
struct Pace {
    per_second: f64,
    /// How likely a change is committed late, and how late.
    #[serde(default)]
    late_share: f64,
    #[serde(default)]
    late_ms: i64,
}

async fn activity(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: Pace = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    state.activity.set(wish.per_second);
    state.activity.set_lateness(Lateness { share: wish.late_share, ms: wish.late_ms });
    respond(Reply::json(200, &json!({"per_second": state.activity.get()})))
}

async fn stats(Shared(state): Shared<Arc<State>>) -> Response {
    let mut rows = Map::new();
    for table in state.org().tables() {
        rows.insert(table.object.name.clone(), json!(table.n_live()));
    }
    let deliveries = state.deliveries.stats();
    let sum = |key: &str| -> u64 {
        let lanes = deliveries.as_array().map(Vec::as_slice).unwrap_or_default();
        lanes.iter().filter_map(|lane| lane.get(key).and_then(Json::as_u64)).sum()
    };
    let body = json!({
        "rows": rows, "requests": state.limits.n_requests(), "webhooks_enabled": state.deliveries.is_enabled(),
        "activity_per_second": state.activity.get(), "changes_made": state.activity.n_made(),
        "sent": sum("sent"), "acked": sum("acked"), "failed": sum("failed"), "pending": sum("pending"),
        "subscriptions": deliveries, "pub_sub_url": state.pub_sub.url(),
    });
    respond(Reply::json(200, &body))
}

/// Lets the next job that takes rows fail.
async fn fail_job(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let failure: Failure = match read(&body) {
        Ok(failure) => failure,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    state.bulk.order_failure(failure);
    respond(Reply::empty(204))
}

/// Counts the rows of every object, in the recycle bin and outside.
async fn counts(Shared(state): Shared<Arc<State>>) -> Response {
    let mut counts = Map::new();
    for table in state.org().tables() {
        let count = json!({"live": table.n_live(), "deleted": table.n_deleted()});
        counts.insert(table.object.name.clone(), count);
    }
    respond(Reply::json(200, &Json::Object(counts)))
}

async fn faults(Shared(state): Shared<Arc<State>>) -> Response {
    respond(Reply::json(200, &state.faults.stats()))
}

async fn add_fault(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let order: Order = match read(&body) {
        Ok(order) => order,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    match state.faults.add(order) {
        Ok(()) => respond(Reply::empty(204)),
        Err(error) => respond(ApiError::new(400, "INVALID_FIELD", error.to_string()).into_reply()),
    }
}

async fn clear_faults(Shared(state): Shared<Arc<State>>) -> Response {
    state.faults.clear();
    respond(Reply::empty(204))
}

async fn end_sessions(Shared(state): Shared<Arc<State>>) -> Response {
    state.sessions.close_all();
    respond(Reply::empty(204))
}

async fn undelete(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Response {
    let author = Author::inside(state.user_id);
    let settled = state.commit(&author, vec![Change::Undelete { id }], false);
    match settled.into_iter().next() {
        Some(Ok(outcome)) => {
            respond(Reply::json(200, &json!({"id": outcome.id.to_string(), "success": true})))
        }
        Some(Err(refusal)) => respond(ApiError::from(refusal).into_reply()),
        None => respond(ApiError::not_found().into_reply()),
    }
}
