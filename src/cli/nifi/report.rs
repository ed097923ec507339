//! What is printed of NiFi.

use std::fmt;

use serde::Serialize;
use shared::ports::dataflow::{Bulletin, FlowPart, FlowReport, Switch, TraceEvent};

/// How far changes were sent.
#[derive(Serialize)]
pub(super) struct Sent {
    pub(super) position: u64,
    pub(super) n_behind: u64,
}

#[derive(Serialize)]
pub(super) struct Status {
    #[serde(flatten)]
    pub(super) report: FlowReport,
    /// Missing where nothing says where flow files go.
    pub(super) sent: Option<Sent>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = &self.report;
        write!(f, "NiFi {}, `{}`: ", it.version, it.name)?;
        write!(f, "{} flow files ({} bytes) wait, ", it.n_files_queued, it.n_bytes_queued)?;
        write!(f, "{} threads work", it.n_threads)?;
        if let Some(Sent { position, n_behind }) = self.sent {
            write!(f, "; changes sent up to {position}, {n_behind} wait")?;
        }
        for part in &it.parts {
            write!(f, "\n{:<10} {}  {}", part.state, part.part.id, part.name)?;
            part.faults.iter().try_for_each(|fault| write!(f, "\n           {fault}"))?;
        }
        for queue in it.queues.iter().filter(|it| it.n_files > 0) {
            write!(f, "\n{} flow files ({} bytes) ", queue.n_files, queue.n_bytes)?;
            write!(f, "between `{}` and `{}`", queue.from, queue.to)?;
            queue.percent_full.iter().try_for_each(|it| write!(f, ", {it} % full"))?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
pub(super) struct Switched {
    pub(super) part: Option<FlowPart>,
    pub(super) to: Switch,
}

impl fmt::Display for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "`{part}` ")?,
            None => write!(f, "everything in the group ")?,
        }
        f.write_str(match self.to {
            Switch::On => "is started",
            Switch::Off => "is stopped",
        })
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Said(pub(super) Vec<Bulletin>);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing was said");
        }
        let line = |it: &Bulletin| {
            format!("{} {} {:<5} {}: {}", it.id, it.at, it.level, it.source, it.message)
        };
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Events(pub(super) Vec<TraceEvent>);

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing happened");
        }
        let line = |it: &TraceEvent| {
            format!("{} {:<12} {} at {} {}", it.at, it.kind, it.flow_file, it.part, it.details)
        };
        let lines = self.0.iter().map(line).map(|it| it.trim_end().to_owned());
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}
