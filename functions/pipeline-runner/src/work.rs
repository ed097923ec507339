//! One partition: claimed, run, and written into the journal.

use std::time::Instant;

use metrics::{counter, histogram};
use shared::etl::runs::{Claimed, Definition, Hold, PipelineMessage, claim};
use shared::etl::{Pipeline, PipelineError, ReplayRow, RunReport, Verdict};
use shared::ports::{
    Kept, PartitionRun, PipelineRun, PipelineRunKind, PipelineRunState, RunCounts, RunOptions,
};
use shared::worker::Message;
use tracing::{info, warn};

use crate::failed::NotDone;
use crate::ports::{RunnerPorts, RunnerSettings};
use crate::watch::{Stop, Watch};

/// How often a partition is handed back because its time was over: once more may be luck, twice is not.
const MAX_OVERRUNS: u32 = 1;

/// Does the partition that `message` asks for. Whatever is returned, what became of it is written.
pub(crate) async fn work(
    ports: &RunnerPorts,
    settings: RunnerSettings,
    asked: &PipelineMessage,
    message: &Message,
) -> Result<(), NotDone> {
    let token = ports.random.bits();
    let hold = Hold { message_id: &message.id, token, lease: settings.lease };
    let (run, kept) = match claim(&*ports.journal, &*ports.clock, asked, hold).await? {
        Claimed::Granted(granted) => *granted,
        Claimed::Ended | Claimed::Duplicate => return Ok(()),
        Claimed::InHand { until } => {
            let (run, number) = (asked.run.to_string(), asked.partition.unwrap_or(0));
            let wait = until.since(ports.clock.now());
            return Err(NotDone::InHand { run, number, wait });
        }
        Claimed::GivenUp(reason) => return Err(NotDone::Never(reason)),
        Claimed::Unknown => {
            let text = format!("run `{}` is not in the journal: it was forgotten", asked.run);
            return Err(NotDone::Never(text));
        }
    };
    begun(ports, &run).await?;
    let partition = kept.value.clone();
    let watch = Watch::new(ports, settings, run.clone(), kept);
    let started = Instant::now();
    let done = attempt(ports, &run, &partition, &watch).await;
    histogram!("pipeline_partition_seconds", "pipeline" => run.pipeline.clone())
        .record(started.elapsed().as_secs_f64());
    settle_partition(&run, &partition, &watch, settings, done).await
}

/// Notes that the first partition of the round began.
async fn begun(ports: &RunnerPorts, run: &PipelineRun) -> Result<(), NotDone> {
    let found = ports.journal.pipeline_run(&run.id).await?;
    let Some(Kept { value, revision }) = found else { return Ok(()) };
    if value.state == PipelineRunState::Queued && value.round == run.round {
        let (state, started_at) = (PipelineRunState::Running, Some(ports.clock.now()));
        let begun = PipelineRun { state, started_at, ..value };
        // Somebody else may have noted it.
        ports.journal.put_run(&begun, revision, &[]).await?;
    }
    Ok(())
}

async fn attempt(
    ports: &RunnerPorts,
    run: &PipelineRun,
    partition: &PartitionRun,
    watch: &Watch<'_>,
) -> Result<RunReport, NotDone> {
    let Definition { pipeline, sha256 } = ports.definitions.read(&run.pipeline).await?;
    if run.definition.as_deref() != Some(&sha256) {
        let text = "the definition was changed since this round began: retry the run, and the rest is \
                    done by the new one";
        return Err(NotDone::Never(text.to_owned()));
    }
    let pipeline = pipeline.of_partition(&partition.name).map_err(NotDone::Never)?;
    let run_it = run_over(ports, run, &pipeline, watch);
    tokio::select! {
        report = run_it => Ok(report?),
        // The engine did not notice in time: dropped, it leaves at most parts that nobody sees.
        () = watch.keep() => Err(PipelineError::Stopped.into()),
    }
}

