//! The end of a run: that of its last partition.

use crate::error::PortError;
use crate::ids::CorrelationId;
use crate::ports::{Kept, PartitionTally, PipelineJournal, PipelineRun, PipelineRunState};
use crate::time::Timestamp;

/// Returns how `run` ends, of how its partitions stand; `None` while one is to come.
pub fn outcome(run: &PipelineRun, tally: &[PartitionTally]) -> Option<PipelineRunState> {
    use PipelineRunState::{Cancelled, Failed, Refused, Succeeded};
    // What came to an end in an earlier round is good only when it succeeded.
    let has_ended = |it: &&PartitionTally| {
        it.state == Succeeded || it.state.is_ended() && it.round == run.round
    };
    let n_ended: u32 = tally.iter().filter(has_ended).map(|it| it.n_partitions).sum();
    if n_ended < run.n_partitions? {
        return None;
    }
    let has = |state| tally.iter().filter(has_ended).any(|it| it.state == state);
    Some([Failed, Refused, Cancelled].into_iter().find(|it| has(*it)).unwrap_or(Succeeded))
}

/// Ends the run `id` when all of its partitions have ended. Of all who try, exactly one does, and gets
/// the run.
///
/// # Errors
///
/// As the journal answers.
pub async fn settle(
    journal: &dyn PipelineJournal,
    id: &CorrelationId,
    now: Timestamp,
) -> Result<Option<PipelineRun>, PortError> {
    loop {
        let Some(Kept { value: run, revision }) = journal.pipeline_run(id).await? else {
            return Ok(None);
        };
        if run.state.is_ended() {
            return Ok(None);
        }
        let tally = journal.tally_partitions(id).await?;
        let Some(state) = outcome(&run, &tally) else { return Ok(None) };
        let message = message(journal, &run, state).await?;
        let run = PipelineRun { state, message, finished_at: Some(now), ..run };
        if journal.put_run(&run, revision, &[]).await? {
            return Ok(Some(run));
        }
    }
}

/// Says of the first partition that did not succeed why.
async fn message(
    journal: &dyn PipelineJournal,
    run: &PipelineRun,
    state: PipelineRunState,
) -> Result<Option<String>, PortError> {
    if state == PipelineRunState::Succeeded {
        return Ok(None);
    }
    let partitions = journal.partitions(&run.id).await?;
    let mut to_blame = partitions.into_iter().filter(|it| it.state == state);
    let Some(first) = to_blame.next() else { return Ok(None) };
    let n_more = to_blame.count();
    let Some(reason) = first.message else { return Ok(None) };
    let at = if first.name.is_empty() { String::new() } else { format!("`{}`: ", first.name) };
    let more = if n_more == 0 { String::new() } else { format!(" (and {n_more} more)") };
    Ok(Some(format!("{at}{reason}{more}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::RunCounts;
    use crate::ports::pipeline_journal_contract::sample_pipeline_run;

    #[test]
    fn run_ends_with_its_last_partition_and_as_the_worst_of_them() {
        use PipelineRunState::{Failed, Queued, Refused, Running, Succeeded};
        let run = PipelineRun { n_partitions: Some(3), round: 2, ..sample_pipeline_run(1) };
        let of = |states: &[(PipelineRunState, u32, u32)]| {
            let tally = |&(state, round, n_partitions)| {
                let counts = RunCounts::default();
                PartitionTally { state, round, n_partitions, counts }
            };
            outcome(&run, &states.iter().map(tally).collect::<Vec<_>>())
        };
        assert_eq!(of(&[(Succeeded, 1, 2), (Queued, 1, 1)]), None);
        assert_eq!(of(&[(Succeeded, 1, 2), (Running, 2, 1)]), None);
        assert_eq!(of(&[(Succeeded, 1, 2), (Failed, 1, 1)]), None);
        assert_eq!(of(&[(Succeeded, 1, 2), (Succeeded, 2, 1)]), Some(Succeeded));
        assert_eq!(of(&[(Succeeded, 1, 1), (Refused, 2, 1), (Failed, 2, 1)]), Some(Failed));
        assert_eq!(of(&[(Succeeded, 1, 2), (Refused, 2, 1)]), Some(Refused));
        let unplanned = PipelineRun { n_partitions: None, ..run.clone() };
        assert_eq!(outcome(&unplanned, &[]), None);
        assert_eq!(outcome(&PipelineRun { n_partitions: Some(0), ..run }, &[]), Some(Succeeded));
    }
}
