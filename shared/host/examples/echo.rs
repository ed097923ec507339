//! The smallest function with every kind of trigger: tests start it under each host.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::post;
use host::App;
use shared::config::{ConfigError, Env};
use shared::worker::{Failure, Message, MessageHandler, ScheduleHandler, Tick};

/// Does what the body of a message says.
struct Echo;

#[async_trait]
impl MessageHandler for Echo {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        match message.body.as_str() {
            "never" => Err(Failure::permanent("told never to succeed")),
            "later" => Err(Failure::transient("told to fail")),
            "exit" => std::process::exit(3),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl ScheduleHandler for Echo {
    async fn run(&self, _: Tick) -> Result<(), Failure> {
        Ok(())
    }
}

async fn app(mut env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let kind = env.or("ECHO", "http".to_owned());
    let app = App::new("echo");
    Ok(match kind.as_str() {
        "http" => app.http(Router::new().route("/say", post(|body: String| async { body }))),
        "queue" => app.queue("events", Arc::new(Echo)),
        "schedule" => app.schedule("tick", Duration::from_secs(3600), Arc::new(Echo)),
        other => {
            let faults = [format!("ECHO is `{other}`"), "ECHO takes `http` and others".into()];
            return Err(ConfigError::new(faults.into()).into());
        }
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    host::start(app).await
}
