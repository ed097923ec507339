//! The signals that ask a process to stop.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tracing::{info, warn};

/// Watches for `SIGTERM` and `SIGINT` from now on; the future completes at the first of them.
///
/// Call it inside the runtime. A signal that comes before the future is polled is not lost.
pub fn shutdown_signal() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        [("SIGTERM", signal(SignalKind::terminate())), ("SIGINT", signal(SignalKind::interrupt()))]
    };
    async move {
        #[cfg(unix)]
        {
            let mut watched = Vec::new();
            for (name, signal) in signals {
                match signal {
                    Ok(signal) => watched.push((name, signal)),
                    Err(error) => warn!(%error, "{name} cannot be watched"),
                }
            }
            let first = poll_fn(|context| {
                let mut came = watched
                    .iter_mut()
                    .filter_map(|(name, it)| it.poll_recv(context).is_ready().then_some(*name));
                came.next().map_or(Poll::Pending, Poll::Ready)
            });
            // Not inside the macro: with the line switched off nothing there would be awaited.
            let name = pin!(first).await;
            info!("asked to stop by {name}");
        }
        #[cfg(not(unix))]
        if let Err(error) = tokio::signal::ctrl_c().await {
            warn!(%error, "an interrupt cannot be watched");
            std::future::pending::<()>().await;
        }
    }
}
