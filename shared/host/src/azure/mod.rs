//! Runs a function as an Azure Functions custom handler.
//!
//! Source: azure-functions-host v4, `Workers/Http`; learn.microsoft.com, "Azure Functions custom
//! handlers".

mod host;
mod http;
mod invocation;
mod queue;

#[cfg(test)]
pub(crate) use host::router_of;
pub(crate) use host::run;
