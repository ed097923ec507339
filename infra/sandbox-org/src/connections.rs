//! Serves connections over HTTP/1.1 as the platform does.
//!
//! The platform writes `Content-Type`, not `content-type`. Names mean the same in any case, but
//! airbyte-source-salesforce looks for the former among the headers of result files.

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Serves what `listener` accepts until `stop`, then finishes the requests under way.
pub(crate) async fn serve<L: Listener>(
    mut listener: L,
    routes_for: impl Fn(&L::Io) -> Router,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let (io, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let service = TowerToHyperService::new(routes_for(&io));
        let stopped = stop.clone();
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .title_case_headers(true)
                .serve_connection(TokioIo::new(io), service);
            tokio::pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                () = stopped.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(error = %error, "a connection to the sandbox org broke off");
            }
        });
    }
    while connections.join_next().await.is_some() {}
}
