//! Files as they should be: once, again, and again after a change.

use shared::auth::Sight;
use shared::ports::{AuditLog, CaseView, ImportTally, IncidentView};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection};

use super::original::{DOCKET, Desk, LATER, MATTER, TABLES, options, write};
use crate::import::{CaseOutcome, MatterFile, check_file, import_file};

fn tally(n_new: u64, n_changed: u64, n_same: u64) -> ImportTally {
    ImportTally { n_new, n_changed, n_same }
}

#[tokio::test]
async fn whole_matter_is_imported_verified_and_seen() {
    let desk = Desk::new().await;
    desk.write(&format!("{TABLES}{LATER}{MATTER}")).await;
    let before = std::fs::read(desk.file()).unwrap();

    let checked = desk.check().await.unwrap();
    assert_eq!(desk.n_audit_rows().await, 0, "checking writes nothing");
    let report = desk.import().await.unwrap();

    assert!(report.is_verified() && report.n_refused() == 0, "{report:#?}");
    assert_eq!((report.docket_number.as_str(), report.case), (DOCKET, CaseOutcome::New));
    let counts: Vec<_> =
        report.tables.iter().map(|it| (it.table.as_str(), it.n_read, it.tally)).collect();
    assert_eq!(
        counts,
        [
            ("case_info", 1, tally(1, 0, 0)),
            ("placement_denials", 2, tally(2, 0, 0)),
            ("timeline_events", 2, tally(2, 0, 0)),
            ("exhibits", 1, tally(1, 0, 0)),
            ("communications", 1, tally(1, 0, 0)),
            ("violations", 2, tally(2, 0, 0)),
        ]
    );
    let expected: Vec<_> = checked.tables.iter().map(|it| (it.tally, &it.read)).collect();
    let done: Vec<_> = report.tables.iter().map(|it| (it.tally, &it.read)).collect();
    assert_eq!(done, expected, "what was announced is what was done");
    let left_out: Vec<_> =
        report.left_out.iter().map(|it| (it.table.as_str(), it.n_rows)).collect();
    assert_eq!(left_out, [("legal_patterns", 1), ("projects", 0), ("case_info", 1)]);
    let told: Vec<_> = report.problems.iter().map(|it| (it.table.as_str(), it.row)).collect();
    assert_eq!(told, [("timeline_events", Some(2)), ("violations", Some(2))]);

    let case = desk.store.case(&Sight::Everything, report.case_id.as_str()).await.unwrap().unwrap();
    assert_eq!(case.summary.title.as_deref(), Some("Doe v. Roe"));
    assert_eq!((case.summary.status.as_deref(), case.summary.is_closed), (Some("Active"), false));
    // Six of the file, and that the case was opened.
    assert_eq!((case.timeline.len(), case.documents.len(), case.communications.len()), (7, 1, 1));
    let figures = desk.store.incidents(&Sight::Everything, 10).await.unwrap();
    assert_eq!((figures.n_incidents, figures.hours), (2, 12.1));
    assert_eq!(figures.latest[0].denied_date, "2024-06-02 13:45:00");
    // One row for the case, one for all that hangs on it.
    assert_eq!(desk.n_audit_rows().await, 2);
    assert_eq!(desk.store.verify(&|_| {}).await.unwrap().fault, None);

    assert_eq!(std::fs::read(desk.file()).unwrap(), before, "the file is as it was");
    assert!(!desk.folder.path().join("main.db-wal").exists());
}

