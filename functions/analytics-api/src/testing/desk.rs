//! Proves test tokens: `anna.lawyer.viewer` is Anna with two roles, and with `soon` for 20 seconds.

use std::time::Duration;

use async_trait::async_trait;
use shared::auth::Principal;
use shared::ids::PersonId;
use shared::ports::{Authenticator, SignInError};
use shared::{PortError, PortErrorKind};

use super::NOON;

/// The token of somebody who may do everything.
#[cfg(test)]
pub(crate) const CHAIR: &str = "chair.admin";

/// A token that was good once.
#[cfg(test)]
pub(crate) const EXPIRED: &str = "anna.expired";

/// A token that cannot be checked, as the issuer does not answer.
#[cfg(test)]
pub(crate) const UNCHECKED: &str = "anna.unchecked";

/// How long after noon a token that ends soon is taken.
const SOON: Duration = Duration::from_secs(20);

/// Reads who somebody is from their token itself.
pub(crate) struct TestDesk;

#[async_trait]
impl Authenticator for TestDesk {
    async fn authenticate(&self, token: &str) -> Result<Principal, SignInError> {
        let mut parts = token.split('.');
        let person = PersonId::parse(parts.next().unwrap_or_default());
        let person =
            person.map_err(|_| SignInError::Refused { reason: "it names nobody".to_owned() })?;
        let rest: Vec<_> = parts.collect();
        match rest.as_slice() {
            ["expired"] => Err(SignInError::Refused { reason: "it has expired".to_owned() }),
            ["unchecked"] => Err(SignInError::Unavailable(PortError::new(
                PortErrorKind::Unavailable,
                "oidc",
                "read keys of",
                "secret-subject",
            ))),
            // An unknown role in a token is passed over.
            roles => Ok(Principal {
                name: Some(person.to_string()),
                person,
                expires_at: roles.contains(&"soon").then(|| NOON.plus(SOON)),
                roles: roles.iter().filter_map(|role| role.parse().ok()).collect(),
            }),
        }
    }
}
