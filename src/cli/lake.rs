//! `moodbridge lake`: every change as rows of Parquet files, and questions to them.

mod questions;

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use futures_util::TryStreamExt as _;
use serde::Serialize;
use shared::config::parse_duration;
use shared::lake::{
    Catalog, CompactTally, Compactor, ExportTally, Exporter, Hiding, LakeError, LakePorts,
    LakeSettings, LakeSize, LakeTable, sweep_lake,
};
use shared::ports::{Clock as _, SystemClock};
use shared::time::Timestamp;

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// What to do with the lake.
#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Tells how much the lake holds, and how far it is behind the case store.
    Status,
    /// Writes every change that is not in the lake. It may be stopped at any point, and run twice.
    Export(Time),
    /// Makes one file of the small ones of each day that is over, and deletes what no manifest has named
    /// for a day.
    Compact(Time),
    /// Answers a question about the lake: a named query, or a SELECT.
    Query(questions::QueryArgs),
    /// Lists the named queries, or checks them.
    Queries(questions::QueriesArgs),
}

/// How long a run may take.
#[derive(Debug, clap::Args)]
pub(crate) struct Time {
    /// Begins nothing more after so long, such as `10m`; the next run goes on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at_most: Option<Duration>,
}

impl Time {
    fn end(&self) -> Option<Timestamp> {
        self.at_most.map(|it| SystemClock.now().plus(it))
    }
}

fn time(raw: &str) -> Result<Duration, String> {
    parse_duration(raw).map_err(|error| error.to_string())
}

/// What the lake holds.
#[derive(Serialize)]
struct Status {
    position: u64,
    n_behind: u64,
    revision: u64,
    committed_at: Option<Timestamp>,
    n_segments: usize,
    tables: BTreeMap<LakeTable, LakeSize>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, n_behind, committed_at, tables, .. } = self;
        let Some(at) = committed_at else {
            return write!(f, "the lake is empty; {n_behind} changes wait");
        };
        write!(f, "changes up to {position}, written {at}; {n_behind} wait")?;
        for (table, LakeSize { n_files, n_rows, n_bytes }) in tables {
            write!(f, "\n{table:<10} {n_rows} rows, {n_files} files, {n_bytes} bytes")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Exported(ExportTally);

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExportTally { n_rows, n_files, n_unfit, position, n_behind, .. } = self.0;
        write!(f, "{n_rows} changes in {n_files} files, up to {position}; {n_behind} wait")?;
        match n_unfit {
            0 => Ok(()),
            n => write!(f, "\n{n} values did not fit their columns and were left out; see the log"),
        }
    }
}

#[derive(Serialize)]
struct Compacted {
    #[serde(flatten)]
    tally: CompactTally,
    n_deleted: u64,
}

impl fmt::Display for Compacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CompactTally { n_before, n_after, n_rows, .. } = self.tally;
        write!(f, "{n_before} files with {n_rows} rows became {n_after}; ")?;
        write!(f, "{} objects that nothing names were deleted", self.n_deleted)
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When a store cannot be opened or fails, or the lake cannot be gone on with.
pub(crate) async fn run(
    command: LakeCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let parts = Parts::open(settings).await?;
    match &command {
        LakeCommand::Query(args) => return questions::ask(args, &parts, settings, output).await,
        LakeCommand::Queries(args) => return questions::list(args, &parts, settings, output).await,
        LakeCommand::Status | LakeCommand::Export(_) | LakeCommand::Compact(_) => {}
    }
    let ports = wiring::lake_ports(&parts.stores, settings.open_lake()?);
    let printed = match command {
        LakeCommand::Status => output.answer(&status(&ports).await.map_err(failed("read"))?),
        LakeCommand::Export(time) => {
            let hiding = hiding(&parts, settings).await?;
            let exporter = Exporter::new(ports, hiding, LakeSettings::default());
            let tally = exporter.run(time.end()).await.map_err(failed("write"))?;
            output.answer(&Exported(tally))
        }
        LakeCommand::Compact(time) => {
            let until = time.end();
            let compactor = Compactor::new(ports.clone(), LakeSettings::default());
            let tally = compactor.run(until).await.map_err(failed("compact"))?;
            let n_deleted = sweep_lake(&ports, until).await.map_err(failed("sweep"))?;
            output.answer(&Compacted { tally, n_deleted })
        }
        LakeCommand::Query(_) | LakeCommand::Queries(_) => Ok(()),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

fn failed(what: &'static str) -> impl Fn(LakeError) -> CommandError {
    move |error| CommandError::failed(format!("{what} the lake"), error)
}

/// Collects the masks of every connection.
async fn hiding(parts: &Parts, settings: &Settings) -> Result<Hiding, CommandError> {
    let connections = parts.connections(settings)?;
    let key = match &settings.lake.mask_key {
        Some(address) => Some(parts.secrets.read(address).await.map_err(|error| {
            CommandError::failed("read the key of masks that `lake.mask_key` names", error)
        })?),
        None => None,
    };
    Hiding::new(connections.iter().map(|it| &it.mappings), key)
        .map_err(|error| CommandError::failed("hide what is masked", error))
}

async fn status(ports: &LakePorts) -> Result<Status, LakeError> {
    let catalog = Catalog::new(ports.blobs.clone(), ports.clock.clone());
    let head = catalog.load().await?.head;
    let mut tables: BTreeMap<LakeTable, LakeSize> = BTreeMap::new();
    let mut files = std::pin::pin!(catalog.files(&head));
    while let Some(file) = files.try_next().await? {
        tables.entry(file.table).or_default().add(&file);
    }
    let newest = ports.feed.newest_change().await?;
    Ok(Status {
        position: head.position,
        n_behind: newest.saturating_sub(head.position),
        revision: head.revision,
        committed_at: (head.revision > 0).then_some(head.committed_at),
        n_segments: head.segments.len(),
        tables,
    })
}
