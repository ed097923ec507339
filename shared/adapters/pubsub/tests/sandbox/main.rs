//! The subscriber against the sandbox org's Pub/Sub service, over real connections.

mod changes;
mod encrypted;
mod ends;
mod support;
