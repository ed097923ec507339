//! Writes what changed into the lake, and loads the lake into the warehouse.

mod app;
mod config;
mod runs;

pub use app::{app, assemble};
pub use config::Config;
pub use runs::{LakeRuns, hiding, loader};
