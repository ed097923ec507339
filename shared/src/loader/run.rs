//! One run: every table, batch after batch, until there is no more or the time is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use super::choose::{Bounds, Choice, choose};
use super::error::LoadError;
use super::state::{Plan, TableState};
use super::tables::{self, Tables};
use crate::error::{PortError, PortErrorKind, chain};
use crate::lake::{Catalog, Column, Head, LakeTable, TableSchema};
use crate::ports::warehouse::{
    MAX_LOAD_FILES, Patience, Rows, Statement, StatementId, Step, Warehouse, execute, query,
};
use crate::ports::{BlobStore, Clock, Ledger, Random};
use crate::time::Timestamp;

/// How long a statement that only makes or looks at a table is waited for.
const SHORT: Patience = Patience(Duration::from_mins(2));
/// How long any other is waited for where a run has no end.
const LONG: Duration = Duration::from_mins(30);
/// How many earlier tables of files are looked for, to delete them.
const N_DROPPED: u32 = 3;
/// How often a run goes on behind others that were faster.
const MAX_OVERTAKEN: u32 = 100;

/// What loading works with.
#[derive(Clone)]
pub struct LoadPorts {
    /// The warehouse. Its stage is the place of the lake.
    pub warehouse: Arc<dyn Warehouse>,
    /// Where it is kept how far each table has come.
    pub ledger: Arc<dyn Ledger>,
    /// The lake.
    pub blobs: Arc<dyn BlobStore>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Names plans.
    pub random: Arc<dyn Random>,
}

/// How a lake is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadSettings {
    /// Names the lake and the warehouse in the ledger: another name begins from the start.
    pub name: String,
    /// The most files of a batch, up to [`MAX_LOAD_FILES`].
    pub max_files: usize,
    /// A batch holds no more bytes, unless a single file does.
    pub max_bytes: u64,
    /// A batch with more rows that are refused waits for a person.
    pub max_rejects: u64,
    /// Goes on with what waits for a person.
    pub accepts_rejects: bool,
}

impl LoadSettings {
    /// The usual settings, for the lake and the warehouse at these addresses. What stands behind a `?` is
    /// how they are called, and not which they are.
    pub fn between(lake: &str, warehouse: &str) -> Self {
        let place = |it: &str| it.split_once('?').map_or(it, |(place, _)| place).to_owned();
        let digest = Sha256::digest(format!("{}\n{}", place(lake), place(warehouse)));
        let name = digest.iter().take(6).fold(String::new(), |it, byte| format!("{it}{byte:02x}"));
        Self::new(name)
    }

    /// The usual settings, under a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            max_files: 200,
            max_bytes: 16 * 1024 * 1024 * 1024,
            max_rejects: 100,
            accepts_rejects: false,
        }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadTally {
    /// Changes that are new in the warehouse.
    pub n_rows: u64,
    /// Files that were loaded.
    pub n_files: u64,
    /// Rows that were refused.
    pub n_rejected: u64,
    /// Files that wait still, by table.
    pub waiting: BTreeMap<LakeTable, u64>,
}

/// Loads the lake into a warehouse.
pub struct Loader {
    pub(super) ports: LoadPorts,
    pub(super) settings: LoadSettings,
    pub(super) catalog: Catalog,
}

/// A state, and the revision that guards it.
pub(super) struct Entry {
    pub(super) table: LakeTable,
    pub(super) state: TableState,
    revision: u64,
    /// When the run that holds it begins nothing more.
    pub(super) until: Option<Timestamp>,
}

/// Whether a run goes on with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    /// There is more to do now.
    On,
    /// What was begun runs still, and the time is over.
    Later,
}

impl Loader {
    /// Loads through `ports`.
    pub fn new(ports: LoadPorts, settings: LoadSettings) -> Self {
        let catalog = Catalog::new(Arc::clone(&ports.blobs), Arc::clone(&ports.clock));
        Self { ports, settings, catalog }
    }

