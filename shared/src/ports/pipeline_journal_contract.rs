//! What every journal of pipelines must do, as code: see the contract of [`PipelineJournal`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;

use super::pipeline_journal::{
    Kept, PartitionRun, PipelineJournal, PipelineRun, PipelineRunFilter, PipelineRunKind,
    PipelineRunState, RunCounts,
};
use crate::etl::{Action, RuleReport};
use crate::ids::CorrelationId;
use crate::time::Timestamp;

/// Returns the sample run `number`, which waits in the queue.
pub fn sample_pipeline_run(number: u32) -> PipelineRun {
    let first = Timestamp::parse("2026-11-22T03:00:00Z").unwrap();
    PipelineRun {
        id: CorrelationId::from_random(u128::from(number)),
        pipeline: "clean-cases".to_owned(),
        kind: PipelineRunKind::Source,
        state: PipelineRunState::Queued,
        round: 1,
        definition: None,
        only: Vec::new(),
        n_partitions: None,
        message: None,
        started_by: "person:ann".to_owned(),
        correlation_id: CorrelationId::from_random(u128::from(number) + 1000),
        idempotency_key: None,
        requested_at: first.plus(Duration::from_mins(u64::from(number))),
        started_at: None,
        finished_at: None,
    }
}

/// Checks a fresh journal.
///
/// # Panics
///
/// When it breaks the contract.
pub async fn pipeline_journal_contract(journal: &dyn PipelineJournal) {
    runs_are_opened_once(journal).await;
    runs_are_listed_newest_first(journal).await;
    partitions_are_written_by_revision(journal).await;
    old_runs_are_forgotten(journal).await;
}

async fn runs_are_opened_once(journal: &dyn PipelineJournal) {
    let first = PipelineRun {
        idempotency_key: Some("nightly \u{0} 1".to_owned()),
        only: vec!["2026-01".to_owned()],
        ..sample_pipeline_run(1)
    };
    let again = PipelineRun { id: CorrelationId::from_random(77), ..first.clone() };
    assert_eq!(journal.pipeline_run(&first.id).await.unwrap(), None);
    assert_eq!(journal.open_run(&first, Some("[1]"), 100).await.unwrap(), first);
    assert_eq!(journal.open_run(&first, None, 100).await.unwrap(), first);
    assert_eq!(journal.open_run(&again, None, 100).await.unwrap(), first);
    assert_eq!(journal.pipeline_run(&again.id).await.unwrap(), None);
    assert_eq!(journal.replayed_rows(&first.id).await.unwrap().as_deref(), Some("[1]"));

    // The key is that of one pipeline.
    let other = PipelineRun { pipeline: "other".to_owned(), ..again.clone() };
    assert_eq!(journal.open_run(&other, None, 100).await.unwrap(), other);
    assert_eq!(journal.replayed_rows(&other.id).await.unwrap(), None);

    // Of many at once one stands.
    let opened = (200..216).map(|number| {
        let key = Some("at once".to_owned());
        let run = PipelineRun { idempotency_key: key, ..sample_pipeline_run(number) };
        async move { journal.open_run(&run, None, 100).await.unwrap().id }
    });
    let ids = join_all(opened).await;
    assert!(ids.iter().all(|it| Some(it) == ids.first()), "{ids:?}");
}

async fn runs_are_listed_newest_first(journal: &dyn PipelineJournal) {
    for number in 2..=5 {
        let run = PipelineRun { pipeline: "listed".to_owned(), ..sample_pipeline_run(number) };
        journal.open_run(&run, None, 100).await.unwrap();
    }
    let Kept { value, revision } =
        journal.pipeline_run(&sample_pipeline_run(4).id).await.unwrap().unwrap();
    let ended = PipelineRun {
        state: PipelineRunState::Failed,
        definition: Some("ab".repeat(32)),
        n_partitions: Some(0),
        message: Some("why \u{0} ever".to_owned()),
        started_at: Some(value.requested_at.plus(Duration::from_secs(1))),
        finished_at: Some(value.requested_at.plus(Duration::from_secs(2))),
        round: 2,
        ..value
    };
    assert!(!journal.put_run(&ended, revision + 1, &[]).await.unwrap());
    assert!(journal.put_run(&ended, revision, &[]).await.unwrap());
    assert!(!journal.put_run(&ended, revision, &[]).await.unwrap());
    let kept = journal.pipeline_run(&ended.id).await.unwrap().unwrap();
    assert_eq!(kept, Kept { value: ended.clone(), revision: revision + 1 });

    let filter = PipelineRunFilter {
        pipeline: Some("listed".to_owned()),
        state: None,
        before: None,
        limit: 3,
    };
    let numbers = |runs: Vec<PipelineRun>| {
        let of = |it: PipelineRun| (2..=5).find(|number| sample_pipeline_run(*number).id == it.id);
        runs.into_iter().filter_map(of).collect::<Vec<u32>>()
    };
    let listed = journal.pipeline_runs(&filter).await.unwrap();
    let last = listed.last().map(|it| (it.requested_at, it.id.clone()));
    assert_eq!(numbers(listed), [5, 4, 3]);
    let next = PipelineRunFilter { before: last, ..filter.clone() };
    assert_eq!(numbers(journal.pipeline_runs(&next).await.unwrap()), [2]);
    let failed = PipelineRunFilter { state: Some(PipelineRunState::Failed), ..filter };
    assert_eq!(journal.pipeline_runs(&failed).await.unwrap(), [ended]);
}

