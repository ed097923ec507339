//! `moodbridge queue`: depth, dead letters, replay.

use std::fmt;
use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::ports::{DeadLetter, QueueDepth, ReplaySelection};

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to do with the queues.
#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    #[command(subcommand)]
    command: QueueCommand,
    /// Looks at the queue of runs of pipelines in place of that of events.
    #[arg(long, global = true)]
    pipelines: bool,
    /// Looks at the queue of reports in place of that of events.
    #[arg(long, global = true, conflicts_with = "pipelines")]
    reports: bool,
}

/// What to do with one of them.
#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Tells how full the queue is.
    List,
    /// Lists dead letters, the newest first, with the reason of each.
    Dead {
        /// How many to list.
        #[arg(long, default_value = "20")]
        limit: NonZeroU32,
        /// Begins after this id: the last one of the page before.
        #[arg(long)]
        after: Option<String>,
    },
    /// Sends dead letters again, with their attempts forgotten.
    Replay {
        /// The ids to send again.
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// Sends every one again.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

#[derive(Serialize)]
struct QueueLine {
    name: String,
    #[serde(flatten)]
    depth: QueueDepth,
}

impl fmt::Display for QueueLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let QueueDepth { n_ready, n_in_flight, n_delayed, n_dead, oldest_sent_at } = self.depth;
        write!(
            f,
            "{}: {n_ready} ready, {n_in_flight} in flight, {n_delayed} delayed, {n_dead} dead",
            self.name
        )?;
        match oldest_sent_at {
            Some(at) => write!(f, ", oldest from {at}"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct DeadLetters {
    items: Vec<DeadLetter>,
}

impl fmt::Display for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return f.write_str("no dead letters");
        }
        for (idx, letter) in self.items.iter().enumerate() {
            let DeadLetter { id, n_attempts, reason, died_at, .. } = letter;
            let end = if idx + 1 < self.items.len() { "\n" } else { "" };
            write!(f, "{id}  {died_at}  after {n_attempts} attempts: {reason}{end}")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Replayed {
    n_replayed: u64,
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dead letters sent again", self.n_replayed)
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When the queue cannot be opened or does not answer.
pub(crate) async fn run(
    args: QueueArgs,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let QueueArgs { command, pipelines, reports } = args;
    let address = match (pipelines, reports) {
        (true, _) => settings.pipelines_queue()?,
        (_, true) => settings.reports_queue()?,
        _ => settings.events_queue()?,
    };
    let queue = wiring::queue(&address)
        .await
        .map_err(|error| CommandError::failed(format!("open the queue `{address}`"), error))?;
    let printed = match command {
        QueueCommand::List => {
            let depth = queue
                .depth()
                .await
                .map_err(|error| CommandError::failed("count the queue", error))?;
            output.answer(&QueueLine { name: queue.name().to_owned(), depth })
        }
        QueueCommand::Dead { limit, after } => {
            let items = queue
                .dead_letters(after.as_deref(), limit)
                .await
                .map_err(|error| CommandError::failed("list the dead letters", error))?;
            output.answer(&DeadLetters { items })
        }
        QueueCommand::Replay { ids, all } => {
            let selection = if all { ReplaySelection::All } else { ReplaySelection::Ids(ids) };
            let n_replayed = queue
                .replay(selection)
                .await
                .map_err(|error| CommandError::failed("replay the dead letters", error))?;
            output.answer(&Replayed { n_replayed })
        }
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}
