//! Pipelines over blob stores.

use std::sync::Arc;

use adapter_engine::Pipelines;
use shared::ports::{PipelineEngine, SystemClock};
use shared::{PortError, PortErrorKind};

use crate::blobs::blob_store;

/// Puts together what runs pipelines: each of their places is opened by its address.
pub fn pipelines() -> Arc<dyn PipelineEngine> {
    let open = |address: &str| {
        blob_store(address).map_err(|error| {
            let kind = PortErrorKind::Rejected;
            PortError::new(kind, "blob store", "open", address).with_source(error)
        })
    };
    Arc::new(Pipelines::new(Arc::new(open), Arc::new(SystemClock)))
}
