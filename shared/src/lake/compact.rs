//! Makes one file of the many small ones of a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use serde::Serialize;
use tracing::{info, warn};

use super::batch::day;
use super::catalog::{Catalog, CommitOutcome, LAKE_PREFIX, named};
use super::cell::Cell;
use super::commit::Commit;
use super::error::LakeError;
use super::export::{LakePorts, LakeSettings, throw_away};
use super::manifest::{Head, LakeFile};
use super::schema::TableSchema;
use super::table::{CHANGE_SEQ, LakeTable};
use crate::chain;
use crate::ports::{BlobKey, TableWriter, WrittenFile};
use crate::time::Timestamp;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CompactTally {
    /// Files that were replaced.
    pub n_before: u64,
    /// Files that took their place.
    pub n_after: u64,
    /// Rows in them.
    pub n_rows: u64,
    /// Days of tables that another run had done meanwhile.
    pub n_lost: u64,
}

/// Makes large files of small ones.
pub struct Compactor {
    ports: LakePorts,
    settings: LakeSettings,
    catalog: Catalog,
}

/// Files of one day and table that become one, in the order of their changes.
type Group = Vec<LakeFile>;

impl Compactor {
    /// Works through `ports`; files are made as long as `settings` says.
    pub fn new(ports: LakePorts, settings: LakeSettings) -> Self {
        let catalog = Catalog::new(Arc::clone(&ports.blobs), Arc::clone(&ports.clock));
        Self { ports, settings, catalog }
    }

    /// Compacts every day that is over, one commit for each file made, until `until` has come.
    ///
    /// # Errors
    ///
    /// [`LakeError`]. What was committed until then stands.
    pub async fn run(&self, until: Option<Timestamp>) -> Result<CompactTally, LakeError> {
        let mut tally = CompactTally::default();
        let loaded = self.catalog.load().await?;
        let bits = self.ports.random.bits();
        for (number, group) in self.groups(&loaded.head).await?.into_iter().enumerate() {
            if until.is_some_and(|until| until <= self.ports.clock.now()) {
                info!("the time of this run is over: the next one goes on");
                break;
            }
            let Some(first) = group.first() else { continue };
            let Some(schema) = loaded.head.schema(first.table) else { continue };
            let id = format!("compacted-{bits:032x}-{number:03}");
            let began_at = self.ports.clock.now();
            let made = self.made(&id, &group, schema).await?;
            let commit = Commit {
                id,
                kind: "compact",
                began_at,
                span: None,
                removed: group.iter().map(|it| it.key.clone()).collect(),
                schemas: BTreeMap::from([(first.table, schema.clone())]),
                added: vec![made],
            };
            self.commit(&commit, &mut tally).await?;
        }
        Ok(tally)
    }

    async fn commit(&self, commit: &Commit, tally: &mut CompactTally) -> Result<(), LakeError> {
        let loaded = self.catalog.load().await?;
        match self.catalog.commit(loaded, commit).await? {
            CommitOutcome::Committed(_) => {
                tally.n_before += commit.removed.len() as u64;
                tally.n_after += commit.added.len() as u64;
                tally.n_rows += commit.added.iter().map(|it| it.n_rows).sum::<u64>();
            }
            CommitOutcome::Lost(found) => {
                throw_away(&self.catalog, &found.head, commit).await?;
                tally.n_lost += 1;
            }
        }
        Ok(())
    }

    /// Finds the small files of each day that is over.
    async fn groups(&self, head: &Head) -> Result<Vec<Group>, LakeError> {
        let today = day(self.ports.clock.now());
        let mut days: BTreeMap<(LakeTable, String), Group> = BTreeMap::new();
        let mut files = std::pin::pin!(self.catalog.files(head));
        while let Some(file) = files.try_next().await? {
            // Text of one form, so that its order is that of the days.
            if file.day < today {
                days.entry((file.table, file.day.clone())).or_default().push(file);
            }
        }
        let mut groups = Vec::new();
        for mut files in days.into_values() {
            files.sort_by_key(|it| it.min_seq);
            groups.extend(grouped(files, self.settings.max_file_bytes));
        }
        Ok(groups)
    }

    /// Writes the rows of `group` into one file.
    async fn made(
        &self,
        id: &str,
        group: &Group,
        schema: &TableSchema,
    ) -> Result<LakeFile, LakeError> {
        let Some(first) = group.first() else { return Err(differs("no file", 0, 1)) };
        let (table, day) = (first.table, first.day.clone());
        let extension = self.ports.files.extension();
        let key = named(&format!("{LAKE_PREFIX}{table}/day={day}/{id}.{extension}"))?;
        let mut writer = self.ports.files.create(&key, schema).await?;
        let written = match self.copied(&mut *writer, group, schema).await {
            Ok(()) => writer.finish().await?,
            Err(error) => {
                if let Err(error) = writer.abandon().await {
                    warn!(error = %chain(&error), "`{key}` was not abandoned");
                }
                return Err(error);
            }
        };
        Ok(sum(group, key, &written, schema.version))
    }

