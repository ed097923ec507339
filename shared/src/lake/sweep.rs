//! Deletes what no manifest names: what killed runs left, and what was replaced a while ago.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use tracing::info;

use super::catalog::{Catalog, GRACE, LAKE_PREFIX, SEGMENTS};
use super::error::LakeError;
use super::export::LakePorts;
use super::table::LakeTable;
use crate::ports::BlobKey;
use crate::time::Timestamp;

/// Objects that are listed at once.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

/// Deletes every object of the lake that no manifest has named for a day, until `until` has come, and
/// tells how many.
///
/// A run commits nothing that it began more than half a day ago, so that what is deleted here can never
/// become part of the lake.
///
/// # Errors
///
/// [`LakeError`]; what was deleted until then is gone.
pub async fn sweep_lake(ports: &LakePorts, until: Option<Timestamp>) -> Result<u64, LakeError> {
    let catalog = Catalog::new(Arc::clone(&ports.blobs), Arc::clone(&ports.clock));
    let named = named_keys(&catalog).await?;
    let before = ports.clock.now().minus(GRACE);
    let mut n_deleted = 0;
    let tables = LakeTable::ALL.map(|it| format!("{LAKE_PREFIX}{it}/"));
    for prefix in tables.iter().map(String::as_str).chain([SEGMENTS]) {
        let mut after: Option<BlobKey> = None;
        loop {
            if until.is_some_and(|until| until <= ports.clock.now()) {
                return Ok(n_deleted);
            }
            let page = ports.blobs.list(prefix, after.as_ref(), PAGE).await?;
            for blob in page.iter().filter(|it| it.stored_at < before && !named.contains(&it.key)) {
                ports.blobs.delete(&blob.key).await?;
                n_deleted += 1;
            }
            after = match page.last() {
                Some(last) => Some(last.key.clone()),
                None => break,
            };
        }
    }
    if n_deleted > 0 {
        info!("swept {n_deleted} objects that no manifest names");
    }
    Ok(n_deleted)
}

/// Collects the keys of all that is part of the lake, or was until lately.
async fn named_keys(catalog: &Catalog) -> Result<BTreeSet<BlobKey>, LakeError> {
    let head = catalog.load().await?.head;
    let mut named: BTreeSet<BlobKey> = head.segments.iter().map(|it| it.key.clone()).collect();
    named.extend(head.retired.iter().map(|it| it.key.clone()));
    let mut files = std::pin::pin!(catalog.files(&head));
    while let Some(file) = files.try_next().await? {
        named.insert(file.key);
    }
    Ok(named)
}
