//! What goes over the wire, to the letter, and what comes back broken.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use adapter_airflow::{AirflowOrchestrator, AirflowSettings};
use adapter_http::{HttpClient, HttpSettings};
use fault_server::{Answer, FaultServer, Received, Script, Step};
use serde_json::{Value, json};
use shared::config::Env;
use shared::ports::orchestrator::{
    NewRun, Orchestrator as _, RunState, Started, WorkflowId, WorkflowRun, WorkflowRunId,
};
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::{PortErrorKind, chain};

const RUN: &str = "/team/api/v2/dags/load.cases/dagRuns/day:1+2";

fn open(server: &FaultServer, auth: &Value) -> AirflowOrchestrator {
    let settings = AirflowSettings::from_json(
        &json!({"connection": "flow", "base_url": server.url("/team/"), "auth": auth}),
    );
    let http = HttpSettings {
        deadline: Duration::from_secs(5),
        backoff: Backoff { first: Duration::from_millis(2), cap: Duration::from_millis(10) },
        ..HttpSettings::default()
    };
    let clock = Arc::new(SystemClock);
    let http = HttpClient::new(http, clock.clone(), Arc::new(SystemRandom)).unwrap();
    let secrets = [("TOKEN", "fresh"), ("PASSWORD", "hunter2")];
    let secrets = Arc::new(LocalSecrets::new(Env::from_pairs(secrets)));
    AirflowOrchestrator::new(settings.unwrap(), http, secrets, clock)
}

fn with_token(server: &FaultServer) -> AirflowOrchestrator {
    open(server, &json!({"flow": "token", "token": "env:TOKEN"}))
}

fn with_password(server: &FaultServer) -> AirflowOrchestrator {
    open(server, &json!({"flow": "password", "username": "u", "password": "env:PASSWORD"}))
}

fn run() -> WorkflowRun {
    let workflow = WorkflowId::parse("load.cases").unwrap();
    WorkflowRun::new(workflow, WorkflowRunId::parse("day:1+2").unwrap())
}

fn known(state: &str, conf: &Value) -> Answer {
    let body = json!({"dag_run_id": "day:1+2", "state": state, "start_date": null,
        "end_date": null, "conf": conf, "note": null, "later": [1]});
    Answer::json(body.to_string())
}

fn refused(status: u16, detail: &str) -> Answer {
    Answer::json(json!({"detail": detail}).to_string()).with_status(status)
}

fn token(name: &str) -> Answer {
    Answer::json(json!({"access_token": name}).to_string()).with_status(201)
}

fn lines(received: &[Received]) -> Vec<String> {
    received.iter().map(|it| format!("{} {}", it.method, it.path)).collect()
}

#[tokio::test]
async fn run_is_started_as_the_reference_says() {
    let server = FaultServer::start(Script::always(known("queued", &json!({})))).await.unwrap();
    let new = NewRun::new(run()).with("batch", 21).with_note("by us");

    let started = with_token(&server).start(&new).await.unwrap();
    with_token(&server).start(&NewRun::new(run())).await.unwrap();

    assert!(matches!(started, Started::Now(report) if report.state == RunState::Waiting));
    let received = server.received();
    assert_eq!(lines(&received[..1]), ["POST /team/api/v2/dags/load.cases/dagRuns"]);
    assert_eq!(received[0].header("authorization"), Some("Bearer fresh"));
    assert_eq!(received[0].header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&received[0].body).unwrap();
    let wanted = json!({"dag_run_id": "day:1+2", "logical_date": null, "conf": {"batch": 21},
        "note": "by us"});
    assert_eq!(body, wanted);
    let bare: Value = serde_json::from_slice(&received[1].body).unwrap();
    assert_eq!(bare, json!({"dag_run_id": "day:1+2", "logical_date": null, "conf": {}}));
}

#[tokio::test]
async fn answer_that_is_lost_starts_nothing_twice() {
    let steps = [
        Step::Reset,
        Step::status(503),
        refused(409, "there").into(),
        known("running", &json!({"batch": 21})).into(),
    ];
    let server = FaultServer::start(Script::of(steps)).await.unwrap();

    let new = NewRun::new(run()).with("batch", 21);
    let started = with_token(&server).start(&new).await.unwrap();

    assert!(matches!(started, Started::Before(report) if report.state == RunState::Running));
    let received = server.received();
    let post = "POST /team/api/v2/dags/load.cases/dagRuns";
    assert_eq!(lines(&received), [post, post, post, &format!("GET {RUN}")]);
    assert!(received[..3].iter().all(|it| it.body == received[0].body), "the same to the letter");
}

#[tokio::test]
async fn conflict_about_something_else_is_handed_on() {
    let steps = [refused(409, "locked"), refused(404, "no run")];
    let server = FaultServer::start(Script::of(steps)).await.unwrap();
    let error = with_token(&server).start(&NewRun::new(run())).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Conflict);
    assert!(chain(&error).to_string().ends_with("HTTP 409: locked"), "{}", chain(&error));
}

