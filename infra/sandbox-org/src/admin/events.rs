//! The log of change events, as it is kept: `/_sandbox/events`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State as Shared};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::read;
use crate::api::{ApiError, Reply};
use crate::events::{ChangeKind, Records, ReplayFrom, payload};
use crate::ids::RecordId;
use crate::sandbox::State;
use crate::server::respond;

/// Most events of one answer.
const MAX_EVENTS: usize = 1_000;

/// Makes the routes below `/_sandbox/events`.
pub(super) fn router() -> Router<Arc<State>> {
    Router::new().route("/_sandbox/events", get(events).post(announce))
}

#[derive(Deserialize)]
struct Wish {
    /// Replay id to read behind, or `latest`; the oldest event when absent.
    after: Option<String>,
    #[serde(default = "default_max")]
    max: usize,
    /// How long to wait for the first event.
    #[serde(default)]
    wait_ms: u64,
}

fn default_max() -> usize {
    100
}

async fn events(Shared(state): Shared<Arc<State>>, Query(wish): Query<Wish>) -> Response {
    let from = match wish.after.as_deref() {
        None => Some(ReplayFrom::Earliest),
        Some("latest") => Some(ReplayFrom::Latest),
        Some(text) => text.parse().ok().map(ReplayFrom::After),
    };
    let Some(from) = from else {
        return refused("`after` must be a replay id or `latest`");
    };
    let max = wish.max.min(MAX_EVENTS);
    let mut reader = match state.events.open(from) {
        Ok(reader) => reader,
        Err(refusal) => return refused(&refusal.to_string()),
    };
    let waited = tokio::time::timeout(Duration::from_millis(wish.wait_ms), reader.next(max)).await;
    let read = waited.unwrap_or_else(|_| Ok(Vec::new()));
    match read {
        Ok(events) => {
            let events: Vec<Json> = events
                .iter()
                .map(|event| {
                    json!({"replayId": event.replay_id, "id": event.uuid(), "payload": payload(event)})
                })
                .collect();
            let body = json!({"events": events, "position": reader.position(),
                              "newest": state.events.newest(), "kept": state.events.len()});
            respond(Reply::json(200, &body))
        }
        Err(refusal) => refused(&refusal.to_string()),
    }
}

/// An event to be told without values.
#[derive(Deserialize)]
struct Order {
    /// `GAP_UPDATE`, `GAP_OVERFLOW` and the like.
    #[serde(rename = "type")]
    kind: String,
    object: String,
    /// Rows, or one prefix with a star for all of them; none for an overflow.
    #[serde(default)]
    ids: Vec<String>,
}

/// `POST /_sandbox/events`: tells of a change without its values.
async fn announce(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let order: Order = match read(&body) {
        Ok(order) => order,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    let Some(object) = state.schema().object(&order.object).cloned() else {
        return refused(&format!("object `{}` is not part of the schema", order.object));
    };
    let Some(kind) = ChangeKind::named(&order.kind).filter(|kind| kind.is_gap()) else {
        return refused(&format!("`{}` is no type of a gap event", order.kind));
    };
    let is_starred = order.ids.iter().any(|id| id.ends_with('*'));
    let records = if kind == ChangeKind::GapOverflow {
        Some(Records::Untold)
    } else if is_starred {
        Some(Records::All(object.prefix))
    } else {
        let ids: Option<Vec<RecordId>> = order.ids.iter().map(|id| RecordId::parse(id)).collect();
        ids.filter(|ids| !ids.is_empty()).map(Records::Some)
    };
    let Some(records) = records else {
        return refused("`ids` must name at least one record of the object");
    };
    state.announce(&object, kind, records);
    respond(Reply::json(201, &json!({"newest": state.events.newest()})))
}

fn refused(message: &str) -> Response {
    respond(ApiError::new(400, "INVALID_REPLAY_ID", message).into_reply())
}
