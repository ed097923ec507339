//! What `moodbridge deploy` answers.

use std::fmt;

use serde::Serialize;
use shared::deploy::{FunctionStatus, Outcome, Plan, Report, Status, TakenBack, Task};
use shared::ports::Digest;

/// What would be done.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Planned(pub(super) Plan);

/// What was done.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Deployed(pub(super) Report);

/// How everything stands.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Standing(pub(super) Status);

/// What was taken back.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Undone(pub(super) TakenBack);

fn short(digest: Option<&Digest>) -> &str {
    digest.map_or("-", Digest::short)
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { deployment, is_continued, functions } = &self.0;
        for it in functions {
            let (was, is) = (short(it.live_digest.as_ref()), it.digest.short());
            write!(f, "{:<20} version {:<5} ", it.function, it.live)?;
            match it.task {
                Task::Nothing => writeln!(f, "stays, it is {is} already")?,
                Task::Deploy { .. } => writeln!(f, "{was} → {is}, a new version")?,
                Task::Continue { version, percent } => {
                    writeln!(f, "{was} → {is}, version {version} goes on from {percent} %")?;
                }
            }
        }
        match (self.0.is_empty(), is_continued) {
            (true, _) => f.write_str("nothing to do"),
            (false, true) => write!(f, "deployment {deployment} would go on"),
            (false, false) => f.write_str("nothing was done: this is a dry run"),
        }
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { deployment, outcome, reason, functions, left } = &self.0;
        let name = deployment.as_deref().unwrap_or("-");
        let is_through = *outcome == Outcome::Deployed;
        for it in functions.iter().filter(|_| is_through) {
            writeln!(
                f,
                "{:<20} version {} → {} ({})",
                it.function,
                it.from,
                it.to,
                it.digest.short()
            )?;
        }
        let reason = reason.as_deref().unwrap_or("-");
        match outcome {
            Outcome::NothingToDo => f.write_str("nothing to do: every package is what is called"),
            Outcome::Deployed => write!(f, "deployment {name} is through"),
            Outcome::NotBegun => write!(f, "nothing was moved: {reason}"),
            Outcome::TakenBack => write!(f, "deployment {name} was taken back: {reason}"),
            Outcome::LeftHalfWay => {
                for it in left {
                    writeln!(f, "not taken back: {it}")?;
                }
                write!(
                    f,
                    "deployment {name} is half way: {reason}; look at `moodbridge deploy status`, \
                     take it back by `moodbridge deploy rollback`"
                )
            }
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { half_way, functions, raised_alarms } = &self.0;
        for it in functions {
            write!(f, "{:<20} ", it.function)?;
            write_function(f, it)?;
        }
        for alarm in raised_alarms {
            writeln!(f, "alarm `{alarm}` sounds")?;
        }
        match half_way {
            _ if functions.is_empty() => {
                f.write_str("no function: is it the right account, region and environment?")
            }
            None => f.write_str("no deployment is half way"),
            Some(deployment) => write!(
                f,
                "deployment {deployment} is half way: under way elsewhere, or interrupted. The same \
                 packages go on from here; `moodbridge deploy rollback` takes it back"
            ),
        }
    }
}

fn write_function(f: &mut fmt::Formatter<'_>, it: &FunctionStatus) -> fmt::Result {
    let Some(live) = it.live else { return writeln!(f, "has no alias `live`") };
    write!(f, "version {live} ({})", short(it.live_digest.as_ref()))?;
    if let (Some(next), Some(percent)) = (it.next, it.percent) {
        write!(f, ", {percent} % go to version {next}")?;
    } else if let Some(newest) = it.newest.filter(|it| *it > live) {
        write!(f, ", the newest is {newest}")?;
    }
    match (&it.deployment, it.before, it.taken_back) {
        (Some(deployment), Some(before), _) => {
            writeln!(f, "; deployment {deployment}, before it version {before}")
        }
        (Some(deployment), _, Some(from)) => {
            writeln!(f, "; deployment {deployment} was taken back from version {from}")
        }
        _ => writeln!(f),
    }
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TakenBack { functions, left, .. } = &self.0;
        for it in left {
            writeln!(f, "not taken back: {it}")?;
        }
        if functions.is_empty() {
            return f.write_str("nothing was moved");
        }
        f.write_str("So that `terraform apply` leaves it so, write:\n\nfunctions = {\n")?;
        for (function, version) in functions {
            writeln!(f, "  {function} = {{ live_version = \"{version}\" }}")?;
        }
        f.write_str("}")
    }
}
