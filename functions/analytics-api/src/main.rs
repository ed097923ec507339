//! Answers the dashboard and integrators over HTTP.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    host::start(analytics_api::app).await
}
