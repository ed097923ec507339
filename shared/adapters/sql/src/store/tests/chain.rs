//! Tampering with the audit log behind the back of the store.

use shared::auth::Sight;
use shared::model::Entity;
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::{AuditLog, AuditVerification, CaseStore};

use super::Fixture;

/// Writes five rows, runs `sql`, and verifies.
async fn verified_after(sql: &str) -> AuditVerification {
    let fixture = Fixture::new().await;
    for number in 1..=5 {
        let write = sample_write(Entity::Case, number, text_fields([("title", "Doe v. Roe")]));
        fixture.store.apply(write).await.unwrap();
    }
    fixture
        .tamper("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_shortened;")
        .await;
    fixture.tamper(sql).await;
    fixture.store.verify(&|_| {}).await.unwrap()
}

#[tokio::test]
async fn untouched_log_has_no_fault() {
    let found = verified_after("SELECT 1").await;

    assert_eq!((found.n_rows, found.fault), (5, None));
}

#[tokio::test]
async fn changed_row_is_found() {
    for column in ["actor", "event_id", "changes", "correlation_id"] {
        let found = verified_after(&format!("UPDATE audit SET {column} = 'x' WHERE seq = 3")).await;

        let fault = found.fault.unwrap();
        assert_eq!((fault.seq, found.n_rows), (3, 2), "{}", fault.problem);
        assert!(fault.problem.contains("hash that is stored"), "{}", fault.problem);
    }
}

#[tokio::test]
async fn removed_row_is_found() {
    let fault = verified_after("DELETE FROM audit WHERE seq = 2").await.fault.unwrap();

    assert_eq!((fault.seq, fault.problem.as_str()), (3, "row 2 is missing: the next one is 3"));
}

#[tokio::test]
async fn removed_row_whose_gap_was_closed_is_found() {
    let found = verified_after(
        "DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = seq - 1 WHERE seq > 2",
    )
    .await;

    let fault = found.fault.unwrap();
    assert_eq!(fault.seq, 2);
    assert!(fault.problem.contains("another hash"), "{}", fault.problem);
}

#[tokio::test]
async fn swapped_rows_are_found() {
    let found = verified_after(
        "UPDATE audit SET seq = -2 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; \
         UPDATE audit SET seq = 3 WHERE seq = -2",
    )
    .await;

    assert_eq!(found.fault.unwrap().seq, 2);
}

#[tokio::test]
async fn row_whose_own_hash_was_rewritten_breaks_the_next_one() {
    let found = verified_after(
        "UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'z') WHERE seq = 5",
    )
    .await;

    assert_eq!(found.fault.unwrap().seq, 5);
}

#[tokio::test]
async fn log_cannot_be_changed_by_accident() {
    let fixture = Fixture::new().await;
    let write = sample_write(Entity::Account, 1, text_fields([("name", "Acme")]));
    fixture.store.apply(write).await.unwrap();
    let mut connection = fixture.raw().await;

    for sql in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
        let error = sqlx::query(sql).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("audit rows are never"), "{error}");
    }
}

#[tokio::test]
async fn odd_text_is_stored_as_it_was_hashed() {
    let fixture = Fixture::new().await;
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

#[tokio::test]
async fn log_holds_whatever_text_a_source_sends() {
    let fixture = Fixture::new().await;
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
