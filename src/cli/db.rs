//! `moodbridge db`: prepares the case store and says which migrations it has.

use std::process::ExitCode;

use clap::Subcommand;
use wiring::MigrationReport;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to do with the case store.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Applies every migration that is missing.
    Migrate,
    /// Lists the migrations. Exit code 3 when one is missing or was altered.
    Status,
}

/// Runs `command`.
///
/// # Errors
///
/// When the case store cannot be opened, or a migration fails.
pub(crate) async fn run(
    command: DbCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let address = settings.case_store()?;
    if let DbCommand::Migrate = command {
        wiring::migrate(&address)
            .await
            .map_err(|error| CommandError::failed(format!("migrate `{address}`"), error))?;
    }
    let report: MigrationReport = wiring::migration_report(&address).await.map_err(|error| {
        CommandError::failed(format!("read the migrations of `{address}`"), error)
    })?;
    let code = if report.is_current() { SUCCESS } else { FOUND_WRONG };
    output.answer(&report).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}
