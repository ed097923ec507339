//! Where runs are asked for, looked at and ended, by people and programs.

mod due;
mod quality;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::KEPT_RUNS;
use super::definitions::{Definition, DefinitionError, Definitions};
use super::message::PipelineMessage;
use super::orders::{
    ListedPipeline, Ordered, PipelineDeskError, ReplayRequest, RunDetail, RunRequest, RunSummary,
};
use crate::config::nearest;
use crate::error::{PortError, PortErrorKind};
use crate::etl::{PipelineFault, replayed_rows};
use crate::ids::CorrelationId;
use crate::ports::{
    Clock, Kept, PartitionRun, PipelineJournal, PipelineRun, PipelineRunFilter, PipelineRunKind,
    PipelineRunState, Queue, Random, RunCounts,
};

/// How often a change is made again because somebody else wrote the run in between.
const MAX_TRIES: u32 = 8;

/// What the desk works with.
#[derive(Clone)]
pub struct DeskPorts {
    /// Where definitions are.
    pub definitions: Definitions,
    /// What is known of runs.
    pub journal: Arc<dyn PipelineJournal>,
    /// Where runs are queued.
    pub queue: Arc<dyn Queue>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names runs.
    pub random: Arc<dyn Random>,
}

/// Takes orders of runs. Definitions are checked for all that can be told without knowing expressions;
/// whoever runs them checks the rest.
#[derive(Clone)]
pub struct PipelineDesk {
    ports: DeskPorts,
}

impl PipelineDesk {
    /// Opens the desk.
    pub fn new(ports: DeskPorts) -> Self {
        Self { ports }
    }

    /// Lists every pipeline; one that is broken hides no other.
    ///
    /// # Errors
    ///
    /// As the folder or the journal answers.
    pub async fn list(&self) -> Result<Vec<ListedPipeline>, PortError> {
        let mut listed = Vec::new();
        for it in self.ports.definitions.list().await? {
            listed.push(self.listed(it.name, it.found).await?);
        }
        Ok(listed)
    }

    /// Shows one pipeline.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError::NoPipeline`] or [`PipelineDeskError::Failed`].
    pub async fn show(&self, name: &str) -> Result<ListedPipeline, PipelineDeskError> {
        let found = match self.definition(name).await {
            Ok(definition) => Ok(definition),
            Err(PipelineDeskError::Faulty { faults, .. }) => Err(faults),
            Err(error) => return Err(error),
        };
        self.listed(name.to_owned(), found).await.map_err(PipelineDeskError::Failed)
    }

    async fn listed(
        &self,
        name: String,
        found: Result<Definition, Vec<PipelineFault>>,
    ) -> Result<ListedPipeline, PortError> {
        let (pipeline, now) = (Some(name.clone()), self.ports.clock.now());
        let filter = PipelineRunFilter { pipeline, state: None, before: None, limit: 1 };
        let last_run = self.ports.journal.pipeline_runs(&filter).await?.into_iter().next();
        let schedule = found.as_ref().ok().and_then(|it| it.pipeline.schedule.as_ref());
        let next_at = schedule.map(|it| it.next_due(now));
        Ok(ListedPipeline { name, found, last_run, next_at })
    }

    async fn definition(&self, name: &str) -> Result<Definition, PipelineDeskError> {
        match self.ports.definitions.read(name).await {
            Ok(definition) => Ok(definition),
            Err(DefinitionError::Missing { name }) => {
                let names = self.ports.definitions.names().await;
                let names = names.map_err(PipelineDeskError::Failed)?;
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let meant = nearest(&name, &known).map(str::to_owned);
                Err(PipelineDeskError::NoPipeline { name, meant })
            }
            Err(DefinitionError::Faulty { name, faults }) => {
                Err(PipelineDeskError::Faulty { name, faults })
            }
            Err(DefinitionError::Unread { source, .. }) => Err(PipelineDeskError::Failed(source)),
        }
    }

    /// Starts a run. It is in the journal and in the queue when this returns.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError`].
    pub async fn start(&self, request: RunRequest) -> Result<Ordered, PipelineDeskError> {
        let Definition { pipeline, .. } = self.definition(&request.pipeline).await?;
        let names = request.only.iter();
        let faults: Vec<_> = names.filter_map(|it| pipeline.of_partition(it).err()).collect();
        if !faults.is_empty() {
            return Err(PipelineDeskError::Refused(faults));
        }
        let opened = self.open(request, PipelineRunKind::Source, None).await;
        opened.map_err(PipelineDeskError::Failed)
    }

