//! The warehouse loader, on the host that the environment names.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    host::start(warehouse_loader::app).await
}
