//! Who may do what, and how they prove it.

mod secret_digest;
mod signature_scheme;
mod webhook_signature;

pub use secret_digest::SecretDigest;
pub use signature_scheme::{SecretForm, SignatureEncoding, SignatureScheme, TimestampUnit};
pub use webhook_signature::{InvalidSigningSecret, SignatureFault, WebhookVerifier};
