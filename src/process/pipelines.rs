//! Pipelines: their definitions, their queue, and what runs them.

use std::sync::Arc;

use pipeline_runner::{RunnerPorts, RunnerSettings};
use shared::etl::CaseRows;
use shared::etl::runs::{Definitions, DeskPorts, PipelineDesk};
use shared::ids::ConnectionId;
use shared::ports::{PipelineEngine, Queue, Tables};
use shared::sync::Mappings;
use wiring::PipelinePorts;

use super::Parts;
use crate::exit::CommandError;
use crate::settings::Settings;

/// Opens the databases whose tables pipelines read and write; none is asked yet.
///
/// # Errors
///
/// When the secret of one cannot be read.
pub(crate) async fn pipeline_tables(settings: &Settings) -> Result<Arc<dyn Tables>, CommandError> {
    let tables = wiring::tables(&settings.pipelines.databases).await;
    tables
        .map_err(|error| CommandError::failed("open the databases of `pipelines.databases`", error))
}

impl Parts {
    /// Opens the queue of runs.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(super) async fn open_pipelines_queue(
        settings: &Settings,
    ) -> Result<Arc<dyn Queue>, CommandError> {
        let address = settings.pipelines_queue()?;
        wiring::queue(&address)
            .await
            .map_err(|error| CommandError::failed(format!("open the queue `{address}`"), error))
    }

    /// Opens the desk at which runs are asked for.
    ///
    /// # Errors
    ///
    /// When the folder of definitions cannot be opened.
    pub(crate) fn pipeline_desk(&self, settings: &Settings) -> Result<PipelineDesk, CommandError> {
        Ok(PipelineDesk::new(DeskPorts {
            definitions: Definitions::new(settings.open_pipelines()?),
            journal: self.stores.pipelines.clone(),
            queue: self.pipelines_queue.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        }))
    }

    /// Builds what works on rows of files and of the case store.
    ///
    /// # Errors
    ///
    /// When the key of masks cannot be read, or the warehouse cannot be opened.
    pub(crate) async fn pipeline_engine(
        &self,
        settings: &Settings,
        mappings: &[(ConnectionId, Mappings)],
    ) -> Result<Arc<dyn PipelineEngine>, CommandError> {
        let hiding = self.hiding(settings, mappings).await?;
        let cases = hiding.map(|it| CaseRows::new(self.stores.rows.clone(), it));
        let tables = Some(pipeline_tables(settings).await?);
        let warehouse = self.warehouse(settings)?;
        Ok(wiring::pipelines(PipelinePorts { cases, warehouse, tables }))
    }

    /// Builds what runs pipelines.
    ///
    /// # Errors
    ///
    /// When the folder of definitions or the key of masks cannot be opened.
    pub(super) async fn pipeline_runner(
        &self,
        settings: &Settings,
        mappings: &[(ConnectionId, Mappings)],
    ) -> Result<host::App, CommandError> {
        let ports = RunnerPorts {
            engine: self.pipeline_engine(settings, mappings).await?,
            definitions: Definitions::new(settings.open_pipelines()?),
            journal: self.stores.pipelines.clone(),
            queue: self.pipelines_queue.clone(),
            open: wiring::open_blobs(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        };
        let within = settings.pipelines.within.as_ref().map(|it| it.0);
        let how = RunnerSettings { within, ..RunnerSettings::default() };
        Ok(pipeline_runner::assemble(ports, self.stores.ledger.clone(), how))
    }
}