    /// Starts a run over rows that were put right.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError`].
    pub async fn replay(&self, request: ReplayRequest) -> Result<Ordered, PipelineDeskError> {
        let ReplayRequest { run, rows } = request;
        let Definition { pipeline, .. } = self.definition(&run.pipeline).await?;
        let name = match (pipeline.is_partitioned(), run.only.as_slice()) {
            (true, [name]) => name.as_str(),
            (false, []) => "",
            (true, _) => {
                let text = "the source is many files: name the partition that the rows are of";
                return Err(PipelineDeskError::Refused(vec![text.to_owned()]));
            }
            (false, _) => {
                let text = "the source is one file: it has no partitions to name";
                return Err(PipelineDeskError::Refused(vec![text.to_owned()]));
            }
        };
        let of_one = pipeline.of_partition(name);
        let of_one = of_one.map_err(|fault| PipelineDeskError::Refused(vec![fault]))?;
        let rows = replayed_rows(&of_one, rows).map_err(PipelineDeskError::Refused)?;
        let rows = serde_json::to_string(&rows).map_err(|error| {
            let rejected = PortErrorKind::Rejected;
            let error = PortError::new(rejected, "desk", "write", "rows").with_source(error);
            PipelineDeskError::Failed(error)
        })?;
        let opened = self.open(run, PipelineRunKind::Replay, Some(&rows)).await;
        opened.map_err(PipelineDeskError::Failed)
    }

    async fn open(
        &self,
        request: RunRequest,
        kind: PipelineRunKind,
        rows: Option<&str>,
    ) -> Result<Ordered, PortError> {
        let DeskPorts { journal, clock, random, .. } = &self.ports;
        let id = random.correlation_id();
        let run = PipelineRun {
            correlation_id: request.correlation_id.unwrap_or_else(|| id.clone()),
            id,
            pipeline: request.pipeline,
            kind,
            state: PipelineRunState::Queued,
            round: 1,
            definition: None,
            only: request.only,
            n_partitions: None,
            message: None,
            started_by: request.started_by,
            idempotency_key: request.idempotency_key,
            requested_at: clock.now(),
            started_at: None,
            finished_at: None,
        };
        let stands = journal.open_run(&run, rows, KEPT_RUNS).await?;
        // Whoever asks again may do so because the first order did not get into the queue.
        if stands.n_partitions.is_none() && !stands.state.is_ended() {
            self.send(&stands).await?;
        }
        Ok(Ordered { is_new: stands.id == run.id, run: stands })
    }

    /// Queues the round that `run` is in.
    async fn send(&self, run: &PipelineRun) -> Result<(), PortError> {
        let message = PipelineMessage { run: run.id.clone(), round: run.round, partition: None };
        let message = message.to_send().map_err(|error| {
            let rejected = PortErrorKind::Rejected;
            PortError::new(rejected, "desk", "write", "message").with_source(error)
        })?;
        self.ports.queue.send(vec![message]).await.map(drop)
    }

    /// Does the partitions of a run again that did not succeed. One that has not ended is queued again:
    /// what is done or in hand already is not done twice.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError`]; [`Succeeded`](PipelineDeskError::Succeeded) when there is nothing to do.
    pub async fn retry(&self, id: &CorrelationId) -> Result<PipelineRun, PipelineDeskError> {
        let run = self
            .change(id, |run| {
                if run.state == PipelineRunState::Succeeded {
                    return Err(PipelineDeskError::Succeeded { id: run.id });
                }
                if !run.state.is_ended() {
                    return Ok(run);
                }
                Ok(PipelineRun {
                    state: PipelineRunState::Queued,
                    round: run.round + 1,
                    definition: None,
                    message: None,
                    started_at: None,
                    finished_at: None,
                    ..run
                })
            })
            .await?;
        self.send(&run).await.map_err(PipelineDeskError::Failed)?;
        Ok(run)
    }

