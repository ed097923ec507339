//! Handles a message, which asks for one report, and a tick, which asks what is due.

use std::sync::Arc;

use async_trait::async_trait;
use shared::ports::{Queue, Random};
use shared::reports::{BuildPorts, BuildSettings, ReportBuilder, ReportMessage, open_due};
use shared::worker::{Failure, Message, MessageHandler, ScheduleHandler, Tick};
use tracing::{Span, info};

/// What the function works with.
#[derive(Clone)]
pub struct ReportPorts {
    /// What reports are built with.
    pub build: BuildPorts,
    /// Where they are queued.
    pub queue: Arc<dyn Queue>,
    /// Names reports.
    pub random: Arc<dyn Random>,
}

/// Builds reports, and looks which are due.
pub struct ReportRuns {
    builder: ReportBuilder,
    ports: ReportPorts,
}

impl ReportRuns {
    /// Builds them over `ports`.
    pub fn new(ports: ReportPorts, settings: BuildSettings) -> Self {
        Self { builder: ReportBuilder::new(ports.build.clone(), settings), ports }
    }
}

#[async_trait]
impl MessageHandler for ReportRuns {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let asked: ReportMessage = serde_json::from_str(&message.body).map_err(|error| {
            let column = error.column();
            Failure::permanent(format!("the message asks for no report: column {column} is wrong"))
        })?;
        if let Some(kept) = self.ports.build.journal.report(&asked.report).await? {
            Span::current().record("correlation.id", kept.value.correlation_id.as_str());
        }
        Ok(self.builder.build(&asked.report).await?)
    }
}

#[async_trait]
impl ScheduleHandler for ReportRuns {
    async fn run(&self, _tick: Tick) -> Result<(), Failure> {
        let ReportPorts { build, queue, random } = &self.ports;
        let BuildPorts { definitions, journal, clock, .. } = build;
        let opened = open_due(definitions, &**journal, &**queue, &**clock, &**random).await?;
        if opened > 0 {
            info!(n_rows = opened, "{opened} reports are due");
        }
        Ok(())
    }
}
