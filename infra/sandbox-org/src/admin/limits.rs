//! What the org allows in a day: `/_sandbox/limits`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::read;
use crate::api::{ApiError, Reply};
use crate::limits::ALLOWANCES;
use crate::sandbox::State;
use crate::server::respond;

/// What the concurrent long requests are called here.
const LONG: &str = "ConcurrentLongRequests";

/// Makes the routes below `/_sandbox/limits`.
pub(super) fn router() -> Router<Arc<State>> {
    Router::new().route("/_sandbox/limits", get(limits).post(set_limits))
}

fn all(state: &State) -> Reply {
    let mut all: Map<String, Json> = ALLOWANCES
        .iter()
        .map(|allowance| {
            let (max, used) = state.limits.state(*allowance);
            (allowance.name().to_owned(), json!({"max": max, "used": used}))
        })
        .collect();
    let (max, used) = state.limits.long_requests();
    all.insert(LONG.to_owned(), json!({"max": max, "used": used}));
    Reply::json(200, &Json::Object(all))
}

async fn limits(Shared(state): Shared<Arc<State>>) -> Response {
    respond(all(&state))
}

/// How much there is, and how much is used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    max: Option<u64>,
    used: Option<u64>,
}

async fn set_limits(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let wish: BTreeMap<String, Level> = match read(&body) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    for (name, Level { max, used }) in wish {
        let allowance = ALLOWANCES.into_iter().find(|allowance| allowance.name() == name);
        if let Some(allowance) = allowance {
            state.limits.set(allowance, max, used);
        } else if name == LONG {
            let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            state.limits.set_long(max.map(size), used.map(size));
        } else {
            let message = format!("`{name}` is no limit of the org");
            return respond(ApiError::new(400, "INVALID_FIELD", message).into_reply());
        }
    }
    respond(all(&state))
}
