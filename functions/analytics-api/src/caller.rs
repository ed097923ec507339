//! Who asks, as the routes see it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shared::auth::{Permission, Principal, Sight};
use shared::ids::PersonId;
use shared::time::Timestamp;

use crate::problem::Problem;

/// The person whose token was proved, with what they see.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    principal: Arc<Principal>,
    sight: Sight,
}

impl Caller {
    /// Looks at `principal`.
    pub(crate) fn new(principal: Principal) -> Self {
        Self { sight: principal.sight(), principal: Arc::new(principal) }
    }

    /// Returns which cases they see.
    pub(crate) fn sight(&self) -> &Sight {
        &self.sight
    }

    /// Returns which cases they may hear of by their ids alone: all but those they are screened
    /// from. An operator, who sees no case, still has to mend what stands in a queue.
    pub(crate) fn hearing(&self) -> Sight {
        Sight::AllBut(self.person().clone())
    }

    /// Returns who they are.
    pub(crate) fn person(&self) -> &PersonId {
        &self.principal.person
    }

    /// Returns for how long after `now` their token is taken.
    pub(crate) fn holds_for(&self, now: Timestamp) -> Duration {
        self.principal.expires_at.map_or(Duration::MAX, |end| end.since(now))
    }

    /// Returns the person with name and roles.
    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Tells whether one of their roles allows `permission`.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.principal.may(permission)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    /// Takes the caller that the gate has let in; without one the route was never asked for.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::internal)
    }
}
