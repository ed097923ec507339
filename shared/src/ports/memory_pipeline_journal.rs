//! The journal of pipelines in memory: for tests, and for trying things out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::pipeline_journal::{
    Kept, PartitionRun, PartitionTally, PipelineJournal, PipelineRun, PipelineRunFilter,
};
use crate::error::PortError;
use crate::ids::CorrelationId;

/// A journal that lives in this process.
#[derive(Default)]
pub struct MemoryPipelineJournal(Mutex<State>);

#[derive(Default)]
struct State {
    runs: BTreeMap<CorrelationId, (Kept<PipelineRun>, Option<String>)>,
    partitions: BTreeMap<(CorrelationId, u32), Kept<PartitionRun>>,
}

impl MemoryPipelineJournal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lists runs, the newest first.
    fn newest(&self) -> Vec<&PipelineRun> {
        let mut runs: Vec<_> = self.runs.values().map(|(it, _)| &it.value).collect();
        runs.sort_by(|a, b| (b.requested_at, &b.id).cmp(&(a.requested_at, &a.id)));
        runs
    }

    fn forget(&mut self, pipeline: &str, keep: u32) {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        let of_pipeline = self.newest().into_iter().filter(|it| it.pipeline == pipeline);
        let old = of_pipeline.skip(keep).filter(|it| it.state.is_ended());
        let old: Vec<_> = old.map(|it| it.id.clone()).collect();
        self.runs.retain(|id, _| !old.contains(id));
        self.partitions.retain(|(id, _), _| !old.contains(id));
    }
}

#[async_trait]
impl PipelineJournal for MemoryPipelineJournal {
    async fn open_run(
        &self,
        run: &PipelineRun,
        replayed: Option<&str>,
        keep: u32,
    ) -> Result<PipelineRun, PortError> {
        let mut state = self.state();
        let is_same = |it: &&PipelineRun| {
            let has_key = it.idempotency_key.is_some() && it.pipeline == run.pipeline;
            it.id == run.id || has_key && it.idempotency_key == run.idempotency_key
        };
        if let Some(found) = state.newest().into_iter().find(is_same) {
            return Ok(found.clone());
        }
        let kept = Kept { value: run.clone(), revision: 1 };
        state.runs.insert(run.id.clone(), (kept, replayed.map(str::to_owned)));
        state.forget(&run.pipeline, keep);
        Ok(run.clone())
    }

    async fn pipeline_run(
        &self,
        id: &CorrelationId,
    ) -> Result<Option<Kept<PipelineRun>>, PortError> {
        Ok(self.state().runs.get(id).map(|(it, _)| it.clone()))
    }

    async fn replayed_rows(&self, id: &CorrelationId) -> Result<Option<String>, PortError> {
        Ok(self.state().runs.get(id).and_then(|(_, rows)| rows.clone()))
    }

    async fn put_run(
        &self,
        run: &PipelineRun,
        revision: u64,
        names: &[String],
    ) -> Result<bool, PortError> {
        let mut state = self.state();
        match state.runs.get_mut(&run.id) {
            Some((kept, _)) if kept.revision == revision => {
                *kept = Kept { value: run.clone(), revision: revision + 1 };
            }
            _ => return Ok(false),
        }
        for (number, name) in (1..).zip(names) {
            let value = PartitionRun::queued(run.id.clone(), number, name.clone());
            state.partitions.insert((run.id.clone(), number), Kept { value, revision: 1 });
        }
        Ok(true)
    }

    async fn pipeline_runs(
        &self,
        filter: &PipelineRunFilter,
    ) -> Result<Vec<PipelineRun>, PortError> {
        let PipelineRunFilter { pipeline, state, before, limit } = filter;
        let is_wanted = |it: &&PipelineRun| {
            pipeline.as_ref().is_none_or(|name| *name == it.pipeline)
                && state.is_none_or(|state| state == it.state)
                && before.as_ref().is_none_or(|(at, id)| (it.requested_at, &it.id) < (*at, id))
        };
        let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
        Ok(self.state().newest().into_iter().filter(is_wanted).take(limit).cloned().collect())
    }

    async fn partition(
        &self,
        run: &CorrelationId,
        number: u32,
    ) -> Result<Option<Kept<PartitionRun>>, PortError> {
        Ok(self.state().partitions.get(&(run.clone(), number)).cloned())
    }

    async fn put_partition(
        &self,
        partition: &PartitionRun,
        revision: u64,
    ) -> Result<bool, PortError> {
        let mut state = self.state();
        let key = (partition.run.clone(), partition.number);
        match state.partitions.get_mut(&key) {
            Some(kept) if kept.revision == revision => {
                *kept = Kept { value: partition.clone(), revision: revision + 1 };
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn partitions(&self, run: &CorrelationId) -> Result<Vec<PartitionRun>, PortError> {
        let state = self.state();
        let of_run = state.partitions.range((run.clone(), 0)..=(run.clone(), u32::MAX));
        Ok(of_run.map(|(_, it)| it.value.clone()).collect())
    }

    async fn tally_partitions(
        &self,
        run: &CorrelationId,
    ) -> Result<Vec<PartitionTally>, PortError> {
        let mut tallies: Vec<PartitionTally> = Vec::new();
        for partition in self.partitions(run).await? {
            let PartitionRun { state, round, counts, .. } = partition;
            match tallies.iter_mut().find(|it| (it.state, it.round) == (state, round)) {
                Some(tally) => {
                    tally.n_partitions += 1;
                    tally.counts += counts;
                }
                None => tallies.push(PartitionTally { state, round, n_partitions: 1, counts }),
            }
        }
        tallies.sort_by_key(|it| (it.state, it.round));
        Ok(tallies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::pipeline_journal_contract::pipeline_journal_contract;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        pipeline_journal_contract(&MemoryPipelineJournal::default()).await;
    }
}
