//! Sends what was changed here to the platforms it belongs to.
//!
//! In a local process it looks at the outbox several times a second; in the cloud a timer starts it,
//! and it sends what is there. Whatever it does may end at any moment: the next run goes on.

mod app;
mod config;
mod outbox_relay;

pub use app::{app, assemble};
pub use config::Config;
pub use outbox_relay::{OutboxRelay, RunSettings, remote};