    /// Loads every change of the lake that is not in the warehouse, until there is no more or `until`
    /// has come: what runs then is followed by the next run. A table that fails does not keep the
    /// others from being loaded. When nothing is new, nothing is sent.
    ///
    /// # Errors
    ///
    /// The first [`LoadError`]; others are logged.
    pub async fn run(&self, until: Option<Timestamp>) -> Result<LoadTally, LoadError> {
        let mut head = self.catalog.load().await?.head;
        let mut tally = LoadTally::default();
        let mut failed = None;
        for table in LakeTable::ALL {
            let Err(error) = self.load_table(table, &mut head, until, &mut tally).await else {
                continue;
            };
            match failed {
                None => failed = Some(error),
                Some(_) => {
                    warn!(table = %table, error = %chain(&error), "`{table}` was not loaded");
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(tally),
        }
    }

    async fn load_table(
        &self,
        table: LakeTable,
        head: &mut Head,
        until: Option<Timestamp>,
        tally: &mut LoadTally,
    ) -> Result<(), LoadError> {
        let mut n_overtaken = 0;
        let mut entry = Entry { until, ..self.read(table).await? };
        loop {
            let revision = entry.revision;
            if let Some(plan) = entry.state.plan.clone() {
                if self.is_over(until) {
                    return Ok(());
                }
                let going = self.advance(&mut entry, plan, tally).await?;
                if going == Going::Later {
                    return Ok(());
                }
            } else {
                if head.position < entry.state.position {
                    // Another run has read a newer one.
                    *head = self.catalog.load().await?.head;
                }
                let Choice { files, then, n_waiting, .. } =
                    self.choose(head, table, &entry.state).await?;
                tally.waiting.insert(table, n_waiting);
                gauge!("warehouse_files_waiting", "table" => table.as_str()).set(as_f64(n_waiting));
                let Some(schema) = head.schema(table).filter(|_| !files.is_empty()) else {
                    return Ok(());
                };
                if self.is_over(until) {
                    return Ok(());
                }
                if entry.state.columns == schema.columns {
                    let id = StatementId::from_random(self.ports.random.bits());
                    let plan = Plan::new(id, &files, then, self.ports.clock.now());
                    info!(table = %table, load.id = %plan.id, n_files = files.len(), n_rows = files.iter().map(|it| it.n_rows).sum::<u64>(),
                        "loads {} files of `{table}`", files.len());
                    entry.state.plan = Some(plan);
                } else {
                    if self.prepare(&mut entry, schema).await? == Going::Later {
                        return Ok(());
                    }
                }
                self.save(&mut entry).await?;
            }
            // A write that another run was faster with left the entry as that run wrote it.
            n_overtaken = if entry.revision == revision + 1 { 0 } else { n_overtaken + 1 };
            if n_overtaken > MAX_OVERTAKEN {
                return Err(LoadError::Contended { table, n_attempts: n_overtaken });
            }
        }
    }

    /// Chooses the files of the next batch.
    pub(super) async fn choose(
        &self,
        head: &Head,
        table: LakeTable,
        state: &TableState,
    ) -> Result<Choice, LoadError> {
        if head.position < state.position {
            let (loaded, lake) = (state.position, head.position);
            return Err(LoadError::LakeIsBehind { table, loaded, lake });
        }
        let LoadSettings { max_files, max_bytes, .. } = self.settings;
        let bounds = Bounds { max_files: max_files.min(MAX_LOAD_FILES), max_bytes };
        Ok(choose(&self.catalog, head, table, state, bounds).await?)
    }

    /// Makes sure that the tables of `entry` are there, with the columns of `schema`.
    async fn prepare(&self, entry: &mut Entry, schema: &TableSchema) -> Result<Going, LoadError> {
        let table = entry.table;
        for column in &schema.columns {
            let known = entry.state.columns.iter().find(|it| it.name == column.name);
            if known.is_some_and(|it| tables::type_of(it.kind) != tables::type_of(column.kind)) {
                let (column, kind) = (column.name.clone(), column.kind.as_str());
                return Err(LoadError::Widened { table, column, kind });
            }
        }
        let generation = entry.state.generation;
        let named = self.tables(table, generation)?;
        for target in named.all() {
            if self.is_over(entry.until) {
                return Ok(Going::Later);
            }
            self.execute(entry, &tables::create(target, &schema.columns)).await?;
            let found = self.columns_of(table, &tables::look(target)).await?;
            let is_there =
                |it: &&Column| !found.iter().any(|found| found.eq_ignore_ascii_case(&it.name));
            for column in schema.columns.iter().filter(is_there) {
                self.execute(entry, &tables::add_column(target, column)).await?;
            }
        }
        self.execute(entry, &tables::create_rejects()).await?;
        for earlier in generation.saturating_sub(N_DROPPED)..generation {
            let earlier = self.tables(table, earlier)?;
            self.execute(entry, &tables::drop_table(&earlier.staging)).await?;
        }
        info!(table = %table, "the tables of `{table}` have the columns of the lake's version {}", schema.version);
        entry.state.columns.clone_from(&schema.columns);
        Ok(Going::On)
    }

    pub(super) fn tables(&self, table: LakeTable, generation: u32) -> Result<Tables, LoadError> {
        Tables::of(table, generation).map_err(|error| LoadError::unfit(table, error))
    }

    /// Runs a statement that may run twice.
    async fn execute(&self, entry: &Entry, text: &str) -> Result<(), LoadError> {
        let id = StatementId::from_random(self.ports.random.bits());
        self.execute_statement(entry.table, &Statement::new(id, text), entry.until).await
    }

    pub(super) async fn execute_statement(
        &self,
        table: LakeTable,
        statement: &Statement,
        until: Option<Timestamp>,
    ) -> Result<(), LoadError> {
        let patience = Patience(self.patience(until).0.min(SHORT.0));
        match execute(&*self.ports.warehouse, statement, patience).await {
            Ok(Step::Done(_)) => Ok(()),
            Ok(Step::Running(_)) => Err(LoadError::port(table)(still_runs(statement))),
            Err(error) => Err(LoadError::port(table)(error)),
        }
    }

    async fn columns_of(&self, table: LakeTable, text: &str) -> Result<Vec<String>, LoadError> {
        let Rows { columns, .. } = self.query(text).await.map_err(LoadError::port(table))?;
        Ok(columns.iter().map(|it| it.name.clone()).collect())
    }

    pub(super) async fn query(&self, text: &str) -> Result<Rows, PortError> {
        let id = StatementId::from_random(self.ports.random.bits());
        let statement = Statement::new(id, text);
        match query(&*self.ports.warehouse, &statement, SHORT).await? {
            Step::Done(rows) => Ok(rows),
            Step::Running(_) => Err(still_runs(&statement)),
        }
    }

    pub(super) fn ledger_name(&self, table: LakeTable) -> String {
        format!("warehouse-load:{}:{table}", self.settings.name)
    }

    /// Reads the state of `table`; of one that was never loaded it is empty.
    pub(super) async fn read(&self, table: LakeTable) -> Result<Entry, LoadError> {
        let name = self.ledger_name(table);
        let found = self.ports.ledger.get(&name).await.map_err(LoadError::port(table))?;
        let Some(found) = found else {
            return Ok(Entry { table, state: TableState::default(), revision: 0, until: None });
        };
        let state = serde_json::from_str(&found.value)
            .map_err(|source| LoadError::State { name, source })?;
        Ok(Entry { table, state, revision: found.revision, until: None })
    }

    /// Saves the state, and tells whether it stands. Where another run was faster, `entry` becomes what
    /// that one saved.
    pub(super) async fn save(&self, entry: &mut Entry) -> Result<bool, LoadError> {
        let (table, name) = (entry.table, self.ledger_name(entry.table));
        let value = serde_json::to_string(&entry.state)
            .map_err(|source| LoadError::State { name: name.clone(), source })?;
        match self.ports.ledger.put(&name, &value, entry.revision).await {
            Ok(revision) => {
                entry.revision = revision;
                Ok(true)
            }
            Err(error) if error.kind() == PortErrorKind::Conflict => {
                *entry = Entry { until: entry.until, ..self.read(table).await? };
                Ok(false)
            }
            Err(error) => Err(LoadError::port(table)(error)),
        }
    }

    pub(super) fn is_over(&self, until: Option<Timestamp>) -> bool {
        until.is_some_and(|until| until <= self.ports.clock.now())
    }

    /// How long a statement may be waited for.
    pub(super) fn patience(&self, until: Option<Timestamp>) -> Patience {
        Patience(until.map_or(LONG, |until| until.since(self.ports.clock.now()).min(LONG)))
    }

    /// Loads `tables` from their first change on, into new tables of their files: for rows that were
    /// refused and can be loaded now, or for tables that were deleted. Nothing comes twice.
    ///
    /// # Errors
    ///
    /// [`LoadError`].
    pub async fn begin_anew(&self, tables: &[LakeTable]) -> Result<(), LoadError> {
        for table in tables {
            let mut entry = self.read(*table).await?;
            let generation = entry.state.generation;
            entry.state = TableState { generation, ..TableState::default() };
            entry.state.begin_anew();
            if !self.save(&mut entry).await? {
                return Err(LoadError::Contended { table: *table, n_attempts: 1 });
            }
            self.forget_rejects(*table).await?;
        }
        Ok(())
    }
}

fn still_runs(statement: &Statement) -> PortError {
    PortError::new(PortErrorKind::Unavailable, "warehouse", "run", statement.id.as_str())
        .with_source("it runs still: the next run begins it again")
}

/// Counts are far below where `f64` loses whole numbers.
#[expect(clippy::cast_precision_loss, reason = "a gauge of files")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
