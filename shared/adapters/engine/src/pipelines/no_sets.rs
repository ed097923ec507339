//! A build without steps over many rows: a pipeline that has one is refused.

use std::path::PathBuf;
use std::sync::Arc;

use shared::etl::{Located, PipelineError, SetReport, Step};

use super::chain::Stretch;
use super::compiled::{Compiler, Work};
use super::source::{Files, RowSource};

/// There is none.
pub(super) enum SetWork {}

/// There is none.
pub(super) enum SetFigures {}

impl SetFigures {
    /// Says what became of a step.
    pub(super) fn report(&self) -> SetReport {
        match *self {}
    }
}

/// Makes sources of steps, of which there are none.
pub(super) struct SetSteps;

impl SetSteps {
    /// Begins with nothing.
    pub(super) fn new(_files: Files, _memory_mb: u32, _scratch: PathBuf) -> Self {
        Self
    }

    /// Makes a source of a step.
    #[expect(clippy::needless_pass_by_value, reason = "as in a build that has steps")]
    pub(super) fn source(
        &mut self,
        work: SetWork,
        _rows: Stretch,
    ) -> Result<(Box<dyn RowSource>, Arc<SetFigures>), PipelineError> {
        match work {}
    }
}

impl Compiler<'_> {
    /// Refuses a step over many rows.
    pub(super) fn set(&mut self, step: &Located<Step>) -> Option<Vec<Work>> {
        let name = step.part.as_str();
        self.fault(step, format!("this build has no step `{name}`: build it with `sets`"));
        None
    }
}
