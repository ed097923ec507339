//! Runs of pipelines in the cloud, or in `moodbridge serve`: asked for, looked at, ended.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::config::ConfigError;
use shared::etl::ReplayRow;
use shared::etl::runs::{
    Definition, ListedPipeline, PipelineDesk, PipelineDeskError, ReplayRequest, RunDetail,
    RunRequest,
};
use shared::ids::CorrelationId;
use shared::ports::{PartitionRun, PipelineRun, PipelineRunState};
use shared::time::Timestamp;

use super::quarantine::read_rows;
use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// The longest file of rows, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What to do with runs that others do.
#[derive(Debug, Subcommand)]
pub(crate) enum OrderCommand {
    /// Lists the pipelines that `pipelines.at` holds, each with its last run. Exit code 3 when one is
    /// broken.
    List,
    /// Starts a run, which `serve` or the function does.
    Start(StartArgs),
    /// Tells how a run stands, or how the newest runs do.
    Status(StatusArgs),
    /// Does the partitions of a run again that did not succeed.
    Retry(RunId),
    /// Ends a run.
    Cancel(RunId),
    /// Runs a pipeline over rows of its quarantine that were put right.
    Replay(ReplayArgs),
}

/// How a run is started.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The pipeline.
    name: String,
    /// Only this partition; may be given several times.
    #[arg(long = "partition", value_name = "NAME")]
    partitions: Vec<String>,
    /// Names the order: asking again under it starts no second run.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Which run is looked at.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The id of the run; without one the newest are listed.
    run: Option<String>,
    /// Only those of this pipeline.
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    pipeline: Option<String>,
    /// How many are listed.
    #[arg(long, default_value_t = 20, conflicts_with = "run")]
    limit: u32,
}

/// A run.
#[derive(Debug, Args)]
pub(crate) struct RunId {
    /// The id of the run.
    run: String,
}

/// Which rows are replayed.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The pipeline.
    name: String,
    /// The rows: a quarantine in CSV, with the columns `line` and `row`, of which the rows that were
    /// not put right are deleted.
    #[arg(long, value_name = "FILE")]
    rejects: PathBuf,
    /// The partition that the rows are of, where the source is many files.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Names the order: asking again under it starts no second run.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

fn failed(what: impl Into<String>) -> impl FnOnce(PipelineDeskError) -> CommandError {
    let what = what.into();
    move |error| CommandError::failed(what, error)
}

fn id(raw: &str) -> Result<CorrelationId, CommandError> {
    CorrelationId::parse(raw.to_owned())
        .map_err(|error| CommandError::failed(format!("find the run `{raw}`"), error))
}

/// Who asks: the one who may read the settings of this machine.
const STARTED_BY: &str = "command";

