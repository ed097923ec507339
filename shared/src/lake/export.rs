//! Follows the change rows into the lake.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use serde::Serialize;
use tracing::{info, warn};

use super::batch::Batch;
use super::catalog::{Catalog, CommitOutcome, LoadedHead};
use super::commit::Commit;
use super::error::LakeError;
use super::hiding::Hiding;
use super::manifest::{Head, LakeFile};
use super::row::LakeRow;
use super::schema::{Column, TableSchema};
use super::table::LakeTable;
use crate::chain;
use crate::ids::EntityId;
use crate::model::Entity;
use crate::ports::{
    BlobStore, ChangeFeed, ChangeRow, Clock, CurrentRow, CurrentRows, LakeFiles, Random,
};
use crate::time::Timestamp;

/// What the lake works with.
#[derive(Clone)]
pub struct LakePorts {
    /// The change rows.
    pub feed: Arc<dyn ChangeFeed>,
    /// The rows that changed.
    pub rows: Arc<dyn CurrentRows>,
    /// Where files and the manifest are kept.
    pub blobs: Arc<dyn BlobStore>,
    /// The format of the files.
    pub files: Arc<dyn LakeFiles>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Names runs.
    pub random: Arc<dyn Random>,
}

/// How files are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LakeSettings {
    /// Changes that are read at once.
    pub page: u32,
    /// A file that is so long is closed, in bytes.
    pub max_file_bytes: u64,
    /// A file that has been open for so long is closed.
    pub max_file_age: Duration,
}

