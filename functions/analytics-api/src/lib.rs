//! Answers the dashboard and integrators: overview, cases, audit, integrations, queues, live
//! changes.
//!
//! Every route stands under `/v1` and is documented at `/v1/openapi.json`. There is no
//! authentication yet, so it is meant for loopback: reads reveal cases, and the one write (replay of
//! dead letters) takes only `application/json`, which a web page of another origin cannot send
//! without permission.

mod api;
mod app;
mod audit;
mod cases;
mod changes;
mod integrations;
mod nearest;
mod openapi;
mod origin;
mod overview;
mod problem;
mod query;
mod queues;
mod replay;
mod router;
mod snapshots;
mod tail;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use api::{Api, Ports};
pub use app::{AnswerSettings, Config, app, assemble};
pub use origin::{InvalidOrigin, Origin};
pub use problem::{Fault, Problem};
pub use router::router;
