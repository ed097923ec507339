//! The builder of reports, on the host that the environment names.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    host::start(report_builder::app).await
}
