//! Handles a tick, which asks which pipelines are due.

use async_trait::async_trait;
use shared::etl::runs::{DeskPorts, PipelineDesk};
use shared::worker::{Failure, ScheduleHandler, Tick};
use tracing::info;

use crate::ports::RunnerPorts;
use crate::runner::PipelineRunner;

/// Opens the desk at which the clock asks for runs.
pub(crate) fn desk(ports: &RunnerPorts) -> PipelineDesk {
    let RunnerPorts { definitions, journal, queue, clock, random, .. } = ports.clone();
    PipelineDesk::new(DeskPorts { definitions, journal, queue, clock, random })
}

#[async_trait]
impl ScheduleHandler for PipelineRunner {
    async fn run(&self, _tick: Tick) -> Result<(), Failure> {
        let opened = self.desk().open_due().await?;
        if opened > 0 {
            info!(n_rows = opened, "{opened} runs of pipelines are due");
        }
        Ok(())
    }
}