async fn run_over(
    ports: &RunnerPorts,
    run: &PipelineRun,
    pipeline: &Pipeline,
    watch: &Watch<'_>,
) -> Result<RunReport, NotDone> {
    // Every partition, and every try of one, has the same time: what is made again is equal.
    let options = RunOptions { now: Some(run.requested_at), ..RunOptions::default() };
    Ok(match run.kind {
        PipelineRunKind::Source => ports.engine.run(pipeline, options, watch).await?,
        PipelineRunKind::Replay => {
            let rows = ports.journal.replayed_rows(&run.id).await?;
            let rows: Vec<ReplayRow> = serde_json::from_str(rows.as_deref().unwrap_or_default())
                .map_err(|error| {
                    NotDone::Never(format!("the rows of the replay cannot be read: {error}"))
                })?;
            let pipeline = pipeline.for_replay(run.id.as_str()).map_err(NotDone::Never)?;
            ports.engine.replay(&pipeline, rows, options, watch).await?
        }
    })
}

/// Writes what became of a partition that was in hand.
async fn settle_partition(
    run: &PipelineRun,
    partition: &PartitionRun,
    watch: &Watch<'_>,
    settings: RunnerSettings,
    done: Result<RunReport, NotDone>,
) -> Result<(), NotDone> {
    let name = &partition.name;
    let error = match done {
        Ok(report) => return finish(run, watch, report).await,
        Err(NotDone::Lost) => match watch.stop() {
            Stop::Unwanted => {
                watch.give_back("its run was cancelled", false).await;
                info!(run.id = %run.id, "partition `{name}` of run `{}` was cancelled", run.id);
                return Ok(());
            }
            Stop::Overrun => {
                let within = settings.within.unwrap_or_default();
                let overrun = NotDone::Overrun(within);
                match watch.n_overruns().await {
                    n if n < MAX_OVERRUNS => {
                        watch.give_back(&overrun.to_string(), true).await;
                        return Err(overrun);
                    }
                    _ => NotDone::Never(overrun.to_string()),
                }
            }
            Stop::Lost | Stop::None => NotDone::Lost,
        },
        Err(error) => error,
    };
    match error {
        NotDone::Never(reason) => {
            warn!(run.id = %run.id, error = %reason, "partition `{name}` of run `{}` failed", run.id);
            counted(PipelineRunState::Failed);
            let is_ours = watch
                .write(|it| {
                    it.state = PipelineRunState::Failed;
                    it.message = Some(reason.clone());
                    ended(it, run, watch);
                })
                .await?;
            if is_ours { Err(NotDone::Never(reason)) } else { Err(NotDone::Lost) }
        }
        NotDone::Lost => Err(NotDone::Lost),
        later => {
            watch.give_back(&later.to_string(), false).await;
            Err(later)
        }
    }
}

fn ended(partition: &mut PartitionRun, run: &PipelineRun, watch: &Watch<'_>) {
    partition.round = run.round;
    partition.owner = None;
    partition.leased_until = None;
    partition.finished_at = Some(watch.now());
}

fn counted(state: PipelineRunState) {
    counter!("pipeline_partitions_total", "state" => state.as_str()).increment(1);
}

/// Writes the verdict.
async fn finish(run: &PipelineRun, watch: &Watch<'_>, report: RunReport) -> Result<(), NotDone> {
    let (state, message) = match &report.verdict {
        Verdict::Passed => (PipelineRunState::Succeeded, None),
        Verdict::Warned => (PipelineRunState::Succeeded, Some("passed with warnings".to_owned())),
        Verdict::Stopped { reason } => (PipelineRunState::Refused, Some(reason.clone())),
    };
    let counts = RunCounts {
        n_read: report.n_read,
        n_filtered: report.n_filtered,
        n_rejected: report.n_rejected,
        n_out: report.n_out,
    };
    let is_ours = watch
        .write(|it| {
            it.state = state;
            it.message = message;
            it.counts = counts;
            it.output = report.written_at().map(str::to_owned);
            it.rules = report.rules;
            it.quarantine = report.quarantine.map(|it| it.at);
            ended(it, run, watch);
        })
        .await?;
    if !is_ours {
        return Err(NotDone::Lost);
    }
    counted(state);
    for (outcome, n_rows) in [
        ("read", counts.n_read),
        ("written", if state == PipelineRunState::Succeeded { counts.n_out } else { 0 }),
        ("filtered", counts.n_filtered),
        ("rejected", counts.n_rejected),
    ] {
        counter!("pipeline_rows_total", "pipeline" => run.pipeline.clone(), "outcome" => outcome)
            .increment(n_rows);
    }
    Ok(())
}
