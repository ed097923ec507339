//! `moodbridge audit`: proves that no row of the audit log was altered.

use std::fmt;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use shared::ports::AuditVerification;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::progress::Progress;
use crate::settings::Settings;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Walks along the whole hash chain. Exit code 3 when it is broken.
    Verify,
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

/// Runs `command`.
///
/// # Errors
///
/// When the case store cannot be opened or read.
pub(crate) async fn run(
    command: AuditCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let AuditCommand::Verify = command;
    let stores = settings.open_stores().await?;
    let progress = Progress::start("audit rows");
    let verification = stores
        .audit
        .verify(&|n_rows| progress.set(n_rows))
        .await
        .map_err(|error| CommandError::failed("read the audit log", error))?;
    progress.finish();
    let code = if verification.fault.is_some() { FOUND_WRONG } else { SUCCESS };
    output
        .answer(&Verified(verification))
        .map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}
