//! Who may ask what: every operation of the served document against every role.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use shared::auth::{Permission, Role};
use tower::ServiceExt;

use super::document::{assert_answer, document, good, good_body, operations};
use super::{Answer, get_as, send, serve};
use crate::testing::{CASE_ID, EXPIRED, Firm, UNCHECKED};

/// What each operation asks for, written down a second time: a route that is added, or that asks for
/// something else than before, has to be thought of here too.
const MATRIX: [(&str, Option<Permission>); 79] = [
    ("get /api/dashboard", Some(Permission::CasesRead)),
    ("get /api/health", None),
    ("get /v1/audit", Some(Permission::AuditRead)),
    ("get /v1/cases", Some(Permission::CasesRead)),
    ("get /v1/cases/{id}", Some(Permission::CasesRead)),
    ("get /v1/cases/{id}/audit", Some(Permission::AuditRead)),
    ("get /v1/cases/{id}/walls", Some(Permission::WallsRead)),
    ("put /v1/cases/{id}/walls/{person}", Some(Permission::WallsWrite)),
    ("delete /v1/cases/{id}/walls/{person}", Some(Permission::WallsWrite)),
    ("post /v1/cases/{id}/documents/uploads", Some(Permission::CasesWrite)),
    ("delete /v1/cases/{id}/documents/uploads/{upload}", Some(Permission::CasesWrite)),
    ("post /v1/cases/{id}/documents/uploads/{upload}/complete", Some(Permission::CasesWrite)),
    ("post /v1/cases/{id}/documents/uploads/{upload}/links", Some(Permission::CasesWrite)),
    ("put /v1/cases/{id}/documents/uploads/{upload}/parts/{number}", Some(Permission::CasesWrite)),
    ("get /v1/documents/{id}", Some(Permission::CasesRead)),
    ("get /v1/documents/{id}/content", Some(Permission::CasesRead)),
    ("get /v1/documents/{id}/link", Some(Permission::CasesRead)),
    ("get /v1/changes", Some(Permission::ChangesFollow)),
    ("get /v1/costs", Some(Permission::CostsRead)),
    ("get /v1/integrations", Some(Permission::IntegrationsRead)),
    ("get /v1/me", None),
    ("get /v1/metrics", Some(Permission::FiguresRead)),
    ("get /v1/metrics/{metric}", Some(Permission::FiguresRead)),
    ("get /v1/metrics/{metric}/forecast", Some(Permission::FiguresRead)),
    ("get /v1/openapi.json", None),
    ("get /v1/queries", Some(Permission::FiguresRead)),
    ("get /v1/queries/{query}", Some(Permission::FiguresRead)),
    ("get /v1/overview", Some(Permission::FiguresRead)),
    ("get /v1/platforms", Some(Permission::IntegrationsRead)),
    ("get /v1/queues", Some(Permission::QueuesRead)),
    ("get /v1/queues/{queue}/dead-letters", Some(Permission::QueuesRead)),
    ("get /v1/resilience", Some(Permission::IntegrationsRead)),
    ("get /v1/settings", Some(Permission::SettingsRead)),
    ("get /v1/settings/history", Some(Permission::SettingsRead)),
    ("post /v1/settings/changes", Some(Permission::SettingsWrite)),
    ("post /v1/settings/undo", Some(Permission::SettingsWrite)),
    ("get /v1/sync-runs", Some(Permission::IntegrationsRead)),
    ("post /v1/queues/{queue}/dead-letters/replay", Some(Permission::QueuesReplay)),
    ("post /v1/accounts", Some(Permission::CasesWrite)),
    ("patch /v1/accounts/{id}", Some(Permission::CasesWrite)),
    ("delete /v1/accounts/{id}", Some(Permission::CasesWrite)),
    ("get /v1/accounts/{id}/sync", Some(Permission::CasesWrite)),
    ("post /v1/accounts/{id}/restore", Some(Permission::CasesWrite)),
    ("post /v1/accounts/{id}/merge", Some(Permission::CasesWrite)),
    ("post /v1/cases", Some(Permission::CasesWrite)),
    ("patch /v1/cases/{id}", Some(Permission::CasesWrite)),
    ("delete /v1/cases/{id}", Some(Permission::CasesWrite)),
    ("get /v1/cases/{id}/sync", Some(Permission::CasesWrite)),
    ("post /v1/cases/{id}/restore", Some(Permission::CasesWrite)),
    ("post /v1/cases/{id}/merge", Some(Permission::CasesWrite)),
    ("post /v1/contacts", Some(Permission::CasesWrite)),
    ("patch /v1/contacts/{id}", Some(Permission::CasesWrite)),
    ("delete /v1/contacts/{id}", Some(Permission::CasesWrite)),
    ("get /v1/contacts/{id}/sync", Some(Permission::CasesWrite)),
    ("post /v1/contacts/{id}/restore", Some(Permission::CasesWrite)),
    ("post /v1/contacts/{id}/merge", Some(Permission::CasesWrite)),
    ("get /v1/conflicts", Some(Permission::ConflictsRead)),
    ("get /v1/conflicts/{conflict}", Some(Permission::ConflictsRead)),
    ("post /v1/conflicts/resolve", Some(Permission::ConflictsResolve)),
    ("post /v1/conflicts/{conflict}/resolve", Some(Permission::ConflictsResolve)),
    ("get /v1/outbox", Some(Permission::SyncRead)),
    ("post /v1/outbox/allow-deletes", Some(Permission::SyncOperate)),
    ("post /v1/outbox/{record}/resend", Some(Permission::SyncOperate)),
    ("get /v1/reconciliations", Some(Permission::SyncRead)),
    ("get /v1/pipelines", Some(Permission::PipelinesRead)),
    ("get /v1/pipelines/{name}", Some(Permission::PipelinesRead)),
    ("get /v1/pipelines/{name}/quality", Some(Permission::PipelinesRead)),
    ("get /v1/pipelines/runs", Some(Permission::PipelinesRead)),
    ("get /v1/pipelines/runs/{id}", Some(Permission::PipelinesRead)),
    ("post /v1/pipelines/{name}/runs", Some(Permission::PipelinesRun)),
    ("post /v1/pipelines/{name}/replay", Some(Permission::PipelinesRun)),
    ("post /v1/pipelines/runs/{id}/retry", Some(Permission::PipelinesRun)),
    ("post /v1/pipelines/runs/{id}/cancel", Some(Permission::PipelinesRun)),
    ("get /v1/reports/definitions", Some(Permission::FiguresRead)),
    ("get /v1/reports", Some(Permission::FiguresRead)),
    ("post /v1/reports", Some(Permission::FiguresRead)),
    ("get /v1/reports/{id}", Some(Permission::FiguresRead)),
    ("get /v1/reports/{id}/link", Some(Permission::FiguresRead)),
    ("get /v1/reports/{id}/content", Some(Permission::FiguresRead)),
];

