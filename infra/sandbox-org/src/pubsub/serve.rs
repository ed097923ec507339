//! Serves the service on a listener of its own: HTTP/2 without encryption, so on loopback only.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::service::PubSub;
use crate::sandbox::State;

/// Begins to serve on `address`.
///
/// # Errors
/// The address cannot be had.
pub(crate) fn serve(
    state: &Arc<State>,
    address: SocketAddr,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    state.pub_sub.note_address(address);
    // Small frames are sent at once: an answer would wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "a connection of the Pub/Sub service waits for more to send");
        }
    });
    let router = Router::new().fallback_service(PubSub(Arc::clone(state)));
    tokio::spawn(async move {
        // Streams never end by themselves: they end with the org.
        tokio::select! {
            () = stop.cancelled() => {}
            served = async { axum::serve(listener, router).await } => {
                if let Err(error) = served {
                    tracing::error!(error = %error, "the Pub/Sub service stopped serving");
                }
            }
        }
    });
    tracing::info!("the Pub/Sub service listens on `http://{address}`");
    Ok(())
}