/// Runs `command`.
///
/// # Errors
///
/// When a store cannot be opened or fails, or the order is not taken.
pub(crate) async fn run(
    command: OrderCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let parts = Parts::open(settings).await?;
    let desk = parts.pipeline_desk(settings)?;
    let mut code = SUCCESS;
    let printed = match command {
        OrderCommand::List => {
            let listed = desk.list().await;
            let listed = listed.map_err(|error| CommandError::failed("list pipelines", error))?;
            if listed.iter().any(|it| it.found.is_err()) {
                code = FOUND_WRONG;
            }
            output.answer(&Listed::of(listed))
        }
        OrderCommand::Start(args) => output.answer(&Run(start(&desk, args).await?)),
        OrderCommand::Status(StatusArgs { run: Some(run), .. }) => {
            let shown = desk.run(&id(&run)?).await.map_err(failed("read the run"))?;
            output.answer(&Shown::of(shown))
        }
        OrderCommand::Status(StatusArgs { pipeline, limit, .. }) => {
            let runs = desk.runs(pipeline, None, None, limit).await.map_err(failed("list runs"))?;
            output.answer(&Runs { items: runs.into_iter().map(|it| it.run).collect() })
        }
        OrderCommand::Retry(RunId { run }) => {
            output.answer(&Run(desk.retry(&id(&run)?).await.map_err(failed("retry the run"))?))
        }
        OrderCommand::Cancel(RunId { run }) => {
            let run = desk.cancel(&id(&run)?, STARTED_BY).await;
            output.answer(&Run(run.map_err(failed("cancel the run"))?))
        }
        OrderCommand::Replay(args) => output.answer(&Run(replay(&desk, args).await?)),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

fn request(pipeline: String, only: Vec<String>, key: Option<String>) -> RunRequest {
    RunRequest {
        pipeline,
        only,
        started_by: STARTED_BY.to_owned(),
        idempotency_key: key,
        correlation_id: None,
    }
}

async fn start(desk: &PipelineDesk, args: StartArgs) -> Result<PipelineRun, CommandError> {
    let StartArgs { name, partitions, key } = args;
    let what = format!("start `{name}`");
    let ordered = desk.start(request(name, partitions, key)).await;
    Ok(ordered.map_err(failed(what))?.run)
}

async fn replay(desk: &PipelineDesk, args: ReplayArgs) -> Result<PipelineRun, CommandError> {
    let ReplayArgs { name, rejects, partition, key } = args;
    let rows = rows_of(&rejects)?;
    let what = format!("replay `{name}`");
    let run = request(name, partition.into_iter().collect(), key);
    let ordered = desk.replay(ReplayRequest { run, rows }).await;
    Ok(ordered.map_err(failed(what))?.run)
}

fn rows_of(path: &Path) -> Result<Vec<ReplayRow>, CommandError> {
    let name = path.display();
    let failed = |error| CommandError::failed(format!("read the rows in `{name}`"), error);
    let n_bytes = std::fs::metadata(path).map_err(failed)?.len();
    if n_bytes > MAX_BYTES {
        let text = format!("it is longer than {MAX_BYTES} bytes");
        return Err(failed(std::io::Error::other(text)));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    read_rows(&text).map_err(|faults| {
        let faults = faults.into_iter().map(|it| format!("{name}: {it}"));
        ConfigError::new(faults.collect()).into()
    })
}

#[derive(Serialize)]
struct ListedLine {
    name: String,
    about: Option<String>,
    faults: Vec<String>,
    last_run: Option<PipelineRun>,
    schedule: Option<String>,
    next_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Listed {
    items: Vec<ListedLine>,
}

impl Listed {
    fn of(listed: Vec<ListedPipeline>) -> Self {
        let line = |it: ListedPipeline| {
            let ListedPipeline { name, found, last_run, next_at } = it;
            let (about, schedule, faults) = match found {
                Ok(Definition { pipeline, .. }) => {
                    let schedule = pipeline.schedule.map(|it| it.to_string());
                    (pipeline.about, schedule, Vec::new())
                }
                Err(faults) => (None, None, faults.iter().map(ToString::to_string).collect()),
            };
            ListedLine { name, about, faults, last_run, schedule, next_at }
        };
        Self { items: listed.into_iter().map(line).collect() }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return f.write_str("no pipelines: put `NAME.yaml` where `pipelines.at` says");
        }
        for (idx, it) in self.items.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            let state = it.last_run.as_ref().map_or("never run", |it| it.state.as_str());
            let state = if it.faults.is_empty() { state } else { "broken" };
            write!(f, "{:<24} {state:<10} {}", it.name, it.about.as_deref().unwrap_or_default())?;
            if let (Some(schedule), Some(next_at)) = (&it.schedule, it.next_at) {
                write!(f, "\n  {schedule}, next at {next_at}")?;
            }
            it.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, run: &PipelineRun) -> fmt::Result {
    let PipelineRun { id, pipeline, state, requested_at, .. } = run;
    write!(f, "{id}  {requested_at}  {:<10} {pipeline}", state.as_str())?;
    run.message.iter().try_for_each(|it| write!(f, ": {it}"))
}

#[derive(Serialize)]
#[serde(transparent)]
struct Run(PipelineRun);

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, &self.0)
    }
}

#[derive(Serialize)]
struct Runs {
    items: Vec<PipelineRun>,
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return f.write_str("no runs");
        }
        for (idx, it) in self.items.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            line(f, it)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    run: PipelineRun,
    counts: shared::ports::RunCounts,
    rules: Vec<shared::etl::RuleReport>,
    partitions: Vec<PartitionRun>,
}

impl Shown {
    fn of(detail: RunDetail) -> Self {
        let RunDetail { summary, rules, partitions } = detail;
        Self { run: summary.run, counts: summary.counts, rules, partitions }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, &self.run)?;
        let shared::ports::RunCounts { n_read, n_filtered, n_rejected, n_out } = self.counts;
        write!(f, "\n{n_read} read, {n_filtered} filtered, {n_rejected} rejected, {n_out} out")?;
        for it in self.rules.iter().filter(|it| it.n_failed > 0) {
            write!(f, "\nrule `{}` ({}): broken by {}", it.rule, it.action.as_str(), it.n_failed)?;
        }
        for it in self.partitions.iter().filter(|it| !it.name.is_empty()) {
            write!(f, "\n{:<24} {}", it.name, it.state.as_str())?;
            if it.state != PipelineRunState::Succeeded {
                it.message.iter().try_for_each(|it| write!(f, ": {it}"))?;
            }
        }
        Ok(())
    }
}
