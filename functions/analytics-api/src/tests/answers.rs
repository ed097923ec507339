//! What good requests are answered with.

use std::sync::Arc;

use axum::http::StatusCode;
use shared::PortErrorKind;
use shared::ports::{CaseSort, ReplaySelection};
use shared::time::Timestamp;

use super::{get, ports, post, serve};
use crate::testing::{CASE_ID, Firm, NOON, REMOTE_ID, StoppedClock};
use crate::{Api, router};

#[tokio::test]
async fn overview_holds_all_that_the_first_page_shows() {
    let answer = get(&serve(&Arc::default()).await, "/v1/overview?days=7").await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body["n_cases"], 10_000);
    assert_eq!(answer.body["by_day"].as_array().unwrap().len(), 7);
    assert_eq!(answer.body["integrations"][0]["id"], "main");
    assert_eq!(answer.body["queues"][0]["n_dead"], 3);
}

#[tokio::test]
async fn a_hundred_open_dashboards_cost_one_query() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;

    let asked = (0..100).map(|_| get(&routes, "/v1/overview"));
    futures_util::future::join_all(asked).await;

    assert_eq!(*firm.n_overviews.lock().unwrap(), 1);
}

#[tokio::test]
async fn every_filter_of_a_list_reaches_the_store() {
    let firm = Arc::<Firm>::default();
    let query = "search=doe+roe&status=On%20Hold&court=King&priority=High&state=open&sort=docket_asc&\
        opened_from=2026-01-31&opened_until=2026-02-28T09:30:00%2B02:00&cursor=next&limit=7&account_id=";

    let answer = get(&serve(&firm).await, &format!("/v1/cases?{query}{CASE_ID}")).await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["next_cursor"], "next");
    let filter = firm.filters.lock().unwrap().remove(0);
    assert_eq!(filter.search.as_deref(), Some("doe roe"));
    assert_eq!(filter.status.as_deref(), Some("On Hold"));
    assert_eq!(filter.court.as_deref(), Some("King"));
    assert_eq!(filter.priority.as_deref(), Some("High"));
    assert_eq!(filter.is_closed, Some(false));
    assert_eq!(filter.sort, CaseSort::DocketAsc);
    assert_eq!(filter.opened_from, Timestamp::parse("2026-01-31T00:00:00Z").ok());
    assert_eq!(filter.opened_until, Timestamp::parse("2026-02-28T07:30:00Z").ok());
    assert_eq!(filter.account_id.unwrap().as_str(), CASE_ID);
    assert_eq!((filter.cursor.as_deref(), filter.limit), (Some("next"), 7));
}

#[tokio::test]
async fn an_empty_filter_does_not_narrow() {
    let firm = Arc::<Firm>::default();

    get(&serve(&firm).await, "/v1/cases?search=&status=").await;

    let filter = firm.filters.lock().unwrap().remove(0);
    assert_eq!((filter.search, filter.status, filter.limit), (None, None, 50));
}

