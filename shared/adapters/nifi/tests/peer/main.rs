//! The adapter against a strict peer of NiFi, which NiFi's own generated client judges.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod faults;
mod operating;
mod sending;
mod support;

#[path = "../../../../../tests/support/nifi_peer.rs"]
mod nifi_peer;
