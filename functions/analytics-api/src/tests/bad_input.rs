//! What bad requests are answered with: the fault and its fix, and nothing is done.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::{get, post, send, serve};
use crate::testing::Firm;

#[tokio::test]
async fn each_bad_parameter_is_named_with_its_fix() {
    let routes = serve(&Arc::default()).await;
    let long = "x".repeat(201);
    let long = format!("/v1/cases?search={long}");
    for (path, field, fix) in [
        ("/v1/overview?days=0", "days", "`0` is not a whole number from 1 to 365"),
        ("/v1/overview?days=", "days", "`` is not a whole number"),
        ("/v1/overview?day=3", "day", "did you mean `days`?"),
        ("/v1/cases?limit=201", "limit", "`201` is not a whole number from 1 to 200"),
        ("/v1/cases?limit=-1", "limit", "`-1` is not a whole number from 1 to 200"),
        ("/v1/cases?limit=%2B5", "limit", "`+5` is not a whole number"),
        ("/v1/cases?limit=1e2", "limit", "`1e2` is not a whole number"),
        ("/v1/cases?limit=99999999999999999999", "limit", "is not a whole number from 1 to 200"),
        ("/v1/cases?sort=update_desc", "sort", "did you mean `updated_desc`?"),
        ("/v1/cases?sort=colour", "sort", "write `updated_desc`, `opened_desc`"),
        ("/v1/cases?state=shut", "state", "write `open`, `closed`"),
        ("/v1/cases?serach=doe", "serach", "did you mean `search`?"),
        ("/v1/cases?colour=red", "colour", "there are `search`, `status`"),
        ("/v1/cases?cursor=forged", "cursor", "begin again without a cursor"),
        ("/v1/cases?opened_from=tomorrow", "opened_from", "a date such as `2026-01-31T09:30:00Z`"),
        ("/v1/cases?opened_from=2026-02-30", "opened_from", "`2026-02-30` is not a date"),
        ("/v1/cases?opened_from=2026-01-01T00:00:00+02:00", "opened_from", "write `+` as `%2B`"),
        ("/v1/cases?opened_from=2026-02-01&opened_until=2026-01-01", "opened_until", "not later"),
        ("/v1/cases?account_id=7", "account_id", "a UUID in lower case"),
        ("/v1/cases?status=a&status=b", "status", "give it once"),
        ("/v1/cases?status=%ff", "status", "not UTF-8"),
        (&long, "search", "longer than 200 characters"),
        ("/v1/cases/not-an-id", "id", "neither a UUID nor a Salesforce id"),
        ("/v1/cases/%ff", "id", "not UTF-8"),
        ("/v1/cases/00000000-5b7d-8e21-9c44-d1e0a7b6f529?limit=1", "limit", "takes none"),
        ("/v1/audit?before=0", "before", "`0` is not a whole number from 1"),
        ("/v1/audit?befor=9", "befor", "did you mean `before`?"),
        ("/v1/integrations?x=1", "x", "this path takes none"),
        ("/v1/sync-runs?limit=many", "limit", "`many` is not a whole number"),
        ("/v1/queues/events/dead-letters?limit=0", "limit", "from 1 to 200"),
        ("/v1/changes?after=-1", "after", "`-1` is not a whole number from 0"),
        ("/v1/openapi.json?yaml", "yaml", "takes none"),
    ] {
        let answer = get(&routes, path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.body["instance"], path.split('?').next().unwrap());
        let [(named, message)] = answer.faults()[..] else { panic!("{path}: {}", answer.body) };
        assert_eq!(named, field, "{path}");
        assert!(message.contains(fix), "{path}: {message}");
    }
}

#[tokio::test]
async fn all_faults_of_a_request_are_named_at_once() {
    let routes = serve(&Arc::default()).await;

    let answer = get(&routes, "/v1/cases?limit=0&sort=x&opened_from=x&colour=red&limit=3").await;

    let mut fields: Vec<_> = answer.faults().into_iter().map(|(field, _)| field).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["colour", "limit", "opened_from", "sort"]);
}

#[tokio::test]
async fn a_hostile_query_is_answered_with_few_words() {
    let routes = serve(&Arc::default()).await;
    let query: Vec<_> = (0..5000).map(|at| format!("p{at}=1")).collect();

    let answer = get(&routes, &format!("/v1/cases?{}", query.join("&"))).await;

    assert_eq!(answer.faults().len(), 20);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let routes = serve(&Arc::default()).await;
    for (path, name) in [
        (
            "/v1/cases/00000000-5b7d-8e21-9c44-d1e0a7b6f529",
            "`00000000-5b7d-8e21-9c44-d1e0a7b6f529`",
        ),
        ("/v1/cases/500ak00000OQTie", "there is no case `500ak00000OQTie"),
        ("/v1/cases/500ak00000OQTieAAA", "do not fit"),
        ("/v1/queues/evnts/dead-letters", "there is no queue `evnts`: there are `events`"),
        ("/v1/case", "there is no path `/v1/case`: `/v1/openapi.json` lists them"),
        ("/v1", "there is no path"),
    ] {
        let answer = get(&routes, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(name), "{path}: {detail}");
        assert_eq!(answer.body["instance"], path);
    }
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let routes = serve(&Arc::default()).await;
    for (method, path, allowed) in [
        ("DELETE", "/v1/cases", "GET,HEAD,POST"),
        ("PUT", "/v1/cases/1", "DELETE,GET,HEAD,PATCH"),
        ("DELETE", "/v1/audit", "GET,HEAD"),
        ("GET", "/v1/queues/events/dead-letters/replay", "POST"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = send(&routes, request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), allowed);
        assert_eq!(answer.body["status"], 405);
    }
}

#[tokio::test]
async fn each_bad_replay_is_named_with_its_fix_and_replays_nothing() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    for (body, field, fix) in [
        ("", "body", "not JSON at line 1, column 0"),
        ("{\"ids\":[", "body", "not JSON at line 1, column 8"),
        ("[1]", "body", "not an object"),
        ("{}", "body", "it selects nothing"),
        (r#"{"ids":[]}"#, "ids", "a list of 1 to 1000 ids"),
        (r#"{"ids":"184"}"#, "ids", "a list of 1 to 1000 ids"),
        (r#"{"ids":["184",185]}"#, "ids[1]", "not the id of a dead letter"),
        (r#"{"ids":[""]}"#, "ids[0]", "text that is not empty"),
        (r#"{"all":false}"#, "all", "it can only be `true`"),
        (r#"{"all":true,"ids":["184"]}"#, "all", "it excludes `ids`"),
        (r#"{"all":true,"id":1}"#, "id", "did you mean `ids`?"),
    ] {
        let path = "/v1/queues/events/dead-letters/replay";
        let answer = post(&routes, path, "application/json", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let [(named, message)] = answer.faults()[..] else { panic!("{body}: {}", answer.body) };
        assert_eq!(named, field, "{body}");
        assert!(message.contains(fix), "{body}: {message}");
    }
    assert!(firm.replays.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_replay_that_a_web_form_could_send_is_refused() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let path = "/v1/queues/events/dead-letters/replay";
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let answer = post(&routes, path, kind, r#"{"all":true}"#).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    assert!(firm.replays.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let routes = serve(&Arc::default()).await;
    let body = format!(r#"{{"ids":["{}"]}}"#, "1".repeat(70_000));
    let path = "/v1/queues/events/dead-letters/replay";
    let answer = post(&routes, path, "application/json", &body).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
