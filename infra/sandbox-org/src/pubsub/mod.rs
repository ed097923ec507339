//! The Pub/Sub API: change events over gRPC, as the platform's service `eventbus.v1.PubSub` gives them.

mod avro;
mod caller;
mod channel;
mod desk;
#[rustfmt::skip]
#[expect(clippy::doc_markdown, unreachable_pub, reason = "written by machine")]
mod messages;
mod managed;
mod orders;
mod payload;
mod publish;
mod refusal;
mod schema;
mod serve;
mod service;
mod settings;
mod source;
mod subscription;

pub(crate) use desk::Desk;
pub(crate) use orders::PubSubFault;
pub(crate) use serve::serve;
pub use settings::{EventChannel, ManagedSubscription, PlatformEvent, PubSubSettings};

#[cfg(test)]
mod tests;
