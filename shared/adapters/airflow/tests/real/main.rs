//! A real Airflow: the contract of orchestrators, tokens that end, users that may not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod support;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use shared::ports::orchestrator::{
    NewRun, Orchestrator as _, RunState, WorkflowId, WorkflowRun, WorkflowRunId, follow,
};
use shared::ports::orchestrator_contract::{Workflows, orchestrator_contract};
use shared::{PortErrorKind, chain};

use crate::support::{Airflow, WAIT};

fn run(workflow: &str, id: &str) -> WorkflowRun {
    WorkflowRun::new(WorkflowId::parse(workflow).unwrap(), WorkflowRunId::parse(id).unwrap())
}

/// One test, so that one Airflow is started: it takes 15 seconds and a gigabyte.
#[tokio::test]
async fn airflow_keeps_the_contract_and_its_refusals_are_understood() {
    let Some(airflow) = Airflow::start() else { return };
    let orchestrator = airflow.open("password", "moodbridge");
    let workflows = Workflows::named("good", "bad", "endless");
    let message =
        "RuntimeError: file `cases.csv`, line 3, is not fit to load, because of ValueError";

    let contract = orchestrator_contract(&orchestrator, &workflows, message, "1");
    let others = async {
        names_that_are_allowed_are_taken(&airflow).await;
        tokens_that_are_refused_are_replaced(&airflow).await;
        static_token_is_read_again(&airflow).await;
        rights_and_passwords_that_lack_are_told(&airflow).await;
        what_airflow_does_not_take_is_told(&airflow).await;
    };
    futures_util::future::join(contract, others).await;
}

async fn names_that_are_allowed_are_taken(airflow: &Airflow) {
    let odd = run("good", "load:2026-12-01T00:00:00+00:00~1.2-3_4");
    let orchestrator = airflow.open("password", "moodbridge");
    let long = "é".repeat(2_000);
    orchestrator.start(&NewRun::new(odd.clone()).with("batch", 1).with_note(long)).await.unwrap();
    let report = follow(&orchestrator, &odd, WAIT).await.unwrap();
    assert_eq!(report.state, RunState::Succeeded);
    assert_eq!(report.note.chars().count(), 1_000);
    assert!(report.started_at.unwrap() <= report.ended_at.unwrap());
}

/// Makes a token as Airflow does, but with these claims and this key.
fn token(airflow: &Airflow, age_s: i64, key: &str) -> String {
    let now: i64 = airflow.now_s();
    let claims = json!({"sub": "moodbridge", "role": "op", "teams": [], "jti": "1",
        "aud": "apache-airflow", "nbf": now - age_s, "iat": now - age_s, "exp": now - age_s + 3600});
    encode(&Header::new(Algorithm::HS512), &claims, &EncodingKey::from_secret(key.as_bytes()))
        .unwrap()
}

async fn tokens_that_are_refused_are_replaced(airflow: &Airflow) {
    // What Airflow says of them is what leads to another one.
    for (age_s, key) in [(7_200, airflow.jwt_secret.as_str()), (0, "another key than its own")] {
        let bad = airflow.open_with_token(&token(airflow, age_s, key));
        let error = bad.look(&run("good", "x")).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Denied, "{}", chain(&error));

        let changing = airflow.open_with_changing_token(
            &token(airflow, age_s, key),
            &token(airflow, 0, &airflow.jwt_secret),
        );
        let error = changing.look(&run("good", "x")).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
    }
}

async fn static_token_is_read_again(airflow: &Airflow) {
    let good = airflow.open_with_token(&token(airflow, 0, &airflow.jwt_secret));
    let error = good.look(&run("good", "x")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
}

async fn rights_and_passwords_that_lack_are_told(airflow: &Airflow) {
    let reader = airflow.open("password", "reader");
    let error = reader.start(&NewRun::new(run("good", "r"))).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert!(chain(&error).to_string().ends_with("HTTP 403: Forbidden"), "{}", chain(&error));

    let stranger = airflow.open("password", "stranger");
    let error = stranger.look(&run("good", "x")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert!(chain(&error).to_string().contains("Invalid credentials"), "{}", chain(&error));

    // Airflow 3 itself takes no name and password with a call; gateways before it may.
    let basic = airflow.open("basic", "moodbridge");
    let error = basic.look(&run("good", "x")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied, "{}", chain(&error));
}

async fn what_airflow_does_not_take_is_told(airflow: &Airflow) {
    let orchestrator = airflow.open("password", "moodbridge");
    // It keeps such names for runs of its own.
    let error = orchestrator.start(&NewRun::new(run("good", "scheduled__x"))).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(chain(&error).to_string().contains("reserved"), "{}", chain(&error));

    let new = NewRun::new(run("good", "misfit")).with("batch", Value::from("Ada"));
    let error = orchestrator.start(&new).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    let told = chain(&error).to_string();
    assert!(told.contains("parameter `batch`") && !told.contains("Ada"), "{told}");
    let error = orchestrator.look(&new.run).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "nothing was started");
}
