//! Who may do what, and how they prove it.

mod permission;
mod principal;
mod role;
mod role_mapping;
mod secret_digest;
mod sight;
mod signature_scheme;
mod webhook_signature;

pub use permission::Permission;
pub use principal::Principal;
pub use role::{InvalidRole, Role};
pub use role_mapping::{RoleMapping, claim_at};
pub use secret_digest::SecretDigest;
pub use sight::Sight;
pub use signature_scheme::{SecretForm, SignatureEncoding, SignatureScheme, TimestampUnit};
pub use webhook_signature::{InvalidSigningSecret, SignatureFault, WebhookVerifier};
