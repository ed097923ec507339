//! Rows that were refused: which, where, and why. Their values are not repeated.

use tracing::warn;

use super::error::LoadError;
use super::run::{Entry, Loader};
use super::state::Plan;
use super::tables::{REJECTS, quoted};
use crate::error::Retry;
use crate::lake::LakeTable;
use crate::ports::warehouse::{
    FileFault, Load, Sending, Shortfall, Statement, StatementId, WarehouseValue,
};

/// The most rows of one load that are written down one by one.
const MAX_ROWS: u32 = 1000;
/// How many are written at once.
const AT_ONCE: usize = 50;

/// A row, or several, of a file.
struct Refused {
    file: String,
    line: Option<u64>,
    row: Option<u64>,
    column: Option<String>,
    reason: String,
    n_rows: u64,
}

impl Loader {
    /// Writes down the rows that `short` files lack. A second time it writes the same.
    pub(super) async fn quarantine(
        &self,
        entry: &Entry,
        plan: &Plan,
        load: &Load,
        short: &[Shortfall],
    ) -> Result<(), LoadError> {
        let (table, until) = (entry.table, entry.until);
        let found = match &plan.handle {
            Some(handle) => {
                match self.ports.warehouse.rejected_rows(load, handle, MAX_ROWS).await {
                    Ok(found) => found,
                    Err(error) if error.retry() == Retry::Never => {
                        warn!(table = %table, load.id = %plan.id, error = %crate::chain(&error),
                            "the warehouse does not list the rows that it refused: the first of each file is told");
                        Vec::new()
                    }
                    Err(error) => return Err(LoadError::port(table)(error)),
                }
            }
            None => Vec::new(),
        };
        let refused: Vec<_> = short.iter().flat_map(|it| rows_of(it, &found)).collect();
        let id = plan.id.as_str();
        let delete = format!("DELETE FROM {} WHERE \"LOAD_ID\" = ?", quoted(REJECTS));
        // The same ids in every run that follows this plan: what two of them send runs once.
        let named = |part: &str| plan.statement_id().part(part);
        let delete = Statement::new(named("forget"), delete).bind(id).sent(Sending::Again);
        self.execute_statement(table, &delete, until).await?;
        let loaded_at = i128::from(plan.began_at.as_millis()) * 1_000_000;
        for (number_of_part, some) in refused.chunks(AT_ONCE).enumerate() {
            let holes = vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?)"; some.len()].join(", ");
            let insert = format!(
                "INSERT INTO {} (\"LOAD_ID\", \"TABLE_NAME\", \"FILE\", \"LINE\", \"ROW_NUMBER\", \
                 \"COLUMN_NAME\", \"REASON\", \"N_ROWS\", \"LOADED_AT\") VALUES {holes}",
                quoted(REJECTS)
            );
            let binds = some.iter().flat_map(|it| {
                let Refused { file, line, row, column, reason, n_rows } = it;
                [
                    id.into(),
                    table.as_str().into(),
                    file.as_str().into(),
                    number(*line),
                    number(*row),
                    column.clone().into(),
                    reason.as_str().into(),
                    number(Some(*n_rows)),
                    WarehouseValue::Local(loaded_at),
                ]
            });
            let statement = Statement::new(named(&format!("write {number_of_part}")), insert);
            let statement = Statement { binds: binds.collect(), ..statement };
            self.execute_statement(table, &statement.sent(Sending::Again), until).await?;
        }
        warn!(table = %table, load.id = id, n_rejected = plan.n_rejected,
            "{} rows of `{table}` were refused: `{REJECTS}` says which and why", plan.n_rejected);
        Ok(())
    }

    /// Forgets the rows of `table` that were refused: they are loaded again.
    pub(super) async fn forget_rejects(&self, table: LakeTable) -> Result<(), LoadError> {
        let delete = format!("DELETE FROM {} WHERE \"TABLE_NAME\" = ?", quoted(REJECTS));
        let id = StatementId::from_random(self.ports.random.bits());
        let delete = Statement::new(id, delete).bind(table.as_str());
        match self.execute_statement(table, &delete, None).await {
            // Nothing was ever loaded.
            Err(LoadError::Port { source, .. })
                if source.kind() == crate::PortErrorKind::NotFound =>
            {
                Ok(())
            }
            done => done,
        }
    }
}

fn number(value: Option<u64>) -> WarehouseValue {
    value.and_then(|it| i64::try_from(it).ok()).into()
}

/// Lists the rows that a file lacks, as far as the warehouse named them; the rest are one line.
fn rows_of(short: &Shortfall, found: &[FileFault]) -> Vec<Refused> {
    let key = short.key.as_str();
    let is_of = |it: &&FileFault| it.file == key || it.file.ends_with(&format!("/{key}"));
    let named = |it: &FileFault| Refused {
        file: key.to_owned(),
        line: it.line,
        row: it.row,
        column: it.column.clone(),
        reason: it.first_error.clone(),
        n_rows: 1,
    };
    let mut rows: Vec<_> = found.iter().filter(is_of).map(named).collect();
    if rows.is_empty() {
        rows.extend(short.fault.iter().map(named));
    }
    let n_missing = short.n_staged.saturating_sub(short.n_loaded);
    let n_told = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    if n_missing > n_told {
        rows.push(Refused {
            file: key.to_owned(),
            line: None,
            row: None,
            column: None,
            reason: "the warehouse does not say which rows these are".to_owned(),
            n_rows: n_missing - n_told,
        });
    }
    rows
}
