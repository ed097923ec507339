//! `moodbridge audit`: proves that no row of the audit log was altered, and copies the log.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use shared::ports::AuditVerification;
use shared::sync::{AuditExportEnd, export_audit, verify_audit_export};
use wiring::CaseStores;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::progress::Progress;
use crate::settings::Settings;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Walks along the whole hash chain. Exit code 3 when it is broken.
    Verify {
        /// A copy that `audit export` wrote, instead of the log of the case store. Neither settings
        /// nor a store are needed.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Copies the log, one row a line, with all that proves it.
    Export {
        /// A new file for the copy, instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Serialize)]
#[serde(transparent)]
struct Verified(AuditVerification);

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditVerification { n_rows, head, fault } = &self.0;
        match fault {
            None => write!(f, "{n_rows} audit rows, chain whole, head {head}"),
            Some(fault) => write!(
                f,
                "chain broken at row {}: {} ({n_rows} rows before it are good, head {head})",
                fault.seq, fault.problem
            ),
        }
    }
}

#[derive(Serialize)]
struct Exported<'a> {
    file: &'a Path,
    #[serde(flatten)]
    end: AuditExportEnd,
}

impl fmt::Display for Exported<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, end: AuditExportEnd { n_rows, head } } = self;
        write!(f, "{n_rows} audit rows in `{}`, head {head}", file.display())
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When the case store or the file cannot be opened, read or written.
pub(crate) async fn run(
    command: AuditCommand,
    settings: impl FnOnce() -> Result<Settings, CommandError>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    match command {
        AuditCommand::Verify { file: Some(file) } => {
            let copy = format!("read the copy `{}`", file.display());
            let found = verify_copy(&file).map_err(|error| CommandError::failed(copy, error))?;
            answer(found, output)
        }
        AuditCommand::Verify { file: None } => {
            let stores = settings()?.open_stores().await?;
            let progress = Progress::start("audit rows");
            let verification = stores
                .audit
                .verify(&|n_rows| progress.set(n_rows))
                .await
                .map_err(|error| CommandError::failed("read the audit log", error))?;
            progress.finish();
            answer(verification, output)
        }
        AuditCommand::Export { out } => {
            let stores = settings()?.open_stores().await?;
            export(&stores, out.as_deref(), output).await
        }
    }
}

fn answer(verification: AuditVerification, output: Output) -> Result<ExitCode, CommandError> {
    let code = if verification.fault.is_some() { FOUND_WRONG } else { SUCCESS };
    output
        .answer(&Verified(verification))
        .map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

fn verify_copy(file: &Path) -> io::Result<AuditVerification> {
    let mut copy = BufReader::new(File::open(file)?);
    let progress = Progress::start("audit rows");
    let found = verify_audit_export(&mut copy, &|n_rows| progress.set(n_rows))?;
    progress.finish();
    Ok(found)
}

async fn export(
    stores: &CaseStores,
    out: Option<&Path>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let Some(file) = out else {
        write(stores, &mut BufWriter::new(io::stdout())).await?;
        return Ok(SUCCESS.into());
    };
    let failed = |error| CommandError::failed(format!("write `{}`", file.display()), error);
    // A copy is evidence: one that is there already is never written over.
    let opened = OpenOptions::new().write(true).create_new(true).open(file).map_err(failed)?;
    let mut copy = BufWriter::new(opened);
    let end = write(stores, &mut copy).await?;
    copy.get_ref().sync_all().map_err(failed)?;
    output
        .answer(&Exported { file, end })
        .map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn write(
    stores: &CaseStores,
    out: &mut (dyn Write + Send),
) -> Result<AuditExportEnd, CommandError> {
    let progress = Progress::start("audit rows");
    let end = export_audit(&*stores.chain, out, &|n_rows| progress.set(n_rows))
        .await
        .map_err(|error| CommandError::failed("copy the audit log", error))?;
    progress.finish();
    Ok(end)
}
