//! Pipelines of the small firm, with a run that failed, one whose gate was shut, and one that waits.

use std::num::NonZeroU32;
use std::sync::Arc;

use shared::etl::runs::{Definitions, DeskPorts, PipelineDesk};
use shared::etl::{Action, RuleReport};
use shared::ids::CorrelationId;
use shared::ports::{
    BlobKey, BlobStore as _, MemoryBlobStore, MemoryPipelineJournal, MemoryQueue, PartitionRun,
    PipelineJournal as _, PipelineRun, PipelineRunKind, PipelineRunState, PutBlob, RunCounts,
    SystemRandom,
};

use super::{NOON, StoppedClock};

/// A run of which one partition failed.
pub(crate) const FAILED_RUN: &str = "0af7651916cd43dd8448eb211c80319c";
/// A run that waits.
pub(crate) const QUEUED_RUN: &str = "1af7651916cd43dd8448eb211c80319c";

/// A run whose gate was shut.
const REFUSED_RUN: &str = "00f7651916cd43dd8448eb211c80319c";

const CLEAN_CASES: &str = r#"
pipeline: clean-cases
about: Cases as the court sends them.
schedule: {at: "06:00", days: [mon, fri]}
source:
  at: file:in/cases.csv
  columns: [{name: id, from: Case Id, required: true}, {name: opened, type: date}]
key: id
steps:
  - derive: {year: "date_part('year', opened)"}
rules: [{not_null: opened}]
sink: {at: file:out/cases.parquet}
quarantine: {at: file:out/rejects.csv}
"#;

fn run(id: &str) -> PipelineRun {
    PipelineRun {
        id: CorrelationId::parse(id).unwrap(),
        pipeline: "clean-cases".to_owned(),
        kind: PipelineRunKind::Source,
        state: PipelineRunState::Queued,
        round: 1,
        definition: None,
        only: Vec::new(),
        n_partitions: None,
        message: None,
        started_by: "person:olga".to_owned(),
        correlation_id: CorrelationId::parse(id).unwrap(),
        idempotency_key: None,
        requested_at: NOON,
        started_at: None,
        finished_at: None,
    }
}

async fn ended_run(
    journal: &MemoryPipelineJournal,
    id: &str,
    state: PipelineRunState,
    message: &str,
) {
    let open = run(id);
    journal.open_run(&open, None, 10).await.unwrap();
    let failed = PipelineRun {
        state,
        definition: Some("ab".repeat(32)),
        n_partitions: Some(1),
        message: Some(message.to_owned()),
        started_at: Some(NOON),
        finished_at: Some(NOON),
        ..open
    };
    assert!(journal.put_run(&failed, 1, &[String::new()]).await.unwrap());
    let found = journal.partition(&failed.id, 1).await.unwrap().unwrap().value;
    let partition = PartitionRun {
        state,
        n_attempts: 1,
        counts: RunCounts { n_read: 10, n_filtered: 0, n_rejected: 1, n_out: 9 },
        rules: vec![RuleReport {
            rule: "not_null_opened".to_owned(),
            action: Action::Quarantine,
            n_checked: 10,
            n_failed: 1,
            found: None,
        }],
        message: failed.message.clone(),
        ..found
    };
    assert!(journal.put_partition(&partition, 1).await.unwrap());
}

/// Opens the desk.
pub(crate) async fn pipelines() -> PipelineDesk {
    let clock = Arc::new(StoppedClock(NOON));
    let store = Arc::new(MemoryBlobStore::new(clock.clone()));
    for (key, text) in [("clean-cases.yaml", CLEAN_CASES), ("broken.yaml", "pipeline: [")] {
        let key = BlobKey::parse(key).unwrap();
        store.put(&key, text.into(), &PutBlob::default()).await.unwrap();
    }
    let journal = Arc::new(MemoryPipelineJournal::default());
    let (failed, refused) = (PipelineRunState::Failed, PipelineRunState::Refused);
    ended_run(&journal, FAILED_RUN, failed, "the source `file:in/cases.csv`").await;
    ended_run(&journal, REFUSED_RUN, refused, "1 of 10 rows was rejected").await;
    journal.open_run(&run(QUEUED_RUN), None, 10).await.unwrap();
    PipelineDesk::new(DeskPorts {
        definitions: Definitions::new(store),
        journal,
        queue: Arc::new(MemoryQueue::new("pipelines", NonZeroU32::MIN, clock.clone())),
        clock,
        random: Arc::new(SystemRandom),
    })
}
