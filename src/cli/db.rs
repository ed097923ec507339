//! `moodbridge db`: prepares the case store, says which migrations it has, and moves it.

use std::fmt;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::ports::{FieldColumn, FieldColumns, QueueDepth};
use shared::sync::CUSTOM_PREFIX;
use url::Url;
use wiring::MigrationReport;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::progress::Progress;
use crate::settings::Settings;

/// What to do with the case store.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Applies every migration that is missing.
    Migrate(MigrateArgs),
    /// Lists the migrations. Exit code 3 when one is missing or was altered.
    Status,
    /// Lists the columns in which the views show mapped custom fields.
    Columns,
    /// Copies a case store from SQLite into an empty PostgreSQL database, all or nothing.
    Copy(Box<CopyArgs>),
}

/// How far to migrate.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Goes to this version, up or down, instead of the newest; 0 is before the first.
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// Allows going down, which drops all that later versions keep.
    #[arg(long, requires = "to")]
    discard_data: bool,
}

/// What to copy where.
#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// The case store to copy, such as `sqlite:cases.db`; by default that of the settings.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<Url>,
    /// The empty database, such as `postgres://user@host/database?password=env:PGPASSWORD`.
    #[arg(long, value_name = "ADDRESS")]
    to: Url,
    /// The queue that must hold no message any more, as messages are not copied; by default that
    /// of the settings.
    #[arg(long, value_name = "ADDRESS")]
    queue: Option<Url>,
}

/// Runs `command`.
///
/// # Errors
///
/// When a case store cannot be opened, a migration fails, or a copy is refused.
pub(crate) async fn run(
    command: DbCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    match command {
        DbCommand::Status => {}
        DbCommand::Migrate(args) => migrate(&args, &settings.case_store()?).await?,
        DbCommand::Columns => return columns(settings, output).await,
        DbCommand::Copy(args) => return copy(*args, settings, output).await,
    }
    let report = report(&settings.case_store()?).await?;
    let code = if report.is_current() { SUCCESS } else { FOUND_WRONG };
    output.answer(&report).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

async fn report(address: &Url) -> Result<MigrationReport, CommandError> {
    wiring::migration_report(address).await.map_err(|error| {
        CommandError::failed(format!("read the migrations of `{}`", shown(address)), error)
    })
}

async fn migrate(args: &MigrateArgs, address: &Url) -> Result<(), CommandError> {
    let failed = |error| CommandError::failed(format!("migrate `{}`", shown(address)), error);
    let Some(version) = args.to else {
        return wiring::migrate(address).await.map_err(failed);
    };
    let stored = report(address).await?.version();
    if version < stored && !args.discard_data {
        let tried = format!("go from version {stored} down to {version}");
        let fault = "this drops all that later versions keep: add `--discard-data`";
        return Err(CommandError::failed(tried, fault));
    }
    wiring::migrate_to(address, version).await.map_err(failed)
}

async fn columns(settings: &Settings, output: Output) -> Result<ExitCode, CommandError> {
    let stores = settings.open_stores().await?;
    let shown = stores.field_views.published().await;
    let shown = shown.map_err(|error| CommandError::failed("list the columns", error))?;
    output
        .answer(&ColumnList::of(&shown))
        .map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

/// The columns of mapped custom fields.
#[derive(Serialize)]
struct ColumnList {
    columns: Vec<ColumnLine>,
}

/// One of them.
#[derive(Serialize)]
struct ColumnLine {
    view: String,
    column: String,
    kind: &'static str,
    field: String,
}

impl ColumnList {
    fn of(shown: &FieldColumns) -> Self {
        let line = |FieldColumn { field, column }: &FieldColumn| ColumnLine {
            view: format!("{}_fields", field.entity()),
            column: column.clone(),
            kind: field.kind().as_str(),
            field: format!("{CUSTOM_PREFIX}{}", field.name()),
        };
        Self { columns: shown.iter().map(line).collect() }
    }
}

impl fmt::Display for ColumnList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.columns.is_empty() {
            return f.write_str("no custom field is shown: none is mapped, or `moodbridge serve` has not started since");
        }
        for (place, ColumnLine { view, column, kind, field }) in self.columns.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}{view}.{column}  {kind}  {field}")?;
        }
        Ok(())
    }
}

async fn copy(
    args: CopyArgs,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let from = args.from.map_or_else(|| settings.case_store(), Ok)?;
    let queue = args.queue.map_or_else(|| settings.events_queue(), Ok)?;
    refuse_waiting_messages(&queue).await?;
    let progress = Progress::start("rows");
    let copied = wiring::copy_case_store(&from, &args.to, &|n_rows| progress.set(n_rows)).await;
    let copied = copied.map_err(|error| {
        let tried = format!("copy `{}` to `{}`", shown(&from), shown(&args.to));
        CommandError::failed(tried, error)
    })?;
    progress.finish();
    output.answer(&copied).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

/// Refuses to leave messages behind.
async fn refuse_waiting_messages(address: &Url) -> Result<(), CommandError> {
    let failed =
        |error| CommandError::failed(format!("open the queue `{}`", shown(address)), error);
    let queue = wiring::queue(address).await.map_err(failed)?;
    let depth = queue.depth().await.map_err(|error| {
        CommandError::failed(format!("count the messages of `{}`", queue.name()), error)
    })?;
    let QueueDepth { n_ready, n_in_flight, n_delayed, n_dead, .. } = depth;
    let n_messages = n_ready + n_in_flight + n_delayed;
    if n_messages + n_dead == 0 {
        return Ok(());
    }
    let fault = "messages are not copied: run `moodbridge serve` until none waits, and replay or \
                 read the dead letters first";
    let tried = format!(
        "leave the queue `{}` behind with {n_messages} messages and {n_dead} dead letters",
        queue.name()
    );
    Err(CommandError::failed(tried, fault))
}

/// Returns `address` without its query, as it may be shown.
fn shown(address: &Url) -> String {
    let mut shown = address.clone();
    shown.set_query(None);
    let _ = shown.set_password(None);
    shown.to_string()
}
