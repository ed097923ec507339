//! `moodbridge warehouse`: the lake in the tables of a warehouse.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use shared::config::{ConfigError, parse_duration};
use shared::lake::LakeTable;
use shared::loader::{LastLoad, LoadError, LoadSettings, LoadTally, RejectedRow, TableStatus};
use shared::ports::warehouse::{Spending, StatementId};
use shared::ports::{Clock as _, Random as _, SystemClock, SystemRandom};

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// How many refused rows are shown.
const N_SHOWN: u32 = 20;

/// What to do with the warehouse.
#[derive(Debug, Subcommand)]
pub(crate) enum WarehouseCommand {
    /// Tells how far each table has come, and which rows were refused.
    Status,
    /// Tells what our statements used, by day, operation and table; the account is up to half a day behind.
    Credits {
        /// How many days back.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: u32,
    },
    /// Loads what is in the lake and not in the warehouse. It may be stopped at any point, and run twice.
    Load(LoadOptions),
}

/// How to load.
#[derive(Debug, clap::Args)]
pub(crate) struct LoadOptions {
    /// Begins nothing more after so long, such as `10m`; the next run goes on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at_most: Option<Duration>,
    /// Goes on with a load that more rows were refused of than may be, without those rows.
    #[arg(long)]
    accept_rejects: bool,
    /// Loads this table from its first change on; nothing comes twice. For rows that were refused and fit
    /// now, or a table that was deleted.
    #[arg(long, value_name = "TABLE", value_parser = table)]
    anew: Vec<LakeTable>,
}

fn time(raw: &str) -> Result<Duration, String> {
    parse_duration(raw).map_err(|error| error.to_string())
}

fn table(raw: &str) -> Result<LakeTable, String> {
    let found = LakeTable::ALL.into_iter().find(|it| it.as_str() == raw);
    found.ok_or_else(|| format!("`{raw}` is not a table: write `accounts`, `contacts` or `cases`"))
}

#[derive(Serialize)]
struct Status {
    tables: Vec<TableStatus>,
    rejects: Vec<RejectedRow>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, it) in self.tables.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            let TableStatus { table, position, n_files_waiting, n_rows_waiting, .. } = it;
            write!(f, "{table:<10} up to {position}, {} changes; ", it.n_rows)?;
            write!(f, "{n_files_waiting} files with {n_rows_waiting} rows wait")?;
            if let Some(step) = it.step {
                write!(f, "; under way: {step}")?;
            }
            if it.n_rejected > 0 {
                write!(f, "; {} rows were refused", it.n_rejected)?;
            }
            if let Some(LastLoad { at, n_files, n_rows, .. }) = &it.last {
                write!(f, "; last load {at}: {n_files} files, {n_rows} rows")?;
            }
        }
        for it in &self.rejects {
            let RejectedRow { table, file, line, row, column, reason, n_rows } = it;
            write!(f, "\n{table}: `{file}`")?;
            for (what, place) in [("line", line), ("row", row)] {
                place.iter().try_for_each(|it| write!(f, ", {what} {it}"))?;
            }
            column.iter().try_for_each(|it| write!(f, ", column {it}"))?;
            if n_rows.is_some_and(|it| it > 1) {
                write!(f, ", {} rows", n_rows.unwrap_or_default())?;
            }
            write!(f, ": {reason}")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Used {
    items: Vec<Spending>,
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Spending { day, operation, table, n_statements, microcredits } in &self.items {
            let table = table.as_deref().unwrap_or_default();
            writeln!(
                f,
                "{day}  {operation:<10} {table:<24} {n_statements:>6}  {}",
                credits(*microcredits)
            )?;
        }
        let n_all = self.items.iter().map(|it| it.microcredits).sum();
        write!(f, "{} credits", credits(n_all))
    }
}

/// Writes millionths as credits.
fn credits(microcredits: u64) -> String {
    format!("{}.{:06}", microcredits / 1_000_000, microcredits % 1_000_000)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Loaded(LoadTally);

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LoadTally { n_rows, n_files, n_rejected, waiting } = &self.0;
        let n_waiting: u64 = waiting.values().sum();
        write!(f, "{n_rows} new changes of {n_files} files; {n_waiting} files wait")?;
        match n_rejected {
            0 => Ok(()),
            n => write!(f, "\n{n} rows were refused: `moodbridge warehouse status` shows them"),
        }
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When no warehouse is set, a store cannot be opened or fails, or a load cannot go on.
pub(crate) async fn run(
    command: WarehouseCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let parts = Parts::open(settings).await?;
    let accepts_rejects =
        matches!(&command, WarehouseCommand::Load(options) if options.accept_rejects);
    let loader = parts.loader(settings, |it| LoadSettings { accepts_rejects, ..it })?;
    let loader = loader.ok_or_else(|| {
        let what = "warehouse.address: is not set: write such as \
                    `snowflake://MYORG-FIRM/LEGAL/MOODBRIDGE?…` (docs/snowflake.md)";
        ConfigError::new(vec![what.to_owned()])
    })?;
    let printed = match command {
        WarehouseCommand::Credits { days } => {
            output.answer(&Used { items: used(&parts, settings, days).await? })
        }
        WarehouseCommand::Status => {
            let tables = loader.status().await.map_err(failed("read how far it is loaded"))?;
            let rejects = match tables.iter().any(|it| it.n_rejected > 0) {
                true => loader.rejects(N_SHOWN).await.map_err(|error| {
                    CommandError::failed("read the rows that were refused", error)
                })?,
                false => Vec::new(),
            };
            output.answer(&Status { tables, rejects })
        }
        WarehouseCommand::Load(LoadOptions { at_most, anew, .. }) => {
            loader.begin_anew(&anew).await.map_err(failed("begin anew"))?;
            let until = at_most.map(|it| SystemClock.now().plus(it));
            output.answer(&Loaded(loader.run(until).await.map_err(failed("load the lake"))?))
        }
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

/// Asks what was used in the last `days` days.
async fn used(
    parts: &Parts,
    settings: &Settings,
    days: u32,
) -> Result<Vec<Spending>, CommandError> {
    let Some(view) = parts.spending(settings)? else { return Ok(Vec::new()) };
    let now = SystemClock.now();
    let id = StatementId::from_random(SystemRandom.bits());
    let from = now.minus(Duration::from_hours(24) * days);
    view.spending(&id, from, now).await.map_err(|error| {
        CommandError::failed(
            "read what statements used (does its role have SNOWFLAKE.USAGE_VIEWER?)",
            error,
        )
    })
}

fn failed(what: &'static str) -> impl Fn(LoadError) -> CommandError {
    move |error| CommandError::failed(what, error)
}
