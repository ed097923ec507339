//! Serves a sandbox org for its client checks: `cargo run -p sandbox-org --example serve -- 127.0.0.1:8899 [public-key.pem]`.

use std::error::Error;
use std::io::Write;

use sandbox_org::{Sandbox, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let mut settings = Settings::default();
    settings.pub_sub.address = Some(([127, 0, 0, 1], 0).into());
    if let (Some(path), Some(app)) = (arguments.next(), settings.apps.first_mut()) {
        app.public_key_pem = Some(std::fs::read_to_string(path)?);
    }
    let listener = tokio::net::TcpListener::bind(address).await?;
    let started = std::time::Instant::now();
    let running = Sandbox::start(settings, listener)?;
    writeln!(std::io::stdout(), "{} after {:?}", running.url(), started.elapsed())?;
    std::future::pending::<()>().await;
    Ok(())
}
