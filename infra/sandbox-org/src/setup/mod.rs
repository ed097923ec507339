//! What set-up changes in an org: channels of change events, custom fields, outbound messages.
//!
//! By the Tooling API one thing at a time, by the Metadata API as a package.

mod catalog;
mod channels;
mod custom_field;
mod deploy;
mod filter;
mod metadata;
mod multipart;
mod package;
mod tooling;
mod workflow;
mod zip;

pub(crate) use channels::Channels;
pub(crate) use deploy::Deployments;
pub(crate) use metadata::metadata;
pub(crate) use tooling::tooling;
pub(crate) use workflow::{OutboundMessages, Rule};
