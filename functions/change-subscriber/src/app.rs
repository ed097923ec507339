//! This function, put together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, CostKeeper, LedgerReady, QueueReady};
use shared::config::Env;
use shared::ports::SystemClock;
use wiring::Outside;

use crate::config::Config;
use crate::subscriber::{ChangeSubscriber, Followed, SubscriberPorts, SubscriberSettings};

const NAME: &str = "change-subscriber";

/// How often a timer starts it; the platform's own decides.
const EVERY: Duration = Duration::from_mins(5);

/// Puts this function together over its ports. Without a connection that is followed it does nothing.
pub fn assemble(
    connections: impl IntoIterator<Item = Followed>,
    ports: &SubscriberPorts,
    settings: SubscriberSettings,
) -> App {
    let subscriber = Arc::new(ChangeSubscriber::new(connections, ports.clone(), settings));
    App::new(NAME)
        .schedule(NAME, EVERY, subscriber.clone())
        .local_service(NAME, subscriber)
        .ready(QueueReady::new(Arc::clone(&ports.queue)))
        .ready(LedgerReady::new(Arc::clone(&ports.ledger)))
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`](shared::config::ConfigError) with every fault of the settings, or what kept the
/// queue, the case store or a connection from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env.clone())?;
    let Outside { stores, meter, surroundings } = Outside::open(env, &config.outside).await?;
    let clock = Arc::new(SystemClock);
    let ports = SubscriberPorts {
        queue: wiring::queue(&config.queue).await?,
        ledger: stores.ledger,
        clock: clock.clone(),
    };
    let mut followed = Vec::with_capacity(config.outside.connections.len());
    for settings in &config.outside.connections {
        let (opened, stream) = settings.open_with_stream(&surroundings)?;
        followed.extend(stream.map(|stream| Followed { stream, mappings: opened.mappings }));
    }
    let budgets = config.outside.costs.budgets;
    let costs = CostKeeper::new(meter, stores.costs, ports.ledger.clone(), clock, budgets);
    Ok(assemble(followed, &ports, config.run).flush(Arc::new(costs)))
}
