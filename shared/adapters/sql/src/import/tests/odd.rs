//! Files that are not as they should be.

use shared::chain;

use super::original::{Desk, LATER, MATTER, TABLES, options};
use crate::import::{FileReport, ImportError, ImportOptions, MatterFile, ProblemKind, check_file};

async fn refusal(desk: &Desk) -> String {
    let error = desk.check().await.unwrap_err();
    chain(&error).to_string()
}

fn told(report: &FileReport, kind: ProblemKind) -> Vec<String> {
    let told = report.problems.iter().filter(|it| it.kind == kind);
    told.map(|it| format!("{} {:?}: {}", it.table, it.row, it.what)).collect()
}

#[tokio::test]
async fn columns_and_tables_may_be_missing_and_odd_ones_are_told() {
    let desk = Desk::new().await;
    desk.write(&format!("{TABLES}{LATER}{MATTER}")).await;
    desk.write(
        "DROP TABLE violations; ALTER TABLE exhibits DROP COLUMN media_type; \
         ALTER TABLE communications ADD COLUMN \"odd \"\"one\" BLOB; \
         UPDATE communications SET \"odd \"\"one\" = x'00ff'; \
         CREATE TABLE \"a strange; table\" (x); INSERT INTO \"a strange; table\" VALUES (1);",
    )
    .await;

    let report = desk.import().await.unwrap();

    assert!(report.is_verified());
    assert_eq!(report.tables.len(), 5);
    assert_eq!(report.unknown_columns, ["communications.odd \"one"]);
    let odd = report.left_out.iter().find(|it| it.table == "a strange; table").unwrap();
    assert_eq!((odd.n_rows, odd.why), (1, "unknown table"));
}

#[tokio::test]
async fn row_that_cannot_be_taken_is_named_with_its_fix() {
    let desk = Desk::new().await;
    desk.write(&format!("{TABLES}{MATTER}")).await;
    desk.write(
        "INSERT INTO placement_denials (id, denied_date) VALUES (7, 'last Tuesday'), (8, ''); \
         INSERT INTO exhibits (id, document_name) VALUES (9, '  '); \
         INSERT INTO communications (id, communication_date, subject) VALUES \
             (10, '2024-01-01', CAST(x'fffe41' AS TEXT)), \
             (11, '2024-01-01', CAST(x'41004200' AS TEXT)), (12, x'2024', 'bytes'); \
         INSERT INTO placement_denials (id, denied_date, duration_hours) VALUES \
             (13, '2024-01-01', 'all day'); \
         INSERT INTO exhibits (id, document_name, hash_sha256, file_size_bytes) VALUES \
             (14, 'b', 'abc', -1);",
    )
    .await;

    let report = desk.check().await.unwrap();

    let refused = told(&report, ProblemKind::Refused).join("\n");
    for line in [
        "placement_denials Some(7): `denied_date` is not a date: write it as `2024-05-01`",
        "placement_denials Some(8): `denied_date` is empty",
        "exhibits Some(9): `document_name` is empty",
        "communications Some(10): `subject` is not text in UTF-8",
        "communications Some(11): `subject` holds a zero character",
        "communications Some(12): `communication_date` holds bytes",
    ] {
        assert!(refused.contains(line), "{line} is not in\n{refused}");
    }
    assert_eq!(report.n_refused(), 6);
    let notes = told(&report, ProblemKind::Finding).join("\n");
    for line in
        ["Some(13): `duration_hours`", "Some(14): `hash_sha256`", "Some(14): `file_size_bytes`"]
    {
        assert!(notes.contains(line), "{line} is not in\n{notes}");
    }
    let report = desk.import().await.unwrap();
    assert!(report.is_verified(), "the other rows are taken: {report:#?}");
}

#[tokio::test]
async fn file_without_a_matter_or_with_several_is_refused_with_the_fix() {
    let desk = Desk::new().await;
    desk.write(TABLES).await;
    assert!(refusal(&desk).await.contains("add one with docket number, title and court"));

    desk.write(&format!(
        "{MATTER} INSERT INTO case_info (docket_number, case_title, court) VALUES ('X', 't', 'c');"
    ))
    .await;
    let message = refusal(&desk).await;
    assert!(message.contains("`--docket`") && message.contains("`24/CV 7`, `X`"), "{message}");
    let file = MatterFile::open(&desk.file(), Some("X")).await.unwrap();
    assert_eq!(file.docket_number(), "X");
    assert!(MatterFile::open(&desk.file(), Some("Y")).await.is_err());
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let desk = Desk::new().await;
    assert!(matches!(desk.check().await, Err(ImportError::File { .. })));
    for text in ["", "no database", &"a long text, and no database ".repeat(50)] {
        std::fs::write(desk.file(), text).unwrap();
        let message = refusal(&desk).await;
        assert!(message.contains("is not an SQLite database"), "{message}");
    }
}

#[tokio::test]
async fn files_of_exhibits_are_compared() {
    let desk = Desk::new().await;
    desk.write(&format!("{TABLES}{MATTER}")).await;
    desk.write("INSERT INTO exhibits (id, document_name, file_path) VALUES (2, 'x', '../main.db')")
        .await;
    let exhibits = desk.folder.path().join("evidence");
    let check = async || {
        let options = ImportOptions { exhibits: Some(exhibits.clone()), ..options() };
        let mut file = MatterFile::open(&desk.file(), None).await.unwrap();
        let report = check_file(&mut file, &desk.stores(), &options, &|_| {}).await.unwrap();
        let notes = told(&report, ProblemKind::Finding);
        notes.into_iter().filter(|it| it.starts_with("exhibits")).collect::<Vec<_>>()
    };

    let notes = check().await;
    assert!(notes[0].contains("is missing"), "{notes:?}");
    assert!(notes[1].contains("leads out of the folder"), "{notes:?}");

    std::fs::create_dir_all(exhibits.join("exhibits")).unwrap();
    std::fs::write(exhibits.join("exhibits/a1.pdf"), "hello").unwrap();
    assert_eq!(check().await.len(), 1);
    std::fs::write(exhibits.join("exhibits/a1.pdf"), "other").unwrap();
    assert!(check().await[0].contains("is not the one that was filed"));
}