#[tokio::test]
async fn a_case_is_found_by_our_id_and_by_both_forms_of_its_salesforce_id() {
    let routes = serve(&Arc::default()).await;
    let upper = CASE_ID.to_uppercase();
    for id in [CASE_ID, &upper, REMOTE_ID, &REMOTE_ID[..15]] {
        let answer = get(&routes, &format!("/v1/cases/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{id}");
        assert_eq!(answer.body["id"], CASE_ID);
        assert_eq!(answer.body["documents"][0]["exhibit_label"], "A-1");
    }
}

#[tokio::test]
async fn following_next_before_shows_every_audit_row_once() {
    let routes = serve(&Arc::default()).await;
    for path in ["/v1/audit".to_owned(), format!("/v1/cases/{REMOTE_ID}/audit")] {
        let first = get(&routes, &format!("{path}?limit=2")).await;
        assert_eq!(first.body["items"][0]["seq"], 3, "{path}");
        assert_eq!(first.body["next_before"], 2);

        let second = get(&routes, &format!("{path}?limit=2&before=2")).await;
        assert_eq!(second.body["items"][0]["seq"], 1);
        assert!(second.body["next_before"].is_null());
    }
}

#[tokio::test]
async fn the_audit_of_a_case_that_is_not_there_answers_404() {
    let unknown = "00000000-5b7d-8e21-9c44-d1e0a7b6f529";
    let answer = get(&serve(&Arc::default()).await, &format!("/v1/cases/{unknown}/audit")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body["detail"].as_str().unwrap().contains(unknown));
}

#[tokio::test]
async fn a_connection_shows_its_objects_with_cursor_and_last_run() {
    let answer = get(&serve(&Arc::default()).await, "/v1/integrations").await;

    let items = answer.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "an entry that cannot be read is passed over");
    assert_eq!(items[0]["title"], "Salesforce (main)");
    assert_eq!(items[0]["status"], "healthy");
    assert_eq!(items[0]["objects"][0]["object"], "Case");
    assert_eq!(items[0]["objects"][0]["cursor_at"], NOON.to_string());
    assert_eq!(items[0]["objects"][0]["last_run"]["outcome"], "running");
}

#[tokio::test]
async fn a_connection_that_is_no_longer_checked_is_not_called_healthy() {
    let mut ports = ports(&Arc::default()).await;
    ports.clock = Arc::new(StoppedClock(NOON.plus(std::time::Duration::from_mins(20))));

    let answer = get(&router(Arc::new(Api::new(ports))), "/v1/integrations").await;

    let item = &answer.body["items"][0];
    assert_eq!(item["status"], "unknown");
    assert!(item["detail"].as_str().unwrap().contains("20 minutes"), "{item}");
}

#[tokio::test]
async fn following_next_after_shows_every_dead_letter_once() {
    let routes = serve(&Arc::default()).await;

    let first = get(&routes, "/v1/queues/events/dead-letters?limit=2").await;
    assert_eq!(first.body["items"][0]["id"], "186");
    assert_eq!(first.body["next_after"], "185");

    let second = get(&routes, "/v1/queues/events/dead-letters?limit=2&after=185").await;
    assert_eq!(second.body["items"][0]["id"], "184");
    assert!(second.body["next_after"].is_null());
}

#[tokio::test]
async fn replay_takes_ids_or_all() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let path = "/v1/queues/events/dead-letters/replay";

    let some = post(&routes, path, "application/json", r#"{"ids":["184","185"]}"#).await;
    assert_eq!((some.status, &some.body["n_replayed"]), (StatusCode::OK, &2.into()));
    let all = post(&routes, path, "Application/JSON; charset=utf-8", r#"{"all":true}"#).await;
    assert_eq!((all.status, &all.body["n_replayed"]), (StatusCode::OK, &3.into()));

    let ids = ReplaySelection::Ids(vec!["184".into(), "185".into()]);
    assert_eq!(*firm.replays.lock().unwrap(), [ids, ReplaySelection::All]);
}

#[tokio::test]
async fn a_port_in_trouble_answers_503_or_500_and_leaks_nothing() {
    let paths = [
        "/v1/overview",
        "/v1/metrics/cases_opened",
        "/v1/metrics/cases_open/forecast",
        "/v1/queries/open_cases_by_court",
        "/v1/cases",
        "/v1/cases/3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529",
        "/v1/audit",
        "/v1/integrations",
        "/v1/sync-runs",
        "/v1/queues",
        "/v1/queues/events/dead-letters",
        "/v1/changes",
    ];
    for (kind, status) in [
        (PortErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
        (PortErrorKind::Denied, StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let firm = Arc::<Firm>::default();
        *firm.failure.lock().unwrap() = Some(kind);
        let routes = serve(&firm).await;
        for path in paths {
            let answer = get(&routes, path).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
            let delay = if status == StatusCode::SERVICE_UNAVAILABLE { "3" } else { "" };
            assert_eq!(answer.header("retry-after"), delay, "{path}");
        }
    }
}
