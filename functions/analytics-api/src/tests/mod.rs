//! The API as its clients see it, over ports in memory.

mod access;
mod answers;
mod bad_input;
mod dashboard;
mod document;
mod documents;
mod ethical_wall;
mod live;
mod metrics;
mod named_queries;
mod pipelines;
mod reports;
mod settings;
mod store;
mod streams;
mod two_way;
mod walls;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::testing::{
    CHAIR, Firm, NOON, StoppedClock, TestDesk, book, ledger, pipelines, questions, reports, two_way,
};
use crate::{Api, CostTerms, Ports, router};

/// The API over `firm`, at noon.
async fn ports(firm: &Arc<Firm>) -> Ports {
    Ports {
        view: firm.clone(),
        tally: firm.clone(),
        documents: firm.clone(),
        document_bytes: Some(firm.shelf.bytes.clone()),
        incidents: firm.clone(),
        audit: firm.clone(),
        feed: firm.clone(),
        journal: firm.clone(),
        ledger: Arc::new(ledger().await),
        queues: vec![firm.clone()],
        authenticator: Arc::new(TestDesk),
        walls: firm.clone(),
        pipelines: Some(pipelines().await),
        reports: Some(reports(firm).await),
        costs: Arc::new(shared::ports::MemoryCostLedger::default()),
        cost_terms: Arc::new(CostTerms::of(&Default::default()).unwrap()),
        settings: Arc::new(book().await),
        platforms: [].into(),
        two_way: two_way(firm),
        queries: Some(questions(firm)),
        clock: Arc::new(StoppedClock(NOON)),
    }
}

async fn serve(firm: &Arc<Firm>) -> Router {
    router(Arc::new(Api::new(ports(firm).await)))
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The messages of a problem by field.
    fn faults(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.map(|it| (it["field"].as_str().unwrap(), it["message"].as_str().unwrap())).collect()
    }
}

async fn send(routes: &Router, request: Request<Body>) -> Answer {
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(routes: &Router, path: &str) -> Answer {
    get_as(routes, path, CHAIR).await
}

/// Asks with the token `token`.
async fn get_as(routes: &Router, path: &str, token: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    send(routes, request.body(Body::empty()).unwrap()).await
}

async fn post(routes: &Router, path: &str, kind: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header("content-type", kind)
        .header("authorization", format!("Bearer {CHAIR}"));
    send(routes, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// Asks `method` of `path` with a JSON body and more headers.
async fn ask_as(
    routes: &Router,
    token: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(routes, request.body(Body::from(body.to_owned())).unwrap()).await
}
