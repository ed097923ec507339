//! Takes webhooks, proves who sent them, and queues each change once.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    host::start(webhook_intake::app).await
}
