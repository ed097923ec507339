//! API Gateway and function URL requests, through the `lambda_http` adapter.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use futures_util::StreamExt;
use http::header;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, RequestExt, service_fn};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;
use tower::{Service, ServiceExt};

/// The longest a stream of events is gathered.
const LONGEST_STREAM: Duration = Duration::from_secs(5);

/// Answers one request with `router`; the answer is in the form its sender expects.
///
/// # Errors
///
/// When `payload` is no request of a known kind.
pub(crate) async fn answer(
    router: Router,
    payload: &str,
    context: lambda_runtime::Context,
) -> Result<Value, Error> {
    let request: LambdaRequest = serde_json::from_str(payload)?;
    let service = service_fn(move |request| respond(router.clone(), request));
    let response = Adapter::from(service).call(LambdaEvent::new(request, context)).await?;
    Ok(serde_json::to_value(response)?)
}

async fn respond(
    router: Router,
    mut request: lambda_http::Request,
) -> Result<Response, Infallible> {
    if let Some(peer) = source_ip(&request) {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 0)));
    }
    router.oneshot(request.map(Body::new)).await.map(bounded)
}

/// Ends a response of server-sent events: Lambda sends nothing before the body is whole, so the
/// stream becomes a long poll, and the client comes back where it left off.
fn bounded(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    response.map(|body| {
        let end = Box::pin(tokio::time::sleep(LONGEST_STREAM));
        Body::from_stream(body.into_data_stream().take_until(end))
    })
}

fn source_ip(request: &lambda_http::Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref(),
        RequestContext::ApiGatewayV1(context) => context.identity.source_ip.as_deref(),
        _ => None,
    }?
    .parse()
    .ok()
}
