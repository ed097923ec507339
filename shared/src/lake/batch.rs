//! The files that a run has open, and those that it has closed and not committed.

use std::collections::BTreeMap;

use tracing::warn;

use super::catalog::{LAKE_PREFIX, named};
use super::error::LakeError;
use super::manifest::LakeFile;
use super::row::LakeRow;
use super::schema::TableSchema;
use super::table::LakeTable;
use crate::chain;
use crate::ports::{BlobKey, LakeFiles, TableWriter};
use crate::time::Timestamp;

/// One open file.
struct Open {
    day: String,
    key: BlobKey,
    writer: Box<dyn TableWriter>,
    n_rows: u64,
    seqs: (u64, u64),
    versions: (Timestamp, Timestamp),
}

/// The files of one commit to be: one open at a time for each table.
pub(super) struct Batch<'a> {
    files: &'a dyn LakeFiles,
    /// What the names of its files begin with, behind the day.
    name: String,
    schemas: &'a BTreeMap<LakeTable, TableSchema>,
    n_files: u32,
    open: BTreeMap<LakeTable, Open>,
    closed: Vec<LakeFile>,
    /// When its first file was begun.
    pub(super) began_at: Option<Timestamp>,
    /// Values that did not fit their columns.
    pub(super) n_unfit: u64,
}

/// Returns the day of `at` in UTC, such as `2026-11-30`.
pub(super) fn day(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('T').map_or_else(|| "unknown".to_owned(), |(day, _)| day.to_owned())
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        files: &'a dyn LakeFiles,
        name: String,
        schemas: &'a BTreeMap<LakeTable, TableSchema>,
    ) -> Self {
        let (open, closed) = (BTreeMap::new(), Vec::new());
        Self { files, name, schemas, n_files: 0, open, closed, began_at: None, n_unfit: 0 }
    }

    /// Returns the length of its longest open file.
    pub(super) fn longest(&self) -> u64 {
        self.open.values().map(|it| it.writer.n_bytes()).max().unwrap_or(0)
    }

    /// Adds rows, which come in the order of their changes.
    pub(super) async fn write(
        &mut self,
        rows: Vec<LakeRow>,
        now: Timestamp,
    ) -> Result<(), LakeError> {
        self.began_at.get_or_insert(now);
        let mut parts: Vec<(LakeTable, String, Vec<LakeRow>)> = Vec::new();
        for row in rows {
            let day = day(row.at);
            let part = parts.iter_mut().rev().find(|it| it.0 == row.table);
            match part {
                Some(part) if part.1 == day => part.2.push(row),
                _ => parts.push((row.table, day, vec![row])),
            }
        }
        for (table, day, rows) in parts {
            self.add(table, day, &rows).await?;
        }
        Ok(())
    }

    async fn add(
        &mut self,
        table: LakeTable,
        day: String,
        rows: &[LakeRow],
    ) -> Result<(), LakeError> {
        let Some(schema) = self.schemas.get(&table) else { return Ok(()) };
        if self.open.get(&table).is_some_and(|it| it.day != day) {
            self.close(table).await?;
        }
        if !self.open.contains_key(&table) {
            let open = self.begin(table, day, schema).await?;
            self.open.insert(table, open);
        }
        let Some(open) = self.open.get_mut(&table) else { return Ok(()) };
        let mut cells = Vec::with_capacity(rows.len());
        for row in rows {
            let (row_cells, unfit) = row.cells(schema);
            for column in unfit {
                self.n_unfit += 1;
                warn!(
                    row.kind = table.as_str(), row.id = %row.entity_id, field = column,
                    "a value of `{column}` does not fit the lake and is left out"
                );
            }
            cells.push(row_cells);
            open.take_note(row.seq, row.version());
        }
        Ok(open.writer.write(cells).await?)
    }

    async fn begin(
        &mut self,
        table: LakeTable,
        day: String,
        schema: &TableSchema,
    ) -> Result<Open, LakeError> {
        let extension = self.files.extension();
        let key =
            format!("{LAKE_PREFIX}{table}/day={day}/{}-{:03}.{extension}", self.name, self.n_files);
        self.n_files += 1;
        let key = named(&key)?;
        let writer = self.files.create(&key, schema).await?;
        let (seqs, versions) = ((0, 0), (Timestamp::EPOCH, Timestamp::EPOCH));
        Ok(Open { day, key, writer, n_rows: 0, seqs, versions })
    }

    async fn close(&mut self, table: LakeTable) -> Result<(), LakeError> {
        let Some(open) = self.open.remove(&table) else { return Ok(()) };
        let Open { day, key, writer, seqs, versions, .. } = open;
        let written = writer.finish().await?;
        let schema_version = self.schemas.get(&table).map_or(0, |it| it.version);
        self.closed.push(LakeFile {
            table,
            day,
            key,
            n_rows: written.n_rows,
            n_bytes: written.n_bytes,
            sha256: written.sha256,
            min_seq: seqs.0,
            max_seq: seqs.1,
            min_version: versions.0,
            max_version: versions.1,
            schema_version,
            is_compacted: false,
        });
        Ok(())
    }

    /// Closes every file, and returns all of them.
    pub(super) async fn finish(&mut self) -> Result<Vec<LakeFile>, LakeError> {
        for table in LakeTable::ALL {
            self.close(table).await?;
        }
        Ok(std::mem::take(&mut self.closed))
    }

    /// Forgets the files that are still open. Closed ones are left to the sweep: they may be part of
    /// a commit whose answer was lost.
    pub(super) async fn abandon(self) {
        for (_, open) in self.open {
            if let Err(error) = open.writer.abandon().await {
                warn!(error = %chain(&error), "`{}` was not abandoned", open.key);
            }
        }
    }
}

impl Open {
    fn take_note(&mut self, seq: u64, version: Timestamp) {
        let (seqs, versions) = match self.n_rows {
            0 => ((seq, seq), (version, version)),
            _ => (self.seqs, self.versions),
        };
        self.seqs = (seqs.0.min(seq), seqs.1.max(seq));
        self.versions = (versions.0.min(version), versions.1.max(version));
        self.n_rows += 1;
    }
}
