//! The signals that ask a process to stop.

/// Waits for the first `SIGTERM` or `SIGINT`.
pub async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = match signal(SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be watched");
                return interrupt().await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => tracing::info!("asked to stop by `SIGTERM`"),
            () = interrupt() => tracing::info!("asked to stop by `SIGINT`"),
        }
    }
    #[cfg(not(unix))]
    interrupt().await;
}

async fn interrupt() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "SIGINT cannot be watched");
        std::future::pending::<()>().await;
    }
}