/// The operations that ask for no token.
const OPEN: [&str; 2] = ["get /api/health", "get /v1/openapi.json"];

/// Asks for an operation so that it would succeed, and does not read a stream.
async fn ask(routes: &Router, method: &str, path: &str, token: Option<&str>) -> StatusCode {
    routes.clone().oneshot(request(method, path, token)).await.unwrap().status()
}

fn request(method: &str, path: &str, token: Option<&str>) -> Request<Body> {
    let path = good(path);
    let mut request = Request::builder().method(method.to_ascii_uppercase().as_str()).uri(&path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if method == "get" { String::new() } else { good_body(&path) };
    request.header("content-type", "application/json").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn the_document_declares_the_permission_of_every_operation() {
    let expected: BTreeMap<_, _> = MATRIX.into_iter().collect();
    let mut served = BTreeMap::new();
    for (method, path, operation) in operations(&document().await) {
        let name = format!("{method} {path}");
        let permission = operation.get("x-permission").map(|it| it.as_str().unwrap().to_owned());
        let is_open = operation["security"].as_array().unwrap().is_empty();
        assert_eq!(is_open, OPEN.contains(&name.as_str()), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(responses.contains_key("401"), !is_open, "{name}");
        assert_eq!(responses.contains_key("403"), permission.is_some(), "{name}");
        served.insert(name, permission);
    }
    let expected: BTreeMap<String, Option<String>> = expected
        .into_iter()
        .map(|(name, it)| (name.to_owned(), it.map(|it| it.to_string())))
        .collect();
    assert_eq!(served, expected);
}

#[tokio::test]
async fn every_operation_is_allowed_exactly_to_the_roles_that_have_its_permission() {
    for (method, path, operation) in operations(&document().await) {
        let name = format!("{method} {path}");
        let permission = operation.get("x-permission").and_then(Value::as_str);
        for role in Role::ALL {
            let routes = serve(&firm_of_everybody()).await;
            let may = permission
                .is_none_or(|asked| role.permissions().iter().any(|given| given.as_str() == asked));
            let token = format!("anna.{role}");
            let status = ask(&routes, &method, &path, Some(&token)).await;
            if may {
                assert!(status.is_success(), "{role} may {name}, and got {status}");
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{role} may not {name}");
            }
        }
    }
}

/// A firm whose one case everybody may see, whatever their role, with a wall for `ben` to lift.
fn firm_of_everybody() -> Arc<Firm> {
    let firm = Arc::<Firm>::default();
    let case = shared::ids::EntityId::parse(CASE_ID).unwrap();
    for name in ["anna", "ben"] {
        let stance = shared::ports::Stance::Assigned;
        let wall = shared::ports::walls_contract::sample_wall(&case, name, stance);
        firm.walls.lock().unwrap().push(wall);
    }
    firm
}

#[tokio::test]
async fn without_a_good_token_nothing_but_the_document_is_answered() {
    let routes = serve(&Arc::default()).await;
    for (method, path, _) in operations(&document().await) {
        let name = format!("{method} {path}");
        for token in [None, Some(EXPIRED), Some("!")] {
            let status = ask(&routes, &method, &path, token).await;
            let wanted = if OPEN.contains(&name.as_str()) {
                StatusCode::OK
            } else {
                StatusCode::UNAUTHORIZED
            };
            assert_eq!(status, wanted, "{name} with {token:?}");
        }
        let wanted = match MATRIX.iter().find(|it| it.0 == name).unwrap().1 {
            Some(_) => StatusCode::FORBIDDEN,
            None => StatusCode::OK,
        };
        for token in ["anna", "anna.janitor"] {
            assert_eq!(ask(&routes, &method, &path, Some(token)).await, wanted, "{name}, {token}");
        }
        let wanted = if OPEN.contains(&name.as_str()) {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        assert_eq!(ask(&routes, &method, &path, Some(UNCHECKED)).await, wanted, "{name}");
    }
}

#[tokio::test]
async fn a_refused_request_does_nothing() {
    let firm = firm_of_everybody();
    let routes = serve(&firm).await;
    for (method, path, _) in operations(&document().await) {
        if method != "get" {
            for token in [None, Some(EXPIRED), Some("anna.client")] {
                assert!(ask(&routes, &method, &path, token).await.is_client_error());
            }
        }
    }
    assert!(firm.replays.lock().unwrap().is_empty());
    assert_eq!(firm.walls.lock().unwrap().len(), 2);
}

async fn challenge(routes: &Router, authorization: &[&str]) -> Answer {
    let mut request = Request::get("/v1/cases");
    for value in authorization {
        request = request.header("authorization", *value);
    }
    send(routes, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn each_refusal_says_what_to_do_as_rfc_6750_has_it() {
    let document = document().await;
    let routes = serve(&Arc::default()).await;
    for (authorization, status, header, detail) in [
        (vec![], 401, "Bearer realm=\"moodbridge\"", "send a token"),
        (vec!["Basic YTpi"], 401, "Bearer realm=\"moodbridge\"", "send a token"),
        (
            vec!["Bearer anna.expired"],
            401,
            "Bearer realm=\"moodbridge\", error=\"invalid_token\", error_description=\"it has expired\"",
            "it has expired; sign in again",
        ),
        (
            vec!["Bearer "],
            401,
            "Bearer realm=\"moodbridge\", error=\"invalid_token\", error_description=\"it does not have the form of a bearer token\"",
            "the form of a bearer token",
        ),
        (
            vec!["bearer anna.operator"],
            403,
            "Bearer realm=\"moodbridge\", error=\"insufficient_scope\", error_description=\"it lacks the permission cases:read\", scope=\"cases:read\"",
            "this needs the permission `cases:read`, and your roles do not give it: `operator`",
        ),
        (
            vec!["Bearer anna"],
            403,
            "Bearer realm=\"moodbridge\", error=\"insufficient_scope\", error_description=\"it lacks the permission cases:read\", scope=\"cases:read\"",
            "you have no role here",
        ),
    ] {
        let answer = challenge(&routes, &authorization).await;
        assert_eq!(answer.status.as_u16(), status, "{authorization:?}");
        assert_eq!(answer.header("www-authenticate"), header);
        assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{}", answer.body);
        assert_eq!(answer.body["instance"], "/v1/cases");
        assert_answer(&document, "get", "/v1/cases", &answer);
    }
    let twice = challenge(&routes, &["Bearer a.admin", "Bearer b.admin"]).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    assert!(twice.header("www-authenticate").contains("error=\"invalid_request\""));
}

#[tokio::test]
async fn a_token_is_taken_from_its_header_alone() {
    let routes = serve(&Arc::default()).await;
    let answer = get_as(&routes, "/v1/cases?access_token=chair.admin", "x.client").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let request = Request::get("/v1/cases?access_token=chair.admin").body(Body::empty());
    assert_eq!(send(&routes, request.unwrap()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn issuer_that_does_not_answer_is_no_fault_of_the_token() {
    let answer = get_as(&serve(&Arc::default()).await, "/v1/cases", UNCHECKED).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((answer.header("www-authenticate"), answer.header("retry-after")), ("", "2"));
    assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
}

#[tokio::test]
async fn a_person_is_told_who_they_are_and_what_they_may() {
    let routes = serve(&Arc::default()).await;
    let answer = get_as(&routes, "/v1/me", "anna.viewer.operator").await;
    assert_eq!(answer.body["person"], "anna");
    assert_eq!(answer.body["roles"], serde_json::json!(["viewer", "operator"]));
    let permissions: Vec<Permission> =
        serde_json::from_value(answer.body["permissions"].clone()).unwrap();
    assert!(permissions.contains(&Permission::QueuesReplay));
    assert!(permissions.contains(&Permission::ChangesFollow));
    assert!(!permissions.contains(&Permission::AuditRead));
    assert_eq!(answer.body["sees_assigned_only"], false);
    let client = get_as(&routes, "/v1/me", "carl.client").await;
    assert_eq!(client.body["sees_assigned_only"], true);
    let nobody = get_as(&routes, "/v1/me", "nora").await;
    assert_eq!(nobody.body["permissions"], serde_json::json!([]));
}

#[tokio::test]
async fn figures_come_without_connections_and_queues_for_whoever_may_not_read_those() {
    let routes = serve(&Arc::default()).await;
    for (token, n_connections, n_queues) in
        [("a.viewer", 0, 0), ("a.analyst", 1, 0), ("a.viewer.operator", 1, 1), ("a.admin", 1, 1)]
    {
        let body = get_as(&routes, "/v1/overview", token).await.body;
        let n = |name: &str| body[name].as_array().unwrap().len();
        assert_eq!((n("integrations"), n("queues")), (n_connections, n_queues), "{token}");
    }
}

#[tokio::test]
async fn the_page_on_access_names_every_role_and_what_it_may() {
    let page = include_str!("../../../../docs/access.md");
    for permission in Permission::ALL {
        let mut cells = vec![format!("`{permission}`")];
        cells.extend(Role::ALL.map(|role| {
            if role.permissions().contains(&permission) { "yes".to_owned() } else { String::new() }
        }));
        let row = format!("| {} |", cells.join(" | "));
        let row = row.replace("|  |", "| |").replace("|  |", "| |");
        assert!(page.contains(&row), "docs/access.md lacks the row\n{row}");
    }
    for role in Role::ALL {
        assert!(
            page.contains(&format!("| `{role}` |")),
            "docs/access.md does not tell of `{role}`"
        );
    }
}
