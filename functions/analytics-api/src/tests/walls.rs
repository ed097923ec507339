//! Ethical walls, as their people meet them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use shared::ports::Stance;

use super::{Answer, get_as, send, serve};
use crate::testing::{CASE_ID, Firm, NOON, REMOTE_ID};

async fn put(firm: &Arc<Firm>, path: &str, token: &str, body: &str) -> Answer {
    let request = Request::put(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    send(&serve(firm).await, request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn delete(firm: &Arc<Firm>, path: &str, token: &str) -> Answer {
    let request = Request::delete(path).header("authorization", format!("Bearer {token}"));
    send(&serve(firm).await, request.body(Body::empty()).unwrap()).await
}

const SCREENED: &str = r#"{"stance":"screened","reason":" advised the other side "}"#;

fn wall_path(person: &str) -> String {
    format!("/v1/cases/{REMOTE_ID}/walls/{person}")
}

#[tokio::test]
async fn a_wall_is_set_listed_and_lifted() {
    let firm = Arc::<Firm>::default();

    let set = put(&firm, &wall_path("anna"), "chair.admin", SCREENED).await;
    let listed =
        get_as(&serve(&firm).await, &format!("/v1/cases/{CASE_ID}/walls"), "ben.lawyer").await;
    let lifted = delete(&firm, &wall_path("anna"), "chair.admin").await;
    let again = delete(&firm, &wall_path("anna"), "chair.admin").await;

    let wall = json!({
        "case_id": CASE_ID, "person": "anna", "stance": "screened",
        "reason": "advised the other side", "set_by": "chair", "set_at": NOON.to_string(),
    });
    assert_eq!((set.status, &set.body), (StatusCode::OK, &wall));
    assert_eq!(listed.body, json!({"items": [wall]}));
    assert_eq!(lifted.status, StatusCode::NO_CONTENT);
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wall_needs_a_stance_and_a_reason() {
    let firm = Arc::<Firm>::default();
    let long = format!(r#"{{"stance":"screened","reason":"{}"}}"#, "x".repeat(501));
    for (body, fields) in [
        ("{}", vec!["stance", "reason"]),
        ("[]", vec!["body"]),
        ("{", vec!["body"]),
        (r#"{"stance":"blocked","reason":"x"}"#, vec!["stance"]),
        (r#"{"stance":"screened"}"#, vec!["reason"]),
        (r#"{"stance":"screened","reason":"  "}"#, vec!["reason"]),
        (r#"{"stance":"screened","reason":"a\u0000b"}"#, vec!["reason"]),
        (r#"{"stance":"screened","reason":7}"#, vec!["reason"]),
        (r#"{"stance":"screened","reason":"x","by":"me"}"#, vec!["by"]),
        (&long, vec!["reason"]),
    ] {
        let answer = put(&firm, &wall_path("anna"), "chair.admin", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let named: Vec<_> = answer.faults().into_iter().map(|(field, _)| field).collect();
        assert_eq!(named, fields, "{body}");
    }
    let answer = put(&firm, &wall_path("%20"), "chair.admin", SCREENED).await;
    assert_eq!(answer.faults()[0].0, "person");
    assert!(firm.walls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_screened_admin_cannot_lift_the_screen_nor_see_that_it_is_there() {
    let firm = Arc::<Firm>::default();
    put(&firm, &wall_path("dora"), "chair.admin", SCREENED).await;
    let absent = "00000000-5b7d-8e21-9c44-d1e0a7b6f529";
    let assigned = r#"{"stance":"assigned","reason":"I want to"}"#;

    for person in ["dora", "ben"] {
        let hidden = format!("/v1/cases/{CASE_ID}/walls/{person}");
        let missing = format!("/v1/cases/{absent}/walls/{person}");
        for body in [assigned, SCREENED] {
            let answers = [
                put(&firm, &hidden, "dora.admin", body).await,
                put(&firm, &missing, "dora.admin", body).await,
            ];
            assert_same_404(&answers, absent);
        }
        let answers = [
            delete(&firm, &hidden, "dora.admin").await,
            delete(&firm, &missing, "dora.admin").await,
        ];
        assert_same_404(&answers, absent);
    }

    let walls = firm.walls.lock().unwrap();
    let stances: Vec<_> = walls.iter().map(|it| (it.person.as_str(), it.stance)).collect();
    assert_eq!(stances, [("dora", Stance::Screened)]);
}

/// A case that is hidden and one that is not there are answered with the same words.
fn assert_same_404([hidden, missing]: &[Answer; 2], absent: &str) {
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    assert_eq!(hidden.headers, missing.headers);
    let of_hidden = hidden.body.to_string().replace(CASE_ID, "ID");
    assert_eq!(of_hidden, missing.body.to_string().replace(absent, "ID"));
}

#[tokio::test]
async fn nobody_decides_for_themselves_but_to_step_aside() {
    let firm = Arc::<Firm>::default();
    let assigned = r#"{"stance":"assigned","reason":"I want to"}"#;

    let answer = put(&firm, &wall_path("chair"), "chair.admin", assigned).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer = delete(&firm, &wall_path("chair"), "chair.admin").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);

    let answer = put(&firm, &wall_path("chair"), "chair.admin", SCREENED).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = delete(&firm, &wall_path("chair"), "chair.admin").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "they do not see the case any more");
}
