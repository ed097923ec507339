//! Runs `sync-worker` on the platform it finds itself on.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    host::start(sync_worker::app).await
}
