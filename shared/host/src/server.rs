//! An HTTP/1.1 listener that ends in an orderly way.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use futures_util::StreamExt;
use http::header;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{debug, warn};

/// The longest a client may take to send the head of a request, or leave a connection idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// The wait after the system refused a connection, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests with `router` until `stop` is cancelled, then lets those in hand finish for up
/// to `drain`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    drain: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = converse(http.clone(), stream, peer, router.clone(), stop.clone());
                connections.spawn(connection);
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        warn!(n_connections = connections.len(), "connections were cut off at the drain limit");
    }
}

/// Ends a response of server-sent events at the stop: it has no end of its own, and the client
/// comes back where it left off.
fn ended_by(stop: CancellationToken, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    response
        .map(|body| Body::from_stream(body.into_data_stream().take_until(stop.cancelled_owned())))
}

/// A refused connection is the client's matter; anything else needs a moment to pass.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    warn!(%error, "connection could not be accepted");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn converse(
    http: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    // Without this a response of two writes waits for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let stopping = stop.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, stopping) = (router.clone().call(request), stopping.clone());
        async move { answer.await.map(|response| ended_by(stopping, response)) }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, peer = %peer, "connection broke off");
    }
}
