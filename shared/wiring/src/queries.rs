//! Questions to the lake, answered in this process.

use std::sync::Arc;

use shared::lake::Hiding;
use shared::ports::{BlobStore, QueryEngine};
use shared::queries::{QueryError, QuerySettings};

use crate::store::CaseStores;

/// Puts together what answers questions about the lake in `blobs`, with the walls of `stores`; `None`
/// when this build was made without it, by the feature `query`. The rows of `stores` are tables too,
/// where `hiding` says what of them may be seen.
///
/// # Errors
///
/// [`QueryError`] when the folder for what memory does not hold cannot be used.
#[cfg(feature = "query")]
pub fn queries(
    stores: &CaseStores,
    blobs: Arc<dyn BlobStore>,
    hiding: Option<Hiding>,
    settings: &QuerySettings,
) -> Result<Option<Arc<dyn QueryEngine>>, QueryError> {
    let (rows, feed) = (stores.rows.clone(), stores.feed.clone());
    let live = hiding.map(|hiding| adapter_engine::LivePorts { rows, feed, hiding });
    let (walls, clock) = (stores.walls.clone(), Arc::new(shared::ports::SystemClock));
    let ports = adapter_engine::QueryPorts { blobs, live, walls, clock };
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
    _hiding: Option<Hiding>,
    _settings: &QuerySettings,
) -> Result<Option<Arc<dyn QueryEngine>>, QueryError> {
    Ok(None)
}
