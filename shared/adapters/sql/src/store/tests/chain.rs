//! Tampering with the audit log behind the back of the store.

use shared::auth::Sight;
use shared::model::Entity;
use shared::ports::AuditVerification;
use shared::ports::case_store_contract::{sample_write, text_fields};

use super::deployment::{Deployment, on_both_engines};

/// Writes five rows, and takes away what protects them.
async fn fill(fixture: &Deployment) {
    for number in 1..=5 {
        let write = sample_write(Entity::Case, number, text_fields([("title", "Doe v. Roe")]));
        fixture.store.apply(write).await.unwrap();
    }
    fixture.unlock_audit().await;
}

/// Writes five rows, runs `sql`, and verifies.
async fn verified_after(fixture: Deployment, sql: &str) -> AuditVerification {
    fill(&fixture).await;
    fixture.tamper(sql).await;
    fixture.store.verify(&|_| {}).await.unwrap()
}

async fn untouched_log_has_no_fault(fixture: Deployment) {
    let found = verified_after(fixture, "SELECT 1").await;

    assert_eq!((found.n_rows, found.fault), (5, None));
}

async fn changed_row_is_found(fixture: Deployment) {
    fill(&fixture).await;
    // The last row first: the walk ends at the first fault.
    for (seq, column) in [(5, "actor"), (4, "event_id"), (3, "changes"), (2, "correlation_id")] {
        fixture.tamper(&format!("UPDATE audit SET {column} = 'x' WHERE seq = {seq}")).await;

        let found = fixture.store.verify(&|_| {}).await.unwrap();

        let fault = found.fault.unwrap();
        assert_eq!((fault.seq, found.n_rows), (seq, seq - 1), "{}", fault.problem);
        assert!(fault.problem.contains("hash that is stored"), "{}", fault.problem);
    }
}

async fn removed_row_is_found(fixture: Deployment) {
    let fault = verified_after(fixture, "DELETE FROM audit WHERE seq = 2").await.fault.unwrap();

    assert_eq!((fault.seq, fault.problem.as_str()), (3, "row 2 is missing: the next one is 3"));
}

async fn removed_row_whose_gap_was_closed_is_found(fixture: Deployment) {
    let found = verified_after(
        fixture,
        "DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = seq - 1 WHERE seq > 2",
    )
    .await;

    let fault = found.fault.unwrap();
    assert_eq!(fault.seq, 2);
    assert!(fault.problem.contains("another hash"), "{}", fault.problem);
}

async fn swapped_rows_are_found(fixture: Deployment) {
    let found = verified_after(
        fixture,
        "UPDATE audit SET seq = -2 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; \
         UPDATE audit SET seq = 3 WHERE seq = -2",
    )
    .await;

    assert_eq!(found.fault.unwrap().seq, 2);
}

async fn row_whose_own_hash_was_rewritten_breaks_the_next_one(fixture: Deployment) {
    let found = verified_after(
        fixture,
        "UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'z') WHERE seq = 5",
    )
    .await;

    assert_eq!(found.fault.unwrap().seq, 5);
}

async fn log_cannot_be_changed_by_accident(fixture: Deployment) {
    let write = sample_write(Entity::Account, 1, text_fields([("name", "Acme")]));
    fixture.store.apply(write).await.unwrap();

    for sql in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
        let error = fixture.try_to_tamper(sql).await.unwrap_err();
        assert!(error.to_string().contains("audit rows are never"), "{error}");
    }
}

async fn odd_text_is_stored_as_it_was_hashed(fixture: Deployment) {
    for (number, text) in
        (1..).zip(["a\0b", "\\u0000 \"'", "\u{1f469}\u{200d}\u{2696}", "", "\u{7f}\n"])
    {
        let mut write = sample_write(Entity::Case, number, text_fields([("title", text)]));
        if let Some(draft) = &mut write.audit {
            draft.event_id = text.to_owned();
            draft.actor = text.to_owned();
        }
        fixture.store.apply(write).await.unwrap();
        let newest =
            fixture.store.audit(&Sight::Everything, None, None, 1).await.unwrap().remove(0);
        assert_eq!(newest.event_id, text);
    }

    assert_eq!(fixture.store.verify(&|_| {}).await.unwrap().fault, None);
}

async fn log_holds_whatever_text_a_source_sends(fixture: Deployment) {
    let odd =
        ["a\0b", "\u{1}\u{7f}\u{85}\u{2028}\u{feff}", "\"'\\\n\r\t", "🏛 é e\u{301}", "\u{fffe}"];
    for (number, text) in (1..).zip(odd) {
        let row = text_fields([("title", text), ("status", text)]);
        let mut write = sample_write(Entity::Case, number, row);
        let audit = write.audit.as_mut().unwrap();
        audit.event_id = text.to_owned();
        for event in &mut write.timeline {
            event.title = text.to_owned();
        }
        fixture.store.apply(write).await.unwrap();
    }

    let found = fixture.store.verify(&|_| {}).await.unwrap();

    assert_eq!((found.n_rows, found.fault), (5, None));
    let rows = fixture.store.audit(&Sight::Everything, None, None, 10).await.unwrap();
    for (row, text) in rows.iter().rev().zip(odd) {
        assert!(row.changes.iter().any(|it| it.after.as_text() == Some(text.trim())), "{row:?}");
    }
}

on_both_engines!(
    untouched_log_has_no_fault,
    changed_row_is_found,
    removed_row_is_found,
    removed_row_whose_gap_was_closed_is_found,
    swapped_rows_are_found,
    row_whose_own_hash_was_rewritten_breaks_the_next_one,
    log_cannot_be_changed_by_accident,
    odd_text_is_stored_as_it_was_hashed,
    log_holds_whatever_text_a_source_sends,
);
