//! The commands and their arguments.

mod audit;
mod config;
mod conflicts;
mod connect;
mod costs;
mod db;
mod deploy;
mod desk;
mod docs;
mod doctor;
mod import;
mod lake;
mod logs;
mod nifi;
mod pipelines;
mod platforms;
mod queue;
mod records;
mod reports;
mod sandbox;
mod secret;
mod setup;
mod sync;
mod token;
mod warehouse;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use host::TelemetrySettings;
use shared::config::Env;
use shared::error::chain;
use shared::model::Entity;
use shared::telemetry::{self, LogFormat};

use crate::dev::{self, DevArgs};
use crate::exit::{BAD_SETTINGS, CommandError};
use crate::output::Output;
use crate::process;
use crate::settings::Places;

/// Keeps a law firm's case management in step with Salesforce and its data platforms.
#[derive(Debug, Parser)]
#[command(name = "moodbridge", version, after_help = EXIT_CODES)]
struct Arguments {
    /// The settings file. Without one, every setting has its default and `--data-dir` holds the data.
    #[arg(long, global = true, value_name = "FILE", env = "MOODBRIDGE_CONFIG")]
    config: Option<PathBuf>,
    /// Where data is kept when the settings do not say.
    #[arg(long, global = true, value_name = "DIR", default_value = ".moodbridge")]
    data_dir: PathBuf,
    /// Sets one setting, such as `poll.every=30s`; stronger than the environment and the file.
    #[arg(long, global = true, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Answers with one JSON document instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// How much is logged: `error`, `warn`, `info`, `debug`, or a filter such as `info,sqlx=warn`.
    #[arg(long, global = true, value_name = "LEVEL", env = "LOG_LEVEL")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:\n  0   done\n  1   failed\n  2   wrong arguments\n  3   checked and found wrong (audit chain, migrations, doctor, pipelines)\n  4   a gate of quality stopped a pipeline\n  78  the settings cannot be used";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything on this machine with a Salesforce sandbox: no account needed.
    Dev(DevArgs),
    /// Runs every function in this process, as the settings say.
    Serve,
    /// Runs only the Salesforce sandbox.
    Sandbox(sandbox::SandboxArgs),
    /// Prepares and inspects the case store.
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Reads what changed, or says how far reading has come.
    #[command(subcommand)]
    Sync(sync::SyncCommand),
    /// Lists what both sides changed, and decides it.
    #[command(subcommand)]
    Conflicts(conflicts::ConflictsCommand),
    /// Files documents of cases, and fetches them.
    #[command(subcommand)]
    Docs(docs::DocsCommand),
    /// Writes every change into Parquet files, for warehouses.
    #[command(subcommand)]
    Lake(lake::LakeCommand),
    /// Loads the lake into the warehouse.
    #[command(subcommand)]
    Warehouse(warehouse::WarehouseCommand),
    /// Operates a dataflow of NiFi, and sends it files and changes.
    #[command(subcommand)]
    Nifi(nifi::NifiCommand),
    /// Runs pipelines: files through typed steps and quality rules into files.
    #[command(subcommand)]
    Pipelines(pipelines::PipelinesCommand),
    /// Builds reports of the firm, of a case, of a pipeline, and reads them.
    #[command(subcommand)]
    Reports(reports::ReportsCommand),
    /// Looks into the queues and their dead letters.
    Queue(queue::QueueArgs),
    /// Takes in what another system kept.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Proves the audit log, or copies it.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Shows cases, now or as they once stood, and changes them.
    #[command(subcommand)]
    Cases(records::RecordCommand),
    /// Shows contacts, now or as they once stood, and changes them.
    #[command(subcommand)]
    Contacts(records::RecordCommand),
    /// Shows accounts, now or as they once stood, and changes them.
    #[command(subcommand)]
    Accounts(records::RecordCommand),
    /// Checks everything, and names the fix of what is wrong. Exit code 3 when something is.
    Doctor(doctor::DoctorArgs),
    /// Lists what records can be kept in step with, and what each platform needs.
    #[command(subcommand)]
    Platforms(platforms::PlatformsCommand),
    /// Lets MoodBridge read a platform: a person agrees, the settings are written.
    #[command(subcommand)]
    Connect(connect::ConnectCommand),
    /// Prepares what stands behind a connection for records that travel both ways: the field of our
    /// ids, and the channel of changes. Exit code 3 when something is there in another form.
    Setup(setup::SetupArgs),
    /// Revokes a connection and takes it out of the settings.
    Disconnect(connect::DisconnectArgs),
    /// Tells what calls to platforms cost, and what a cloud would.
    #[command(subcommand, alias = "cost")]
    Costs(costs::CostsCommand),
    /// Deploys packages to a cloud, step by step with alarms watched, and takes them back.
    Deploy(deploy::DeployArgs),
    /// Searches what the functions of a cloud have logged.
    Logs(logs::LogsArgs),
    /// Checks, shows and changes the settings.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Seals secrets into files, and rotates the key they are sealed with.
    Secret(secret::SecretArgs),
    /// Prints a token for scripts and `curl`, taken by the process on this data folder.
    Token(token::TokenArgs),
}

