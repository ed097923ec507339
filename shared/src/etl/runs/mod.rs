//! Runs of pipelines: started by people and programs, parted over a queue, kept in a journal.

mod claim;
mod definitions;
mod desk;
mod message;
mod orders;
mod settle;

pub use claim::{Claimed, Hold, MAX_ATTEMPTS, claim};
pub use definitions::{Definition, DefinitionError, Definitions, ListedDefinition};
pub use desk::{DeskPorts, PipelineDesk};
pub use message::PipelineMessage;
pub use orders::{
    ListedPipeline, Ordered, PipelineDeskError, Quality, ReplayRequest, RuleQuality, RunDetail,
    RunQuality, RunRequest, RunSummary,
};
pub use settle::{outcome, settle};

/// So many runs of each pipeline are kept.
pub const KEPT_RUNS: u32 = 500;
