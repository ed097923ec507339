//! Answers the dashboard and integrators: overview, cases, audit, integrations, queues, live
//! changes.
//!
//! Every route stands under `/v1`, but for two under `/api` that answer as an existing MoodBridge
//! does, and is documented at `/v1/openapi.json`. That document and `/api/health` are open; every
//! other one asks who calls, by a bearer token, and for a permission that is declared
//! where the route is registered; and a person who is screened from a case finds it nowhere.

mod access;
mod api;
mod app;
mod audit;
mod body;
mod caller;
mod cases;
mod changes;
mod conflicts;
mod costs;
mod dashboard;
mod desk_problem;
mod documents;
mod gate;
mod integrations;
mod letters;
mod me;
mod metrics;
mod named_queries;
mod openapi;
mod origin;
mod outbox;
mod overview;
mod pipelines;
mod platforms;
mod problem;
mod query;
mod queues;
mod reconciliations;
mod replay;
mod reports;
mod resilience;
mod router;
mod rows;
mod screen;
mod settings;
mod snapshots;
mod tail;
mod two_way;
mod walls;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use api::{Api, Ports};
pub use app::{AnswerSettings, Config, app, assemble};
pub use costs::CostTerms;
pub use origin::{InvalidOrigin, Origin};
pub use problem::{Fault, Problem};
pub use router::router;
pub use two_way::TwoWay;
