//! The lake over a case store.

use std::sync::Arc;

use adapter_engine::ParquetFiles;
use shared::lake::LakePorts;
use shared::ports::{BlobStore, SystemClock, SystemRandom};

use crate::store::CaseStores;

/// Puts together what the lake in `blobs` works with: the changes of `stores`, in files of Parquet.
pub fn lake_ports(stores: &CaseStores, blobs: Arc<dyn BlobStore>) -> LakePorts {
    LakePorts {
        feed: stores.feed.clone(),
        rows: stores.rows.clone(),
        files: Arc::new(ParquetFiles::new(Arc::clone(&blobs))),
        blobs,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    }
}
