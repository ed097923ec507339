//! Rows that do not fit the table.

use serde_json::json;
use shared::lake::LakeTable;
use shared::loader::LoadError;

use crate::firm::Firm;

/// Four cases, of which two have a status that the table does not take.
async fn firm_with_bad_rows() -> Option<Firm> {
    let firm = Firm::new().await?;
    firm.peer
        .sql(&["create table \"CASES_STAGING\" (\"CHANGE_SEQ\" number(19,0) not null, \"STATUS\" number(9,0))"])
        .await;
    for (number, status) in (1..).zip(["10", "Secret", "20", "Hidden"]) {
        firm.case(number, status).await;
    }
    firm.export().await;
    Some(firm)
}

#[tokio::test]
async fn bad_rows_are_told_of_one_by_one_and_the_rest_is_loaded() {
    let Some(firm) = firm_with_bad_rows().await else { return };

    let tally = firm.load().await.unwrap();

    assert_eq!((tally.n_rows, tally.n_rejected), (2, 2));
    let rows = firm.peer.sql(&["select \"STATUS\" from \"CASES\" order by 1"]).await;
    assert_eq!(rows, json!([["10"], ["20"]]));
    let rejects = firm.loader().rejects(10).await.unwrap();
    let places: Vec<_> = rejects.iter().map(|it| (it.row, it.column.as_deref())).collect();
    assert_eq!(places, [(Some(2), Some("STATUS")), (Some(4), Some("STATUS"))]);
    for reject in &rejects {
        assert!(reject.file.starts_with("lake/cases/day="), "{reject:?}");
        assert_eq!(reject.reason, "Numeric value '…' is not recognized");
        assert_eq!((reject.table.as_str(), reject.n_rows), ("cases", Some(1)));
    }
    let status = firm.loader().status().await.unwrap();
    let cases = status.iter().find(|it| it.table == LakeTable::Cases).unwrap();
    assert_eq!((cases.n_rejected, cases.n_files_waiting), (2, 0));

    // Loaded anew into a table that takes them.
    firm.loader().begin_anew(&[LakeTable::Cases]).await.unwrap();
    let tally = firm.load().await.unwrap();
    assert_eq!((tally.n_rows, tally.n_rejected), (2, 0));
    assert_eq!(firm.check().await, 4);
    assert!(firm.loader().rejects(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn load_past_the_limit_waits_for_a_person() {
    let Some(mut firm) = firm_with_bad_rows().await else { return };
    firm.settings.max_rejects = 1;

    for _ in 0..3 {
        let error = firm.load().await.unwrap_err();
        let is_told = matches!(error, LoadError::TooManyRejects { n_rejected: 2, limit: 1, .. });
        assert!(is_told, "{error}");
    }
    assert_eq!(firm.n_runs("COPY").await, 1);
    assert_eq!(firm.n_runs("MERGE").await, 0);
    assert_eq!(firm.loader().rejects(10).await.unwrap().len(), 2, "the rows can be read");
    firm.settings.accepts_rejects = true;
    assert_eq!(firm.load().await.unwrap().n_rows, 2);
}