#[tokio::test]
async fn second_import_changes_nothing_and_one_after_a_change_brings_the_change() {
    let desk = Desk::new().await;
    desk.write(&format!("{TABLES}{MATTER}")).await;
    let first = desk.import().await.unwrap();

    let again = desk.import().await.unwrap();
    assert!(again.is_verified() && again.case == CaseOutcome::Same);
    assert!(again.tables.iter().all(|it| !it.tally.writes()), "{again:#?}");
    assert_eq!(desk.n_audit_rows().await, 2);

    desk.write(
        "UPDATE case_info SET status = 'Closed' WHERE id = 2; \
         UPDATE placement_denials SET denial_reason = 'Sick' WHERE id = 2; \
         INSERT INTO placement_denials (denied_date) VALUES ('2024-07-01');",
    )
    .await;
    let changed = desk.import().await.unwrap();

    assert!(changed.is_verified());
    assert_eq!((changed.case, changed.case_id.clone()), (CaseOutcome::Changed, first.case_id));
    assert_eq!(changed.tables[1].tally, tally(1, 1, 1));
    let case = desk.store.case(&Sight::Everything, changed.case_id.as_str()).await.unwrap();
    assert!(case.unwrap().summary.is_closed);
    assert_eq!(desk.n_audit_rows().await, 4);
    assert_eq!(desk.store.verify(&|_| {}).await.unwrap().fault, None);
}

#[tokio::test]
async fn row_that_the_file_no_longer_has_is_kept_and_told() {
    let desk = Desk::new().await;
    desk.write(&format!("{TABLES}{MATTER}")).await;
    desk.import().await.unwrap();
    desk.write("DELETE FROM communications").await;

    let report = desk.import().await.unwrap();

    assert!(!report.is_verified());
    let table = report.tables.iter().find(|it| it.table == "communications").unwrap();
    assert_eq!((table.read.n_records, table.stored.as_ref().unwrap().n_records), (0, 1));
}

#[tokio::test]
async fn file_in_wal_mode_is_read_with_its_log_and_not_written() {
    let desk = Desk::new().await;
    write(&desk.file(), SqliteJournalMode::Wal, TABLES).await;
    let closed = std::fs::read(desk.file()).unwrap();
    assert!(desk.check().await.is_err(), "there is no matter yet");
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), closed_files(&desk));

    // MoodBridge is running: what it wrote stands in the log alone.
    let running = SqliteConnectOptions::new().filename(desk.file()).foreign_keys(false);
    let mut running = running.journal_mode(SqliteJournalMode::Wal).connect().await.unwrap();
    sqlx::raw_sql(MATTER).execute(&mut running).await.unwrap();
    let log = std::fs::read(desk.folder.path().join("main.db-wal")).unwrap();

    let report = desk.import().await.unwrap();

    assert!(report.is_verified());
    assert_eq!(report.tables[1].n_read, 2);
    assert_eq!(std::fs::read(desk.file()).unwrap(), closed);
    assert_eq!(std::fs::read(desk.folder.path().join("main.db-wal")).unwrap(), log);
    running.close().await.unwrap();
}

/// The store's own files, and the one that is imported.
fn closed_files(desk: &Desk) -> usize {
    let names = std::fs::read_dir(desk.folder.path()).unwrap();
    let own = names
        .filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().starts_with("cases.db"));
    own.count() + 1
}

#[tokio::test]
async fn import_that_was_cut_off_ends_equal_when_done_again() {
    let desk = Desk::new().await;
    let rows: String = (0..5_000)
        .map(|n| format!("INSERT INTO communications (communication_date, subject) VALUES ('2024-01-01', 's{n}');"))
        .collect();
    desk.write(&format!("{TABLES}{MATTER} BEGIN; {rows} COMMIT;")).await;
    let mut file = MatterFile::open(&desk.file(), None).await.unwrap();
    let (stores, options) = (desk.stores(), options());
    let notify = tokio::sync::Notify::new();
    let tell = |n_read: u64| {
        if n_read >= 3_000 {
            notify.notify_one();
        }
    };

    tokio::select! {
        biased;
        () = notify.notified() => {}
        done = import_file(&mut file, &stores, &options, &tell) => panic!("not cut off: {done:?}"),
    }
    drop(file);

    let mut file = MatterFile::open(&desk.file(), None).await.unwrap();
    let left = check_file(&mut file, &stores, &options, &|_| {}).await.unwrap();
    let tally = left.tables.iter().find(|it| it.table == "communications").unwrap().tally;
    assert!(tally.n_new > 0 && tally.n_same > 0, "{tally:?}");
    assert!(desk.import().await.unwrap().is_verified());
    let again = desk.import().await.unwrap();
    assert!(again.is_verified() && again.tables.iter().all(|it| !it.tally.writes()));
}
