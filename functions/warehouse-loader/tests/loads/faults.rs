//! Storms, lost answers, tokens that ended.

use serde_json::json;

use crate::firm::Firm;

#[tokio::test]
async fn storms_are_ridden_out_and_every_change_is_there_once() {
    let Some(firm) = Firm::new().await else { return };
    firm.work(120).await;
    firm.export().await;
    let mut faults = Vec::new();
    for _ in 0..3 {
        faults.extend([
            json!({"match": "^POST", "status": 429, "retry_after": 1, "count": 1}),
            json!({"match": "^POST", "status": 503, "count": 2}),
            json!({"match": "^POST", "drop": "after", "count": 2}),
            json!({"match": "^GET", "status": 401, "body": {"code": "390144", "message": "JWT token is invalid."}, "count": 1}),
            json!({"match": "^GET", "status": 500, "count": 2}),
            json!({"match": "^GET", "drop": "before", "count": 2}),
            json!({"match": "^POST", "status": 401, "body": {"code": "390144", "message": "JWT token is invalid."}, "count": 1}),
            json!({"match": "^GET", "status": 202, "body": {"code": "333334", "message": "in progress", "statementHandle": "x"}, "count": 3}),
        ]);
    }
    firm.peer.fail(json!(faults)).await;

    let mut n_runs = 0;
    while firm.load().await.is_err() {
        n_runs += 1;
        assert!(n_runs < 30);
    }

    assert_eq!(firm.check().await, 120);
    let status = firm.loader().status().await.unwrap();
    assert_eq!(status.iter().map(|it| it.n_rows).sum::<u64>(), 120);
}

#[tokio::test]
async fn endless_storm_leaves_everything_to_the_next_run() {
    let Some(firm) = Firm::new().await else { return };
    firm.work(20).await;
    firm.export().await;
    firm.peer
        .fail(json!([{"match": "^POST", "status": 429, "retry_after": 3600, "count": 1000}]))
        .await;
    let error = firm.load().await.unwrap_err();
    assert!(matches!(error.retry(), shared::Retry::After(Some(_))), "{error}");

    firm.peer.fail(json!([])).await;
    assert_eq!(firm.load().await.unwrap().n_rows, 20);
    assert_eq!(firm.check().await, 20);
}

#[tokio::test]
async fn statement_that_failed_for_good_is_sent_again_under_a_new_id() {
    let Some(firm) = Firm::new().await else { return };
    firm.case(1, "Open").await;
    firm.export().await;
    firm.load().await.unwrap();
    firm.peer.sql(&["drop table CASES_CHANGES"]).await;
    firm.case(2, "Open").await;
    firm.export().await;
    let error = firm.load().await.unwrap_err();
    assert!(shared::chain(&error).to_string().contains("002003"), "{}", shared::chain(&error));

    // A table that was deleted is not filled in silence: a person says that it begins anew.
    firm.load().await.unwrap_err();
    firm.loader().begin_anew(&shared::lake::LakeTable::ALL).await.unwrap();
    assert_eq!(firm.load().await.unwrap().n_rows, 2);
    assert_eq!(firm.check().await, 2);
}
