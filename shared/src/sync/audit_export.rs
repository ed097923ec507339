//! A copy of the audit log that proves itself: written from a store, checked without one.
//!
//! It is JSON Lines: one [`ChainedRow`] a line, then one closing line with the number of rows and
//! the hash of the last. A copy that was cut off has no closing line.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use super::audit_chain::ChainWalk;
use crate::error::PortError;
use crate::ports::{AuditChain, AuditVerification, ChainedRow};

/// Rows that are read at once.
const PAGE: u32 = 500;
/// The longest line that is read. A row holds the values of a record before and after; the longest
/// text of Salesforce has 131,072 characters.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// What closes a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditExportEnd {
    /// How many rows it holds.
    pub n_rows: u64,
    /// The hash of the last one; keep it elsewhere to notice a shorter copy.
    pub head: String,
}

/// The closing line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    end: AuditExportEnd,
}

/// How every closing line begins, and no row.
const END: &[u8] = b"{\"end\"";

/// Why a copy was not written.
#[derive(Debug, thiserror::Error)]
pub enum AuditExportError {
    /// The log could not be read.
    #[error("the audit log was not read")]
    Unread(#[from] PortError),
    /// The copy could not be written.
    #[error("the copy of the audit log was not written")]
    Unwritten(#[from] io::Error),
}

/// Writes the whole log of `chain` to `out`, page by page; calls `progress` with the rows written so
/// far.
///
/// # Errors
///
/// [`AuditExportError`]; what was written then has no closing line.
pub async fn export_audit(
    chain: &dyn AuditChain,
    out: &mut (dyn Write + Send),
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<AuditExportEnd, AuditExportError> {
    let mut end = AuditExportEnd { n_rows: 0, head: String::new() };
    let mut last = 0;
    loop {
        let page = chain.chained_after(last, PAGE).await?;
        let Some(newest) = page.last() else { break };
        last = newest.seq;
        newest.hash.clone_into(&mut end.head);
        for row in &page {
            write_line(out, row)?;
        }
        end.n_rows += page.len() as u64;
        progress(end.n_rows);
    }
    write_line(out, &EndLine { end: end.clone() })?;
    out.flush()?;
    Ok(end)
}

fn write_line(out: &mut (dyn Write + Send), line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Why a copy is not what was written.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("its line is no row of an audit log: it breaks off or was altered at byte {column}")]
    NoRow { column: usize },
    #[error("its line is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    #[error("the closing line is missing: the copy was cut off")]
    Cut,
    #[error("the closing line counts {n_rows} rows, and {n_found} stand before it")]
    Count { n_rows: u64, n_found: u64 },
    #[error("the closing line names another hash than the last row has")]
    Head,
    #[error("something stands behind the closing line")]
    BehindTheEnd,
}

/// Checks a copy that [`export_audit`] wrote, line by line; calls `progress` with the rows checked
/// so far. A copy that is not whole is no error but a [`AuditVerification::fault`].
///
/// # Errors
///
/// When `copy` cannot be read.
pub fn verify_audit_export(
    copy: &mut dyn BufRead,
    progress: &dyn Fn(u64),
) -> io::Result<AuditVerification> {
    let mut walk = ChainWalk::default();
    if let Err(unfit) = walk_along(copy, &mut walk, progress)? {
        walk.unreadable(&unfit);
    }
    progress(walk.n_rows());
    Ok(walk.finish())
}

/// Progress is told after so many rows.
const N_ROWS_PER_STEP: u64 = 2_000;

fn walk_along(
    copy: &mut dyn BufRead,
    walk: &mut ChainWalk,
    progress: &dyn Fn(u64),
) -> io::Result<Result<(), Unfit>> {
    let mut line = Vec::new();
    loop {
        line.clear();
        copy.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(Err(Unfit::Cut));
        }
        if line.len() as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
            return Ok(Err(Unfit::TooLong));
        }
        if line.starts_with(END) {
            let is_behind = !copy.fill_buf()?.is_empty();
            return Ok(check_end(&line, walk, is_behind));
        }
        let row: ChainedRow = match serde_json::from_slice(&line) {
            Ok(row) => row,
            // Not the cause itself: it may quote a value.
            Err(cause) => return Ok(Err(Unfit::NoRow { column: cause.column() })),
        };
        if !walk.check(&row.columns(), &row.previous_hash, &row.hash) {
            return Ok(Ok(()));
        }
        if walk.n_rows().is_multiple_of(N_ROWS_PER_STEP) {
            progress(walk.n_rows());
        }
    }
}

fn check_end(line: &[u8], walk: &ChainWalk, is_behind: bool) -> Result<(), Unfit> {
    let EndLine { end } = serde_json::from_slice(line)
        .map_err(|cause: serde_json::Error| Unfit::NoRow { column: cause.column() })?;
    if end.n_rows != walk.n_rows() {
        return Err(Unfit::Count { n_rows: end.n_rows, n_found: walk.n_rows() });
    }
    if end.head != walk.head() {
        return Err(Unfit::Head);
    }
    if is_behind { Err(Unfit::BehindTheEnd) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
