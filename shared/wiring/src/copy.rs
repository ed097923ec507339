//! Moves a case store from one engine to another.

use std::fmt;

use serde::Serialize;
use shared::ports::StoreDigest;
use url::Url;

use crate::error::WiringError;

/// One table of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyLine {
    /// Its name.
    pub table: String,
    /// How many rows it has on both sides.
    pub n_rows: u64,
}

/// What was copied, and found equal on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// The tables.
    pub tables: Vec<CopyLine>,
    /// The digest of every record.
    pub digest: StoreDigest,
    /// How many rows the audit log has.
    pub n_audit_rows: u64,
    /// The hash of its last row.
    pub audit_head: String,
}

impl fmt::Display for CopyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CopyLine { table, n_rows } in &self.tables {
            writeln!(f, "{n_rows:>10}  {table}")?;
        }
        writeln!(f, "{:>10}  records, digest {}", self.digest.n_records, self.digest.sum)?;
        write!(f, "{:>10}  audit rows, chain whole, head {}", self.n_audit_rows, self.audit_head)
    }
}

/// Copies the case store at `from` into the empty one at `to`, all or nothing; calls `progress` with
/// the rows copied so far.
///
/// # Errors
///
/// [`WiringError`] when the addresses are not of SQLite and PostgreSQL, another process has the
/// source open, the target is not empty, or both sides are not equal in the end.
pub async fn copy_case_store(
    from: &Url,
    to: &Url,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<CopyReport, WiringError> {
    if from.scheme() != "sqlite" {
        let fault = "cannot be copied: a copy goes from `sqlite:FILE`";
        return Err(WiringError::Malformed { address: from.clone(), fault });
    }
    if !matches!(to.scheme(), "postgres" | "postgresql") {
        let fault = "cannot be copied into: a copy goes to `postgres://user@host/database`";
        return Err(WiringError::Malformed { address: to.clone(), fault });
    }
    let path = crate::address::file(from)?;
    let database = crate::postgres::postgres(to).await?;
    let copied = adapter_sql::store::copy_to_postgres(&path, &database, progress)
        .await
        .map_err(|error| WiringError::unusable(&database.address(), error))?;
    let line = |it: adapter_sql::store::CopiedTable| CopyLine { table: it.name, n_rows: it.n_rows };
    Ok(CopyReport {
        tables: copied.tables.into_iter().map(line).collect(),
        digest: copied.digest,
        n_audit_rows: copied.n_audit_rows,
        audit_head: copied.audit_head,
    })
}
