//! How far each table has come, for people.

use futures_util::TryStreamExt as _;
use serde::Serialize;

use super::error::LoadError;
use super::run::Loader;
use super::state::{LastLoad, PlanStep};
use super::tables::{REJECTS, quoted};
use crate::error::PortError;
use crate::lake::LakeTable;
use crate::ports::warehouse::{Rows, WarehouseValue};
use crate::time::Timestamp;

/// How far a table has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableStatus {
    /// The table.
    pub table: LakeTable,
    /// Every change up to this one is in the warehouse, or was refused and told of.
    pub position: u64,
    /// Files that wait.
    pub n_files_waiting: u64,
    /// The rows in them; those of compacted files are partly there.
    pub n_rows_waiting: u64,
    /// Changes that were merged.
    pub n_rows: u64,
    /// Rows that were refused.
    pub n_rejected: u64,
    /// What is being done.
    pub step: Option<PlanStep>,
    /// The last load that came to its end.
    pub last: Option<LastLoad>,
}

/// A row that was refused, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedRow {
    /// The table.
    pub table: String,
    /// The file.
    pub file: String,
    /// Its line, where the file has lines.
    pub line: Option<i64>,
    /// Its row, from 1.
    pub row: Option<i64>,
    /// The column.
    pub column: Option<String>,
    /// Why, without the value.
    pub reason: String,
    /// How many rows this tells of.
    pub n_rows: Option<i64>,
}

impl Loader {
    /// Tells when something was loaded last, into whichever table.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when the ledger cannot be read.
    pub async fn last_load(&self) -> Result<Option<Timestamp>, LoadError> {
        let mut last = None;
        for table in LakeTable::ALL {
            last = last.max(self.read(table).await?.state.last.map(|it| it.at));
        }
        Ok(last)
    }

    /// Tells how far each table has come. The warehouse is not asked.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when the lake or the ledger cannot be read.
    pub async fn status(&self) -> Result<Vec<TableStatus>, LoadError> {
        let mut states = Vec::new();
        for table in LakeTable::ALL {
            states.push((table, self.read(table).await?.state));
        }
        // After them: a lake only grows.
        let head = self.catalog.load().await?.head;
        let mut tables = Vec::new();
        for (table, state) in states {
            let choice = self.choose(&head, table, &state).await?;
            let plan = state.plan.as_ref();
            tables.push(TableStatus {
                table,
                position: state.position,
                n_files_waiting: choice.n_waiting,
                n_rows_waiting: choice.n_rows_waiting,
                n_rows: state.n_rows,
                n_rejected: state.n_rejected + plan.map_or(0, |it| it.n_rejected),
                step: plan.map(|it| it.step),
                last: state.last,
            });
        }
        Ok(tables)
    }

    /// Reads the rows that were refused last, at most `limit`.
    ///
    /// # Errors
    ///
    /// As the warehouse answers.
    pub async fn rejects(&self, limit: u32) -> Result<Vec<RejectedRow>, PortError> {
        let text = format!(
            "SELECT \"TABLE_NAME\", \"FILE\", \"LINE\", \"ROW_NUMBER\", \"COLUMN_NAME\", \"REASON\", \
             \"N_ROWS\" FROM {} ORDER BY \"LOADED_AT\" DESC, \"FILE\", \"ROW_NUMBER\" LIMIT {limit}",
            quoted(REJECTS)
        );
        let Rows { mut rows, .. } = self.query(&text).await?;
        let mut rejects = Vec::new();
        while let Some(row) = rows.try_next().await? {
            let text =
                |idx: usize| row.get(idx).and_then(WarehouseValue::as_text).map(str::to_owned);
            let number = |idx: usize| row.get(idx).and_then(WarehouseValue::as_i64);
            rejects.push(RejectedRow {
                table: text(0).unwrap_or_default(),
                file: text(1).unwrap_or_default(),
                line: number(2),
                row: number(3),
                column: text(4),
                reason: text(5).unwrap_or_default(),
                n_rows: number(6),
            });
        }
        Ok(rejects)
    }
}
