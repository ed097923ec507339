//! Pipelines: rows as a stream of batches through expressions, without a plan.

mod baseline;
mod checks;
mod compiled;
mod csv;
mod engine;
mod figures;
mod flow;
mod keys;
mod kinds;
mod language;
mod origins;
mod output;
mod parquet;
mod replayed;
mod rows;
mod source;
mod text;
mod typed;

pub use engine::Pipelines;
pub use source::OpenStore;
