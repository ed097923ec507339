//! Proves who asks.

use async_trait::async_trait;

use crate::auth::Principal;
use crate::error::PortError;

/// Why a token was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token proves nothing: sign in again. The reason is safe to show and names no secret.
    #[error("the token was not accepted: {reason}")]
    Refused {
        /// What is wrong with it, such as `it has expired`.
        reason: String,
    },
    /// The issuer's keys could not be read, so nothing can be proved now.
    #[error("tokens cannot be checked")]
    Unavailable(#[source] PortError),
}

/// Turns a bearer token into the person it stands for.
///
/// # Contract
///
/// - A token is accepted only when its signature, issuer, audience and times are right *now*.
/// - An unknown or unusable role in a token is passed over; a token without a role is accepted and
///   may do nothing.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Proves `token`.
    ///
    /// # Errors
    ///
    /// [`SignInError`], which says whether signing in again can help.
    async fn authenticate(&self, token: &str) -> Result<Principal, SignInError>;
}

/// Accepts no token: what stands where no issuer is set, so that nothing is open by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NobodySignsIn;

#[async_trait]
impl Authenticator for NobodySignsIn {
    async fn authenticate(&self, _token: &str) -> Result<Principal, SignInError> {
        Err(SignInError::Refused { reason: "no issuer of tokens is set up here".to_owned() })
    }
}
