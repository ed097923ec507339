//! What plans are made and worked out with: functions, options, memory, and room on disk.

use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider as _, CatalogProviderList as _, MemoryCatalogProvider,
    MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::common::Result;
use datafusion::common::not_impl_err;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::object_store::ObjectStore;
use datafusion::object_store::memory::InMemory;
use datafusion::prelude::SessionConfig;
use shared::queries::QuerySettings;
use url::Url;

use super::pool::SharedOut;

/// Functions that would give another answer to the same question, or tell of the engine.
const LEFT_OUT: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "now",
    "rand",
    "random",
    "today",
    "uuid",
    "version",
];

/// The catalogue and the schema of tables that are named alone.
pub(super) const CATALOG: &str = "lake";
pub(super) const SCHEMA: &str = "lake";
/// The schema of the tables of the case store.
pub(super) const STORE: &str = "store";

/// The place that plans name, and nothing stands behind: files are read by our own port.
pub(super) fn no_store() -> Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse("lake://files")
}

/// Knows no store but an empty one, so that no plan can reach a file or a network.
#[derive(Debug)]
struct NoStores(Arc<dyn ObjectStore>);

impl ObjectStoreRegistry for NoStores {
    fn register_store(
        &self,
        _url: &Url,
        _store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match url.scheme() {
            "lake" => Ok(Arc::clone(&self.0)),
            _ => not_impl_err!("only the lake is read"),
        }
    }
}

fn runtime(bounds: &QuerySettings) -> Result<Arc<RuntimeEnv>> {
    let pool = SharedOut::new(bounds.memory_bytes);
    let n_told = const { std::num::NonZeroUsize::MIN.saturating_add(2) };
    let mode = match &bounds.spill_folder {
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    let disk = DiskManagerBuilder::default()
        .with_mode(mode)
        .with_max_temp_directory_size(bounds.spill_bytes);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(TrackConsumersPool::new(pool, n_told)))
        .with_disk_manager_builder(disk)
        .with_object_store_registry(Arc::new(NoStores(Arc::new(InMemory::new()))))
        .build_arc()
}

/// Makes what every question begins with: no table, and no function that gives another value each time.
///
/// # Errors
///
/// When there is no room on disk.
pub(super) fn template(bounds: &QuerySettings) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_information_schema(false)
        // What is worked on at once is a part of memory.
        .with_batch_size((bounds.memory_bytes / (32 * 1024)).clamp(256, 8192))
        .with_target_partitions(bounds.n_threads.max(1));
    let options = config.options_mut();
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    // What a sort keeps for merging must be a part of what there is.
    options.execution.sort_spill_reservation_bytes =
        options.execution.sort_spill_reservation_bytes.min(bounds.memory_bytes / 16);
    options.execution.time_zone = Some("UTC".to_owned());
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime(bounds)?)
        .with_default_features();
    if let Some(functions) = builder.scalar_functions() {
        functions.retain(|it| !LEFT_OUT.contains(&it.name()));
        functions.push(Arc::new(super::json_text::json_text()));
    }
    Ok(builder.build())
}

/// Begins a question on `template`, without any table.
pub(super) fn session(
    template: &SessionState,
) -> Result<(SessionState, Arc<MemoryCatalogProvider>)> {
    let catalogs = Arc::new(MemoryCatalogProviderList::new());
    let catalog = Arc::new(MemoryCatalogProvider::new());
    for schema in [SCHEMA, STORE] {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
    }
    catalogs.register_catalog(CATALOG.to_owned(), catalog.clone());
    let state = SessionStateBuilder::new_from_existing(template.clone())
        .with_catalog_list(catalogs)
        .build();
    Ok((state, catalog))
}
