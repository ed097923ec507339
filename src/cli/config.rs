//! `moodbridge config`: checks the settings before anything runs.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use shared::config::Env;
use shared::ports::{LocalSecrets, SystemRandom};

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Reports every fault at once, each with its path and fix. Exit code 78 when there is one.
    Check,
}

#[derive(Serialize)]
struct Checked {
    source: String,
    n_connections: usize,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings are good: {}, {} connections", self.source, self.n_connections)
    }
}

/// Runs `command`.
///
/// # Errors
///
/// Every fault of the settings.
pub(crate) async fn run(
    command: ConfigCommand,
    path: Option<&Path>,
    data_dir: &Path,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let ConfigCommand::Check = command;
    let settings = Settings::load(path, data_dir)?;
    let secrets = LocalSecrets::new(Env::of_process());
    crate::process::senders(&settings, &secrets, &SystemRandom).await?;
    let checked = Checked {
        source: Settings::source(path, data_dir)
            .map_or_else(|| "defaults".to_owned(), |path| path.display().to_string()),
        n_connections: settings.connections.len(),
    };
    output.answer(&checked).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}
