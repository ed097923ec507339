//! The Pub/Sub API of Salesforce: change events over gRPC, none lost, none twice.
//!
//! [`PubSubStream`] follows topics through every end of a stream. The place in a topic is kept in the
//! ledger, never ahead of what the sink made durable; what the platform no longer keeps is reported as
//! a gap and read from its source.

mod avro;
mod batch;
mod connect;
mod end;
mod event;
mod fault;
mod follow;
#[rustfmt::skip]
#[expect(clippy::doc_markdown, unreachable_pub, reason = "written by machine")]
mod messages;
mod open_stream;
mod pace;
mod parts;
mod place;
mod schemas;
mod settings;
mod stream;
mod take;
#[cfg(test)]
mod testing;
mod topic;
mod wire;

pub use settings::PubSubSettings;
pub use stream::{PubSubPorts, PubSubStream};
