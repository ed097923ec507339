//! Moves a case store from SQLite to PostgreSQL.
//!
//! The file is locked for itself alone, and everything is written and verified in one transaction:
//! whatever ends it early leaves nothing.

mod error;
mod rows;
mod source;
mod target;

use std::path::Path;

use shared::ports::StoreDigest;

pub use error::CopyError;

use source::Source;
use target::Target;

use crate::postgres::PostgresOptions;

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The tables, each as long on both sides.
    pub tables: Vec<CopiedTable>,
    /// The digest of every record, equal on both sides.
    pub digest: StoreDigest,
    /// How many rows the audit log has.
    pub n_audit_rows: u64,
    /// The hash of its last row, equal on both sides.
    pub audit_head: String,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub n_rows: u64,
}

/// Copies the case store in the file at `from` into the empty one in the database of `to`; calls
/// `progress` with the rows copied so far.
///
/// # Errors
///
/// [`CopyError`]; then the target holds nothing.
pub async fn copy_to_postgres(
    from: &Path,
    to: &PostgresOptions,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Copied, CopyError> {
    let mut source = Source::open(from).await?;
    let chain = source.verify().await?;
    if let Some(fault) = chain.fault {
        return Err(CopyError::BrokenChain { seq: fault.seq });
    }
    let names = source.tables().await?;
    let mut target = Target::open(to).await?;
    target.refuse_unless_empty(&names).await?;
    let mut n_copied = 0;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let columns = target.columns(&name).await?;
        let n_rows = rows::copy(&mut source, &mut target, &name, &columns, &mut |n| {
            progress(n_copied + n);
        })
        .await?;
        n_copied += n_rows;
        equal(&name, &source.count(&name).await?, &target.count(&name).await?)?;
        tables.push(CopiedTable { name, n_rows });
    }
    target.finish(source.newest_change().await?, &chain).await?;
    let digest = source.digest().await?;
    equal("digest of the records", &digest, &target.digest().await?)?;
    equal("audit log", &chain, &target.verify().await?)?;
    equal("counts of the first page", &source.figures().await?, &target.figures().await?)?;
    target.commit().await?;
    Ok(Copied { tables, digest, n_audit_rows: chain.n_rows, audit_head: chain.head })
}

fn equal<T: PartialEq>(what: &str, left: &T, right: &T) -> Result<(), CopyError> {
    if left == right { Ok(()) } else { Err(CopyError::Differs { what: what.to_owned() }) }
}
