//! Faults of the Pub/Sub service: `/_sandbox/pubsub`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::Response;
use axum::routing::post;

use super::read;
use crate::api::Reply;
use crate::pubsub::PubSubFault;
use crate::sandbox::State;
use crate::server::respond;

/// Makes the route.
pub(super) fn router() -> Router<Arc<State>> {
    Router::new().route("/_sandbox/pubsub", post(order).delete(clear))
}

async fn order(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let fault: PubSubFault = match read(&body) {
        Ok(fault) => fault,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    state.pub_sub.orders.order(fault);
    respond(Reply::empty(204))
}

async fn clear(Shared(state): Shared<Arc<State>>) -> Response {
    state.pub_sub.orders.clear();
    respond(Reply::empty(204))
}
