//! Pipelines: rows as a stream of batches through expressions, without a plan.

mod baseline;
mod chain;
mod checks;
mod compiled;
mod csv;
mod engine;
mod figures;
mod flow;
mod given;
mod json;
mod keys;
mod kinds;
mod language;
mod origins;
mod output;
mod parquet;
#[cfg(feature = "sets")]
mod pushdown;
#[cfg(not(feature = "sets"))]
#[path = "no_pushdown.rs"]
mod pushdown;
mod rejects;
mod replayed;
mod rows;
#[cfg(feature = "sets")]
mod sets;
#[cfg(not(feature = "sets"))]
#[path = "no_sets.rs"]
mod sets;
mod sink;
mod source;
mod store;
mod tables;
mod text;
mod typed;

pub use engine::Pipelines;
pub use source::OpenStore;
