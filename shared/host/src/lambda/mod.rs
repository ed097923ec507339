//! Runs a function as an AWS Lambda.

mod event;
mod host;
mod http;
mod sqs;

pub(crate) use host::run;
