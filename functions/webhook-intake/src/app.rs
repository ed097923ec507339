//! This function, put together.

use std::error::Error;
use std::sync::Arc;

use host::{App, QueueReady};
use shared::config::Env;
use shared::ports::{Clock, LocalSecrets, Queue, Random, SystemClock, SystemRandom};
use wiring::PlatformSecrets;

use crate::config::Config;
use crate::endpoints::router;
use crate::intake::{Intake, Limits};
use crate::senders::Senders;

/// Puts this function together over its ports.
pub fn assemble(
    queue: Arc<dyn Queue>,
    senders: Senders,
    limits: Limits,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> App {
    let ready = QueueReady::new(Arc::clone(&queue));
    let intake = Intake::new(queue, clock, random, senders, limits);
    App::new("webhook-intake").http_by_any_name(router(Arc::new(intake))).ready(ready)
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`](shared::config::ConfigError) with every fault of the settings, or what kept the
/// queue from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let secrets = PlatformSecrets::new(LocalSecrets::new(env.clone()));
    let config = Config::read(env)?;
    let senders = Senders::resolve(&config.settings, &secrets, &SystemRandom).await?;
    let queue = wiring::queue(&config.queue).await?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(assemble(queue, senders, config.limits, clock, random))
}
