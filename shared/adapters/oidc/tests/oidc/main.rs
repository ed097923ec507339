//! Tokens against an issuer: hostile ones, changing keys, outages, and a real provider.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fixture;
mod hostile_tokens;
#[path = "../../../../../tests/support/identity_provider.rs"]
mod identity_provider;
mod key_changes;
mod provider;
