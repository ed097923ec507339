//! `moodbridge import`: takes in what another system kept.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::ids::{ConnectionId, CorrelationId};
use shared::ports::{Clock, Random, SystemClock, SystemRandom};
use wiring::importing::{
    FileReport, ImportOptions, ImportStores, LeftOut, MatterFile, Problem, ProblemKind,
    TableReport, check_file, import_file,
};

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::progress::Progress;
use crate::settings::Settings;

/// What to take in.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Takes in databases of an existing MoodBridge, one matter each; doing it again changes
    /// nothing. Exit code 3 when rows cannot be taken, or not all that was read stands afterwards.
    Moodbridge(MoodbridgeArgs),
}

/// Which files, and how.
#[derive(Debug, Args)]
pub(crate) struct MoodbridgeArgs {
    /// The `main.db` of each matter.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Tells what would be done, and every problem, and writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Takes the rows that can be taken and leaves out the others, instead of taking none.
    #[arg(long)]
    skip_refused: bool,
    /// The matter to which the rows belong, where a file names several.
    #[arg(long, value_name = "NUMBER")]
    docket: Option<String>,
    /// Where the files of the exhibits are: each is compared with the SHA-256 it was filed with.
    #[arg(long, value_name = "DIR")]
    exhibits: Option<PathBuf>,
    /// The connection by which the matters are named.
    #[arg(long, value_name = "NAME", default_value = "moodbridge")]
    connection: ConnectionId,
}

/// What was done.
#[derive(Serialize)]
struct Imported {
    /// Whether anything could be written.
    is_dry_run: bool,
    /// Whether all that was to be written stands.
    is_done: bool,
    files: Vec<FileReport>,
}

/// Runs `command`.
///
/// # Errors
///
/// When a file or the case store cannot be read or written, or two files hold one matter.
pub(crate) async fn run(
    command: ImportCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let ImportCommand::Moodbridge(args) = command;
    let stores = settings.open_stores().await?;
    let stores = ImportStores { store: stores.store, imports: stores.imports };
    let options = ImportOptions {
        connection: args.connection.clone(),
        exhibits: args.exhibits.clone(),
        at: SystemClock.now(),
        correlation_id: CorrelationId::from_random(SystemRandom.bits()),
    };
    let mut files = open(&args).await?;
    let progress = Progress::start("rows");
    let mut checked = Vec::with_capacity(files.len());
    for file in &mut files {
        let report = check_file(file, &stores, &options, &|n_rows| progress.set(n_rows)).await;
        checked.push(report.map_err(|error| CommandError::failed("check the files", error))?);
    }
    let is_refused = !args.skip_refused && checked.iter().any(|it| it.n_refused() > 0);
    if args.dry_run || is_refused {
        progress.finish();
        let is_good = !is_refused && checked.iter().all(|it| it.is_unchanged);
        return answer(
            output,
            &Imported { is_dry_run: args.dry_run, is_done: false, files: checked },
            is_good,
        );
    }
    let mut done = Vec::with_capacity(files.len());
    for (file, checked) in files.iter_mut().zip(checked) {
        let report = import_file(file, &stores, &options, &|n_rows| progress.set(n_rows)).await;
        let report = report.map_err(|error| CommandError::failed("import the files", error))?;
        // What was found about exhibits was found while checking.
        let FileReport { problems, n_problems, .. } = checked;
        done.push(FileReport { problems, n_problems, ..report });
    }
    progress.finish();
    let is_done = done.iter().all(FileReport::is_verified);
    answer(output, &Imported { is_dry_run: false, is_done, files: done }, is_done)
}

async fn open(args: &MoodbridgeArgs) -> Result<Vec<MatterFile>, CommandError> {
    let mut files: Vec<MatterFile> = Vec::with_capacity(args.files.len());
    let mut matters = BTreeMap::new();
    for path in &args.files {
        let file = MatterFile::open(path, args.docket.as_deref()).await;
        let file = file.map_err(|error| CommandError::failed("open the files", error))?;
        let docket = file.docket_number().to_owned();
        if let Some(first) = matters.insert(docket.clone(), path.clone()) {
            let tried = format!("import `{}` and `{}`", first.display(), path.display());
            let fault = format!(
                "both hold the matter `{docket}`, and their rows share numbers: name only the one that is current"
            );
            return Err(CommandError::failed(tried, fault));
        }
        files.push(file);
    }
    Ok(files)
}

fn answer(output: Output, imported: &Imported, is_good: bool) -> Result<ExitCode, CommandError> {
    output.answer(imported).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(if is_good { SUCCESS } else { FOUND_WRONG }.into())
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            show(f, file)?;
        }
        let n_refused: u64 = self.files.iter().map(FileReport::n_refused).sum();
        match (self.is_dry_run, self.is_done) {
            (true, _) => write!(f, "nothing was written: this is what would be"),
            (_, true) => write!(f, "done: all that was read stands in the store"),
            (_, false) if n_refused > 0 && self.files.iter().all(FileReport::is_verified) => {
                write!(
                    f,
                    "nothing was written: what is refused above ({n_refused}) has to be corrected, or \
                 left out with `--skip-refused`"
                )
            }
            (_, false) => write!(
                f,
                "NOT VERIFIED: what stands in the store is not what was read; rows that the file \
                 no longer has are kept in the store"
            ),
        }
    }
}

fn show(f: &mut fmt::Formatter<'_>, file: &FileReport) -> fmt::Result {
    let FileReport { docket_number, case_id, sha256, .. } = file;
    writeln!(f, "{}: matter {docket_number}, case {case_id}", file.file.display())?;
    writeln!(f, "  SHA-256 {sha256}{}", if file.is_unchanged { "" } else { " CHANGED MEANWHILE" })?;
    for table in &file.tables {
        show_table(f, table)?;
    }
    for LeftOut { table, n_rows, why } in &file.left_out {
        writeln!(f, "  {table:<20} {n_rows:>7} not imported: {why}")?;
    }
    for column in &file.unknown_columns {
        writeln!(f, "  {column}: unknown column, kept with its rows")?;
    }
    for Problem { kind, table, row, what } in &file.problems {
        let kind = match kind {
            ProblemKind::Refused => "REFUSED",
            ProblemKind::Finding => "note",
        };
        match row {
            Some(row) => writeln!(f, "  {kind}: {table} {row}: {what}")?,
            None => writeln!(f, "  {kind}: {table}: {what}")?,
        }
    }
    let n_told = u64::try_from(file.problems.len()).unwrap_or(u64::MAX);
    if file.n_problems > n_told {
        writeln!(f, "  and {} more problems", file.n_problems - n_told)?;
    }
    Ok(())
}

fn show_table(f: &mut fmt::Formatter<'_>, table: &TableReport) -> fmt::Result {
    let TableReport { table: name, n_read, n_refused, tally, read, stored } = table;
    write!(
        f,
        "  {name:<20} {n_read:>7} read {:>7} new {:>7} changed {:>7} same {n_refused:>5} refused",
        tally.n_new, tally.n_changed, tally.n_same
    )?;
    match stored {
        None => writeln!(f),
        Some(_) if table.is_equal() => writeln!(f, "  verified {}", read.sum),
        Some(stored) => writeln!(
            f,
            "  DIFFERS: {} rows stand, digest {}, read were {} with {}",
            stored.n_records, stored.sum, read.n_records, read.sum
        ),
    }
}
