//! OAuth 2.0: every way to get a token, one place that keeps it.
//!
//! [`OAuthClient`] speaks to an authorization server through the [`HttpClient`](crate::HttpClient),
//! so that deadlines, breakers and redaction hold here too. A [`TokenSource`] gets a token without
//! a person; a [`TokenCache`] keeps it and renews it once, however many ask.

mod assertion;
mod cache;
mod client;
mod code;
mod device;
mod exchange;
mod fault;
mod grant;
mod introspection;
mod jwt_lifetime;
mod loopback;
mod revocation;
mod settings;
mod source;

pub use assertion::Assertion;
pub use cache::{AccessToken, CachePolicy, TokenCache};
pub use client::OAuthClient;
pub use code::AuthorizationRequest;
pub use device::DeviceCode;
pub use fault::{OAuthFault, OAuthRefusal};
pub use grant::Grant;
pub use introspection::Introspection;
pub use jwt_lifetime::lifetime_of_jwt;
pub use loopback::{Loopback, LoopbackFault};
pub use revocation::RevokedKind;
pub use settings::{DeviceDialect, Endpoints, OAuthSettings, SecretPlace};
pub use source::{ClientCredentialsSource, JwtBearerSource, RefreshTokenSource, TokenSource};
