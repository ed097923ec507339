//! `moodbridge pipelines`: files through typed steps and quality rules into files.

mod answers;
mod compile;
mod orders;
mod quarantine;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use clap::{Args, Subcommand};
use shared::etl::{Pipeline, PipelineError, PipelineFault, TestReport, read_pipeline};
use shared::ports::{PipelineEngine, PipelineProgress, RunOptions};
use wiring::PipelinePorts;

use self::answers::{Checked, CheckedFile, Explained, Planned, Ran, RanAll, Tested};
use crate::exit::{CommandError, FOUND_WRONG, STOPPED, SUCCESS};
use crate::output::Output;
use crate::process::{Parts, pipeline_tables};
use crate::progress::Progress;
use crate::settings::Places;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1_048_576;

/// What to do with pipelines.
#[derive(Debug, Subcommand)]
pub(crate) enum PipelinesCommand {
    /// Checks every name, type and expression, and reads nothing. Exit code 3 when one is wrong.
    Validate(Files),
    /// Tells what a pipeline would do, step by step, with the types of its columns.
    Plan(File),
    /// Tells from which columns of the source each column of the sink comes, and how expressions are
    /// worked out.
    Explain(File),
    /// Prints the statements of a warehouse that give the same rows and the same rejects. Exit code 3 when
    /// a step is not the same there.
    Compile(compile::CompileArgs),
    /// Runs a pipeline. Exit code 4 when its gate is shut: then its output is not seen.
    Run(RunArgs),
    /// Runs the tests that stand in pipelines. Exit code 3 when one fails.
    Test(Files),
    #[command(flatten)]
    Order(orders::OrderCommand),
}

/// Pipelines.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The files of the pipelines, in YAML.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A pipeline.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// The file of the pipeline, in YAML.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// How to run a pipeline.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pipeline: File,
    /// Reads and checks every row, and writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Shows so many of the rejects. They hold values of rows.
    #[arg(long, value_name = "N", default_value_t = 0)]
    show_rejects: usize,
}

/// Runs `command`.
///
/// # Errors
///
/// When a file cannot be read, or a run fails.
pub(crate) async fn run(
    command: PipelinesCommand,
    places: &Places,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let engine = wiring::pipelines(PipelinePorts::default());
    match command {
        PipelinesCommand::Validate(files) => validate(&files, &*engine, output),
        PipelinesCommand::Plan(file) => match planned(&file.file, &*engine)? {
            Ok((pipeline, plan)) => answer(output, &Planned::of(&pipeline, plan), SUCCESS),
            Err(faults) => refuse(&file.file, faults, output),
        },
        PipelinesCommand::Explain(file) => match planned(&file.file, &*engine)? {
            Ok((pipeline, plan)) => answer(output, &Explained::of(&pipeline, plan), SUCCESS),
            Err(faults) => refuse(&file.file, faults, output),
        },
        PipelinesCommand::Compile(args) => {
            let compiled = read(&args.file)?.and_then(|it| compile::compile(&args, it, &*engine));
            match compiled {
                Ok(compiled) => answer(output, &compiled, SUCCESS),
                Err(faults) => refuse(&args.file, faults, output),
            }
        }
        PipelinesCommand::Run(args) => run_one(&args, engine, places, output).await,
        PipelinesCommand::Test(files) => test(&files, &*engine, output).await,
        PipelinesCommand::Order(command) => {
            orders::run(command, &places.in_force().await?.settings, output).await
        }
    }
}

