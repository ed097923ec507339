//! `moodbridge deploy`: new packages for the functions of a cloud, step by step, and back.

mod answers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use shared::config::parse_duration;
use shared::deploy::{
    Deployer, Note, Outcome, Pace, PackageList, Plan, Progress, Undo, roll_back, status,
};
use shared::ports::{Clock, DeployTarget, SystemClock, SystemRandom};

use crate::exit::{CommandError, FAILURE, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use answers::{Deployed, Planned, Standing, Undone};

/// What to deploy, or what to do about a deployment.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct DeployArgs {
    #[command(subcommand)]
    action: Option<DeployAction>,
    #[command(flatten)]
    run: RunArgs,
}

/// What to do about a deployment.
#[derive(Debug, Subcommand)]
enum DeployAction {
    /// Lists each function with the version that is called. Exit code 3 when a deployment is half way.
    Status {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Takes the newest deployment back, or moves one function.
    Rollback {
        #[command(flatten)]
        place: PlaceArgs,
        /// Only this function, such as `sync-worker`.
        function: Option<String>,
        /// The version to call; the one before the deployment when it is left out.
        #[arg(long, value_name = "VERSION", requires = "function")]
        to: Option<u64>,
    },
}

/// Where functions run.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Cloud {
    /// Amazon Web Services.
    Aws,
}

/// Which functions are meant.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The cloud.
    #[arg(long, value_enum, default_value = "aws")]
    cloud: Cloud,
    /// The environment, as Terraform's `environment`, such as `dev`.
    #[arg(long, value_name = "NAME", required = true)]
    environment: Option<String>,
    /// What the deployment is called, as Terraform's `name`.
    #[arg(long, value_name = "NAME", default_value = DEPLOYMENT_NAME)]
    deployment_name: String,
}

/// What Terraform calls a deployment when nobody names it.
pub(crate) const DEPLOYMENT_NAME: &str = "moodbridge";

/// What to deploy.
#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The folder with the packages and their list, as `scripts/package` makes it.
    #[arg(long, value_name = "FOLDER", default_value = "packages/arm64")]
    packages: PathBuf,
    /// Only this function; may be given several times.
    #[arg(long, value_name = "FUNCTION")]
    only: Vec<String>,
    /// Which percentages of the calls the new versions take, one after the other.
    #[arg(long, value_name = "PERCENTAGES", default_value = "10,50,100")]
    steps: String,
    /// How long alarms are watched after each step.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = watch_time)]
    watch: Duration,
    /// An alarm that does not count, by its name; may be given several times.
    #[arg(long, value_name = "ALARM")]
    ignore_alarm: Vec<String>,
    /// The bucket of artefacts, where packages are kept by their digests; without one they go
    /// straight to the functions.
    #[arg(long, value_name = "BUCKET")]
    bucket: Option<String>,
    /// Only tells what would be done.
    #[arg(long)]
    dry_run: bool,
}

fn watch_time(raw: &str) -> Result<Duration, String> {
    parse_duration(raw).map_err(|error| error.to_string())
}

impl PlaceArgs {
    /// Returns what the names of functions and alarms begin with, as Terraform names them.
    fn prefix(&self) -> String {
        let Cloud::Aws = self.cloud;
        // Each command that has a place asks for it.
        let environment = self.environment.as_deref().unwrap_or_default();
        format!("{}-{environment}-", self.deployment_name)
    }

    async fn target(&self, bucket: Option<String>) -> Box<dyn DeployTarget> {
        wiring::deploy_target(self.prefix(), bucket).await
    }
}

/// Runs the command.
///
/// # Errors
///
/// When packages cannot be used, the cloud does not answer, or nothing could be begun.
pub(crate) async fn run(args: DeployArgs, output: Output) -> Result<ExitCode, CommandError> {
    match args.action {
        None => deploy(args.run, output).await,
        Some(DeployAction::Status { place }) => tell_status(&place, output).await,
        Some(DeployAction::Rollback { place, function, to }) => {
            let undo = function.map_or(Undo::Newest, |function| Undo::Function { function, to });
            undo_deployment(&place, &undo, output).await
        }
    }
}

async fn deploy(args: RunArgs, output: Output) -> Result<ExitCode, CommandError> {
    let failed = |error| CommandError::failed("read the functions", error);
    let pace = Pace::parse(&args.steps, args.watch);
    let pace = pace.map_err(|error| CommandError::failed("deploy", error))?;
    let list = PackageList::read(&args.packages, &args.only)
        .map_err(|error| CommandError::failed("read the packages", error))?;
    let target = args.place.target(args.bucket).await;
    let functions = target.functions().await.map_err(failed)?;
    let deployment = Note::new_deployment(SystemClock.now(), &SystemRandom);
    let plan = Plan::make(&list.packages, &functions, deployment)
        .map_err(|error| CommandError::failed("plan the deployment", error))?;
    if args.dry_run {
        return answer(output, &Planned(plan), SUCCESS);
    }
    let pace = pace.ignoring(args.ignore_alarm);
    let deployer = Deployer::new(&*target, &SystemClock, pace, &tell);
    let report = tokio::select! {
        report = deployer.run(&plan, &list.packages) => report,
        () = host::shutdown_signal() => {
            let fault = "stopped half way: the same command goes on from here, and `moodbridge \
                         deploy rollback` takes everything back";
            return Err(CommandError::failed("deploy", fault));
        }
    };
    let report = report.map_err(|error| CommandError::failed("deploy", error))?;
    let code = match report.outcome {
        Outcome::NothingToDo | Outcome::Deployed => SUCCESS,
        Outcome::NotBegun | Outcome::TakenBack => FOUND_WRONG,
        Outcome::LeftHalfWay => FAILURE,
    };
    answer(output, &Deployed(report), code)
}

async fn tell_status(place: &PlaceArgs, output: Output) -> Result<ExitCode, CommandError> {
    let target = place.target(None).await;
    let status = status(&*target)
        .await
        .map_err(|error| CommandError::failed("read the functions", error))?;
    let code = if status.half_way.is_some() { FOUND_WRONG } else { SUCCESS };
    answer(output, &Standing(status), code)
}

async fn undo_deployment(
    place: &PlaceArgs,
    undo: &Undo,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let target = place.target(None).await;
    let new = Note::new_deployment(SystemClock.now(), &SystemRandom);
    let undone = roll_back(&*target, undo, &new, &tell)
        .await
        .map_err(|error| CommandError::failed("roll back", error))?;
    let code = if undone.left.is_empty() { SUCCESS } else { FAILURE };
    answer(output, &Undone(undone), code)
}

fn answer<T: std::fmt::Display + serde::Serialize>(
    output: Output,
    document: &T,
    code: u8,
) -> Result<ExitCode, CommandError> {
    output.answer(document).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

#[expect(clippy::print_stderr, reason = "progress belongs on standard error")]
fn tell(progress: &Progress) {
    eprintln!("{progress}");
}
