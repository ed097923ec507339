//! What drives the sandbox itself: `/_sandbox`. A real org has nothing like it.

mod events;
mod inside;
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

use crate::api::{ApiError, Reply};
use crate::deliver::Subscription;
use crate::faults::Fault;
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
        .route("/_sandbox/faults", post(add_fault).delete(clear_faults))
        .route("/_sandbox/sessions", delete(end_sessions))
        .route("/_sandbox/undelete/{id}", post(undelete))
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
}

async fn activity(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: Pace = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    state.activity.set(wish.per_second);
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
        "rows": rows, "requests": state.n_requests(), "webhooks_enabled": state.deliveries.is_enabled(),
        "activity_per_second": state.activity.get(), "changes_made": state.activity.n_made(),
        "sent": sum("sent"), "acked": sum("acked"), "failed": sum("failed"), "pending": sum("pending"),
        "subscriptions": deliveries, "pub_sub_url": state.pub_sub.url(),
    });
    respond(Reply::json(200, &body))
}

async fn add_fault(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let fault: Fault = match read(&body) {
        Ok(fault) => fault,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    state.faults.add(fault);
    respond(Reply::empty(204))
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