fn answer<T: std::fmt::Display + serde::Serialize>(
    output: Output,
    answer: &T,
    code: u8,
) -> Result<ExitCode, CommandError> {
    output.answer(answer).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

fn read(path: &Path) -> Result<Result<Pipeline, Vec<PipelineFault>>, CommandError> {
    let name = path.display().to_string();
    let failed = |error| CommandError::failed(format!("read the pipeline `{name}`"), error);
    let n_bytes = std::fs::metadata(path).map_err(failed)?.len();
    if n_bytes > MAX_BYTES {
        let fault = std::io::Error::other(format!("it is longer than {MAX_BYTES} bytes"));
        return Err(failed(fault));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(read_pipeline(&name, &text))
}

type PlanOrFaults = Result<(Pipeline, shared::etl::PipelinePlan), Vec<PipelineFault>>;

fn planned(path: &Path, engine: &dyn PipelineEngine) -> Result<PlanOrFaults, CommandError> {
    Ok(read(path)?.and_then(|pipeline| {
        let plan = engine.plan(&pipeline)?;
        Ok((pipeline, plan))
    }))
}

fn refuse(
    path: &Path,
    faults: Vec<PipelineFault>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let file = CheckedFile { file: path.display().to_string(), pipeline: None, faults };
    answer(output, &Checked { is_valid: false, files: vec![file] }, FOUND_WRONG)
}

fn validate(
    files: &Files,
    engine: &dyn PipelineEngine,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let mut checked = Vec::with_capacity(files.files.len());
    for path in &files.files {
        let (pipeline, faults) = match planned(path, engine)? {
            Ok((pipeline, _)) => (Some(pipeline.name), Vec::new()),
            Err(faults) => (None, faults),
        };
        checked.push(CheckedFile { file: path.display().to_string(), pipeline, faults });
    }
    let is_valid = checked.iter().all(|it| it.faults.is_empty());
    let code = if is_valid { SUCCESS } else { FOUND_WRONG };
    answer(output, &Checked { is_valid, files: checked }, code)
}

/// Shows rows on standard error.
struct Shown(Progress);

#[async_trait]
impl PipelineProgress for Shown {
    fn passed(&self, n_read: u64, _n_rejected: u64) {
        self.0.set(n_read);
    }

    fn is_wanted(&self) -> bool {
        true
    }

    async fn may_be_seen(&self) -> bool {
        true
    }
}

async fn run_one(
    args: &RunArgs,
    mut engine: Arc<dyn PipelineEngine>,
    places: &Places,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let path = &args.pipeline.file;
    let pipeline = match read(path)? {
        Ok(pipeline) => pipeline,
        Err(faults) => return refuse(path, faults, output),
    };
    // A store is opened for those alone that read it: the others need no settings.
    if pipeline.reads_case_store() || pipeline.is_in_warehouse() {
        let settings = places.in_force().await?.settings;
        let parts = Parts::open(&settings).await?;
        engine = parts.pipeline_engine(&settings, &parts.mappings(&settings)?).await?;
    } else if !pipeline.databases().is_empty() {
        let tables = Some(pipeline_tables(&places.load()?.settings).await?);
        engine = wiring::pipelines(PipelinePorts { tables, ..PipelinePorts::default() });
    }
    let options = RunOptions { is_dry_run: args.dry_run, n_samples: args.show_rejects, now: None };
    let failed = |what: &str| format!("{what} the pipeline `{}`", pipeline.name);
    let names = pipeline.partitions(&wiring::open_blobs()).await;
    let names = names.map_err(|error| CommandError::failed(failed("part"), error))?;
    let mut ran = Vec::with_capacity(names.len());
    for name in names {
        let of_one = pipeline.of_partition(&name);
        let of_one = of_one.map_err(|error| CommandError::failed(failed("part"), error))?;
        let shown = Shown(Progress::start("rows"));
        let report = engine.run(&of_one, options, &shown).await;
        shown.0.finish();
        match report {
            Ok(report) => ran.push(Ran { partition: name, report }),
            Err(PipelineError::Invalid(faults)) => return refuse(path, faults, output),
            Err(error) => return Err(CommandError::failed(failed("run"), error)),
        }
    }
    let code = if ran.iter().all(|it| it.report.is_passed()) { SUCCESS } else { STOPPED };
    match (pipeline.is_partitioned(), ran.pop()) {
        (false, Some(one)) => answer(output, &one, code),
        (_, last) => {
            ran.extend(last);
            answer(output, &RanAll { partitions: ran }, code)
        }
    }
}

async fn test(
    files: &Files,
    engine: &dyn PipelineEngine,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let mut tested = Tested::new();
    for path in &files.files {
        let pipeline = match planned(path, engine)? {
            Ok((pipeline, _)) => pipeline,
            Err(faults) => return refuse(path, faults, output),
        };
        let mut reports: Vec<TestReport> = Vec::with_capacity(pipeline.tests.len());
        for test in &pipeline.tests {
            reports.push(match engine.try_rows(&pipeline, test).await {
                Ok(found) => test.judge(&found),
                Err(error) => TestReport {
                    name: test.name.clone(),
                    line: test.line,
                    differences: vec![shared::chain(&error).to_string()],
                },
            });
        }
        tested.add(path.display().to_string(), reports);
    }
    let code = if tested.is_passed { SUCCESS } else { FOUND_WRONG };
    answer(output, &tested, code)
}
