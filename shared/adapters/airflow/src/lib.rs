//! Airflow as an orchestrator, by its REST API v2 (Airflow 3).
//!
//! A run of a DAG is started under an id of ours, so that a lost answer or a message that comes again
//! starts nothing twice. `docs/airflow.md` says what is sent and what each refusal means.

mod answer;
mod client;
mod fault;
mod orchestrator;
mod settings;
mod sign_in;

pub use fault::AirflowFault;
pub use orchestrator::AirflowOrchestrator;
pub use settings::{AirflowAuth, AirflowSettings};

/// The platform's name in errors, logs and metrics.
pub(crate) const PLATFORM: &str = "airflow";
