//! Questions to the lake, answered in this process.

use std::sync::Arc;

use shared::ports::{BlobStore, QueryEngine};
use shared::queries::{QueryError, QuerySettings};

use crate::store::CaseStores;

/// Puts together what answers questions about the lake in `blobs`, with the walls of `stores`; `None`
/// when this build was made without it, by the feature `query`.
///
/// # Errors
///
/// [`QueryError`] when the folder for what memory does not hold cannot be used.
#[cfg(feature = "query")]
pub fn queries(
    stores: &CaseStores,
    blobs: Arc<dyn BlobStore>,
    settings: &QuerySettings,
) -> Result<Option<Arc<dyn QueryEngine>>, QueryError> {
    let (walls, clock) = (stores.walls.clone(), Arc::new(shared::ports::SystemClock));
    let ports = adapter_engine::QueryPorts { blobs, walls, clock };
    Ok(Some(Arc::new(adapter_engine::LakeQueries::new(ports, settings)?)))
}

/// Puts together what answers questions about the lake: nothing, as this build was made without the
/// feature `query`.
///
/// # Errors
///
/// None.
#[cfg(not(feature = "query"))]
pub fn queries(
    _stores: &CaseStores,
    _blobs: Arc<dyn BlobStore>,
    _settings: &QuerySettings,
) -> Result<Option<Arc<dyn QueryEngine>>, QueryError> {
    Ok(None)
}
