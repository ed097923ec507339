//! Deployments on Lambda: code by digest, versions, the alias that everything calls, alarms.

mod account;
mod advice;
mod alarms;
mod artefacts;
mod check;
mod functions;
mod target;
mod usage;

pub use target::{DeployPlace, LambdaTarget};
pub use usage::LambdaUsage;
