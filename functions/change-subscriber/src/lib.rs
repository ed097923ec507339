//! Follows the event streams of Salesforce orgs, and queues what changed.
//!
//! In a local process it holds the streams open; in the cloud a timer starts it, and it takes what is
//! there. Either way a place in a stream is kept only once the queue holds what came before it.

mod app;
mod config;
mod cursors;
mod message;
mod sink;
mod subscriber;
mod watch;

pub use app::{app, assemble};
pub use config::Config;
pub use subscriber::{ChangeSubscriber, Followed, SubscriberPorts, SubscriberSettings};
