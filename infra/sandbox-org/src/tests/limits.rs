//! Limits that run out, and come back by the clock.

use serde_json::json;

use super::Desk;
use crate::{Seed, Settings};

#[tokio::test]
async fn requests_of_a_day_run_out_and_come_back() {
    let settings = Settings { seed: Seed::Empty, daily_requests: 3, ..Settings::default() };
    let mut desk = Desk::with(settings).await;
    for n in 1..=3 {
        let answer = desk.get("/limits").await;
        assert_eq!(answer.headers["sforce-limit-info"], format!("api-usage={n}/3"));
        assert_eq!(answer.body["DailyApiRequests"]["Remaining"], 3 - n);
    }

    let refused = desk.get("/limits").await;

    assert_eq!(refused.status, 403);
    let body = json!([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]);
    assert_eq!(refused.body, body);
    assert_eq!(refused.headers["sforce-limit-info"], "api-usage=3/3");
    desk.pass(24 * 60 * 60);
    desk.login().await;
    assert_eq!(desk.get("/limits").await.status, 200);
}

#[tokio::test]
async fn limits_tell_of_every_allowance() {
    let desk = Desk::open(Seed::Empty).await;
    let order = json!({"DailyBulkV2QueryJobs": {"max": 5, "used": 4}}).to_string();
    assert_eq!(desk.send("POST", "/_sandbox/limits", order, &[]).await.status, 200);

    let limits = desk.get("/limits").await.body;

    for name in [
        "DailyApiRequests",
        "DailyBulkApiBatches",
        "DailyBulkV2QueryFileStorageMB",
        "DailyDeliveredPlatformEvents",
        "MonthlyPlatformEvents",
        "HourlyPublishedPlatformEvents",
    ] {
        assert!(limits[name]["Remaining"].as_u64() > Some(0), "{name}");
    }
    assert_eq!(limits["DailyBulkV2QueryJobs"], json!({"Max": 5, "Remaining": 1}));
    assert_eq!(limits["DailyApiRequests"]["Sandbox App"]["Max"], 0);
}

#[tokio::test]
async fn too_many_long_requests_leave_no_room() {
    let desk = Desk::open(Seed::Empty).await;
    let order = |used: u64| json!({"ConcurrentLongRequests": {"max": 5, "used": used}}).to_string();
    desk.send("POST", "/_sandbox/limits", order(5), &[]).await;

    let refused = desk.get("/limits").await;
    desk.send("POST", "/_sandbox/limits", order(4), &[]).await;
    let taken = desk.get("/limits").await;

    assert_eq!((refused.status, taken.status), (403, 200));
    assert_eq!(refused.body[0]["errorCode"], "REQUEST_LIMIT_EXCEEDED");
    assert!(refused.body[0]["message"].as_str().unwrap().contains("ConcurrentRequests"));
    assert_eq!(
        taken.headers["sforce-limit-info"], "api-usage=1/15000000",
        "the refused one is free"
    );
}
