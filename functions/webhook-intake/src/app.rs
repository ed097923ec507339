//! This function, put together from its settings.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use host::{App, ReadyCheck};
use shared::chain;
use shared::config::Env;
use shared::ports::{LocalSecrets, Queue, SystemClock, SystemRandom};

use crate::config::Config;
use crate::endpoints::router;
use crate::intake::Intake;
use crate::senders::Senders;

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`](shared::config::ConfigError) with every fault of the settings, or what kept the
/// queue from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let secrets = LocalSecrets::new(env.clone());
    let config = Config::read(env)?;
    let senders = Senders::resolve(&config.settings, &secrets, &SystemRandom).await?;
    let queue = wiring::queue(&config.queue).await?;
    let ready = Arc::new(QueueReady { queue: Arc::clone(&queue) });
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let intake = Intake::new(queue, clock, random, senders, config.limits);
    Ok(App::new("webhook-intake").http(router(Arc::new(intake))).ready(ready))
}

/// Asks whether the queue can be reached.
struct QueueReady {
    queue: Arc<dyn Queue>,
}

#[async_trait]
impl ReadyCheck for QueueReady {
    fn name(&self) -> &str {
        "queue"
    }

    async fn check(&self) -> Result<(), String> {
        self.queue.depth().await.map(drop).map_err(|error| chain(&error).to_string())
    }
}