#[tokio::test]
async fn password_is_given_for_a_token_once_and_again_when_it_is_refused() {
    let steps = [
        token("one"),
        known("running", &json!({})),
        known("running", &json!({})),
        refused(401, "Token Expired"),
        token("two"),
        known("running", &json!({})),
        refused(403, "Invalid JWT token"),
        token("three"),
        known("running", &json!({})),
    ];
    let server = FaultServer::start(Script::of(steps)).await.unwrap();
    let orchestrator = with_password(&server);

    for _ in 0..4 {
        orchestrator.look(&run()).await.unwrap();
    }

    let received = server.received();
    assert_eq!(received.len(), 9);
    let sign_ins: Vec<_> = received.iter().filter(|it| it.path == "/team/auth/token").collect();
    assert_eq!(sign_ins.len(), 3);
    assert_eq!(sign_ins[0].text(), r#"{"password":"hunter2","username":"u"}"#);
    assert_eq!(sign_ins[0].header("authorization"), None);
    let tokens: Vec<_> = received.iter().filter_map(|it| it.header("authorization")).collect();
    let (one, two, three) = ("Bearer one", "Bearer two", "Bearer three");
    assert_eq!(tokens, [one, one, one, two, two, three]);
}

#[tokio::test]
async fn right_that_lacks_costs_no_second_sign_in() {
    let steps = [token("one"), refused(403, "Forbidden")];
    let server = FaultServer::start(Script::of(steps)).await.unwrap();
    let error = with_password(&server).look(&run()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert_eq!(server.n_received(), 2);
}

#[tokio::test]
async fn password_that_is_refused_is_not_tried_again_at_once_and_never_shown() {
    let refusal = refused(401, "Invalid credentials");
    let server = FaultServer::start(Script::always(refusal)).await.unwrap();
    let orchestrator = with_password(&server);
    for _ in 0..5 {
        let error = orchestrator.look(&run()).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Denied, "{}", chain(&error));
        let told = format!("{error:?} {} {orchestrator:?}", chain(&error));
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert_eq!(server.n_received(), 1, "too many lock a user out");
}

#[tokio::test]
async fn name_and_password_go_with_each_call_where_that_is_asked_for() {
    let server = FaultServer::start(Script::always(known("success", &json!({})))).await.unwrap();
    let auth = json!({"flow": "basic", "username": "u", "password": "env:PASSWORD"});
    open(&server, &auth).look(&run()).await.unwrap();
    assert_eq!(server.received()[0].header("authorization"), Some("Basic dTpodW50ZXIy"));
}

#[tokio::test]
async fn run_that_has_ended_is_not_stopped() {
    for (state, n_calls) in [("success", 1), ("failed", 1), ("running", 2), ("queued", 2)] {
        let steps = [known(state, &json!({})), known("failed", &json!({}))];
        let server = FaultServer::start(Script::of(steps)).await.unwrap();
        with_token(&server).cancel(&run(), "enough").await.unwrap();
        let received = server.received();
        assert_eq!(received.len(), n_calls, "{state}");
        if let Some(patch) = received.get(1) {
            assert_eq!(lines(std::slice::from_ref(patch)), [format!("PATCH {RUN}")]);
            assert_eq!(patch.text(), r#"{"note":"enough","state":"failed"}"#);
        }
    }
}

fn tasks() -> Answer {
    let task = |id: &str, index: i64, tries: u32| {
        json!({"task_id": id, "map_index": index, "try_number": tries,
            "end_date": "2026-12-01T00:29:02.4Z", "state": "failed"})
    };
    let body = json!({"task_instances": [task("group.load", -1, 3), task("each", 7, 1)],
        "total_entries": 9});
    Answer::json(body.to_string())
}

fn log(event: &str) -> Answer {
    Answer::json(json!({"content": [{"event": event, "level": "error"}]}).to_string())
}

#[tokio::test]
async fn failures_are_read_from_the_logs_of_the_last_attempts() {
    let steps = [tasks(), log("one"), log("two")];
    let server = FaultServer::start(Script::of(steps)).await.unwrap();

    let failures = with_token(&server).failures(&run(), 2).await.unwrap();

    assert_eq!(failures[0].task, "group.load");
    assert_eq!((failures[0].index, failures[0].attempts), (None, 3));
    assert_eq!((failures[1].index, failures[1].attempts), (Some(7), 1));
    assert_eq!(failures[1].message.as_deref(), Some("two"));
    assert!(failures[1].ended_at.is_some());
    let received = server.received();
    let logs = [
        format!("GET {RUN}/taskInstances"),
        format!("GET {RUN}/taskInstances/group.load/logs/3"),
        format!("GET {RUN}/taskInstances/each/logs/1"),
    ];
    assert_eq!(lines(&received), logs);
    assert_eq!(received[0].query, "state=failed&order_by=start_date&limit=2");
    assert_eq!(received[2].query, "full_content=true&map_index=7");
}

#[tokio::test]
async fn log_that_cannot_be_had_leaves_the_failure_without_words() {
    let long = Answer::json(format!(r#"{{"content": ["{}"]}}"#, "x".repeat(17 * 1024 * 1024)));
    let steps: [Step; 3] = [tasks().into(), refused(403, "Forbidden").into(), long.into()];
    let server = FaultServer::start(Script::of(steps)).await.unwrap();
    let failures = with_token(&server).failures(&run(), 2).await.unwrap();
    assert_eq!(failures.iter().filter(|it| it.message.is_none()).count(), 2);

    // One that can be had later is asked for later.
    let server = FaultServer::start(Script::of([tasks()]).then(Step::status(503))).await.unwrap();
    let error = with_token(&server).failures(&run(), 2).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn what_is_no_answer_of_airflow_is_an_error_and_no_state() {
    let page = Answer::html("<html>Sign in</html>");
    for (answer, kind) in [
        (page, PortErrorKind::Unavailable),
        (Answer::json("{}"), PortErrorKind::Rejected),
        (known("resting", &json!({})), PortErrorKind::Rejected),
        (known("running", &json!([1])), PortErrorKind::Rejected),
        (Answer::html("<html>").with_status(502), PortErrorKind::Unavailable),
        (Answer::slow_down(3_600), PortErrorKind::RateLimited),
    ] {
        let server = FaultServer::start(Script::always(answer.clone())).await.unwrap();
        let error = with_token(&server).look(&run()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer:?}: {}", chain(&error));
        assert!(!chain(&error).to_string().contains("html"), "{}", chain(&error));
    }
}
