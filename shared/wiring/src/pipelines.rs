//! Pipelines over blob stores.

use std::sync::Arc;

use adapter_engine::Pipelines;
use shared::etl::pushdown::InWarehouse;
use shared::etl::{CaseRows, OpenBlobs};
use shared::ports::warehouse::Warehouse;
use shared::ports::{PipelineEngine, SystemClock, SystemRandom};
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

/// Puts together what runs pipelines: each of their places is opened by its address, and rows of the
/// case store are read from `cases`, and pipelines from tables into tables run in `warehouse`, where they
/// are there.
pub fn pipelines(
    cases: Option<CaseRows>,
    warehouse: Option<Arc<dyn Warehouse>>,
) -> Arc<dyn PipelineEngine> {
    let clock = Arc::new(SystemClock);
    let mut engine = Pipelines::new(open_blobs(), clock.clone());
    if let Some(cases) = cases {
        engine = engine.with_case_store(cases);
    }
    if let Some(warehouse) = warehouse {
        let random = Arc::new(SystemRandom);
        engine = engine.with_warehouse(InWarehouse { warehouse, clock, random });
    }
    Arc::new(engine)
}
