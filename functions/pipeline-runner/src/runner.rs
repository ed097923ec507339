//! Handles one message: the begin of a round, or one partition of it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use metrics::counter;
use shared::etl::runs::{Definition, PipelineDesk, PipelineMessage, settle};
use shared::ids::CorrelationId;
use shared::ports::{Kept, PipelineRun, PipelineRunKind, PipelineRunState};
use shared::worker::{Failure, Message, MessageHandler};
use shared::{PortError, PortErrorKind, chain};
use tracing::{Span, info};

use crate::clock::desk;
use crate::failed::NotDone;
use crate::ports::{RunnerPorts, RunnerSettings};
use crate::work::work;

/// So many messages are sent at once.
const N_SENT: usize = 100;

/// Runs pipelines.
pub struct PipelineRunner {
    ports: RunnerPorts,
    settings: RunnerSettings,
    desk: PipelineDesk,
}

impl PipelineRunner {
    /// Runs them over `ports`.
    pub fn new(ports: RunnerPorts, settings: RunnerSettings) -> Self {
        Self { desk: desk(&ports), ports, settings }
    }

    /// Returns the desk at which the clock asks for runs.
    pub(crate) fn desk(&self) -> &PipelineDesk {
        &self.desk
    }

    /// Finds the partitions of a run, and queues those that are to be done.
    async fn begin(&self, asked: &PipelineMessage) -> Result<(), NotDone> {
        loop {
            let found = self.ports.journal.pipeline_run(&asked.run).await?;
            let Some(Kept { value: run, revision }) = found else {
                let text = format!("run `{}` is not in the journal: it was forgotten", asked.run);
                return Err(NotDone::Never(text));
            };
            if run.round != asked.round || run.state.is_ended() {
                return Ok(());
            }
            if run.n_partitions.is_some() && run.definition.is_some() {
                return self.queue(&run).await;
            }
            let planned = match self.plan(&run).await {
                Ok(planned) => planned,
                Err(NotDone::Never(reason)) => return self.refuse(run, revision, reason).await,
                Err(error) => return Err(error),
            };
            let (run, names) = planned;
            if self.ports.journal.put_run(&run, revision, &names).await? {
                return self.queue(&run).await;
            }
        }
    }

    /// Works out the definition and, in the first round, the partitions.
    async fn plan(&self, run: &PipelineRun) -> Result<(PipelineRun, Vec<String>), NotDone> {
        let Definition { pipeline, sha256 } = self.ports.definitions.read(&run.pipeline).await?;
        let planned = self.ports.engine.plan(&pipeline);
        planned.map_err(shared::etl::PipelineError::Invalid)?;
        let names = match (run.n_partitions, run.kind) {
            (Some(_), _) => Vec::new(),
            (None, PipelineRunKind::Replay) if run.only.is_empty() => vec![String::new()],
            (None, PipelineRunKind::Replay) => run.only.clone(),
            (None, PipelineRunKind::Source) => {
                let names = pipeline.partitions(&self.ports.open).await.map_err(not_listed)?;
                only(names, &run.only)?
            }
        };
        let n_new = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let n_partitions = run.n_partitions.unwrap_or(n_new);
        let message =
            (n_partitions == 0).then(|| format!("no file is there: `{}`", pipeline.source.part.at));
        let (definition, n_partitions) = (Some(sha256), Some(n_partitions));
        Ok((PipelineRun { definition, n_partitions, message, ..run.clone() }, names))
    }

    /// Ends a run whose definition or source is wrong: no partition can be done.
    async fn refuse(&self, run: PipelineRun, revision: u64, reason: String) -> Result<(), NotDone> {
        let failed = PipelineRun {
            state: PipelineRunState::Failed,
            message: Some(reason.clone()),
            finished_at: Some(self.ports.clock.now()),
            ..run
        };
        if self.ports.journal.put_run(&failed, revision, &[]).await? {
            report(&failed);
        }
        Err(NotDone::Never(reason))
    }

