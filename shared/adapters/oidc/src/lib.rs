//! Proves bearer tokens: of any `OpenID` Connect issuer, or of this machine's own.

mod algorithm;
mod authenticator;
mod claims;
mod fault;
mod issuer_keys;
mod key_set;
mod local_issuer;
mod settings;
mod token;
mod token_cache;

pub use algorithm::{Algorithm, InvalidAlgorithm};
pub use authenticator::OidcAuthenticator;
pub use local_issuer::{InvalidSigningKey, IssuedToken, LocalIssuer};
pub use settings::{ClaimRules, OidcSettings};
