//! What every journal of comparisons must do, as code: see the contract of [`ReconcileJournal`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::time::Duration;

use super::reconcile_journal::{
    Difference, DifferenceKind, ReconcileJournal, ReconcileOutcome, Reconciliation,
};
use crate::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use crate::time::Timestamp;

/// Returns the sample comparison `number`, which is under way.
pub fn sample_reconciliation(number: u32) -> Reconciliation {
    let started_at = Timestamp::parse("2026-11-22T03:00:00Z").unwrap();
    Reconciliation {
        id: CorrelationId::from_random(number.into()),
        connection: ConnectionId::parse("main").unwrap(),
        object: ObjectName::parse("Case").unwrap(),
        started_at: started_at.plus(Duration::from_hours(24 * u64::from(number))),
        ended_at: None,
        outcome: ReconcileOutcome::Running,
        n_here: 0,
        n_there: 0,
        n_differ: 0,
        n_repaired: 0,
        samples: Vec::new(),
        error: None,
    }
}

/// Checks a fresh journal.
///
/// # Panics
///
/// When it breaks the contract.
pub async fn reconcile_journal_contract(journal: &dyn ReconcileJournal) {
    assert!(journal.reconciliations(10).await.unwrap().is_empty());
    for number in 1..=3 {
        journal.record_reconciliation(&sample_reconciliation(number)).await.unwrap();
    }
    let ended = Reconciliation {
        ended_at: Some(Timestamp::parse("2026-11-30T03:00:00Z").unwrap()),
        outcome: ReconcileOutcome::Differs,
        n_here: 1000,
        n_there: 999,
        n_differ: 1,
        samples: vec![Difference {
            record_id: RecordId::parse("500").unwrap(),
            kind: DifferenceKind::MissingThere,
            fields: vec!["Subject".to_owned()],
        }],
        error: Some("with \u{0} in it".to_owned()),
        ..sample_reconciliation(2)
    };
    journal.record_reconciliation(&ended).await.unwrap();

    let listed = journal.reconciliations(2).await.unwrap();

    assert_eq!(listed, [sample_reconciliation(3), ended.clone()]);
    assert!((ended.accuracy() - 0.999).abs() < 1e-9);
    assert!((sample_reconciliation(1).accuracy() - 1.0).abs() < 1e-9);
}
