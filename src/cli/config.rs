//! `moodbridge config`: checks, shows and changes the settings.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use shared::config::{ChangeError, ConfigError, SettingsEditor};
use shared::ids::PersonId;
use shared::ports::{SettingChange, SettingsVersion, SystemRandom};

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::{Places, ShownSettings, form, schema_text, typed};

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Reports every fault at once, each with its path and fix. Exit code 78 when there is one.
    Check,
    /// Shows every setting with where its value comes from; no secret is shown.
    Show,
    /// Lists the changes that were made while the process ran: who, when, why, what.
    History,
    /// Changes one setting in the database; takes effect at the next start.
    Set {
        /// Its path, such as `poll.every`.
        path: String,
        /// Its value; without one, an earlier change is taken back.
        value: Option<String>,
        #[command(flatten)]
        by: Author,
    },
    /// Takes back what one version changed.
    Undo {
        /// The version, as `config history` lists it.
        version: u64,
        #[command(flatten)]
        by: Author,
    },
    /// Prints the JSON Schema of `moodbridge.toml`, for editors.
    Schema,
}

/// Who changes a setting, and why.
#[derive(Debug, Args)]
pub(crate) struct Author {
    /// Who changes it.
    #[arg(long, default_value = "command-line", value_name = "PERSON")]
    author: PersonId,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
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
        ConfigCommand::Show => output.answer(&show(places).await?),
        ConfigCommand::History => output.answer(&history(places).await?),
        ConfigCommand::Set { path, value, by } => {
            output.answer(&set(places, path, value.as_deref(), by).await?)
        }
        ConfigCommand::Undo { version, by } => output.answer(&undo(places, version, by).await?),
        ConfigCommand::Schema => Output::Text.answer(&schema_text().trim_end()),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn check(places: &Places) -> Result<Checked, CommandError> {
    let settings = places.load()?.settings;
    let secrets = settings.secret_store();
    crate::process::resolve_secrets(&settings, &secrets, &SystemRandom).await?;
    Ok(Checked {
        source: places
            .source()
            .map_or_else(|| "defaults".to_owned(), |path| path.display().to_string()),
        n_connections: settings.connections.len(),
    })
}

/// Shows the settings with their changes, where the store can be read.
async fn show(places: &Places) -> Result<ShownSettings, CommandError> {
    let written = places.load()?;
    let document = match places.in_force().await {
        Ok(loaded) => loaded.document,
        Err(CommandError::Settings(faults)) => return Err(faults.into()),
        Err(CommandError::Failed { .. }) => written.document,
    };
    Ok(ShownSettings::of(&document))
}

async fn editor(places: &Places) -> Result<SettingsEditor, CommandError> {
    Ok(places.editor(places.load()?.settings.open_stores().await?.settings, 0))
}

async fn history(places: &Places) -> Result<History, CommandError> {
    let versions = editor(places).await?.history().await;
    let versions =
        versions.map_err(|error| CommandError::failed("read the changed settings", error))?;
    Ok(History { versions })
}

async fn set(
    places: &Places,
    path: String,
    value: Option<&str>,
    by: Author,
) -> Result<Changed, CommandError> {
    let editor = editor(places).await?;
    let versions = editor.history().await;
    let versions =
        versions.map_err(|error| CommandError::failed("read the changed settings", error))?;
    let current = versions.first().map_or(0, |it| it.version);
    let value = value.map(|raw| typed(&form(), &path, raw));
    let patch = BTreeMap::from([(path, value)]);
    let version = editor.change(current, &patch, by.author, &by.reason).await;
    version.map(Changed).map_err(refused)
}

async fn undo(places: &Places, version: u64, by: Author) -> Result<Changed, CommandError> {
    let undone = editor(places).await?.undo(version, by.author, &by.reason).await;
    undone.map(Changed).map_err(refused)
}

fn refused(error: ChangeError) -> CommandError {
    match error {
        ChangeError::Settings { faults } | ChangeError::ChangedSince { faults } => {
            faults.into_iter().collect::<ConfigError>().into()
        }
        other => CommandError::failed("change the settings", other),
    }
}

/// One version as a person reads it.
#[derive(Serialize)]
#[serde(transparent)]
struct Changed(SettingsVersion);

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_version(f, &self.0)?;
        write!(f, "\n  takes effect at the next start")
    }
}

#[derive(Serialize)]
struct History {
    versions: Vec<SettingsVersion>,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.versions.is_empty() {
            return f.write_str("nothing was changed");
        }
        for (idx, version) in self.versions.iter().enumerate() {
            f.write_str(if idx == 0 { "" } else { "\n" })?;
            write_version(f, version)?;
        }
        Ok(())
    }
}

fn write_version(f: &mut fmt::Formatter<'_>, version: &SettingsVersion) -> fmt::Result {
    let SettingsVersion { version, at, author, reason, changes, .. } = version;
    write!(f, "version {version}  {at}  {author}  {reason}")?;
    let text = |value: &Option<Value>| {
        value.as_ref().map_or_else(|| "as in the file".to_owned(), ToString::to_string)
    };
    for SettingChange { path, before, after } in changes {
        write!(f, "\n  {path}: {} -> {}", text(before), text(after))?;
    }
    Ok(())
}
