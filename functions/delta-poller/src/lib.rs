//! Reads what changed since the cursor, with an overlap, and queues it.
//!
//! It is the safety net below the webhooks: whatever they lose, the next window finds.

mod app;
mod bookmark;
mod config;
mod described;
mod event;
mod group;
mod poller;
mod sweep;
mod whole;
mod window;

pub use app::{app, assemble};
pub use config::Config;
pub use group::PollerGroup;
pub use poller::{PollSettings, Poller, PollerPorts, Source};
