//! `moodbridge config`: checks, shows and changes the settings.

use std::fmt;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use shared::ports::SystemRandom;

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::{Places, ShownSettings, schema_text};

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Reports every fault at once, each with its path and fix. Exit code 78 when there is one.
    Check,
    /// Shows every setting with where its value comes from; no secret is shown.
    Show,
    /// Prints the JSON Schema of `moodbridge.toml`, for editors.
    Schema,
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
    places: &Places,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let printed = match command {
        ConfigCommand::Check => output.answer(&check(places).await?),
        ConfigCommand::Show => output.answer(&ShownSettings::of(&places.load()?.document)),
        ConfigCommand::Schema => Output::Text.answer(&schema_text().trim_end()),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn check(places: &Places) -> Result<Checked, CommandError> {
    let settings = places.load()?.settings;
    let secrets = settings.local_secrets();
    crate::process::resolve_secrets(&settings, &secrets, &SystemRandom).await?;
    Ok(Checked {
        source: places
            .source()
            .map_or_else(|| "defaults".to_owned(), |path| path.display().to_string()),
        n_connections: settings.connections.len(),
    })
}