async fn partitions_are_written_by_revision(journal: &dyn PipelineJournal) {
    let run = PipelineRun { pipeline: "parted".to_owned(), ..sample_pipeline_run(20) };
    journal.open_run(&run, None, 100).await.unwrap();
    let planned = PipelineRun { n_partitions: Some(3), ..run.clone() };
    let names: Vec<String> = ["a", "b", "ü c"].map(str::to_owned).to_vec();
    assert!(!journal.put_run(&planned, 9, &names).await.unwrap());
    assert_eq!(journal.partitions(&run.id).await.unwrap(), []);
    assert!(journal.put_run(&planned, 1, &names).await.unwrap());

    let listed = journal.partitions(&run.id).await.unwrap();
    let fresh = |number, name: &str| PartitionRun::queued(run.id.clone(), number, name.to_owned());
    assert_eq!(listed, [fresh(1, "a"), fresh(2, "b"), fresh(3, "ü c")]);

    // Of many that claim it at once, one does.
    let claims = (0..8).map(|owner| {
        let mut claimed = fresh(2, "b");
        claimed.state = PipelineRunState::Running;
        claimed.owner = Some(format!("m/{owner}"));
        claimed.leased_until = Some(run.requested_at);
        async move { journal.put_partition(&claimed, 1).await.unwrap() }
    });
    assert_eq!(join_all(claims).await.into_iter().filter(|it| *it).count(), 1);

    let Kept { value, revision } = journal.partition(&run.id, 2).await.unwrap().unwrap();
    assert_eq!((value.state, revision), (PipelineRunState::Running, 2));
    let done = PartitionRun {
        state: PipelineRunState::Refused,
        round: 3,
        n_attempts: 4,
        n_overruns: 1,
        owner: None,
        leased_until: None,
        counts: RunCounts { n_read: 10, n_filtered: 1, n_rejected: 2, n_out: 7 },
        rules: vec![RuleReport {
            rule: "not_null_id".to_owned(),
            action: Action::Stop,
            n_checked: 10,
            n_failed: 2,
            found: None,
        }],
        message: Some("2 of 10 rows were rejected".to_owned()),
        output: Some("file:out/b.csv".to_owned()),
        quarantine: Some("file:out/b-rejects.csv".to_owned()),
        started_at: Some(run.requested_at),
        finished_at: Some(run.requested_at.plus(Duration::from_secs(1))),
        ..value
    };
    assert!(journal.put_partition(&done, revision).await.unwrap());
    assert_eq!(journal.partition(&run.id, 2).await.unwrap().unwrap().value, done);
    assert_eq!(journal.partition(&run.id, 4).await.unwrap(), None);

    let tally = journal.tally_partitions(&run.id).await.unwrap();
    let figures: Vec<_> = tally
        .iter()
        .map(|it| (it.state, it.round, it.n_partitions, it.counts.n_read, it.counts.n_out))
        .collect();
    let queued = (PipelineRunState::Queued, 1, 2, 0, 0);
    assert_eq!(figures, [queued, (PipelineRunState::Refused, 3, 1, 10, 7)]);
}

async fn old_runs_are_forgotten(journal: &dyn PipelineJournal) {
    let run = |number| PipelineRun { pipeline: "kept".to_owned(), ..sample_pipeline_run(number) };
    for number in 30..34 {
        let state = if number == 30 { PipelineRunState::Running } else { PipelineRunState::Failed };
        journal.open_run(&PipelineRun { state, ..run(number) }, None, 100).await.unwrap();
    }
    journal.open_run(&run(34), None, 2).await.unwrap();

    let filter = PipelineRunFilter {
        pipeline: Some("kept".to_owned()),
        state: None,
        before: None,
        limit: 10,
    };
    let left = journal.pipeline_runs(&filter).await.unwrap();
    let ids: Vec<_> = left.into_iter().map(|it| it.id).collect();
    // The newest two, and the one that has not ended.
    assert_eq!(ids, [34, 33, 30].map(|it| run(it).id));
    assert!(journal.pipeline_run(&sample_pipeline_run(1).id).await.unwrap().is_some());
}
