//! Pipelines over blob stores.

use std::sync::Arc;

use adapter_engine::Pipelines;
use shared::etl::pushdown::InWarehouse;
use shared::etl::{CaseRows, OpenBlobs};
use shared::ports::warehouse::Warehouse;
use shared::ports::{PipelineEngine, SystemClock, SystemRandom, Tables};
use shared::{PortError, PortErrorKind};

use crate::blobs::blob_store;

/// Returns what opens the places of pipelines, each by its address.
pub fn open_blobs() -> OpenBlobs {
    Arc::new(|address: &str| {
        blob_store(address).map_err(|error| {
            let kind = PortErrorKind::Rejected;
            PortError::new(kind, "blob store", "open", address).with_source(error)
        })
    })
}

/// What pipelines reach beside files; without a part, a pipeline that needs it says so.
#[derive(Clone, Default)]
pub struct PipelinePorts {
    /// Rows of the case store.
    pub cases: Option<CaseRows>,
    /// The warehouse in which pipelines from tables into tables run.
    pub warehouse: Option<Arc<dyn Warehouse>>,
    /// Tables of databases.
    pub tables: Option<Arc<dyn Tables>>,
}

/// Puts together what runs pipelines: each of their places is opened by its address, and what is no file
/// is reached by `ports`.
pub fn pipelines(ports: PipelinePorts) -> Arc<dyn PipelineEngine> {
    let clock = Arc::new(SystemClock);
    let mut engine = Pipelines::new(open_blobs(), clock.clone());
    if let Some(cases) = ports.cases {
        engine = engine.with_case_store(cases);
    }
    if let Some(tables) = ports.tables {
        engine = engine.with_tables(tables);
    }
    if let Some(warehouse) = ports.warehouse {
        let random = Arc::new(SystemRandom);
        engine = engine.with_warehouse(InWarehouse { warehouse, clock, random });
    }
    Arc::new(engine)
}