impl Default for LakeSettings {
    fn default() -> Self {
        Self {
            page: 1000,
            max_file_bytes: 128 * 1024 * 1024,
            max_file_age: Duration::from_mins(15),
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportTally {
    /// Changes that are in the lake now.
    pub n_rows: u64,
    /// Files that were committed.
    pub n_files: u64,
    /// Commits that stand.
    pub n_commits: u64,
    /// Times that another run was faster.
    pub n_lost: u64,
    /// Values that did not fit their columns and were left out.
    pub n_unfit: u64,
    /// The change up to which the lake tells all.
    pub position: u64,
    /// Changes that are still to come, at the end of the run.
    pub n_behind: u64,
}

/// How often a run begins again because another was faster.
const MAX_LOST: u64 = 8;

/// Writes changes into the lake.
pub struct Exporter {
    ports: LakePorts,
    hiding: Hiding,
    settings: LakeSettings,
    columns: BTreeMap<LakeTable, Vec<Column>>,
    catalog: Catalog,
}

/// Files that wait to be committed.
struct Drawn {
    commit: Commit,
    /// There is no more, or no time for it.
    is_over: bool,
    n_unfit: u64,
}

impl Exporter {
    /// Writes through `ports` what `hiding` lets through.
    pub fn new(ports: LakePorts, hiding: Hiding, settings: LakeSettings) -> Self {
        let columns = LakeTable::ALL.map(|it| (it, it.columns())).into();
        let catalog = Catalog::new(Arc::clone(&ports.blobs), Arc::clone(&ports.clock));
        Self { ports, hiding, settings, columns, catalog }
    }

    /// Writes other columns of a table.
    #[cfg(any(test, feature = "testkit"))]
    #[must_use]
    pub fn with_columns(mut self, table: LakeTable, columns: Vec<Column>) -> Self {
        self.columns.insert(table, columns);
        self
    }

    /// Writes every change that is not in the lake, until there is no more or `until` has come: then
    /// what was read is committed, and the next run goes on.
    ///
    /// # Errors
    ///
    /// [`LakeError`]. What was committed until then stands; everything else is done again.
    pub async fn run(&self, until: Option<Timestamp>) -> Result<ExportTally, LakeError> {
        let mut tally = ExportTally::default();
        let run = self.name();
        for number in 0_u64.. {
            let loaded = self.catalog.load().await?;
            tally.position = loaded.head.position;
            let drawn = self.draw(format!("{run}-{number:03}"), &loaded.head, until).await?;
            let Drawn { commit, is_over, n_unfit } = drawn;
            let stands =
                commit.added.is_empty() || self.commit(loaded, &commit, &mut tally).await?;
            if stands {
                tally.n_unfit += n_unfit;
            }
            if stands && is_over {
                break;
            }
        }
        self.compare_ends(&mut tally).await?;
        Ok(tally)
    }

    /// Writes the files of one commit: those of the changes behind `head`.
    async fn draw(
        &self,
        id: String,
        head: &Head,
        until: Option<Timestamp>,
    ) -> Result<Drawn, LakeError> {
        let schemas = self.schemas(head)?;
        let mut batch = Batch::new(&*self.ports.files, id.clone(), &schemas);
        let filled = match self.fill(&mut batch, head.position, until).await {
            Ok(filled) => batch.finish().await.map(|files| (filled, files)),
            Err(error) => Err(error),
        };
        let ((position, is_over), files) = match filled {
            Ok(filled) => filled,
            Err(error) => {
                batch.abandon().await;
                return Err(error);
            }
        };
        let commit = Commit {
            id,
            kind: "export",
            began_at: batch.began_at.unwrap_or_else(|| self.ports.clock.now()),
            span: Some((head.position, position)),
            removed: BTreeSet::new(),
            schemas: used(&schemas, &files),
            added: files,
        };
        Ok(Drawn { commit, is_over, n_unfit: batch.n_unfit })
    }

    /// Names a run: the instant it began at, and what tells it from every other.
    fn name(&self) -> String {
        let at = self.ports.clock.now().to_second().to_string();
        let at: String = at.chars().filter(char::is_ascii_digit).take(14).collect();
        format!("{at}-{:032x}", self.ports.random.bits())
    }

    /// Follows the columns of the lake with those of this build.
    fn schemas(&self, head: &Head) -> Result<BTreeMap<LakeTable, TableSchema>, LakeError> {
        let schema = |(table, columns): (&LakeTable, &Vec<Column>)| {
            let schema = match head.schema(*table) {
                None => TableSchema::first(columns.clone()),
                Some(last) => last
                    .evolved(columns)
                    .map_err(|source| LakeError::Schema { table: *table, source })?,
            };
            Ok((*table, schema))
        };
        self.columns.iter().map(schema).collect()
    }

    /// Reads changes after `position` into `batch` until it is full. Returns the last of them, and
    /// whether there is no more, or no time for it.
    async fn fill(
        &self,
        batch: &mut Batch<'_>,
        mut position: u64,
        until: Option<Timestamp>,
    ) -> Result<(u64, bool), LakeError> {
        loop {
            let now = self.ports.clock.now();
            if until.is_some_and(|until| until <= now) {
                return Ok((position, true));
            }
            let is_old = batch
                .began_at
                .is_some_and(|began_at| now.since(began_at) >= self.settings.max_file_age);
            if is_old || batch.longest() >= self.settings.max_file_bytes {
                return Ok((position, false));
            }
            let page = self.ports.feed.changes_after(position, self.settings.page).await?;
            let Some(last) = page.last().map(|it| it.seq) else {
                return Ok((position, true));
            };
            let rows = self.rows(page).await?;
            batch.write(rows, now).await?;
            position = last;
        }
    }

    /// Reads the rows of a page of changes, all of one kind at once.
    async fn rows(&self, page: Vec<ChangeRow>) -> Result<Vec<LakeRow>, LakeError> {
        let mut found: BTreeMap<(Entity, EntityId), Option<CurrentRow>> = BTreeMap::new();
        let read_at = self.ports.clock.now();
        for entity in Entity::ALL {
            let ids = page.iter().filter(|it| it.entity == entity).map(|it| &it.entity_id);
            let ids: Vec<EntityId> = ids.collect::<BTreeSet<_>>().into_iter().cloned().collect();
            if ids.is_empty() {
                continue;
            }
            let rows = self.ports.rows.current_rows(entity, &ids).await?;
            found.extend(ids.into_iter().map(|id| (entity, id)).zip(rows));
        }
        let row = |change: ChangeRow| {
            let row = found.get(&(change.entity, change.entity_id.clone())).cloned().flatten();
            LakeRow::new(change, row, &self.hiding, read_at)
        };
        Ok(page.into_iter().map(row).collect())
    }

    /// Commits, and tells whether it stands. The files of a commit that was lost are thrown away.
    async fn commit(
        &self,
        loaded: LoadedHead,
        commit: &Commit,
        tally: &mut ExportTally,
    ) -> Result<bool, LakeError> {
        match self.catalog.commit(loaded, commit).await? {
            CommitOutcome::Committed(stands) => {
                for file in &commit.added {
                    counter!("lake_rows_total", "table" => file.table.as_str())
                        .increment(file.n_rows);
                    tally.n_rows += file.n_rows;
                    tally.n_files += 1;
                }
                tally.n_commits += 1;
                tally.position = stands.head.position;
                info!(
                    n_rows = commit.added.iter().map(|it| it.n_rows).sum::<u64>(),
                    "the lake holds changes up to {}", stands.head.position
                );
                Ok(true)
            }
            CommitOutcome::Lost(found) => {
                throw_away(&self.catalog, &found.head, commit).await?;
                tally.n_lost += 1;
                match tally.n_lost {
                    MAX_LOST.. => Err(LakeError::Contended { n_attempts: tally.n_lost }),
                    _ => Ok(false),
                }
            }
        }
    }

    /// Sees how far the lake is behind the store, and that it is not ahead.
    async fn compare_ends(&self, tally: &mut ExportTally) -> Result<(), LakeError> {
        let (position, newest) = (tally.position, self.ports.feed.newest_change().await?);
        if newest < position {
            return Err(LakeError::StoreIsBehind { position, newest });
        }
        tally.n_behind = newest - position;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("lake_changes_behind").set(tally.n_behind as f64);
        Ok(())
    }
}

/// Picks the columns of the tables that have files.
fn used(
    schemas: &BTreeMap<LakeTable, TableSchema>,
    files: &[LakeFile],
) -> BTreeMap<LakeTable, TableSchema> {
    let is_used = |table: &LakeTable| files.iter().any(|it| it.table == *table);
    let used = schemas.iter().filter(|(table, _)| is_used(table));
    used.map(|(table, schema)| (*table, schema.clone())).collect()
}

/// Deletes the files of a commit that was lost, but for those that are part of the lake after all.
pub(super) async fn throw_away(
    catalog: &Catalog,
    head: &Head,
    commit: &Commit,
) -> Result<(), LakeError> {
    let keys = commit.added.iter().map(|it| &it.key).collect();
    let kept = catalog.kept(head, &keys).await?;
    for key in keys.into_iter().filter(|it| !kept.contains(*it)) {
        if let Err(error) = catalog.blobs().delete(key).await {
            warn!(error = %chain(&error), "`{key}` was not deleted: a sweep will do it");
        }
    }
    Ok(())
}
