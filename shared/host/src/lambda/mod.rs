//! Runs a function as an AWS Lambda.

mod check;
mod emf;
mod event;
mod host;
mod http;
mod settle;
mod sqs;

#[cfg(test)]
pub(crate) use host::invoke_once;
pub(crate) use host::run;
