//! `moodbridge nifi`: a dataflow of NiFi operated, and flow files sent into it.

mod report;
mod send;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use futures_util::TryStreamExt as _;
use shared::PortError;
use shared::config::ConfigError;
use shared::ports::dataflow::{
    Bulletin, Dataflow, FlowPart, FlowReport, PartId, PartKind, Switch, TraceQuery,
};

use self::report::{Events, Said, Status, Switched};
use self::send::SendArgs;
use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// What to do with NiFi.
#[derive(Debug, Subcommand)]
pub(crate) enum NifiCommand {
    /// Tells where the process group stands: its parts, its queues, and how far changes were sent.
    Status,
    /// Starts the process group, or one part of it.
    Start(Target),
    /// Stops the process group, or one part of it. What is in its queues stays there.
    Stop(Target),
    /// Shows what the process group said lately.
    Bulletins {
        /// Only what was said after this one.
        #[arg(long, value_name = "ID")]
        after: Option<u64>,
    },
    /// Shows what happened to flow files, the newest first.
    Trace(TraceArgs),
    /// Sends files, or changes, as flow files.
    Send(SendArgs),
}

/// What is started or stopped.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// A processor or port, by its name or id; without, everything in the group.
    part: Option<String>,
    /// The controller services of the group instead.
    #[arg(long, conflicts_with = "part")]
    services: bool,
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// Only at this processor or port, by its name or id.
    #[arg(long, value_name = "PART")]
    part: Option<String>,
    /// Only of this flow file.
    #[arg(long, value_name = "UUID", value_parser = part_id)]
    flow_file: Option<PartId>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

fn part_id(raw: &str) -> Result<PartId, String> {
    PartId::parse(raw).map_err(|error| error.to_string())
}

/// Runs `command`.
///
/// # Errors
///
/// When no NiFi is set, a store cannot be opened, or NiFi fails or refuses.
pub(crate) async fn run(
    command: NifiCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let parts = Parts::open(settings).await?;
    let printed = match command {
        NifiCommand::Send(args) => return send::run(args, &parts, settings, output).await,
        NifiCommand::Status => {
            let flow = dataflow(&parts, settings)?;
            let report = flow.look().await.map_err(failed("look at the process group"))?;
            let sent = match send::place(settings) {
                Ok(_) => Some(send::progress(&parts, settings).await?),
                Err(_) => None,
            };
            output.answer(&Status { report, sent })
        }
        NifiCommand::Start(target) => {
            output.answer(&switch(&parts, settings, &target, Switch::On).await?)
        }
        NifiCommand::Stop(target) => {
            output.answer(&switch(&parts, settings, &target, Switch::Off).await?)
        }
        NifiCommand::Bulletins { after } => {
            let flow = dataflow(&parts, settings)?;
            // NiFi keeps few, and forgets them after minutes.
            let said: Vec<Bulletin> = flow
                .bulletins(after)
                .try_collect()
                .await
                .map_err(failed("read what the process group said"))?;
            output.answer(&Said(said))
        }
        NifiCommand::Trace(args) => output.answer(&trace(&parts, settings, args).await?),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn switch(
    parts: &Parts,
    settings: &Settings,
    target: &Target,
    to: Switch,
) -> Result<Switched, CommandError> {
    let flow = dataflow(parts, settings)?;
    let failed = failed("start or stop it");
    let part = match (&target.part, target.services) {
        (Some(wanted), _) => Some(find(&look(&*flow).await?, wanted)?),
        (None, true) => Some(FlowPart::new(PartKind::Services, look(&*flow).await?.group)),
        (None, false) => None,
    };
    flow.switch(part.as_ref(), to).await.map_err(failed)?;
    Ok(Switched { part, to })
}

async fn trace(
    parts: &Parts,
    settings: &Settings,
    args: TraceArgs,
) -> Result<Events, CommandError> {
    let flow = dataflow(parts, settings)?;
    let TraceArgs { part, flow_file, limit } = args;
    let part = match part {
        Some(wanted) => Some(find(&look(&*flow).await?, &wanted)?.id),
        None => None,
    };
    let query = TraceQuery { part, flow_file, n_most: limit };
    flow.trace(&query).await.map(Events).map_err(failed("search what happened"))
}

async fn look(flow: &dyn Dataflow) -> Result<FlowReport, CommandError> {
    flow.look().await.map_err(failed("look at the process group"))
}

/// Finds a part by its name or id; a name that two parts have is none.
fn find(report: &FlowReport, wanted: &str) -> Result<FlowPart, CommandError> {
    let is_it = |it: &&shared::ports::dataflow::PartReport| {
        it.name == wanted || it.part.id.as_str() == wanted
    };
    let found: Vec<_> = report.parts.iter().filter(is_it).collect();
    match found.as_slice() {
        [one] => Ok(one.part.clone()),
        [] => Err(not_found(&format!(
            "no part is named `{wanted}`: `moodbridge nifi status` lists them"
        ))),
        several => Err(not_found(&format!(
            "{} parts are named `{wanted}`: write an id, as `moodbridge nifi status` lists them",
            several.len()
        ))),
    }
}

fn not_found(why: &str) -> CommandError {
    CommandError::failed("find the part", why.to_owned())
}

fn dataflow(
    parts: &Parts,
    settings: &Settings,
) -> Result<std::sync::Arc<dyn Dataflow>, CommandError> {
    let address = settings.nifi.address.as_ref().ok_or_else(|| {
        let what = "nifi.address: is not set: write such as \
                    `nifi://nifi.firm.example:8443/?username=…&password=env:NIFI_PASSWORD` \
                    (docs/nifi.md)";
        ConfigError::new(vec![what.to_owned()])
    })?;
    wiring::dataflow(address, &parts.surroundings(settings)?)
        .map_err(|error| CommandError::failed("open what `nifi.address` names", error))
}

fn failed(what: &'static str) -> impl Fn(PortError) -> CommandError {
    move |error| CommandError::failed(what, error)
}