    /// Ends a run: what has not begun is not begun, what is in hand is left. What is seen already stays.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError`]; [`Ended`](PipelineDeskError::Ended) when it has.
    pub async fn cancel(
        &self,
        id: &CorrelationId,
        by: &str,
    ) -> Result<PipelineRun, PipelineDeskError> {
        let now = self.ports.clock.now();
        self.change(id, |run| match run.state {
            state if state.is_ended() => Err(PipelineDeskError::Ended { id: run.id, state }),
            _ => Ok(PipelineRun {
                state: PipelineRunState::Cancelled,
                message: Some(format!("cancelled by {by}")),
                finished_at: Some(now),
                ..run
            }),
        })
        .await
    }

    async fn change(
        &self,
        id: &CorrelationId,
        to: impl Fn(PipelineRun) -> Result<PipelineRun, PipelineDeskError>,
    ) -> Result<PipelineRun, PipelineDeskError> {
        let journal = &self.ports.journal;
        for _ in 0..MAX_TRIES {
            let found = journal.pipeline_run(id).await.map_err(PipelineDeskError::Failed)?;
            let Some(Kept { value, revision }) = found else {
                return Err(PipelineDeskError::NoRun { id: id.clone() });
            };
            let next = to(value.clone())?;
            let is_same = next == value;
            if is_same
                || journal.put_run(&next, revision, &[]).await.map_err(PipelineDeskError::Failed)?
            {
                return Ok(next);
            }
        }
        let kind = PortErrorKind::Conflict;
        Err(PipelineDeskError::Failed(PortError::new(kind, "desk", "change", id.as_str())))
    }

    /// Lists runs, the newest first, behind the run `after`.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError::NoRun`] when `after` is none.
    pub async fn runs(
        &self,
        pipeline: Option<String>,
        state: Option<PipelineRunState>,
        after: Option<&CorrelationId>,
        limit: u32,
    ) -> Result<Vec<RunSummary>, PipelineDeskError> {
        let journal = &self.ports.journal;
        let before = match after {
            Some(id) => {
                let found = journal.pipeline_run(id).await.map_err(PipelineDeskError::Failed)?;
                let found = found.ok_or_else(|| PipelineDeskError::NoRun { id: id.clone() })?;
                Some((found.value.requested_at, found.value.id))
            }
            None => None,
        };
        let filter = PipelineRunFilter { pipeline, state, before, limit };
        let runs = journal.pipeline_runs(&filter).await.map_err(PipelineDeskError::Failed)?;
        let mut summaries = Vec::with_capacity(runs.len());
        for run in runs {
            summaries.push(self.summary(run).await?);
        }
        Ok(summaries)
    }

    async fn summary(&self, run: PipelineRun) -> Result<RunSummary, PipelineDeskError> {
        let tally = self.ports.journal.tally_partitions(&run.id).await;
        let mut counts = RunCounts::default();
        let mut states = BTreeMap::new();
        for it in tally.map_err(PipelineDeskError::Failed)? {
            counts += it.counts;
            *states.entry(shown(&run, it.state, it.round)).or_insert(0) += it.n_partitions;
        }
        Ok(RunSummary { run, counts, states })
    }

    /// Shows all of a run.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError::NoRun`] or [`PipelineDeskError::Failed`].
    pub async fn run(&self, id: &CorrelationId) -> Result<RunDetail, PipelineDeskError> {
        let journal = &self.ports.journal;
        let found = journal.pipeline_run(id).await.map_err(PipelineDeskError::Failed)?;
        let run = found.ok_or_else(|| PipelineDeskError::NoRun { id: id.clone() })?.value;
        let partitions = journal.partitions(id).await.map_err(PipelineDeskError::Failed)?;
        let rules = quality::of_all(&partitions);
        let as_shown =
            |it: PartitionRun| PartitionRun { state: shown(&run, it.state, it.round), ..it };
        let partitions = partitions.into_iter().map(as_shown).collect();
        Ok(RunDetail { rules, partitions, summary: self.summary(run).await? })
    }
}

/// Returns how a partition stands for whoever looks at its run: what has not ended when a run is
/// cancelled never will in its round, and what did not succeed before a retry is to be done again.
fn shown(run: &PipelineRun, state: PipelineRunState, round: u32) -> PipelineRunState {
    use PipelineRunState::{Cancelled, Queued, Succeeded};
    if state == Succeeded {
        return state;
    }
    let of_round = if round == run.round { state } else { Queued };
    match run.state {
        Cancelled if !of_round.is_ended() => Cancelled,
        _ => of_round,
    }
}

#[cfg(test)]
mod tests;
