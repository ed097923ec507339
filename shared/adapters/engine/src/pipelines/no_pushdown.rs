//! Pipelines as SQL, in a build that has no steps over many rows.

use shared::etl::pushdown::PushedDown;
use shared::etl::{Faults, Pipeline, PipelineFault};
use shared::time::Timestamp;

/// Refuses to compile `pipeline`.
///
/// # Errors
///
/// Always.
pub(super) fn push_down(
    pipeline: &Pipeline,
    _now: Option<Timestamp>,
) -> Result<PushedDown, Vec<PipelineFault>> {
    let mut faults = Faults::of(&pipeline.file);
    faults.add(0, "", "this build was made without the feature `sets`, which compiles pipelines");
    Err(faults.into_list())
}
