//! Answers the dashboard and integrators over HTTP.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // It opens much at once, and a start moves all of it.
    Box::pin(host::start(analytics_api::app)).await
}