    /// Copies the rows of `group`, and sees that they are those that the manifest tells of.
    async fn copied(
        &self,
        writer: &mut dyn TableWriter,
        group: &Group,
        schema: &TableSchema,
    ) -> Result<(), LakeError> {
        let seq_at = schema.columns.iter().position(|it| it.name == CHANGE_SEQ);
        let seq = |row: &Vec<Cell>| row.get(seq_at?)?.as_int()?.try_into().ok();
        let mut last: u64 = 0;
        for file in group {
            let mut rows = self.ports.files.read(&file.key, schema).await?;
            let mut n_rows = 0;
            let mut n_in_order = 0;
            while let Some(some) = rows.try_next().await? {
                n_rows += some.len() as u64;
                for row in &some {
                    let Some(seq) = seq(row) else { continue };
                    if seq > last && (file.min_seq..=file.max_seq).contains(&seq) {
                        n_in_order += 1;
                        last = seq;
                    }
                }
                writer.write(some).await?;
            }
            if (n_rows, n_in_order) != (file.n_rows, file.n_rows) {
                return Err(differs(file.key.as_str(), n_in_order, file.n_rows));
            }
        }
        Ok(())
    }
}

fn differs(key: &str, found: u64, wanted: u64) -> LakeError {
    LakeError::Differs { key: key.to_owned(), found, wanted }
}

fn sum(group: &Group, key: BlobKey, written: &WrittenFile, schema_version: u32) -> LakeFile {
    let least = |of: fn(&LakeFile) -> u64| group.iter().map(of).min().unwrap_or(0);
    let version = |of: fn(&LakeFile) -> Timestamp| group.iter().map(of);
    let first = group.first();
    LakeFile {
        table: first.map_or(LakeTable::Cases, |it| it.table),
        day: first.map_or_else(String::new, |it| it.day.clone()),
        key,
        n_rows: written.n_rows,
        n_bytes: written.n_bytes,
        sha256: written.sha256,
        min_seq: least(|it| it.min_seq),
        max_seq: group.iter().map(|it| it.max_seq).max().unwrap_or(0),
        min_version: version(|it| it.min_version).min().unwrap_or_default(),
        max_version: version(|it| it.max_version).max().unwrap_or_default(),
        schema_version,
        is_compacted: true,
    }
}

/// Cuts the files of one day into groups of about `max_bytes`. A file of more than half of that stays
/// as it is, and parts what is before it from what is behind it, so that the changes of no two files
/// overlap.
fn grouped(files: Group, max_bytes: u64) -> Vec<Group> {
    let mut groups: Vec<(u64, Group)> = vec![(0, Vec::new())];
    for file in files {
        if file.n_bytes > max_bytes / 2 {
            groups.push((0, Vec::new()));
            continue;
        }
        match groups.last_mut() {
            Some((n_bytes, group)) if *n_bytes + file.n_bytes <= max_bytes => {
                *n_bytes += file.n_bytes;
                group.push(file);
            }
            _ => groups.push((file.n_bytes, vec![file])),
        }
    }
    groups.into_iter().map(|(_, group)| group).filter(|it| it.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Sha256Digest;

    fn file(number: u64, n_bytes: u64) -> LakeFile {
        LakeFile {
            table: LakeTable::Cases,
            day: "2026-11-30".to_owned(),
            key: named(&format!("lake/{number}")).unwrap(),
            n_rows: 1,
            n_bytes,
            sha256: Sha256Digest::of(b""),
            min_seq: number,
            max_seq: number,
            min_version: Timestamp::EPOCH,
            max_version: Timestamp::EPOCH,
            schema_version: 1,
            is_compacted: false,
        }
    }

    #[test]
    fn small_neighbours_become_one_and_large_files_stay() {
        let lengths = [10, 40, 40, 20, 90, 5, 60, 30, 30];
        let files = (0..).zip(lengths).map(|(number, n_bytes)| file(number, n_bytes)).collect();
        let groups = grouped(files, 100);
        let seqs: Vec<Vec<u64>> =
            groups.iter().map(|it| it.iter().map(|it| it.min_seq).collect()).collect();
        assert_eq!(seqs, [vec![0, 1, 2], vec![7, 8]]);
    }
}
