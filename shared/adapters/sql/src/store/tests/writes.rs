//! Writes, change rows and sync runs beyond the contracts.

use std::sync::Arc;
use std::time::Duration;

use shared::PortErrorKind;
use shared::auth::Sight;
use shared::model::Entity;
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::{Clock, RunOutcome, SyncRun, SystemClock};

use super::deployment::{Deployment, on_both_engines};

async fn change_of_another_process_wakes_within_a_quarter_second(fixture: Deployment) {
    let other = fixture.other().await;
    let reader = Arc::clone(&fixture.store);
    let waiting = tokio::spawn(async move {
        reader.wait_for_change(0, Duration::from_secs(10)).await.unwrap();
        SystemClock.now()
    });

    let case = sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe")]));
    let committed = other.apply(case).await.unwrap();

    let woken_at = waiting.await.unwrap();
    // Some slack for a busy machine.
    assert!(woken_at.since(committed.at) < Duration::from_millis(1_000));
}

async fn write_that_breaks_a_rule_of_its_tables_fails_alone_and_leaves_nothing(
    fixture: Deployment,
) {
    let mut broken = sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe")]));
    broken.timeline.iter_mut().for_each(|it| it.importance = 9);
    let good = sample_write(Entity::Case, 2, text_fields([("title", "Poe v. Moe")]));

    let (refused, applied) =
        tokio::join!(fixture.store.apply(broken.clone()), fixture.store.apply(good));

    assert_eq!(refused.unwrap_err().kind(), PortErrorKind::Rejected);
    applied.unwrap();
    assert_eq!(fixture.store.shadow(&broken.shadow.key).await.unwrap(), None);
    assert_eq!(
        fixture.store.case(&Sight::Everything, broken.entity_id.as_str()).await.unwrap(),
        None
    );
    assert_eq!(fixture.store.overview(&Sight::Everything, 1).await.unwrap().n_cases, 1);
}

async fn value_that_does_not_fit_its_column_is_rejected_by_name(fixture: Deployment) {
    for (column, value) in
        [("opened_at", "soon"), ("is_closed", "maybe"), ("account_id", "001A0000")]
    {
        let write = sample_write(Entity::Case, 1, text_fields([(column, value)]));
        let error = fixture.store.apply(write).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected);
        assert!(error.to_string().contains(&format!("case.{column}")), "{error}");
    }
}

async fn sync_run_is_replaced_under_its_id_and_listed_newest_first(fixture: Deployment) {
    let write = sample_write(Entity::Case, 1, text_fields([]));
    let draft = write.audit.unwrap();
    let first = SyncRun {
        id: draft.correlation_id,
        connection: write.shadow.key.connection,
        object: write.shadow.key.object,
        started_at: draft.received_at,
        ended_at: None,
        outcome: RunOutcome::Running,
        n_read: 0,
        n_queued: 0,
        error: None,
    };
    let ended = SyncRun {
        ended_at: Some(draft.received_at),
        outcome: RunOutcome::Failed,
        n_read: 7,
        error: Some("connection reset".to_owned()),
        ..first.clone()
    };
    let later = SyncRun {
        id: shared::ids::CorrelationId::from_random(99),
        started_at: draft.received_at.plus(Duration::from_secs(1)),
        ..first.clone()
    };

    for run in [&first, &later, &ended] {
        fixture.store.record(run).await.unwrap();
    }

    assert_eq!(fixture.store.recent(10).await.unwrap(), [later, ended]);
}

async fn reader_misses_no_change_while_two_processes_write(fixture: Deployment) {
    let stores = [Arc::clone(&fixture.store), fixture.other().await];
    let n_changes = 200;
    let writers: Vec<_> = (0..n_changes)
        .map(|number| {
            let store = Arc::clone(&stores[number as usize % 2]);
            let write = sample_write(Entity::Case, number, text_fields([("title", "Doe")]));
            tokio::spawn(async move { store.apply(write).await.unwrap() })
        })
        .collect();

    let mut seen = 0;
    while seen < u64::from(n_changes) {
        fixture.store.wait_for_change(seen, Duration::from_secs(10)).await.unwrap();
        for change in fixture.store.changes_after(seen, 7).await.unwrap() {
            assert_eq!(change.seq, seen + 1);
            seen = change.seq;
        }
    }

    for writer in writers {
        writer.await.unwrap();
    }
    let found = fixture.store.verify(&|_| {}).await.unwrap();
    assert_eq!((found.n_rows, found.fault), (u64::from(n_changes), None));
}

on_both_engines!(
    reader_misses_no_change_while_two_processes_write,
    change_of_another_process_wakes_within_a_quarter_second,
    write_that_breaks_a_rule_of_its_tables_fails_alone_and_leaves_nothing,
    value_that_does_not_fit_its_column_is_rejected_by_name,
    sync_run_is_replaced_under_its_id_and_listed_newest_first,
);
