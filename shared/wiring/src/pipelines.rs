//! Pipelines over blob stores.

use std::sync::Arc;

use adapter_engine::Pipelines;
use shared::etl::{CaseRows, OpenBlobs};
use shared::ports::{PipelineEngine, SystemClock};
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
/// case store are read from `cases`, where there are some.
pub fn pipelines(cases: Option<CaseRows>) -> Arc<dyn PipelineEngine> {
    let engine = Pipelines::new(open_blobs(), Arc::new(SystemClock));
    match cases {
        Some(cases) => Arc::new(engine.with_case_store(cases)),
        None => Arc::new(engine),
    }
}
