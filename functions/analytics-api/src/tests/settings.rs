//! Settings as those who keep the platform see and change them.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, get, post, serve};

const JSON: &str = "application/json";

async fn change(routes: &axum::Router, version: u64, set: Value) -> Answer {
    let body = json!({"expected_version": version, "reason": " a test ", "set": set});
    post(routes, "/v1/settings/changes", JSON, &body.to_string()).await
}

#[tokio::test]
async fn change_is_kept_with_its_author_and_shown_until_it_is_undone() {
    let routes = serve(&Arc::default()).await;

    let made = change(&routes, 1, json!({"poll.lag": "9s", "poll.every": null})).await;

    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(made.body["version"], 2);
    assert_eq!((&made.body["author"], &made.body["reason"]), (&json!("chair"), &json!("a test")));
    assert_eq!(made.body["takes_effect"], "at_restart");
    let page = get(&routes, "/v1/settings").await.body;
    assert_eq!((&page["version"], &page["running_version"]), (&json!(2), &json!(0)));
    let shown = |path: &str| {
        let mut values = page["values"].as_array().unwrap().iter();
        values.find(|it| it["path"] == path).unwrap().clone()
    };
    let wanted =
        json!({"path": "poll.lag", "value": "9s", "source": "change 2", "can_change": true});
    assert_eq!(shown("poll.lag"), wanted);
    assert_eq!(shown("poll.every")["source"], "default");
    assert_eq!(shown("name")["can_change"], false);

    let undone = post(&routes, "/v1/settings/undo", JSON, r#"{"version":2,"reason":"no"}"#).await;

    assert_eq!((&undone.body["version"], &undone.body["reason"]), (&json!(3), &json!("no")));
    let first = get(&routes, "/v1/settings/history?limit=2").await.body;
    assert_eq!(first["items"][0]["version"], 3);
    assert_eq!(first["items"][0]["changes"][0]["path"], "poll.every");
    assert_eq!(first["next_before"], 2);
    let last = get(&routes, "/v1/settings/history?limit=2&before=2").await.body;
    assert_eq!(last["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&last["items"][0]["author"], &last["next_before"]),
        (&json!("chair"), &Value::Null)
    );
}

#[tokio::test]
async fn each_wrong_change_is_refused_by_path_with_its_fix_and_nothing_is_kept() {
    let routes = serve(&Arc::default()).await;
    for (set, field, fix) in [
        (json!({"poll.every": "soon"}), "poll.every", "is not a duration"),
        (json!({"poll.every": 7}), "poll.every", "text"),
        (json!({"poll.evry": "1m"}), "poll.evry", "did you mean `poll.every`?"),
        (json!({"name": "x"}), "name", "cannot be changed while the process runs"),
        (json!({"colour": "x"}), "colour", "is not a setting"),
        (json!({}), "set", "it is needed"),
        (json!([]), "set", "it is needed"),
    ] {
        let answer = change(&routes, 1, set.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{set}");
        let [(named, message)] = answer.faults()[..] else { panic!("{set}: {}", answer.body) };
        assert_eq!(named, field, "{set}");
        assert!(message.contains(fix), "{set}: {message}");
    }
    let both = change(&routes, 1, json!({"poll.every": "soon", "poll.lag": "later"})).await;
    assert_eq!(both.faults().len(), 2, "{}", both.body);
    assert_eq!(get(&routes, "/v1/settings").await.body["version"], 1);
}

#[tokio::test]
async fn each_wrong_body_is_named() {
    let routes = serve(&Arc::default()).await;
    let long = format!(r#"{{"version":1,"reason":"{}"}}"#, "x".repeat(501));
    for (path, body, fields) in [
        ("changes", "{}", vec!["expected_version", "reason", "set"]),
        ("changes", "[]", vec!["body"]),
        ("changes", "{", vec!["body"]),
        (
            "changes",
            r#"{"expected_version":-1,"reason":"\n","set":{"a":1},"author":"x"}"#,
            vec!["expected_version", "reason", "author"],
        ),
        ("undo", "{}", vec!["version"]),
        ("undo", r#"{"version":0}"#, vec!["version"]),
        ("undo", r#"{"version":1.5,"why":"x"}"#, vec!["version", "why"]),
        ("undo", &long, vec!["reason"]),
    ] {
        let answer = post(&routes, &format!("/v1/settings/{path}"), JSON, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let named: Vec<_> = answer.faults().into_iter().map(|(field, _)| field).collect();
        assert_eq!(named, fields, "{body}");
    }
    let form = "application/x-www-form-urlencoded";
    for path in ["/v1/settings/changes", "/v1/settings/undo"] {
        let answer = post(&routes, path, form, "version=1").await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let answer = post(&routes, path, JSON, &"x".repeat(16 * 1024 + 1)).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn author_who_saw_an_older_version_is_told_the_newest() {
    let routes = serve(&Arc::default()).await;
    let late = change(&routes, 0, json!({"poll.lag": "9s"})).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_eq!(late.body["type"], "urn:moodbridge:problem:conflict");
    assert_eq!(
        late.faults(),
        [("expected_version", "the newest version is 1: look at it and send 1")]
    );

    change(&routes, 1, json!({"poll.every": "3m"})).await;
    let hidden = post(&routes, "/v1/settings/undo", JSON, r#"{"version":1}"#).await;
    assert_eq!(hidden.status, StatusCode::CONFLICT);
    assert_eq!(hidden.faults()[0].0, "poll.every");
    let same = change(&routes, 2, json!({"poll.every": "3m"})).await;
    assert_eq!((same.status, same.faults()[0].0), (StatusCode::CONFLICT, "set"));
    let unknown = post(&routes, "/v1/settings/undo", JSON, r#"{"version":99}"#).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    let routes = serve(&Arc::default()).await;
    let undone = post(&routes, "/v1/settings/undo", JSON, r#"{"version": 1.0}"#).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.body);
}