/// Runs the command that the arguments of this process name.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&CommandError::failed("start the runtime", error)),
    };
    match runtime.block_on(dispatch(arguments)) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

async fn dispatch(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let Arguments { config, data_dir, set, json, log, command } = arguments;
    let output = if json { Output::Json } else { Output::Text };
    let is_server = matches!(command, Command::Dev(_) | Command::Serve | Command::Sandbox(_));
    // `dev` prints an address that must not scroll away behind a line for each record.
    let default_level = match command {
        Command::Serve | Command::Sandbox(_) => "info",
        _ => "warn",
    };
    let format = match (is_server, json) {
        (true, false) if std::io::IsTerminal::is_terminal(&std::io::stdout()) => LogFormat::Text,
        _ => LogFormat::Json,
    };
    let level = log.as_deref().unwrap_or(default_level);
    // `serve` logs once it has read where traces go.
    if (is_server || log.is_some()) && !matches!(command, Command::Serve | Command::Dev(_)) {
        telemetry::start(level, format);
    }
    let places = Places {
        file: config.clone(),
        data_dir: data_dir.clone(),
        env: Env::of_process(),
        flags: set,
    };
    if !matches!(command, Command::Doctor(_)) {
        places.load_platforms()?;
    }
    let settings = || places.load().map(|it| it.settings);
    match command {
        Command::Dev(args) => {
            start_telemetry(level, format, TelemetrySettings::default()).await?;
            dev::run(args, &data_dir).await
        }
        Command::Serve => {
            let settings = settings()?;
            start_telemetry(level, format, settings.telemetry.clone()).await?;
            process::serve(&places).await
        }
        Command::Sandbox(args) => sandbox::run(args, output).await,
        Command::Db(command) => db::run(command, &settings()?, output).await,
        Command::Sync(command) => {
            sync::run(command, &places.in_force().await?.settings, output).await
        }
        Command::Conflicts(command) => {
            conflicts::run(command, &places.in_force().await?.settings, output).await
        }
        Command::Docs(command) => docs::run(command, &settings()?, output).await,
        Command::Lake(command) => {
            lake::run(command, &places.in_force().await?.settings, output).await
        }
        Command::Warehouse(command) => {
            warehouse::run(command, &places.in_force().await?.settings, output).await
        }
        Command::Nifi(command) => {
            nifi::run(command, &places.in_force().await?.settings, output).await
        }
        Command::Pipelines(command) => pipelines::run(command, &places, output).await,
        Command::Reports(command) => reports::run(command, &places, output).await,
        Command::Queue(command) => queue::run(command, &settings()?, output).await,
        Command::Import(command) => import::run(command, &settings()?, output).await,
        Command::Audit(command) => audit::run(command, || Ok(settings()?), output).await,
        Command::Cases(command) => {
            records::run(Entity::Case, command, &places.in_force().await?.settings, output).await
        }
        Command::Contacts(command) => {
            records::run(Entity::Contact, command, &places.in_force().await?.settings, output).await
        }
        Command::Accounts(command) => {
            records::run(Entity::Account, command, &places.in_force().await?.settings, output).await
        }
        Command::Token(args) => token::run(args, &settings()?, output).await,
        Command::Doctor(args) => doctor::run(&places, &args, output).await,
        Command::Platforms(command) => platforms::run(command, output),
        Command::Connect(command) => {
            let place = connect::Place { config: config.as_deref(), data_dir: &data_dir };
            connect::run(command, &place, output).await
        }
        Command::Setup(args) => setup::run(args, &places.in_force().await?.settings, output).await,
        Command::Disconnect(args) => {
            let place = connect::Place { config: config.as_deref(), data_dir: &data_dir };
            connect::end(&args, &place, output).await
        }
        Command::Costs(command) => costs::run(command, || Ok(settings()?), output).await,
        Command::Deploy(args) => deploy::run(args, output).await,
        Command::Logs(args) => logs::run(args, output).await,
        Command::Secret(args) => secret::run(args, &settings()?, output),
        Command::Config(command) => config::run(command, &places, output).await,
    }
}

/// Starts logging, and keeps traces when the settings or the standard variables name a collector.
async fn start_telemetry(
    level: &str,
    format: LogFormat,
    settings: TelemetrySettings,
) -> Result<(), CommandError> {
    let mut env = Env::of_process();
    let settings = settings.with_env(&mut env);
    env.clone().finish(Some(()))?;
    host::start_telemetry(level, format, &settings, &env)
        .await
        .map_err(|error| CommandError::failed("keep traces", error))
}

#[expect(clippy::print_stderr, reason = "the last word of a failed command")]
fn report(error: &CommandError) -> ExitCode {
    match error {
        CommandError::Settings(settings) => {
            eprintln!("error: the settings cannot be used (exit code {BAD_SETTINGS})");
            for fault in settings.faults() {
                eprintln!("  - {fault}");
            }
        }
        CommandError::Failed { .. } => eprintln!("error: {}", chain(error)),
    }
    error.exit_code()
}

#[cfg(test)]
mod org_fixture;
