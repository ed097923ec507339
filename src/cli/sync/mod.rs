//! `moodbridge sync`: passes, comparisons, plans, and what waits to be sent.

mod drift;
mod map;
mod outbox;
mod plan;
mod reconcile;
mod run;
mod status;

use std::process::ExitCode;

use clap::Subcommand;
use shared::ids::{ConnectionId, ObjectName};
use shared::model::Entity;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to do about keeping both sides in step.
#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Reads what changed at every connection and applies it, sends what was changed here, then ends.
    Run,
    /// Lists how far each object has been read, what waits to be sent, and the newest runs.
    Status {
        /// How many runs to list.
        #[arg(long, default_value_t = 10)]
        limit: u32,
    },
    /// Prints every write that `sync run` would make on either side, and makes none.
    Plan {
        /// How many writes of each object to print; the others are counted.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Reads an object from the start again: fields that are newly mapped, or a store that was emptied.
    Reload {
        /// The connection.
        connection: ConnectionId,
        /// The object, such as `Case`.
        object: ObjectName,
    },
    /// Compares both sides. Exit code 3 when they differ and stay so.
    Reconcile {
        /// Only this object, such as `Case`.
        #[arg(long)]
        object: Option<ObjectName>,
        /// Puts right what differs.
        #[arg(long)]
        repair: bool,
    },
    /// Describes every mapped object, and tells what is not as it was or not as it is mapped. Exit code
    /// 3 when a mapped field does not work any more.
    Drift {
        /// Keeps what the objects look like now as what they shall look like.
        #[arg(long)]
        accept: bool,
    },
    /// Prints a mapping file for an object, proposed out of what the platform tells about it.
    Map {
        /// The connection.
        connection: ConnectionId,
        /// The object, such as `Case`.
        object: ObjectName,
        /// Prints the proposal.
        #[arg(long, required = true)]
        suggest: bool,
        /// What it is here: `account`, `contact` or `case`; needed when it is not mapped yet.
        #[arg(long, value_name = "KIND")]
        entity: Option<Entity>,
    },
    /// Lists records that could not be sent, each with the reason and the fix.
    Failed {
        /// How many to list.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Lets records that could not be sent be tried again: one, or all of a connection.
    Resend {
        /// The connection.
        connection: ConnectionId,
        /// Only this record: its object and id, such as `Case/500…`.
        #[arg(long, value_name = "OBJECT/ID")]
        record: Option<String>,
    },
    /// Lets the deletions of an object through for an hour, after the delete guard has stopped them.
    AllowDeletes {
        /// The connection.
        connection: ConnectionId,
        /// The object, such as `Case`.
        object: ObjectName,
    },
}

/// Runs `command`.
///
/// # Errors
///
/// When a part cannot be opened, or the work fails.
pub(crate) async fn run(
    command: SyncCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let mut code = SUCCESS;
    let printed = match command {
        SyncCommand::Run => output.answer(&run::run_once(settings).await?),
        SyncCommand::Status { limit } => output.answer(&status::status(settings, limit).await?),
        SyncCommand::Plan { limit } => output.answer(&plan::plan(settings, limit).await?),
        SyncCommand::Reload { connection, object } => {
            output.answer(&run::reload(settings, &connection, &object).await?)
        }
        SyncCommand::Reconcile { object, repair } => {
            let compared = reconcile::reconcile(settings, object.as_ref(), repair).await?;
            if !compared.is_well() {
                code = FOUND_WRONG;
            }
            output.answer(&compared)
        }
        SyncCommand::Drift { accept } => {
            let drifts = drift::drift(settings, accept).await?;
            code = drifts.exit_code();
            output.answer(&drifts)
        }
        SyncCommand::Map { connection, object, entity, .. } => {
            output.answer(&map::suggest(settings, &connection, &object, entity).await?)
        }
        SyncCommand::Failed { limit } => output.answer(&outbox::failed(settings, limit).await?),
        SyncCommand::Resend { connection, record } => {
            output.answer(&outbox::resend(settings, &connection, record.as_deref()).await?)
        }
        SyncCommand::AllowDeletes { connection, object } => {
            output.answer(&outbox::allow_deletes(settings, &connection, &object).await?)
        }
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

#[cfg(test)]
mod tests;
