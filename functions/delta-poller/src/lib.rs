//! Reads what changed since the cursor, with an overlap, and queues it.
//!
//! It is the safety net below the webhooks: whatever they lose, the next window finds.

mod bookmark;
mod event;
mod poller;
mod sweep;
mod window;

pub use poller::{PollSettings, Poller, PollerPorts};