    /// Queues each partition that has not succeeded; one that is queued already is done once.
    async fn queue(&self, run: &PipelineRun) -> Result<(), NotDone> {
        let partitions = self.ports.journal.partitions(&run.id).await?;
        let to_do = partitions.iter().filter(|it| it.state != PipelineRunState::Succeeded);
        let messages: Result<Vec<_>, _> = to_do
            .map(|it| {
                let partition = Some(it.number);
                PipelineMessage { run: run.id.clone(), round: run.round, partition }.to_send()
            })
            .collect();
        let messages =
            messages.map_err(|error| NotDone::Never(format!("a message is no JSON: {error}")))?;
        info!(run.id = %run.id, correlation.id = %run.correlation_id, n_partitions = messages.len(),
            "run `{}` of `{}` has {} partitions to do", run.id, run.pipeline, messages.len());
        for some in messages.chunks(N_SENT) {
            self.ports.queue.send(some.to_vec()).await?;
        }
        // A source without files has no last partition to end it.
        self.settle(&run.id).await
    }

    async fn settle(&self, id: &CorrelationId) -> Result<(), NotDone> {
        if let Some(run) = settle(&*self.ports.journal, id, self.ports.clock.now()).await? {
            report(&run);
        }
        Ok(())
    }

    async fn run(&self, asked: &PipelineMessage, message: &Message) -> Result<(), NotDone> {
        if asked.partition.is_none() {
            return self.begin(asked).await;
        }
        let done = work(&self.ports, self.settings, asked, message).await;
        // Whoever ends the last partition ends the run; a process that died between the two is made up
        // for by the message that comes again.
        match done {
            Ok(()) | Err(NotDone::Never(_)) => {
                self.settle(&asked.run).await?;
                done
            }
            later => later,
        }
    }
}

/// Tells of the end of a run, once.
fn report(run: &PipelineRun) {
    let state = run.state.as_str();
    counter!("pipeline_runs_total", "state" => state).increment(1);
    info!(run.id = %run.id, correlation.id = %run.correlation_id, outcome = state,
        "run `{}` of `{}` ended: {state}", run.id, run.pipeline);
}

fn not_listed(error: shared::etl::PartitionsError) -> NotDone {
    match error {
        shared::etl::PartitionsError::NotListed { at, source } => {
            let missing = source.kind() == PortErrorKind::NotFound;
            let text = format!("the source `{at}` cannot be listed: {}", chain(&source));
            if missing { NotDone::Never(text) } else { with_text(source, text) }
        }
        error @ shared::etl::PartitionsError::TooMany { .. } => NotDone::Never(error.to_string()),
    }
}

fn with_text(source: PortError, text: String) -> NotDone {
    match NotDone::from(source) {
        NotDone::Later(_, wait) => NotDone::Later(text, wait),
        _ => NotDone::Never(text),
    }
}

/// Keeps the partitions that were asked for.
fn only(names: Vec<String>, wanted: &[String]) -> Result<Vec<String>, NotDone> {
    if wanted.is_empty() {
        return Ok(names);
    }
    let wanted: BTreeSet<&String> = wanted.iter().collect();
    let missing: Vec<_> =
        wanted.iter().filter(|it| !names.contains(**it)).map(|it| format!("`{it}`")).collect();
    if !missing.is_empty() {
        let text = format!("the source has no partition {}", missing.join(", "));
        return Err(NotDone::Never(text));
    }
    Ok(names.into_iter().filter(|it| wanted.contains(it)).collect())
}

#[async_trait]
impl MessageHandler for PipelineRunner {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let asked: PipelineMessage = serde_json::from_str(&message.body).map_err(|error| {
            let column = error.column();
            Failure::permanent(format!("the message asks for no run: column {column} is wrong"))
        })?;
        let correlation = match self.ports.journal.pipeline_run(&asked.run).await? {
            Some(kept) => kept.value.correlation_id,
            None => asked.run.clone(),
        };
        Span::current().record("correlation.id", correlation.as_str());
        Ok(self.run(&asked, message).await?)
    }
}
