//! Subscriptions whose place the org keeps.

use std::sync::Arc;

use tonic::Status;

use super::messages::{
    CommitReplayRequest, CommitReplayResponse, Error, ErrorCode, ManagedFetchRequest,
    ManagedFetchResponse, ReplayPreset,
};
use super::refusal::not_found;
use super::service::rpc_id;
use super::settings::ManagedSubscription;
use super::subscription::{Sent, Subscription, Wish};
use crate::sandbox::State;

/// Finds the subscription that the first request of a stream names.
pub(super) fn find(
    state: &State,
    request: &ManagedFetchRequest,
) -> Result<ManagedSubscription, Status> {
    let is_meant = |it: &&ManagedSubscription| match request.subscription_id.as_str() {
        "" => it.developer_name == request.developer_name,
        id => it.id == id,
    };
    let found = state.settings.pub_sub.managed_subscriptions.iter().find(is_meant);
    let missing = || not_found("subscription.managed.not.found", "No such subscription.");
    found.cloned().ok_or_else(missing)
}

/// Opens a stream where the subscription stands: at first with the oldest event.
pub(super) fn open(
    state: &Arc<State>,
    managed: &ManagedSubscription,
    num_requested: i32,
) -> Result<Subscription, Status> {
    let place = state.pub_sub.place(&managed.id);
    let preset = if place.is_some() { ReplayPreset::Custom } else { ReplayPreset::Earliest };
    let replay_id = place.unwrap_or_default();
    let wish = Wish { topic: managed.topic.clone(), preset, replay_id, num_requested };
    Subscription::open(state, &wish)
}

/// Takes a further request: it asks for more events, keeps a place, or both.
pub(super) fn take(
    state: &State,
    managed: &ManagedSubscription,
    subscription: &mut Subscription,
    request: ManagedFetchRequest,
) -> Result<Option<ManagedFetchResponse>, Status> {
    if request.num_requested != 0 {
        let num_requested = request.num_requested;
        subscription.ask(&Wish { num_requested, ..Wish::default() })?;
    }
    let commit = request.commit_replay_id_request.map(|it| commit(state, managed, it));
    Ok(commit.map(|commit_response| ManagedFetchResponse {
        commit_response: Some(commit_response),
        rpc_id: rpc_id(),
        ..ManagedFetchResponse::default()
    }))
}

fn commit(
    state: &State,
    managed: &ManagedSubscription,
    request: CommitReplayRequest,
) -> CommitReplayResponse {
    let CommitReplayRequest { commit_request_id, replay_id } = request;
    let is_place = replay_id.len() == 8;
    if is_place {
        state.pub_sub.keep_place(&managed.id, replay_id.clone());
    }
    let error = (!is_place).then(|| Error {
        code: ErrorCode::Commit.into(),
        msg: "The Replay ID is corrupted.".to_owned(),
    });
    let process_time = state.clock().now_ms();
    CommitReplayResponse { commit_request_id, replay_id, error, process_time }
}

pub(super) fn wrap(sent: Sent) -> ManagedFetchResponse {
    let Sent { events, latest, n_open } = sent;
    ManagedFetchResponse {
        events,
        latest_replay_id: latest,
        rpc_id: rpc_id(),
        pending_num_requested: n_open,
        commit_response: None,
    }
}
