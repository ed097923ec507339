//! `moodbridge setup`: prepares an org for records that travel both ways, and says what is left to do
//! by hand.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use shared::ids::ConnectionId;
use wiring::connecting::{BY_HAND, Prepared, PreparedThing};

use crate::exit::{CommandError, FAILURE, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// What is prepared.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// The connection.
    connection: ConnectionId,
    /// Only looks, and makes nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    connection: ConnectionId,
    is_dry_run: bool,
    things: Vec<PreparedThing>,
    by_hand: Vec<&'static str>,
}

impl Answer {
    /// Returns how the command ends: what failed weighs more than what is there in another form.
    fn exit_code(&self) -> u8 {
        let any = |is_it: fn(&Prepared) -> bool| self.things.iter().any(|it| is_it(&it.prepared));
        if any(|it| matches!(it, Prepared::Failed { .. })) {
            FAILURE
        } else if any(|it| matches!(it, Prepared::Differs { .. })) {
            FOUND_WRONG
        } else {
            SUCCESS
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PreparedThing { thing, prepared, by_hand } in &self.things {
            match prepared {
                Prepared::AlreadyThere => write!(f, "was there     {thing}")?,
                Prepared::Created => write!(f, "made          {thing}")?,
                Prepared::Missing => write!(f, "would be made {thing}")?,
                Prepared::Differs { .. } => write!(f, "differs       {thing}")?,
                Prepared::Failed { reason } => write!(f, "failed        {thing}: {reason}")?,
            }
            if let Some(by_hand) = by_hand {
                write!(f, "\n              by hand: {by_hand}")?;
            }
            writeln!(f)?;
        }
        f.write_str("Left to a person:")?;
        self.by_hand.iter().try_for_each(|it| write!(f, "\n  - {it}"))
    }
}

/// Prepares what `args` name.
///
/// # Errors
///
/// When there is no such connection, or nothing can be prepared there. What the org refuses is an
/// answer.
pub(crate) async fn run(
    args: SetupArgs,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let answer = prepare(&args, settings).await?;
    output.answer(&answer).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(answer.exit_code().into())
}

async fn prepare(args: &SetupArgs, settings: &Settings) -> Result<Answer, CommandError> {
    let SetupArgs { connection, dry_run } = args;
    let tried = || format!("set up `{connection}`");
    let found = settings.connections.iter().find(|it| it.name() == connection);
    let found = found.ok_or_else(|| {
        let known: Vec<_> =
            settings.connections.iter().map(|it| format!("`{}`", it.name())).collect();
        let why = match known.is_empty() {
            true => "there is no connection: `moodbridge connect salesforce` makes one".to_owned(),
            false => format!("there is no such connection: write one of {}", known.join(", ")),
        };
        CommandError::failed(tried(), why)
    })?;
    let parts = Parts::open(settings).await?;
    let prepared = found.prepare(&parts.surroundings(settings)?, *dry_run).await;
    let things = prepared.map_err(|error| CommandError::failed(tried(), error))?;
    let things = things.ok_or_else(|| {
        let why = format!("{} needs nothing that can be made from here", found.platform().title());
        CommandError::failed(tried(), why)
    })?;
    let (connection, is_dry_run) = (connection.clone(), *dry_run);
    Ok(Answer { connection, is_dry_run, things, by_hand: BY_HAND.to_vec() })
}

#[cfg(test)]
mod tests;
