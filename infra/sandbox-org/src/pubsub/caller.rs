//! Who calls: the token, the instance and the organisation that the headers name.

use tonic::Status;
use tonic::metadata::MetadataMap;

use super::refusal::unauthenticated;
use crate::ids::RecordId;
use crate::sandbox::State;

/// Checks the headers of a call; returns the user.
///
/// Source: Pub/Sub API guide, "Authentication": `accesstoken`, `instanceurl`, `tenantid`.
pub(super) fn check(state: &State, headers: &MetadataMap) -> Result<RecordId, Status> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let (Some(token), Some(instance), Some(tenant)) =
        (text("accesstoken"), text("instanceurl"), text("tenantid"))
    else {
        let message = "The headers accesstoken, instanceurl and tenantid are required.";
        return Err(unauthenticated("service.auth.headers.invalid", message));
    };
    let is_here = instance.trim_end_matches('/') == state.base_url("localhost");
    if !is_here || RecordId::parse(tenant) != Some(state.org_id) {
        let message = "The instance or the tenant is not the one of the token.";
        return Err(unauthenticated("service.auth.headers.invalid", message));
    }
    let lifetime = state.settings.token_lifetime;
    match state.sessions.find(token, lifetime, state.clock().now_ms()) {
        Some(session) => Ok(session.user),
        None => Err(unauthenticated("service.auth.error", "Authentication exception occurred.")),
    }
}
