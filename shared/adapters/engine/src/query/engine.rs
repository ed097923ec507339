//! Answers questions: of one state of the lake, as far as the asker sees.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::execution::session_state::SessionState;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use shared::auth::Sight;
use shared::lake::{Catalog, Head, LakeFile, LakeTable};
use shared::ports::{BlobStore, Clock, PreparedQuery, Query, QueryEngine, Walls};
use shared::queries::{NamedQuery, QueryColumn, QueryError, QuerySettings};
use tokio::sync::OnceCell;

use super::latest::ChangeSet;
use super::live::LivePorts;
use super::prepared::Prepared;
use super::reader::Footers;
use super::session;
use super::shown::Screen;
use super::statement::{Select, Table};

/// What the footers of files may take in memory, in bytes.
const FOOTER_BYTES: usize = 32 * 1024 * 1024;

/// What questions are answered from.
#[derive(Clone)]
pub struct QueryPorts {
    /// Where the lake is.
    pub blobs: Arc<dyn BlobStore>,
    /// The rows of the case store, as the tables `store.cases` and so on; without them there are none.
    pub live: Option<LivePorts>,
    /// Who is screened from which case.
    pub walls: Arc<dyn Walls>,
    /// Tells the day.
    pub clock: Arc<dyn Clock>,
}

/// The last changes of the rows of a table, of a state that is found by its name.
type Latest = Arc<OnceCell<Arc<ChangeSet>>>;

/// What all questions have in common.
pub(super) struct Shared {
    pub(super) ports: QueryPorts,
    pub(super) catalog: Catalog,
    pub(super) template: SessionState,
    pub(super) footers: Arc<Footers>,
    latest: std::sync::Mutex<BTreeMap<LakeTable, (String, Latest)>>,
}

impl Shared {
    /// Returns the place of the last changes of `table` in the state `version`. Those of an older state
    /// are forgotten.
    pub(super) fn latest(&self, table: LakeTable, version: &str) -> Latest {
        let mut kept = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(&table) {
            Some((of, latest)) if of == version => Arc::clone(latest),
            _ => {
                let latest = Latest::default();
                kept.insert(table, (version.to_owned(), Arc::clone(&latest)));
                latest
            }
        }
    }
}

/// Answers questions about the lake.
pub struct LakeQueries(Arc<Shared>);

impl LakeQueries {
    /// Answers from `ports`, within `settings`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Failed`] when the folder on disk cannot be used.
    pub fn new(ports: QueryPorts, settings: &QuerySettings) -> Result<Self, QueryError> {
        let template = session::template(settings)
            .map_err(|error: DataFusionError| QueryError::Failed(error.strip_backtrace()))?;
        let catalog = Catalog::new(Arc::clone(&ports.blobs), Arc::clone(&ports.clock));
        let footers = Arc::new(Footers::new(FOOTER_BYTES));
        let latest = std::sync::Mutex::default();
        Ok(Self(Arc::new(Shared { ports, catalog, template, footers, latest })))
    }

    fn select(&self, query: &Query) -> Result<Select, QueryError> {
        let functions: Vec<&str> =
            self.0.template.table_functions().keys().map(String::as_str).collect();
        let store = Table::of_the_store().filter(|_| self.0.ports.live.is_some());
        let known: Vec<Table> = Table::of_the_lake().chain(store).collect();
        Select::read(&query.sql, &query.parameters, &known, &functions)
    }

    /// Names the state of `table`.
    async fn version(&self, head: &Head, table: Table) -> Result<String, QueryError> {
        match (table.of_lake(), &self.0.ports.live) {
            (Some(of_lake), _) => Ok(version(head, of_lake)),
            (None, Some(live)) => Ok(live.feed.newest_change().await?.to_string()),
            (None, None) => Ok(String::new()),
        }
    }

    /// Learns what `sight` shows, and of which state of the walls that is.
    async fn screen(&self, sight: &Sight) -> Result<(Screen, String), QueryError> {
        let walls = &self.0.ports.walls;
        if walls.shows_all(sight).await? {
            return Ok((Screen::None, "everything".to_owned()));
        }
        let revision = walls.walls_revision().await?;
        let screen = Screen::from(walls.shown(sight).await?);
        Ok((screen, format!("{sight:?} of {revision}")))
    }
}

/// Names the state of `table` in `head`: it changes with the files of the table, and with what seals them.
pub(super) fn version(head: &Head, table: LakeTable) -> String {
    let mut digest = Sha256::new();
    let segments = head.segments.iter().map(|it| it.key.as_str());
    let files = head.files.iter().filter(|it| it.table == table).map(|it| it.key.as_str());
    for name in segments.chain(files) {
        digest.update(name);
        digest.update([0]);
    }
    let schema = head.schema(table).map_or(0, |it| it.version);
    digest.update(schema.to_be_bytes());
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|it| format!("{it:02x}")).collect()
}

/// Lists the files of each of `tables`, the oldest first.
pub(super) async fn files(
    catalog: &Catalog,
    head: &Head,
    tables: impl Iterator<Item = Table>,
) -> Result<BTreeMap<LakeTable, Vec<LakeFile>>, QueryError> {
    let mut found: BTreeMap<LakeTable, Vec<LakeFile>> =
        tables.filter_map(|it| Some((it.of_lake()?, Vec::new()))).collect();
    if found.is_empty() {
        return Ok(found);
    }
    let mut files = std::pin::pin!(catalog.files(head));
    while let Some(file) = files.try_next().await? {
        if let Some(of_table) = found.get_mut(&file.table) {
            of_table.push(file);
        }
    }
    Ok(found)
}

#[async_trait]
impl QueryEngine for LakeQueries {
    async fn prepare(
        &self,
        query: &Query,
        sight: &Sight,
    ) -> Result<Box<dyn PreparedQuery>, QueryError> {
        let select = self.select(query)?;
        let head = self.0.catalog.load().await?.head;
        let (screen, seen) = self.screen(sight).await?;
        let mut digest = Sha256::new();
        // Another build may show its tables otherwise.
        let values = query.parameters.iter().map(|it| format!("{it:?}"));
        let parts = [env!("CARGO_PKG_VERSION").to_owned(), query.sql.clone(), seen];
        let mut versions = Vec::with_capacity(select.tables.len());
        for table in &select.tables {
            versions.push(self.version(&head, *table).await?);
        }
        for part in parts.into_iter().chain(versions).chain(values) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let tag = hex(&digest.finalize());
        let sight = if screen.hides() { sight.clone() } else { Sight::Everything };
        Ok(Box::new(Prepared { shared: Arc::clone(&self.0), select, head, screen, sight, tag }))
    }

    async fn check(&self, query: &NamedQuery) -> Result<Vec<QueryColumn>, QueryError> {
        let now = self.0.ports.clock.now();
        let sample = query.parameters.iter().map(|it| (it.name.clone(), it.sample(now)));
        let query = Query { sql: query.sql.clone(), parameters: sample.collect() };
        let (select, head) = (self.select(&query)?, Head::default());
        let (screen, sight, tag) = (Screen::None, Sight::Everything, String::new());
        let prepared = Prepared { shared: Arc::clone(&self.0), select, head, screen, sight, tag };
        prepared.columns().await
    }
}
